"""From a levelled plane to a mark: guess where the tiles lie, lay them exactly, decode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Geometry, Mark, Plane, Search
from trustkit.watermarks.code import Decoded
from trustkit.watermarks.tiles import search as guess
from trustkit.watermarks.tiles.layout import NAME, Layout
from trustkit.watermarks.tiles.register import Waves, register, spread, waves
from trustkit.watermarks.tiles.view import Fit, Sync, View, open_sync

# How many readings of the code each search may try, which is what its odds of chance rest on.
TRIALS = {Search.FAST: 8, Search.NORMAL: 24, Search.DEEP: 128}
MARGIN = {Search.FAST: 29.0, Search.NORMAL: 28.0, Search.DEEP: 28.0}  # bits beyond the code book
_REACH = 19.0  # cycles a tile: beyond, waves of fixed phase are too few to search by
_LOW = 11.0  # cycles a tile: what is left of a picture that was made small or blurred
_TRIED = {Search.NORMAL: 14, Search.DEEP: 100}  # guesses that are laid exactly and decoded
_BATCH = 4
_NEAR = 2.0  # cycles a tile over which the strength of waves is averaged

Candidate = tuple[Fit, View]


def bound(search: Search) -> float:
    """Return the odds that `search` finds a mark in an unmarked picture; see the format's page."""
    return float(TRIALS[search] * 2.0 ** -MARGIN[search])


@dataclass(frozen=True)
class Reader:
    """Reads with one key; syncs are kept, as they are the same for every picture."""

    layout: Layout

    def read(self, levelled: Plane, native: float, search: Search) -> tuple[Mark | None, float]:
        """Return the mark or None, and the best fit that was seen (standard deviations).

        `native` is the width of the copy's own pixels in samples of the plane.
        """
        best, left = 0.0, TRIALS[search]
        for group in self._groups(levelled, native, search):
            for at in range(0, len(group), _BATCH):
                batch = group[at : at + _BATCH][:left]
                if not batch:
                    break
                left -= len(batch)
                best = max(best, *(fit.z for fit, _, _ in batch))
                mark = self._decode(batch, search)
                if mark is not None:
                    return mark, best
        return None, best

    def _decode(self, batch: list[tuple[Fit, View, bool]], search: Search) -> Mark | None:
        laid = [
            register(view, fit, self.layout) if bend else waves(view, fit.matrix, self.layout)
            for fit, view, bend in batch
        ]
        rows = np.array(
            [self._values(found, view) for found, (_, view, _) in zip(laid, batch, strict=True)]
        )
        decoded = self.layout.code.decode(rows, margin=MARGIN[search])
        there = [i for i, one in enumerate(decoded) if one is not None]
        if not there:
            return None
        first = max(there, key=lambda i: decoded[i].z)  # type: ignore[union-attr]
        fit, view, _ = batch[first]
        found: Decoded = decoded[first]  # type: ignore[assignment]
        return Mark(
            found.payload,
            NAME,
            found.z,
            bound(search),
            search,
            fit.path,
            _geometry(laid[first], view),
        )

    def _values(self, found: Waves, view: View) -> NDArray[np.float32]:
        layout = self.layout
        # Where the waves of fixed phase are strong, so are the others.
        total = (found.values * spread(found, layout, view.reach)[:, :, None]).sum((0, 1))
        unit = total * np.conj(layout.phases)
        power, strength = self._profile(unit)
        weight = np.where(layout.radius <= view.reach, strength / (power + 1e-9), 0)
        data = (unit * weight)[~layout.is_sync]
        return np.stack([data.real, data.imag], 1).reshape(-1).astype(np.float32)

    def _profile(self, unit: NDArray[np.complex64]) -> tuple[NDArray[Any], NDArray[Any]]:
        # The mean power of all waves, and the mean strength of those of fixed phase, near each.
        layout = self.layout
        place = layout.radius.astype(int)
        every = np.bincount(place)
        fixed = np.bincount(place[layout.is_sync], minlength=len(every))
        power = np.bincount(place, np.abs(unit) ** 2) / np.maximum(every, 1)
        there = unit.real[layout.is_sync]
        sums = np.bincount(place[layout.is_sync], there, minlength=len(every))
        kernel = np.exp(
            -0.5 * (np.subtract.outer(range(len(every)), range(len(every))) / _NEAR) ** 2
        )
        strength = (kernel @ sums) / (kernel @ fixed)
        strength = np.maximum(strength, 0.1 * strength.max(initial=0))
        return np.maximum(power, power.max() * 1e-6)[place], strength[place]

    @cached_property
    def _syncs(self) -> dict[float, Sync]:
        return {}

    def _sync(self, reach: float) -> Sync:
        reach = min(_REACH, max(round(reach, 1), 6.0))
        if reach not in self._syncs:
            self._syncs[reach] = open_sync(self.layout, reach)
        return self._syncs[reach]

    def _groups(
        self, levelled: Plane, native: float, search: Search
    ) -> Iterator[list[tuple[Fit, View, bool]]]:
        # From the likeliest and cheapest to the rarest; the reader stops at the first that reads.
        view = guess.view_of(levelled, 1.0, native)
        flat = waves(view, np.diag([view.ratio, view.ratio, 1.0]), self.layout)
        sync = self._sync(view.reach)
        whole = guess.whole(flat, sync, 3)
        low = guess.whole(flat, self._sync(min(view.reach, _LOW)), 1)
        yield [(fit, view, False) for fit in (whole[0], low[0])]
        if search is Search.FAST:
            yield [(fit, view, True) for fit in (*whole, *low)]
            return
        bent = guess.blocks(flat, sync, 3)
        yield [(fit, view, True) for fit in (whole[0], *bent)]
        others = [(fit, view) for fit in guess.turned(view, sync)]
        for octave in guess.OCTAVES:
            other = view if octave == 1 else guess.view_of(levelled, octave, native)
            sync = self._sync(other.reach)
            low_end = 0.7 if octave == 1 else 0.84 * octave
            others += [(fit, other) for fit in guess.sizes(other, sync, low_end, 1.19 * octave)]
            echoes = guess.echoes(other, "echo", 6)
            if octave < 2:  # noqa: PLR2004  # a squeezed crop to a quarter is left to luck
                echoes = np.concatenate([echoes, guess.echoes(other, "squeeze", 4)])
            others += [(fit, other) for fit in other.fits(echoes, sync, "echo")]
        yield [(fit, one, True) for fit, one in _apart(others, _TRIED[Search.NORMAL])]
        if search is Search.NORMAL:
            return
        others = []
        for octave in (guess.PADDED, *guess.OCTAVES):
            other = guess.view_of(levelled, octave, native)
            fits = guess.everywhere(other, self._sync(other.reach), octave)
            others += [(fit, other) for fit in fits]
        yield [(fit, one, True) for fit, one in _apart(others, _TRIED[Search.DEEP])]


