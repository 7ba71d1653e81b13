"""Media provenance: sign, verify and explain any media file, on your own machine."""

__version__ = "0.1.0"
