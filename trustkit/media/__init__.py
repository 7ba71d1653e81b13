"""The only codec code: what kind of media some bytes are, and their measures."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import BinaryIO

_log = logging.getLogger(__name__)

UNREADABLE_NOTE = "its header cannot be read"

_MANY_DIALECTS = {"image/tiff", "image/x-adobe-dng"}  # raw formats that no one library reads all

# Each reader is imported when a file of its kind comes: a picture never loads the video library.
_READERS = {"image": "pixels", "audio": "streams", "video": "streams"}


def measure(media_type: str, kind: str, stream: BinaryIO) -> dict[str, object]:
    """Return width, height (pixels), duration_s and so on, from the headers; nothing is decoded.

    What cannot be read is said under `note`: a damaged picture may still have a manifest.
    """
    if kind not in _READERS or media_type == "image/svg+xml":
        return {}
    reader = import_module(f"trustkit.media.{_READERS[kind]}")
    try:
        found: dict[str, object] = reader.measure(media_type, stream)
    except Exception as error:  # noqa: BLE001  # decoders raise what they like on hostile bytes
        _log.debug("%s is not read: %s", media_type, error, exc_info=True)
        what = "not decoded here" if media_type in _MANY_DIALECTS else UNREADABLE_NOTE
        return {"note": f"{what}: {type(error).__name__}"}
    return found
