"""A picture small and grey, the way it is shown: turned as its Exif says, laid on white."""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trustkit.media.pictures import open_picture
from trustkit.media.pixels import FORMATS

Grey = NDArray[np.uint8]

_ORIENTATION = 0x0112  # Exif 2.32, 4.6.4
# What turns the stored rows into those shown: quarter turns counter-clockwise, then mirrored.
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True),
          8: (1, False)}  # fmt: skip


def shown(stream: BinaryIO, media_type: str, name: str, max_side: int) -> Grey:
    """Return luma of 8 bits (height, width), no side longer than `max_side`, averaged by area.

    Of an animation or a document the first picture. Raises `UnreadableError` for what cannot be
    decoded or is too large, and `MissingBackendError` where a part is not installed.
    """
    view = open_picture(stream, media_type, name).glance(max_side)
    grey = np.clip(np.rint(view.luma), 0, 255).astype(np.uint8)
    return turned(grey, _orientation(stream, media_type))


def turned(rows: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return rows as an Exif orientation (1 to 8) says that they are to be shown."""
    quarters, mirrored = _TURNS.get(orientation, (0, False))
    rows = np.rot90(rows, quarters)
    return np.ascontiguousarray(rows[:, ::-1] if mirrored else rows)


def _orientation(stream: BinaryIO, media_type: str) -> int:
    if media_type not in FORMATS:
        return 1  # HEIF and JPEG XL say it in their own way, and their decoders follow it
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata
        try:
            with Image.open(stream, formats=[FORMATS[media_type]]) as image:
                found = image.getexif().get(_ORIENTATION, 1)
        except Exception:  # noqa: BLE001  # damaged Exif turns nothing, and its parser raises anything
            return 1
    return found if isinstance(found, int) else 1
