"""Our own mark for sound: ripples of loudness over time and pitch, found again by their pattern.

`layout` is the format, `spectrum` what both sides see; `writer` puts a mark in; `observe`,
`search` and `reader` find it. No weights, no training: numpy and OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trustkit.watermarks import Array, Mark, Plane, Search, Strength
from trustkit.watermarks.keys import PUBLIC, Key
from trustkit.watermarks.ripples.layout import NAME, Layout
from trustkit.watermarks.ripples.reader import Reader, seconds_of_sound
from trustkit.watermarks.ripples.reader import bound as odds
from trustkit.watermarks.ripples.spectrum import Ear, Sound, hear
from trustkit.watermarks.ripples.writer import Marker

RATES = (8_000, 192_000)  # Hz
_STRENGTH = {Strength.SUBTLE: 0.8, Strength.DEFAULT: 1.12, Strength.STRONG: 1.7}  # dB
_DIMENSIONS = 2


@dataclass(frozen=True)
class Ripples:
    """The engine `org.trustkit.ripples.1`, with one key, one strength, for sounds of one rate.

    Arrays are (channels, samples) of float32 from -1 to 1; ids have 4 bytes or 8.
    """

    key: Key = PUBLIC
    strength: Strength = Strength.DEFAULT
    rate: int = 48_000

    name = NAME
    kind = "audio"
    capacity = 32

    def __post_init__(self) -> None:
        _check_rate(self.rate)

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.key)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._layout)

    def marker(self, payload: bytes, rate: int, channels: int) -> Marker:
        """Return what marks a sound block by block; raises `ValueError` for other rates."""
        _check_rate(rate)
        return Marker(self._layout, payload, rate, channels, _STRENGTH[self.strength])

    def ear(self, rate: int) -> Ear:
        """Return what hears a sound block by block, for `read`; raises as `marker`."""
        _check_rate(rate)
        return Ear(rate)

    def reading(
        self, energies: Plane, search: Search, stretch: int = 0
    ) -> tuple[Mark | None, float]:
        """Read a stretch that was heard, and tell the best fit in standard deviations."""
        return self._reader.read(energies, search, stretch)

    def follow(self, energies: Plane, mark: Mark) -> tuple[int, int] | None:
        """Return from which row to which a mark that was read is heard in another stretch."""
        return self._reader.follow(energies, mark)

    def seconds_of_sound(self, energies: Plane) -> float:
        """Return how much of what was heard is no silence."""
        return seconds_of_sound(energies)

    def bound(self, search: Search, stretch: int = 0) -> float:
        """Return the odds that reading a stretch finds a mark where there is none."""
        return odds(search, stretch)

    def embed(self, array: Array, payload: bytes) -> Array:
        """See `Watermark`; values are not cut off at 1. Raises `ValueError` for other arrays."""
        _check(array)
        if not np.isfinite(array).all():
            raise ValueError("a sound has samples that are no numbers")
        marker = self.marker(payload, self.rate, len(array))
        return np.concatenate([marker.feed(array), marker.flush()], axis=1)

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """See `Watermark`."""
        return self.look(array, search)[0]

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        """Detect, and tell the best fit that was seen, in standard deviations."""
        _check(array)
        return self.reading(hear(array, self.rate), search)


def _check_rate(rate: int) -> None:
    low, high = RATES
    if not low <= rate <= high:
        raise ValueError(f"a rate is {low} to {high} Hz, not {rate}")


def _check(array: Sound) -> None:
    if array.ndim != _DIMENSIONS or not len(array) or array.dtype != np.float32:
        raise ValueError(
            f"a sound is (channels, samples) of float32, not {array.shape} of {array.dtype.str}"
        )
