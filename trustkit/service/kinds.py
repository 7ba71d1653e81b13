"""The algorithms that the registry can be asked by."""

from __future__ import annotations

from trustkit.fingerprints.iscc import Iscc
from trustkit.service.bindings import CONTENT_IMAGE, Kinds
from trustkit.watermarks.ripples.layout import NAME as SOUND
from trustkit.watermarks.tiles.layout import NAME as PICTURE

KINDS = Kinds(marks=(PICTURE, SOUND), units={CONTENT_IMAGE: (Iscc.name, Iscc.within)})
