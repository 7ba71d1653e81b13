"""How may the pattern lie on a sound: how fast, from where, how high? Its sync waves tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane
from trustkit.watermarks.ripples.layout import PERIOD, Known, Layout
from trustkit.watermarks.ripples.spectrum import BANDS_A_SPAN, STEP

ROWS = round(PERIOD / STEP)  # a period
_GRID = (256, 36)  # delays a period, shifts a span
_DRIFT = 3.0  # rows that either end may be off when the tempo is next to right
_FINER = 4  # parts of a step of tempo that a guess is tried at, to either side
_DELAYS, _SHIFTS = np.arange(-2, 2.1, 0.5), np.arange(-0.5, 0.6, 0.25)  # rows, bands


@dataclass(frozen=True)
class Guess:
    """The pattern `tempo` times as fast, `delay` rows on at the middle, `shift` bands higher.

    `z` is how well the sync waves agree, in standard deviations.
    """

    z: float
    tempo: float
    delay: float
    shift: float


@dataclass(frozen=True)
class Folded:
    """A white plane (rows, bands) whose waves can be asked for at any tempo."""

    plane: Plane
    layout: Layout | Known

    @cached_property
    def step(self) -> float:
        """The step between tempos that are worth telling apart."""
        return min(0.01, 2 * _DRIFT / len(self.plane))

    @cached_property
    def _spectra(self) -> NDArray[np.complex64]:
        # The waves along frequency of each row; then along time, about the middle, padded so that
        # it can be read between its bins.
        rows, bands = self.plane.shape
        kf = np.unique(self.layout.kf)
        along = np.exp(-2j * np.pi / BANDS_A_SPAN * np.outer(np.arange(bands), kf))
        folded = self.plane @ along.astype(np.complex64)
        size = 1 << (2 * rows - 1).bit_length()
        padded = np.zeros((size, len(kf)), np.complex64)
        middle = rows // 2
        padded[: rows - middle] = folded[middle:]
        padded[size - middle :] = folded[:middle]
        return np.asarray(np.fft.fft(padded, axis=0), np.complex64)

    def waves(self, tempos: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Return the waves (tempos, waves), the middle row being time 0."""
        size = len(self._spectra)
        kt = np.unique(self.layout.kt)
        at = np.outer(tempos, kt) * (size / ROWS)
        low = np.floor(at).astype(np.int64)
        part = (at - low)[..., None].astype(np.float32)
        between = self._spectra[low % size] * (1 - part) + self._spectra[(low + 1) % size] * part
        column = self.layout.kf - self.layout.kf.min()
        return np.asarray(between[:, np.searchsorted(kt, self.layout.kt), column], np.complex64)

    def guesses(self, tempos: NDArray[np.float64], reach: float, most: int) -> list[Guess]:
        """Return the best guesses, up to `reach` bands higher or lower, the best first."""
        synced = self._synced(tempos)
        delays, shifts = _GRID
        grid = np.zeros((len(tempos), delays, shifts), np.complex64)
        sync = self.layout.is_sync
        grid[:, self.layout.kt[sync] % delays, -self.layout.kf[sync] % shifts] = synced
        surfaces = np.fft.fft2(grid).real.astype(np.float32)
        lim = int(reach * shifts / BANDS_A_SPAN)
        near = np.arange(-lim, lim + 1)
        surfaces = surfaces[:, :, near % shifts]
        found = list[Guess]()
        for _ in range(most):
            n, delay, at = np.unravel_index(int(surfaces.argmax()), surfaces.shape)
            guess = Guess(
                float(surfaces[n, delay, at]),
                float(tempos[n]),
                float(delay * ROWS / delays),
                float(near[at] * BANDS_A_SPAN / shifts),
            )
            found.append(self._refined(guess))
            # Its neighbours are the same guess.
            around = np.arange(delay - 6, delay + 7) % delays
            surfaces[max(0, n - 2) : n + 3, around] = -np.inf
        return sorted(found, key=lambda one: -one.z)

    def unit(self, guess: Guess) -> NDArray[np.complex64]:
        """Return the waves as they lie by `guess`, without the phases of the key."""
        waves = self.waves(np.array([guess.tempo]))[0] * np.conj(self.layout.phases)
        return np.asarray(waves * self._turned(guess.delay, guess.shift), np.complex64)

    def heard(self, guess: Guess) -> NDArray[np.float32]:
        """Return for each row how much of the sync waves' pattern is in it."""
        rows, bands = self.plane.shape
        sync = self.layout.is_sync
        kt, kf = np.unique(self.layout.kt), np.unique(self.layout.kf)
        waves = np.zeros((len(kt), len(kf)), np.complex64)
        place = np.searchsorted(kt, self.layout.kt[sync]), self.layout.kf[sync] - kf.min()
        waves[place] = (
            self.layout.phases[sync] * np.conj(self._turned(guess.delay, guess.shift))[sync]
        )
        times = (np.arange(rows) - rows // 2) * (guess.tempo / ROWS)
        down = np.exp(2j * np.pi * np.outer(times, kt)).astype(np.complex64)
        across = np.exp(2j * np.pi / BANDS_A_SPAN * np.outer(kf, np.arange(bands)))
        pattern = (down @ waves @ across.astype(np.complex64)).real
        return np.asarray((self.plane * pattern).sum(1), np.float32)

    def _synced(self, tempos: NDArray[np.float64]) -> NDArray[np.complex64]:
        # Scaled so that chance gives sums of variance 1.
        sync = self.layout.is_sync
        unit = self.waves(tempos)[:, sync] * np.conj(self.layout.phases[sync])
        power = np.sqrt((np.abs(unit) ** 2).sum(1, keepdims=True) / 2) + 1e-9
        return np.asarray(unit / power, np.complex64)

    def _turned(self, delay: float, shift: float) -> NDArray[np.complex64]:
        turns = self.layout.kf * (shift / BANDS_A_SPAN) - self.layout.kt * (delay / ROWS)
        return np.asarray(np.exp(2j * np.pi * turns), np.complex64)

    def _refined(self, guess: Guess) -> Guess:
        steps = np.arange(-_FINER, _FINER + 1) / _FINER
        tempos = np.asarray(guess.tempo + self.step * steps, np.float64)
        sync = self.layout.is_sync
        places = [
            (guess.delay + a, guess.shift + b) for a in _DELAYS.tolist() for b in _SHIFTS.tolist()
        ]
        turned = np.array([self._turned(*place)[sync] for place in places])
        sums = (self._synced(tempos) @ turned.T).real
        n, at = np.unravel_index(int(sums.argmax()), sums.shape)
        return Guess(float(sums[n, at]), float(tempos[n]), *places[at])
