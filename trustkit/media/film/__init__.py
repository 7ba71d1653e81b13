"""Films through PyAV: what one is, its frames one by one, and a copy whose luma was changed.

Only the luma of one video stream is ever changed. Everything else of the film is carried over as
it stands, and what cannot be carried over is a warning or a refusal, never silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNSPECIFIED = 2  # ITU-T H.273: nothing was said


@dataclass(frozen=True, slots=True)
class Settings:
    """How to encode. Empty fields: the codec of the source, its usual quality and preset.

    `codec` is one of h264, hevc, vp9, av1; `threads` 0 leaves their number to the codecs.
    """

    codec: str = ""
    crf: float | None = None
    preset: str = ""
    threads: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a film may ask of us before we refuse it."""

    pixels: int = 8192 * 4352  # 8K, with room for the coded size's rounding
    seconds: float = 12 * 3600.0
    frames: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Colour:
    """The colour tags, as ITU-T H.273 numbers; `full` when luma goes from 0 to the top."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full: bool = False


@dataclass(frozen=True, slots=True)
class Mastering:
    """The HDR display a film was graded on: chromaticities (x, y), and luminance in cd/m²."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    luminance: tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Film:
    """What a film's video is, from its headers and its first frame; 0 or None: not told."""

    container: str
    codec: str
    width: int
    height: int
    pixels: str
    depth: int
    colour: Colour
    time_base: Fraction
    rate: Fraction
    aspect: Fraction | None
    start: float
    seconds: float | None
    stream: int
    turned: tuple[int, ...] | None = None
    mastering: Mastering | None = None
    light: tuple[int, int] | None = None
    interlaced: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Luma:
    """The luma of one frame: (height, width), uint8 or for more than 8 bits uint16.

    `kind` is how the frame was coded: I by itself, P from one other, B from two; or nothing.
    `chroma` are its colour differences, two planes of (rows, columns) of the same values, smaller
    where the film has less of them than of luma; none of a grey film.
    """

    plane: NDArray[Any]
    depth: int
    full: bool
    seconds: float
    kind: str = ""
    chroma: tuple[NDArray[Any], ...] = ()

    def in_eight_bits(self) -> NDArray[np.float32]:
        """Return a copy from 0 to 255."""
        plane: NDArray[np.float32] = self.plane.astype(np.float32)
        if self.depth > 8:  # noqa: PLR2004  # bits
            plane *= 1.0 / (1 << (self.depth - 8))
        return plane


@dataclass(frozen=True, slots=True)
class Remade:
    """What was written."""

    codec: str
    frames: int
    seconds: float
    warnings: tuple[str, ...]


Change = Callable[[Luma], None]
Progress = Callable[[float, float | None], None]  # seconds done, of how many
Inspect = Callable[[Path], None]
