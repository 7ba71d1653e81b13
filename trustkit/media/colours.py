"""A picture's stored colours at full size, for readers of marks that no change of size survives."""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trustkit.errors import UnreadableError
from trustkit.media.pixels import FORMATS

_RGB = ("RGB", "RGBA", "RGBX", "P")


def colours(stream: BinaryIO, media_type: str, name: str, max_pixels: int) -> NDArray[Any] | None:
    """Return RGB of uint8 as it is stored: neither turned nor converted to another colour space.

    Of an animation the first frame. None for a kind that is not decoded here, for other layouts
    (grey, CMYK, more than 8 bits) and above `max_pixels`. Raises `UnreadableError`.
    """
    if media_type not in FORMATS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=[FORMATS[media_type]]) as image:
                if image.width * image.height > max_pixels or image.mode not in _RGB:
                    return None
                whole = image if image.mode == "RGB" else image.convert("RGB")
                return np.asarray(whole)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise what they like on hostile bytes
        raise UnreadableError(
            f"{name} cannot be decoded: {type(error).__name__}", "ask for the file again"
        ) from error
