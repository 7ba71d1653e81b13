"""Other people's marks: read without their libraries where we can, written with them where asked.

`published` recognises the words that generators publish, `dwtdct` reads the bits beneath,
`invisible` and `trustmark` are engines for whoever needs those marks. None of them is our default:
what each survives and how often each is wrong stands in its own file.
"""

from __future__ import annotations

import numpy as np

from trustkit.errors import UsageError
from trustkit.watermarks import Array

_RGB, _RGBA = 3, 4


def as_rgb8(array: Array, engine: str) -> Array:
    """Return the picture as RGB of uint8, alpha left out; grey is refused with `UsageError`."""
    if array.ndim != 3 or array.shape[2] not in (_RGB, _RGBA):  # noqa: PLR2004
        raise UsageError(f"{engine} marks colour, and this picture is grey", "use another engine")
    colours = array[:, :, :_RGB]
    if colours.dtype == np.uint8:
        return np.ascontiguousarray(colours)
    if colours.dtype == np.uint16:
        eight: Array = (colours.astype(np.uint32) + 128) // 257
        return eight.astype(np.uint8)
    if colours.dtype == np.float32:
        eight = np.rint(np.clip(np.nan_to_num(colours), 0, 1) * 255)
        return eight.astype(np.uint8)
    raise UsageError(f"{engine} knows no pictures of {array.dtype}", "use uint8, uint16 or float32")


def carry_over(array: Array, before: Array, after: Array) -> Array:
    """Return `array`, of any depth and with its alpha, changed as `before` was to `after`."""
    marked = array.copy()
    colours = marked[:, :, :_RGB]
    if array.dtype == np.uint8:
        colours[...] = after
        return marked
    change = after.astype(np.float32) - before
    if array.dtype == np.uint16:
        colours[...] = np.clip(np.rint(colours + change * 257), 0, 65535)
    else:
        colours[...] = np.clip(colours + change / 255, 0, 1)
    return marked
