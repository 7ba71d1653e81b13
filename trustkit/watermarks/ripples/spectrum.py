"""The loudness of a sound over time and the logarithm of frequency, as reader and writer see it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane
from trustkit.watermarks.ripples.layout import HIGHEST, LOWEST, SPAN

BANDS_A_SPAN = 18  # a semitone each
BANDS = 58  # from the lowest frequency of the mark to the highest
STEP = 0.01  # seconds from row to row
_WINDOW = 0.032  # seconds: as long as speech stands still
_NARROWEST = 70.0  # Hz: about half of what the window's own lobe is wide
_BATCH = 512  # rows at once

Sound = NDArray[np.float32]


def centres() -> NDArray[np.float64]:
    """Return the middle frequency of each band, in Hz."""
    return np.asarray(LOWEST * 2 ** (np.arange(BANDS) * SPAN / BANDS_A_SPAN))


def filters(hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return weights (frequencies, bands) that add up powers at `hertz`; 0 above half the rate."""
    middle = centres()
    width = np.maximum(middle * (2 ** (SPAN / BANDS_A_SPAN) - 1), _NARROWEST)
    weights = np.maximum(0, 1 - np.abs(hertz[:, None] - middle) / width)
    weights /= np.maximum(weights.sum(0), 1e-9)
    return weights.astype(np.float32)


class Ear:
    """Gives the band energies of a sound block by block: row n is the time of n steps.

    Flat in memory: between blocks no more is kept than a window. The energies of all channels are
    added up, so that what is out of phase is heard as well.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._size = 2 * round(_WINDOW * rate / 2)
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        hertz = np.arange(self._size // 2 + 1) * rate / self._size
        self._bins = int(np.searchsorted(hertz, HIGHEST * 1.1))
        self._filters = filters(hertz[: self._bins])
        self._row = 0
        self._start = -(self._size // 2)  # the sample that the buffer begins with
        self._buffer: Sound | None = None

    def hear(self, block: Sound) -> Plane:
        """Return the rows (n, bands) that `block` (channels, samples) completes."""
        if self._buffer is None:
            self._buffer = np.zeros((len(block), self._size // 2), np.float32)
        # One sample that is no number must not silence all around it.
        self._buffer = np.concatenate([self._buffer, np.nan_to_num(block)], axis=1)
        end = self._start + self._buffer.shape[1]
        rows = list[Plane]()
        while True:
            first = self._places(self._row, _BATCH)
            ready = int(np.searchsorted(first + self._size, end, "right"))
            if not ready:
                break
            rows.append(self._energies(first[:ready] - self._start))
            self._row += ready
        keep = int(self._places(self._row, 1)[0]) - self._start
        if keep > 0:
            self._buffer = self._buffer[:, keep:]
            self._start += keep
        return np.concatenate(rows) if rows else np.zeros((0, BANDS), np.float32)

    def rest(self) -> Plane:
        """Return the rows that the end of the sound completes."""
        if self._buffer is None:
            return np.zeros((0, BANDS), np.float32)
        return self.hear(np.zeros((len(self._buffer), self._size // 2), np.float32))

    def _places(self, row: int, count: int) -> NDArray[np.int64]:
        # A step is no whole number of samples at every rate; half a sample is nothing.
        middles = np.rint(np.arange(row, row + count) * STEP * self._rate).astype(np.int64)
        return np.asarray(middles - self._size // 2)

    def _energies(self, places: NDArray[np.int64]) -> Plane:
        index = places[:, None] + np.arange(self._size)
        total = np.zeros((len(places), BANDS), np.float32)
        for channel in self._buffer if self._buffer is not None else ():
            spectra = np.fft.rfft(channel[index] * self._window, axis=1)[:, : self._bins]
            total += (spectra.real**2 + spectra.imag**2) @ self._filters
        return total


def hear(array: Sound, rate: int) -> Plane:
    """Return the band energies (rows, bands) of a whole sound (channels, samples)."""
    ear = Ear(rate)
    return np.concatenate([ear.hear(array), ear.rest()])
