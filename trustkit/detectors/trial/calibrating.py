"""From scores to likelihood ratios and thresholds, of groups that the model never saw.

For training scripts too: `scores` are those of models that were not trained on the group of the
file (leave-group-out), or these numbers promise too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from trustkit.detectors import Rate, Threshold
from trustkit.detectors.trial.metrics import Floats, Marks, balance, even_odds, members, rate

RATES = (0.05, 0.01, 0.001)
LARGE_SOURCE = 40  # files: of fewer, one in twenty is less than two
MOST_OF_A_SOURCE = 0.05  # of the false positives of a large source at 1 % in all, and below
_FIVEFOLD = 5  # above 1 %: a source may have so many times the rate asked for
_STEP = 1e-4  # a threshold's last digit in a card
_BINS = 20
_PER_BIN = 25  # files, at least
_FOLDS = 5
_RIDGE = 1e-3
_FEW_GROUPS = 4  # of a label: no choosing between two methods on fewer


@dataclass(frozen=True, slots=True)
class Curve:
    """Knots of a score's natural log likelihood ratio: linear between them, flat outside."""

    scores: tuple[float, ...]
    log_likelihood_ratios: tuple[float, ...]
    method: str = ""

    def __call__(self, scores: ArrayLike) -> Floats:
        """Return the log likelihood ratio of every score."""
        return np.interp(
            np.asarray(scores, np.float64), self.scores, self.log_likelihood_ratios
        ).astype(np.float64)


def calibrate(
    scores: ArrayLike, labels: ArrayLike, groups: Sequence[str], copies: float = 1
) -> Curve:
    """Return the curve from scores to log likelihood ratios.

    Logistic (Platt) or isotonic, whichever loses less on groups held out; it never falls, and
    never says more than was counted: no ratio is above the highest that any threshold shows with
    one more false positive, nor below the lowest with one more miss. Of every file there are so
    many `copies` (conditions), which are no new witnesses: one more is then so many more.
    """
    values, marks = np.asarray(scores, np.float64), np.asarray(labels, np.int64)
    fits = {"logistic": _logistic, "isotonic": _isotonic}
    folds = split(marks, groups)
    losses = {
        name: sum(
            _loss(fit(values[folds != f], marks[folds != f]), values[folds == f], marks[folds == f])
            for f in np.unique(folds)
        )
        if len(np.unique(folds)) > 1
        else 0.0
        for name, fit in fits.items()
    }
    best = min(fits, key=lambda name: losses[name])
    return _bounded(fits[best](values, marks), values, marks, copies)


def thresholds(
    scores_of_reals: ArrayLike, sources: Sequence[str], rates: Sequence[float] = RATES
) -> list[tuple[float, float, float, float, float, int]]:
    """Return (rate asked for, score, measured, low, high, n) for every rate, as a card has them.

    The score is the smallest (to four decimals, rounded up) from which on at most that share of
    all are false positives, and of no source with 40 or more files more than 5 % (at a rate of
    5 % and above: five times the rate). `measured` is counted on the same files: whoever can
    holds sources out (`left_out`).
    """
    values, names = np.sort(np.asarray(scores_of_reals, np.float64)), np.asarray(list(sources))
    raw = np.asarray(scores_of_reals, np.float64)
    if not len(values) or len(values) != len(names) or not np.isfinite(values).all():
        raise ValueError("every score needs a source, and must be a number")
    large = [raw[names == name] for name in np.unique(names)]
    found = []
    for asked in rates:
        most = max(MOST_OF_A_SOURCE, _FIVEFOLD * asked)
        highest = max(
            [_excluded(values, asked)]
            + [_excluded(np.sort(own), most) for own in large if len(own) >= LARGE_SOURCE]
        )
        score = _just_above(highest)
        counted = rate(int((values >= score).sum()), len(values))
        found.append((asked, score, counted.value, counted.low, counted.high, counted.total))
    return found


def as_thresholds(
    found: Sequence[tuple[float, float, float, float, float, int]],
) -> tuple[Threshold, ...]:
    """Return what `thresholds` gives as the detectors' own values."""
    return tuple(
        Threshold(asked, score, Rate(measured, low, high, total))
        for asked, score, measured, low, high, total in found
    )


def left_out(
    scores: ArrayLike, folds: Sequence[str], sources: Sequence[str], asked: float
) -> dict[str, float]:
    """Return for each fold the threshold of `asked` that is set on the OTHER folds.

    `scores`, `folds` and `sources` are those of media that no generator made. With sources as
    folds it leaves one source out. Raises `ValueError` where there is one fold alone.
    """
    values, names, of = np.asarray(scores, np.float64), np.asarray(list(folds)), list(sources)
    if len(np.unique(names)) < 2:  # noqa: PLR2004  # the one left out, and the others
        raise ValueError("at least two folds are needed")
    found = {}
    for fold in np.unique(names):
        others = np.nonzero(names != fold)[0]
        ((_, score, *_),) = thresholds(values[others], [of[i] for i in others], [asked])
        found[str(fold)] = score
    return found


def _excluded(ordered: Floats, asked: float) -> float:
    """Return the highest score that must stay below the threshold."""
    allowed = math.floor(asked * len(ordered) + 1e-9)
    return float(ordered[len(ordered) - 1 - allowed])


def _just_above(score: float) -> float:
    above = round(math.ceil(score / _STEP) * _STEP, 4)
    return above if above > score else round(above + _STEP, 4)


