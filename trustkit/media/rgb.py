"""A picture as it is shown, at its own size: RGB of 8 bits, turned upright and laid on white.

Nothing is reduced and no colour space converted: what looks for the traces of a camera or of a
generator wants the pixels as they were written.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from trustkit.errors import UnreadableError
from trustkit.media.labels.seen import Seen
from trustkit.media.pictures import TYPES, open_picture
from trustkit.media.shown import turned

Pixels = NDArray[np.uint8]  # (height, width, 3)


def rgb(stream: BinaryIO, media_type: str, name: str, max_pixels: int) -> Pixels:
    """Return the picture; of an animation or a document the first one.

    Raises `UnreadableError` for what cannot be decoded, is of a kind that is not decoded here, or
    has more than `max_pixels`; and `MissingBackendError` where a part is not installed.
    """
    if media_type not in TYPES:
        raise UnreadableError(f"pictures of {media_type} are not decoded here")
    seen = Seen(stream, media_type, name)
    width, height = size(stream, media_type, name)
    if width * height > max_pixels:
        raise UnreadableError(
            f"it has {width * height / 1e6:.0f} megapixels, more than the "
            f"{max_pixels / 1e6:.0f} that are looked at"
        )
    rows: NDArray[Any] = np.asarray(seen.frame())
    return turned(rows, seen.orientation())


def size(stream: BinaryIO, media_type: str, name: str) -> tuple[int, int]:
    """Return the width and height of the first picture as it is stored; raises as `rgb`."""
    return open_picture(stream, media_type, name).facts.sizes[0]
