"""Sound through PyAV: what it is, its samples block by block, and a copy with others.

Only the samples of the audio streams are ever changed. Everything else of the file is carried
over as it stands, and what cannot be carried over is a warning or a refusal, never silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]  # (channels, samples), from -1 to 1; lossy codecs may go beyond


@dataclass(frozen=True, slots=True)
class Settings:
    """How to encode: `bit_rate` in bit/s a stream, or None for the source's; lossless has none."""

    bit_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sound may ask of us before we refuse it; rates in Hz."""

    seconds: float = 12 * 3600.0
    streams: int = 64
    channels: int = 8  # 7.1
    lowest: int = 8_000
    highest: int = 192_000


@dataclass(frozen=True, slots=True)
class Sound:
    """What an audio stream is, from its headers and its first frame; None, 0 or "": not told.

    `format` is how FFmpeg names a decoded sample (u8, s16, s32, s64, flt, dbl), `bits` what it
    holds of a lossless codec, None for a lossy one. `start` is when the first sample sounds, in
    seconds; `bit_rate` in bit/s.
    """

    container: str
    codec: str
    rate: int
    channels: int
    layout: str
    format: str
    bits: int | None
    stream: int
    time_base: Fraction
    start: float
    seconds: float | None
    bit_rate: int | None = None
    profile: str = ""
    language: str = ""


class Changer(Protocol):
    """Changes one stream of sound, block by block.

    Over a whole stream as many samples come out as went in, in the same places: what holds
    samples back gives them later, at the latest in `flush`.
    """

    def feed(self, block: Block) -> Block:
        """Take samples (channels, n), and return what is done: (channels, m), m from 0.

        The block is the changer's own: it may be changed in place.
        """

    def flush(self) -> Block:
        """Return what was held back; called once, at the end."""


@dataclass(frozen=True, slots=True)
class Remade:
    """What was written: the codec and the length of the first of `streams` audio streams."""

    codec: str
    samples: int
    seconds: float
    streams: int
    warnings: tuple[str, ...]


MakeChanger = Callable[[int, int, str], Changer]  # rate in Hz, channels, layout: for each stream
Progress = Callable[[float, float | None], None]  # seconds done, of how many
Damaged = Callable[[float], None]  # after how many seconds a packet could not be decoded
Inspect = Callable[[Path], None]