def split(marks: Marks, groups: Sequence[str]) -> Marks:
    """Return a fold for every file: whole groups of either label, the largest first.

    All are in fold 0 where a label has fewer than four groups.
    """
    folds = np.zeros(len(marks), np.int64)
    sides = [members(marks, groups, label) for label in (0, 1)]
    if min(map(len, sides)) < _FEW_GROUPS:
        return folds
    for rows in sides:
        sizes = [0] * min(_FOLDS, *map(len, sides))
        for name in sorted(rows, key=lambda n: (-len(rows[n]), n)):
            least = sizes.index(min(sizes))
            folds[rows[name]] = least
            sizes[least] += len(rows[name])
    return folds


def _loss(curve: Curve, scores: Floats, marks: Marks) -> float:
    believed = np.clip(even_odds(curve(scores)), 1e-6, 1 - 1e-6)
    lost = -np.where(marks == 1, np.log(believed), np.log(1 - believed))
    return float((balance(marks) * lost).sum())


def _logistic(scores: Floats, marks: Marks) -> Curve:
    """Fit one slope and one offset, either label weighing one half (Platt 1999, without priors)."""
    weights = balance(marks)
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    design = np.stack([(scores - middle) / spread, np.ones_like(scores)], axis=1)
    found = np.zeros(2)
    for _ in range(50):
        believed = even_odds(design @ found)
        gradient = design.T @ (weights * (believed - marks)) + _RIDGE * np.array([found[0], 0.0])
        curvature = (design * (weights * believed * (1 - believed))[:, None]).T @ design
        step = np.linalg.solve(curvature + np.diag([_RIDGE, 1e-9]), gradient)
        found = found - np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:  # noqa: PLR2004  # converged
            break
    ends = np.array([scores.min(), scores.max()])
    if ends[0] == ends[1]:
        ends = ends + np.array([0.0, 1.0])
    ratios = max(0.0, found[0]) * (ends - middle) / spread + found[1]
    return Curve(tuple(map(float, ends)), tuple(map(float, ratios)), "logistic")


def _isotonic(scores: Floats, marks: Marks) -> Curve:
    """Count in bins of equal mass, and pool neighbours until nothing falls."""
    weights = balance(marks)
    order = np.argsort(scores, kind="stable")
    scores, marks, weights = scores[order], marks[order], weights[order]
    bins = max(2, min(_BINS, len(scores) // _PER_BIN))
    numbers = np.minimum(bins - 1, ((np.cumsum(weights) - weights / 2) * bins).astype(np.int64))
    numbers = numbers[np.searchsorted(scores, scores, "left")]  # equal scores stay together
    ones, others = int(marks.sum()), int(len(marks) - marks.sum())
    blocks: list[list[float]] = []  # mean score, mass, generated, others
    for number in np.unique(numbers):
        inside = numbers == number
        made = float(marks[inside].sum())
        blocks.append([float(scores[inside].mean()), float(inside.sum()), made,
                       float(inside.sum()) - made])  # fmt: skip
        while len(blocks) > 1 and _ratio(blocks[-2], ones, others) >= _ratio(
            blocks[-1], ones, others
        ):
            last, before = blocks.pop(), blocks.pop()
            mass = last[1] + before[1]
            blocks.append([(last[0] * last[1] + before[0] * before[1]) / mass, mass,
                           last[2] + before[2], last[3] + before[3]])  # fmt: skip
    if len(blocks) == 1:
        blocks.append([blocks[0][0] + 1.0, *blocks[0][1:]])
    return Curve(
        tuple(block[0] for block in blocks),
        tuple(_ratio(block, ones, others) for block in blocks),
        "isotonic",
    )


def _ratio(block: Sequence[float], ones: int, others: int) -> float:
    # Half a file more on either side (Jeffreys): nothing seen is not nothing there.
    return math.log((block[2] + 0.5) / (ones + 1)) - math.log((block[3] + 0.5) / (others + 1))


def _bounded(curve: Curve, scores: Floats, marks: Marks, copies: float) -> Curve:
    """Cut a curve where the counts end; a knot is put where it reaches a bound."""
    low, high = _bounds(scores, marks, copies)
    inner, ratios = np.asarray(curve.scores), np.asarray(curve.log_likelihood_ratios)
    rising = np.unique(ratios, return_index=True)[1]
    crossed = [
        np.interp(bound, ratios[rising], inner[rising])
        for bound in (low, high)
        if ratios[0] < bound < ratios[-1]
    ]
    knots = np.unique(np.round(np.concatenate([inner, crossed]), 6))
    kept = np.maximum.accumulate(np.round(np.clip(curve(knots), low, high), 4))
    return Curve(tuple(knots.tolist()), tuple(kept.tolist()), curve.method)


def _bounds(scores: Floats, marks: Marks, copies: float) -> tuple[float, float]:
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.append(np.nonzero(np.diff(ordered))[0], len(ordered) - 1)
    made, others = np.cumsum(marks[order])[ends], np.cumsum(1 - marks[order])[ends]
    ones, rest = int(made[-1]), int(others[-1])
    above = (made / ones) / ((others + copies) / (rest + copies))
    below = ((ones - made + copies) / (ones + copies))[:-1] / np.maximum(
        (rest - others)[:-1] / rest, 1e-12
    )
    below = below[(rest - others)[:-1] > 0]
    lowest = float(below.min()) if len(below) else 1.0
    return min(0.0, math.log(max(lowest, 1e-12))), max(0.0, math.log(max(above.max(), 1e-12)))