def _apart(candidates: list[Candidate], most: int) -> list[Candidate]:
    # Neighbours on a grid are one guess: registration pulls them to the same place.
    kept: list[Candidate] = []
    for fit, view in sorted(candidates, key=lambda one: -one[0].z):
        shape = fit.matrix[:2, :2] / view.ratio
        if all(np.abs(shape - k.matrix[:2, :2] / v.ratio).max() > 0.02 for k, v in kept):  # noqa: PLR2004  # a fiftieth of a tile
            kept.append((fit, view))
        if len(kept) == most:
            break
    return kept


def _geometry(found: Waves, view: View) -> Geometry:
    # What the matrix does at the middle of the plane: a slant shows most at the first tile.
    middle = np.linalg.solve(found.matrix, [*view.middle, 1.0])
    inner = found.matrix[:2] - np.outer(view.middle, found.matrix[2])
    inner = inner[:, :2] * middle[2] / view.ratio
    across, down = np.hypot(*inner[:, 0]), np.hypot(*inner[:, 1])
    area = float(np.linalg.det(inner))
    # Mirrored first, then turned. As y goes down, counter-clockwise lifts what is at the right.
    mirror = -1 if area < 0 else 1
    turn = round(float(np.rad2deg(np.arctan2(-mirror * inner[1, 0], mirror * inner[0, 0]))), 2)
    return Geometry(
        round(abs(area) ** 0.5, 4),
        180.0 if turn == -180 else turn + 0.0,  # noqa: PLR2004  # nor is there a -0.0
        area < 0,
        round(min(1.0, 1 / max(abs(area), 1e-9)), 4),
        round(float(across / down), 4),
    )
