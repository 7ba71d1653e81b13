"""Media provenance: sign, verify and explain any media file, on your own machine."""

import os

__version__ = "0.1.0"

# From 1.32 on onnxruntime gives each user a number and tells its maker of every session. It asks
# for this once, when it is first imported, by whichever of our parts or of a package's.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
