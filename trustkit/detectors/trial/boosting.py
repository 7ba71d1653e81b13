"""Boosted stumps: a small classifier of tables, for the baseline that sees no pixel.

Friedman (2001), "Greedy function approximation", with stumps and Newton steps; 60 lines instead of
a dependency, and the same numbers on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trustkit.detectors.trial.metrics import Floats, Marks, balance, even_odds

_ROUNDS = 150
_RATE = 0.1
_CUTS = 32  # places at which a feature may be cut
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Stump:
    """`low` is added where the feature is at most `cut`, else `high`; `gain` is what it saved."""

    feature: int
    cut: float
    low: float
    high: float
    gain: float


def fit(table: Floats, labels: Marks) -> list[Stump]:
    """Return stumps that tell labels apart; either label weighs one half."""
    weights = balance(labels)
    places = [np.unique(np.quantile(column, np.linspace(0, 1, _CUTS + 1)[:-1]))
              for column in table.T]  # fmt: skip
    bins = [np.searchsorted(cuts, column) for cuts, column in zip(places, table.T, strict=True)]
    total, stumps = np.zeros(len(labels)), []
    for _ in range(_ROUNDS):
        believed = even_odds(total)
        slope = weights * (labels - believed)
        bend = weights * believed * (1 - believed)
        best = max(
            (_best(number, cuts, bins[number], slope, bend) for number, cuts in enumerate(places)),
            key=lambda stump: stump.gain,
        )
        if best.gain <= 0:
            break
        stumps.append(best)
        total += np.where(table[:, best.feature] <= best.cut, best.low, best.high)
    return stumps


def predict(stumps: list[Stump], table: Floats) -> Floats:
    """Return a score for every row."""
    total = np.zeros(len(table))
    for stump in stumps:
        total += np.where(table[:, stump.feature] <= stump.cut, stump.low, stump.high)
    return total


def _best(number: int, cuts: Floats, bins: NDArray[np.int64], slope: Floats, bend: Floats) -> Stump:
    # A row is at most cuts[i] when its bin is at most i.
    slopes = np.cumsum(np.bincount(bins, slope, len(cuts) + 1))
    bends = np.cumsum(np.bincount(bins, bend, len(cuts) + 1))
    left, right = slopes[:-1], slopes[-1] - slopes[:-1]
    below, above = bends[:-1] + _RIDGE, bends[-1] - bends[:-1] + _RIDGE
    gains = left**2 / below + right**2 / above - slopes[-1] ** 2 / (bends[-1] + _RIDGE)
    place = int(np.argmax(gains))
    low, high = left[place] / below[place], right[place] / above[place]
    return Stump(number, float(cuts[place]), _RATE * float(low), _RATE * float(high),
                 float(gains[place]))  # fmt: skip
