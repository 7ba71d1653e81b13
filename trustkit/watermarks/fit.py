"""Whether a mark can be put into a file at all, told from its kind and its size alone."""

from __future__ import annotations

from trustkit.asset import Asset
from trustkit.errors import UnreadableError
from trustkit.media.pictures import TYPES
from trustkit.watermarks import LEAST_SOUND
from trustkit.watermarks.picture import SMALLEST

# What `watermark embed` writes films as; others are refused there.
_FILMS = {"video/mp4", "video/quicktime", "video/x-m4v", "video/x-matroska", "video/webm"}


def unmarkable(asset: Asset) -> str:
    """Return why no mark fits into this file; empty where one may, if its content lets it.

    Nothing is decoded: a picture of one colour or a sound of silence is refused later.
    """
    if why := no_engine(asset):
        return why
    try:
        measures = asset.measures
    except UnreadableError as error:
        return error.message
    sides = [side for side in (measures.get("width"), measures.get("height"))
             if isinstance(side, int)]  # fmt: skip
    if asset.kind == "image" and sides and min(sides) < SMALLEST:
        return f"it has a side of {min(sides)} pixels; a mark needs {SMALLEST}"
    seconds = measures.get("duration_s")
    if asset.kind == "audio" and isinstance(seconds, int | float) and seconds < LEAST_SOUND:
        return f"it has less than {LEAST_SOUND:g} seconds of sound"
    return ""


def no_engine(asset: Asset) -> str:
    """Return why no file of this kind can be marked; empty where one can."""
    kind = asset.media_type
    if (
        asset.kind == "document"
        or (asset.kind == "image" and kind not in TYPES)
        or (asset.kind == "video" and kind not in _FILMS)
    ):
        return f"no engine puts marks into {kind}"
    return ""
