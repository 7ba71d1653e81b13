"""A visible label: words in a box, drawn by us and laid over pictures and films.

Shapes are our own, and no font is shipped: letters are strokes of ours (see `strokes`), or those of
a font file that the user names. The box is black with white letters or the other way round, opaque,
with a thin edge in the colour of its letters; so one of both stands off from whatever lies around.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


class Position(StrEnum):
    """Where the label stands in the picture as it is shown."""

    TOP_RIGHT = "top-right"
    TOP_LEFT = "top-left"
    TOP = "top"
    BOTTOM_RIGHT = "bottom-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM = "bottom"


@dataclass(frozen=True, slots=True)
class Words:
    """What is written: `main` in large letters, and each of `more` on a smaller line below it."""

    main: str
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A place in a picture, in pixels from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The column after the last."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The row after the last."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Stamp:
    """A drawn label, as planes of (height, width) from 0 to 1.

    `cover` says how much of it there is, `text` where letters and the edge are, `letters` the same
    without the edge; `capital` is how high a capital letter is, in pixels.
    """

    cover: Plane
    text: Plane
    letters: Plane
    capital: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.cover.shape[1], self.cover.shape[0]

    def ink(self, *, dark: bool) -> Plane:
        """Return its brightness from 0 to 1: a dark box with light letters, or a light one."""
        return self.text if dark else 1 - self.text
