"""Pictures that are shown turned: where a label goes in the pixels as they are stored.

An orientation is a number from 1 to 8 as in Exif 3.0, 4.6.5.1.6: what a viewer does to the stored
pixels before it shows them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trustkit.media.labels import Box, Plane, Stamp

_SWAPPED = {5, 6, 7, 8}
_FROM_RIGHT = {2, 3, 7, 8}  # stored columns count against what is shown
_FROM_BOTTOM = {3, 4, 6, 7}
# The signs of a, b, c, d in the matrix of a track header (ISO/IEC 14496-12, 6.2.2).
_MATRICES = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


def of_matrix(matrix: tuple[int, ...] | None) -> int | None:
    """Return the orientation that a film's display matrix says, None for one between quarters."""
    if matrix is None:
        return 1
    return _MATRICES.get(tuple(int(np.sign(matrix[n])) for n in (0, 1, 3, 4)))  # type: ignore[arg-type]


def shown_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return in which size a stored picture of `size` is shown."""
    return (size[1], size[0]) if orientation in _SWAPPED else size


def stored(stamp: Stamp, box: Box, size: tuple[int, int], orientation: int) -> tuple[Stamp, Box]:
    """Return stamp and box, which are as shown, for the stored pixels of a picture of `size`."""

    def turned(plane: Plane) -> Plane:
        # From what is shown back to what is stored: axes first, then both directions.
        if orientation in _SWAPPED:
            plane = plane.T
        if orientation in _FROM_RIGHT:
            plane = plane[:, ::-1]
        if orientation in _FROM_BOTTOM:
            plane = plane[::-1]
        return np.ascontiguousarray(plane)

    x, y, width, height = box.x, box.y, box.width, box.height
    if orientation in _SWAPPED:
        x, y, width, height = y, x, height, width
    if orientation in _FROM_RIGHT:
        x = size[0] - x - width
    if orientation in _FROM_BOTTOM:
        y = size[1] - y - height
    planes = (turned(plane) for plane in (stamp.cover, stamp.text, stamp.letters))
    cover, text, letters = planes
    return replace(stamp, cover=cover, text=text, letters=letters), Box(x, y, width, height)
