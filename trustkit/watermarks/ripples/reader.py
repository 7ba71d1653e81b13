"""Read the mark in the band energies of a stretch of sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import log2

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import LEAST_SOUND, Mark, Plane, Search, Timing
from trustkit.watermarks.ripples.layout import NAME, Layout, all_waves
from trustkit.watermarks.ripples.observe import observe
from trustkit.watermarks.ripples.search import Folded, Guess
from trustkit.watermarks.ripples.spectrum import STEP

# Vectors that a search may decode, and bits of evidence beyond the code book that it asks for; the
# odds of a find by chance are at most TRIALS * 2**-MARGIN for each stretch that is read.
TRIALS = {Search.FAST: 8, Search.NORMAL: 32, Search.DEEP: 96}
MARGIN = {Search.FAST: 26.0, Search.NORMAL: 26.0, Search.DEEP: 28.0}
_ROWS = round(LEAST_SOUND / STEP)
_AUDIBLE = 50.0  # dB below the loudest: what is softer is silence

_KEPT = 0.003  # how much faster or slower a copy is that nobody changed
_REACH = {Search.FAST: (_KEPT, 0.5), Search.NORMAL: (0.07, 2.5), Search.DEEP: (0.13, 4.0)}
_SHORTEST = {Search.FAST: 10**9, Search.NORMAL: 800, Search.DEEP: 400}  # rows of a part
_NATURAL = 0.5  # semitones: nobody changed the pitch
_HEARD = 6.0  # standard deviations: with a known id a stretch that fits so well has the mark
_BLOCK = 1.0  # seconds in which a span is told
_NEAR = (6.0, 1.5)  # cycles a period and a span over which the strength of waves is averaged


def bound(search: Search, stretch: int = 0) -> float:
    """Return the odds that reading a stretch finds a mark in what has none."""
    return float(TRIALS[search] * 2.0 ** -margin(search, stretch))


def margin(search: Search, stretch: int) -> float:
    """Return the bits asked of the stretch of this number.

    Later ones are asked for more, so that the odds for a file of any length add up to no more than
    1.65 (the sum of 1/n^2) times those of its first stretch.
    """
    return MARGIN[search] + 2 * log2(stretch + 1)


def seconds_of_sound(energies: Plane) -> float:
    """Return how much of (rows, bands) is no silence."""
    loud = energies.sum(1)
    rows = int((loud > loud.max(initial=0) * 10 ** (-_AUDIBLE / 10)).sum())
    return STEP * min(rows, max(0, len(loud) - 1))  # the first row and the last are half a step


@dataclass(frozen=True)
class Reader:
    """Reads with one key."""

    layout: Layout

    def read(self, energies: Plane, search: Search, stretch: int = 0) -> tuple[Mark | None, float]:
        """Return the mark in `energies` (rows, bands), and the best fit seen, in deviations.

        `stretch` counts what was read of the same file before.
        """
        best, left = 0.0, TRIALS[search]
        if len(energies) < _ROWS // 2:
            return None, best
        for first, last, guesses in self._parts(energies, search):
            codes = len(self.layout.codes)
            tried = guesses[1][: left // codes]
            if not tried:
                break
            left -= codes * len(tried)
            best = max(best, *(guess.z for guess in tried))
            mark = self._decode(guesses[0], tried, search, stretch)
            if mark is not None:
                return self._placed(mark, energies, first, last), best
        return None, best

    def _parts(
        self, energies: Plane, search: Search
    ) -> Iterator[tuple[int, int, tuple[Folded, list[Guess]]]]:
        # From the likeliest and cheapest: as it was; faster, slower, higher, lower; then parts, as
        # where something was cut out between.
        whole = Folded(observe(energies), self.layout)
        end = len(energies)
        yield 0, end, (whole, whole.guesses(_tempos(whole, _KEPT), 0.5, 3))
        if search is Search.FAST:
            return
        tempo, reach = _REACH[search]
        yield 0, end, (whole, whole.guesses(_tempos(whole, tempo), reach, 5))
        parts = 2
        while end // parts >= _SHORTEST[search]:
            for n in range(parts):
                first, last = n * end // parts, (n + 1) * end // parts
                part = Folded(observe(energies[first:last]), self.layout)
                yield first, last, (part, part.guesses(_tempos(part, tempo), reach, 4))
            parts *= 2

    def _decode(
        self, folded: Folded, guesses: list[Guess], search: Search, stretch: int
    ) -> Mark | None:
        rows = np.array([self._values(folded.unit(guess)) for guess in guesses])
        found = None
        for code in self.layout.codes:
            for guess, one in zip(
                guesses, code.decode(rows, margin=margin(search, stretch)), strict=True
            ):
                if one is not None and (found is None or one.z > found[0].z):
                    found = one, guess
        if found is None:
            return None
        read, guess = found
        return Mark(
            read.payload,
            NAME,
            read.z,
            bound(search, stretch),
            search,
            "whole"
            if abs(guess.tempo - 1) <= _KEPT and abs(guess.shift) <= _NATURAL
            else "retimed",
            timing=Timing(round(guess.tempo, 4), round(guess.shift, 2), 0.0),
        )

    def follow(self, energies: Plane, mark: Mark) -> tuple[int, int] | None:
        """Return from which row to which `mark` is heard in a stretch, or None where it is not."""
        if mark.timing is None or len(energies) < _ROWS // 2:
            return None
        known = self.layout.known(mark.payload)
        folded = Folded(observe(energies), known)
        shift = mark.timing.pitch
        near = mark.timing.tempo + folded.step * np.arange(-1, 1.1, 0.5)
        guess = folded.guesses(near, max(1.0, abs(shift) + 1), 1)[0]
        if guess.z < _HEARD:
            return None
        heard = folded.heard(guess)
        rows = round(_BLOCK / STEP)
        blocks = np.add.reduceat(heard, np.arange(0, len(heard), rows))
        first, last = _best_run(blocks - blocks.mean() / 2)
        return first * rows, min(last * rows, len(heard))

    def _placed(self, mark: Mark, energies: Plane, first: int, last: int) -> Mark:
        found = self.follow(energies[first:last], mark)
        begin, end = (first + found[0], first + found[1]) if found else (first, last)
        used = round(seconds_of_sound(energies[first:last]), 2)
        timing = Timing(mark.timing.tempo, mark.timing.pitch, used) if mark.timing else None
        return replace(mark, timing=timing, span=(round(begin * STEP, 2), round(end * STEP, 2)))

    def _values(self, unit: NDArray[np.complex64]) -> NDArray[np.float32]:
        # Where the waves of fixed phase are strong, so are the others.
        layout = self.layout
        strength, power = _profile(unit, layout)
        data = (unit * (strength / power))[~layout.is_sync]
        return np.stack([data.real, data.imag], 1).reshape(-1).astype(np.float32)


def _tempos(folded: Folded, reach: float) -> NDArray[np.float64]:
    count = max(1, round(reach / folded.step))
    return np.asarray(1 + reach * np.arange(-count, count + 1) / count)


def _profile(
    unit: NDArray[np.complex64], layout: Layout
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the strength of the sync waves, and the power of all, near each wave."""
    kernel = _kernel()
    sync = layout.is_sync
    power = kernel @ np.abs(unit) ** 2 / kernel.sum(1)
    strength = kernel[:, sync] @ unit.real[sync] / kernel[:, sync].sum(1)
    strength = np.maximum(strength, 0.1 * max(float(strength.max()), 1e-9))
    return strength, np.maximum(power, 1e-9)


@cache
def _kernel() -> NDArray[np.float64]:
    kt, kf = all_waves()
    apart = np.subtract.outer(abs(kt), abs(kt)) / _NEAR[0], np.subtract.outer(kf, kf) / _NEAR[1]
    return np.asarray(np.exp(-0.5 * (apart[0] ** 2 + apart[1] ** 2)))


def _best_run(values: NDArray[np.float32]) -> tuple[int, int]:
    """Return where the run of the greatest sum begins and ends (Kadane's algorithm)."""
    best, total, begin, run = 0.0, 0.0, 0, (0, len(values))
    for n, value in enumerate(values.tolist()):
        if total <= 0:
            total, begin = 0.0, n
        total += value
        if total > best:
            best, run = total, (begin, n + 1)
    return run
