"""From a picture to the crops that a model takes, and where in the picture they stand.

Training scripts cut with these same functions. The recipe, in this order:

1. A picture whose short side is over `largest_short_side` is reduced to it, averaged by area.
2. One whose short side is under `size` is enlarged to it, bicubic.
3. `centre` is one crop of `size` x `size` from the middle. `grid` spreads `crops` of them: over
   cells in as many rows and columns as suit the picture's shape, one in the middle of each; of an
   odd number that makes no such grid one stands in the middle of the picture. Crops that fall on
   the same place count once, so a small picture has fewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.detectors.card import ImageInput

Pixels = NDArray[np.uint8]
Tensor = NDArray[np.float32]
Place = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class View:
    """A crop (size, size, 3), and where it is: left, top, right, bottom in the picture's pixels."""

    pixels: Pixels
    place: Place


def views(picture: Pixels, wanted: ImageInput) -> list[View]:
    """Return the crops of a picture (height, width, 3) of 8 bits RGB, at least one."""
    return _cut(picture, wanted, wanted.crops if wanted.layout == "grid" else 1)


def tiles(picture: Pixels, wanted: ImageInput, most: int) -> list[View]:
    """Return crops side by side over the whole picture, at most about `most`."""
    height, width = scaled_size(picture.shape[0], picture.shape[1], wanted)
    rows, columns = (max(1, math.ceil(side / wanted.size)) for side in (height, width))
    while rows * columns > most:
        rows, columns = max(1, rows * 3 // 4), max(1, columns * 3 // 4)
    return _cut(picture, wanted, rows * columns, (rows, columns))


def scaled(picture: Pixels, wanted: ImageInput) -> Pixels:
    """Return the picture at the size from which crops are cut."""
    height, width = picture.shape[:2]
    high, wide = scaled_size(height, width, wanted)
    if (high, wide) == (height, width):
        return picture
    how = cv2.INTER_AREA if high < height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (wide, high), interpolation=how), np.uint8)


def scaled_size(height: int, width: int, wanted: ImageInput) -> tuple[int, int]:
    """Return height and width of the picture from which crops are cut."""
    short, largest = min(height, width), wanted.largest_short_side
    if largest is not None and short > largest:
        target = largest
    elif short < wanted.size:
        target = wanted.size
    else:
        return height, width
    return max(target, round(height * target / short)), max(target, round(width * target / short))


def places(height: int, width: int, size: int, crops: int) -> list[tuple[int, int]]:
    """Return left and top of `crops` crops spread over a picture that is at least as large."""
    grid = _grid(height, width, crops)
    if grid[0] * grid[1] < crops:
        spread = _places(height, width, size, grid)
        return list(dict.fromkeys([*spread, *_places(height, width, size, (1, 1))]))
    return _places(height, width, size, grid)


def tensor(pixels: Pixels, wanted: ImageInput) -> Tensor:
    """Return a crop as the model takes it: one picture, float32, normalised."""
    scale = np.float32(wanted.range / 255.0)
    mean, std = (np.array(numbers, np.float32) for numbers in (wanted.mean, wanted.std))
    values = (pixels.astype(np.float32) * scale - mean) / std
    if wanted.order == "nchw":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None], np.float32)


def _cut(
    picture: Pixels, wanted: ImageInput, crops: int, grid: tuple[int, int] | None = None
) -> list[View]:
    height, width = picture.shape[:2]
    small, size = scaled(picture, wanted), wanted.size
    high, wide = small.shape[:2]
    found = _places(high, wide, size, grid) if grid else places(high, wide, size, crops)
    x, y = width / wide, height / high
    return [
        View(
            np.ascontiguousarray(small[top : top + size, left : left + size]),
            (left * x, top * y, (left + size) * x, (top + size) * y),
        )
        for left, top in found
    ]


def _grid(height: int, width: int, crops: int) -> tuple[int, int]:
    # Rows and columns of exactly `crops`, or of one fewer, whose cells are the squarest.
    def stretch(grid: tuple[int, int]) -> float:
        rows, columns = grid
        return abs(math.log(width / columns * rows / height))

    wholes = [(rows, crops // rows) for rows in range(1, crops + 1) if crops % rows == 0]
    less = crops - 1
    fewer = [(rows, less // rows) for rows in range(1, less + 1) if less % rows == 0]
    return min([*wholes, *(fewer if crops % 2 else [])], key=stretch)


def _places(height: int, width: int, size: int, grid: tuple[int, int]) -> list[tuple[int, int]]:
    rows, columns = grid
    tops = [_start(height, size, row, rows) for row in range(rows)]
    lefts = [_start(width, size, column, columns) for column in range(columns)]
    return list(dict.fromkeys((left, top) for top in tops for left in lefts))


def _start(side: int, size: int, cell: int, cells: int) -> int:
    middle = side * (2 * cell + 1) / (2 * cells)
    return min(max(0, math.floor(middle - size / 2)), side - size)
