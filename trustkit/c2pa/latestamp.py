"""The manifest that brings a late time stamp: it opens what is there, and says nothing else."""

from __future__ import annotations

from typing import Any

from trustkit.c2pa.manifest import covering, define, opened
from trustkit.c2pa.read import Found
from trustkit.c2pa.stamping import stamps

# An update manifest holds only where nothing outside the manifest changes with its length, and is
# written where every engine tried finds the old binding again. Elsewhere (a size in the header of
# RIFF, offsets in TIFF and PDF, Base64 in SVG, boxes of its own in ISO-BMFF, a sidecar) the new
# manifest binds the content anew.
UPDATABLE = frozenset({"image/jpeg", "image/png", "image/gif", "image/jxl"})


def definition(
    found: Found, *, version: str, title: str, media_type: str, uncovered: str
) -> dict[str, Any]:
    """Return the definition of a manifest that opens what is in `found`, and does nothing else."""
    title = str(found.active.get("title") or title)
    record = {"purpose": "time stamp", **covering(uncovered)}
    return define(title, version, media_type, [opened()], record)


def missing(found: Found, target: str) -> str:
    """Say what is wrong with the later time stamp on `target`, or return an empty text."""
    for stamped in stamps(found):
        if stamped.label == target:
            return stamped.problem
    return "it bears no time stamp of the manifest below"
