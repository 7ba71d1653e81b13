"""Watermarks: a mark inside pixels or samples that carries an id through re-encoding."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Plane = NDArray[np.float32]

PAYLOAD_BYTES = 8
LEAST_SOUND = 3.0  # seconds that are no silence: less cannot tell


class Search(StrEnum):
    """How much is tried before a picture is given up; each level tries what the one before does."""

    FAST = "fast"
    NORMAL = "normal"
    DEEP = "deep"


class Strength(StrEnum):
    """How loud the mark is: quieter ones are harder to see and easier to lose."""

    SUBTLE = "subtle"
    DEFAULT = "default"
    STRONG = "strong"


class Part(StrEnum):
    """What of a film is marked."""

    PICTURE = "picture"
    SOUND = "sound"


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a copy lies on the marked picture, as read from the mark itself.

    `scale` is the mark's size against that in a whole copy (1: nothing cut off), `rotation` in
    degrees counter-clockwise (-180 to 180), `flip` a mirror image, `crop` the share of the marked
    picture's area that the copy still shows (0 to 1), `squeeze` width against height (1: kept).
    """

    scale: float = 1.0
    rotation: float = 0.0
    flip: bool = False
    crop: float = 1.0
    squeeze: float = 1.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How a sound lies on the marked one, as read from the mark itself.

    `tempo` is how many times as fast it runs, `pitch` by how many semitones it is higher,
    `seconds` how much sound (no silence) the mark was read from.
    """

    tempo: float = 1.0
    pitch: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was read. It is a lead to a record and proves nothing by itself.

    `confidence` is the correlation with the nearest code word in standard deviations;
    `false_positive_bound` the odds that this search finds any mark in an unmarked picture;
    `path` how the reader found it; `span` seconds from and to, for video and sound.
    """

    payload: bytes
    engine: str
    confidence: float
    false_positive_bound: float
    search: Search
    path: str
    geometry: Geometry = field(default_factory=Geometry)
    span: tuple[float, float] | None = None
    timing: Timing | None = None


class Watermark(Protocol):
    """An engine: it knows arrays, and neither files nor findings.

    Pictures are (height, width), (height, width, 3) RGB or (height, width, 4) RGBA, of uint8,
    uint16 or float32 from 0 to 1.
    """

    @property
    def name(self) -> str:
        """The name with the format's version, as it stands in a manifest's soft binding."""

    @property
    def kind(self) -> str:
        """The kind of media: image (which serves video) or audio."""

    @property
    def capacity(self) -> int:
        """The payload's size in bits."""

    def embed(self, array: Array, payload: bytes) -> Array:
        """Return a marked copy of the same shape and type."""

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """Return the mark, or None when no mark is readable, which never means there is none."""
