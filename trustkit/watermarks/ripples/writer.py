"""The mark is put into a sound as it passes: short spectra, louder and softer by the pattern."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane
from trustkit.watermarks.ripples.layout import HIGHEST, LOWEST, PERIOD, SPAN, Layout, octaves
from trustkit.watermarks.ripples.observe import restlessness, ripple
from trustkit.watermarks.ripples.spectrum import BANDS_A_SPAN, Sound, centres, filters

_HOPS_A_SECOND = 93.75  # of spectra that overlap by three quarters: a window of 43 ms
_OVERLAP = 4
_BATCH, _AROUND = 96, 48  # spectra marked at once; those beside them that are looked at
_MOST = 3.2  # dB, of what the mark changes anywhere
# What is loud against its surroundings carries most of a sound's power, and so of what a listener
# hears of the mark: it is changed less, and what is soft more.
_SOFT = 0.08  # power of the loudness
_LOUDEST, _SOFTEST = 0.7, 1.4  # times the strength
_FALL = 0.975  # a spectrum: how fast what was loud is forgotten (2 dB in a tenth of a second)
_SLOW, _NEAR = (6.0, 3.0), (8.0, 4.0)  # spectra and bands: slower is no movement; averaged over
_STEADY = 1.6  # dB of restlessness: below, a tone stands still, and its wavering is heard
_QUIET = 1e-10  # mean power of a band that counts as digital silence


class Marker:
    """Marks a sound of `channels` at `rate` Hz; as many samples come out as went in.

    `strength` is the pattern's deviation in dB. All channels get the same gains, so that places
    in the stereo image stay.
    """

    def __init__(
        self, layout: Layout, payload: bytes, rate: int, channels: int, strength: float
    ) -> None:
        self._hop = round(rate / _HOPS_A_SECOND)
        self._size = _OVERLAP * self._hop
        self._rate, self._strength = rate, strength
        # Square roots of Hann's window, for both ways: their squares add up to a constant.
        window = np.sqrt(np.hanning(self._size + 1)[:-1])
        self._window = (window / np.sqrt(_OVERLAP / 2)).astype(np.float32)
        hertz = np.arange(self._size // 2 + 1) * rate / self._size
        inside = np.flatnonzero((hertz >= LOWEST) & (hertz <= min(HIGHEST, 0.45 * rate)))
        self._inside = slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)
        self._filters = filters(hertz)
        self._spread = _spread(hertz[self._inside])
        self._pattern = _Pattern(layout, payload, octaves(hertz[self._inside]))
        self._in = np.zeros((channels, self._size - self._hop), np.float32)
        self._out = np.zeros((channels, self._size - self._hop), np.float32)
        self._pending: list[NDArray[np.complex64]] = []
        self._energies = np.zeros((0, len(centres())), np.float32)  # of pending, and before them
        self._before = 0  # how many rows of energies are of spectra that are done
        self._done = 0  # spectra
        self._loudest = 0.0
        self._taken = self._given = 0  # samples

    def feed(self, block: Sound) -> Sound:
        """Take the next samples (channels, n) and return those that are ready (channels, m)."""
        self._taken += block.shape[1]
        ready = []
        # In parts, so that no block, however long, makes spectra of all of itself at once.
        part = _BATCH * self._hop
        for first in range(0, block.shape[1], part):
            self._transform(block[:, first : first + part])
            while len(self._pending) >= _BATCH + _AROUND:
                ready.append(self._marked(_BATCH))
        return self._given_of(ready)

    def flush(self) -> Sound:
        """Return the samples that are left."""
        # Zeros behind the end, until the last sample has passed through all of its windows.
        self._transform(np.zeros((len(self._in), self._size + self._hop), np.float32))
        ready = []
        while self._pending:
            ready.append(self._marked(min(_BATCH, len(self._pending))))
        return self._given_of(ready)

    def _given_of(self, ready: list[Sound]) -> Sound:
        samples = np.concatenate(ready, axis=1) if ready else self._in[:, :0]
        # The first spectra begin before the sound does.
        early = max(0, min(samples.shape[1], self._size - self._hop - self._given))
        late = min(samples.shape[1], self._taken + self._size - self._hop - self._given)
        self._given += samples.shape[1]
        return np.ascontiguousarray(samples[:, early:late])

    def _transform(self, block: Sound) -> None:
        self._in = np.concatenate([self._in, block], axis=1)
        count = max(0, (self._in.shape[1] - self._size) // self._hop + 1)
        places = self._hop * np.arange(count)[:, None] + np.arange(self._size)
        spectra = np.fft.rfft(self._in[:, places] * self._window, axis=2)
        self._pending += list(spectra.swapaxes(0, 1))
        power = (spectra.real**2 + spectra.imag**2).mean(0)
        self._energies = np.concatenate([self._energies, power @ self._filters])
        self._in = self._in[:, count * self._hop :]

    def _marked(self, count: int) -> Sound:
        gains = self._gains(count)
        spectra = np.array(self._pending[:count])  # (spectra, channels, frequencies)
        del self._pending[:count]
        spectra[:, :, self._inside] *= gains[:, None]
        parts = np.fft.irfft(spectra, self._size, axis=2).astype(np.float32) * self._window
        self._done += count
        passed = self._before + count
        drop = max(0, passed - _AROUND)
        self._energies, self._before = self._energies[drop:], passed - drop
        sound = np.zeros((parts.shape[1], self._size + (count - 1) * self._hop), np.float32)
        sound[:, : self._out.shape[1]] = self._out
        for n in range(count):
            sound[:, n * self._hop : n * self._hop + self._size] += parts[n]
        self._out = sound[:, count * self._hop :]
        return sound[:, : count * self._hop]

    def _gains(self, count: int) -> NDArray[np.float32]:
        middles = (self._done + np.arange(count)) * self._hop - self._size / 2 + self._hop
        pattern = self._pattern.at(middles / self._rate)
        depth = self._depth(count) @ self._spread
        decibels = np.clip(self._strength * depth * pattern, -_MOST, _MOST)
        return np.asarray(np.exp(decibels * (np.log(10) / 20)), np.float32)

    def _depth(self, count: int) -> Plane:
        # (1) How loud is each place against what is, and a moment ago was, the loudest spectrum?
        energies = self._energies[: self._before + count + _AROUND] + np.float32(_QUIET)
        now = slice(self._before, self._before + count)
        against = np.empty(count, np.float32)
        ahead = energies.mean(1)
        for n in range(count):
            place = self._before + n
            self._loudest = max(self._loudest * _FALL, float(ahead[place : place + _AROUND].max()))
            against[n] = self._loudest
        soft = (energies[now] / against[:, None]) ** -_SOFT
        # (2) Does it stand still, so that a change would be heard?
        loud = np.asarray(10 * np.log10(energies), np.float32)
        moving = restlessness(ripple(loud, _SLOW), _NEAR)[now]
        return np.asarray(
            np.clip(soft, _LOUDEST, _SOFTEST) * np.minimum(1.0, moving / _STEADY), np.float32
        )


class _Pattern:
    """The pattern, of deviation 1, at any time and at fixed frequencies."""

    def __init__(self, layout: Layout, payload: bytes, heights: NDArray[np.float64]) -> None:
        self._kt = np.unique(layout.kt)
        kf = np.unique(layout.kf)
        waves = np.zeros((len(self._kt), len(kf)), np.complex64)
        scale = np.sqrt(2 / len(layout.kt))
        place = np.searchsorted(self._kt, layout.kt), layout.kf - kf.min()
        waves[place] = layout.spectrum(payload) * np.float32(scale)
        self._across = waves @ np.exp(2j * np.pi * np.outer(kf, heights / SPAN)).astype(
            np.complex64
        )

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the pattern (seconds, frequencies)."""
        down = np.exp(2j * np.pi / PERIOD * np.outer(seconds, self._kt)).astype(np.complex64)
        # Only the real part: half the work.
        return np.asarray(down.real @ self._across.real - down.imag @ self._across.imag, np.float32)


def _spread(hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return weights (bands, frequencies) that draw a line from band to band."""
    at = np.clip(octaves(hertz) * BANDS_A_SPAN / SPAN, 0, len(centres()) - 1)
    apart = np.abs(np.arange(len(centres()))[:, None] - at)
    return np.asarray(np.maximum(0, 1 - apart), np.float32)
