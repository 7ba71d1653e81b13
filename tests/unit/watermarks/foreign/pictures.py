"""Pictures drawn by whole numbers alone, so that every machine draws the same ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZES = ((256, 256), (257, 299), (300, 263))


def draw(height: int, width: int) -> NDArray[np.uint8]:
    """Return a coloured picture with slopes, edges and grain."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    grain = (x * 73856093 ^ y * 19349663) >> 7 & 15
    discs = 60 * ((x - width // 3) ** 2 + (y - height // 2) ** 2 < (height // 4) ** 2)
    red = 40 + x * 150 // width + discs + grain
    green = 60 + y * 120 // height + grain
    blue = 70 + (x + y) * 90 // (height + width) + 30 * (x // 32 % 2) + grain
    return np.stack([red, green, blue], axis=-1).clip(0, 255).astype(np.uint8)


def cells(height: int = 256, width: int = 256) -> NDArray[np.uint8]:
    """Return a picture of 2 x 2 equal pixels: marks made in it differ in few places."""
    return draw(height // 2, width // 2).repeat(2, axis=0).repeat(2, axis=1)
