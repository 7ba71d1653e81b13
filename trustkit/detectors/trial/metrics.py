"""What a detector's scores are worth, in numpy alone: plain functions of scores and labels.

`scores` are real numbers, the higher the more generated; `labels` are 1 (generated) or 0. Nothing
here knows a file. Every function raises `ValueError` where a label is missing that it needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trustkit.detectors import Rate

Floats = NDArray[np.float64]
Marks = NDArray[np.int64]

_Z = 1.959964  # 95 %, both sides
TIMES = 500  # resamplings of a bootstrap: its bounds are then good to about a tenth of their width
BINS = 10  # of the calibration error
SEED = 1


def rate(count: float, total: int) -> Rate:
    """Return a share with the 95 % interval of Wilson (1927); of nothing: from 0 to 1."""
    if total == 0:
        return Rate(0.0, 0.0, 1.0, 0)
    share, spread = count / total, _Z * _Z / total
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    # Rounding must not leave a bound on the wrong side of what was counted.
    return Rate(
        share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)), total
    )


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return how often a generated one scores above another; a tie counts half."""
    values, marks = _both(scores, labels)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.searchsorted(ordered, ordered, "left")
    last = np.searchsorted(ordered, ordered, "right")
    ranks = (first + last + 1) / 2  # the mean of what tied values share, counted from 1
    ones = int(marks.sum())
    total = float(ranks[marks[order] == 1].sum()) - ones * (ones + 1) / 2
    return total / (ones * (len(marks) - ones))


def roc(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return false positive rates, true positive rates and the thresholds (score >= threshold).

    One point a distinct score, from (0, 0) at an infinite threshold to (1, 1).
    """
    values, marks = _both(scores, labels)
    order = np.argsort(-values, kind="stable")
    ordered, marks = values[order], marks[order]
    ends = np.append(np.nonzero(np.diff(ordered))[0], len(ordered) - 1)
    true, false = np.cumsum(marks)[ends], np.cumsum(1 - marks)[ends]
    return (
        np.append(0.0, false / false[-1]),
        np.append(0.0, true / true[-1]),
        np.append(np.inf, ordered[ends]),
    )


def eer(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the equal error rate: where the line between two points of the ROC has FPR = FNR."""
    false, true, _ = roc(scores, labels)
    gap = false + true - 1  # FPR - FNR; never falls along the curve
    after = int(np.argmax(gap >= 0))
    if gap[after] == gap[after - 1]:
        return float(false[after])
    part = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(false[after - 1] + part * (false[after] - false[after - 1]))


def tpr_at(scores: ArrayLike, labels: ArrayLike, false_positive_rate: float) -> float:
    """Return the most true positives at no more than so many false ones; no interpolation."""
    false, true, _ = roc(scores, labels)
    return float(true[false <= false_positive_rate + 1e-12].max())


def even_odds(log_likelihood_ratios: ArrayLike) -> Floats:
    """Return p = LR / (1 + LR): what somebody would believe who held both for equally likely."""
    return 1 / (1 + np.exp(-np.clip(np.asarray(log_likelihood_ratios, np.float64), -60, 60)))


def balance(labels: ArrayLike) -> Floats:
    """Return weights with which either label weighs one half."""
    marks = np.asarray(labels, np.int64)
    ones = int(marks.sum())
    if ones in {0, len(marks)}:
        raise ValueError("both labels are needed")
    return np.where(marks == 1, 0.5 / ones, 0.5 / (len(marks) - ones))


def reliability(
    probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS
) -> list[tuple[float, float, float, int]]:
    """Return for each bin: mean probability, share generated, weight, and how many files.

    At even odds: each label weighs one half, however many files it has. Bins hold the same weight,
    as far as equal probabilities, which stay together, allow.
    """
    believed, marks = _both(probabilities, labels)
    weights = balance(marks)
    order = np.argsort(believed, kind="stable")
    believed, marks, weights = believed[order], marks[order], weights[order]
    middles = np.cumsum(weights) - weights / 2
    numbers = np.minimum(bins - 1, (middles * bins).astype(np.int64))
    numbers = numbers[np.searchsorted(believed, believed, "left")]
    found = []
    for number in np.unique(numbers):
        inside = numbers == number
        weight = float(weights[inside].sum())
        found.append(
            (
                float((believed[inside] * weights[inside]).sum() / weight),
                float((marks[inside] * weights[inside]).sum() / weight),
                weight,
                int(inside.sum()),
            )
        )
    return found


def ece(probabilities: ArrayLike, labels: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error at even odds, over bins of equal mass."""
    return float(
        sum(w * abs(p - share) for p, share, w, _ in reliability(probabilities, labels, bins))
    )


def figures(scores: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return auc, eer, tpr_5 and tpr_1 (true positives at 5 and 1 % false ones)."""
    return {
        "auc": auc(scores, labels),
        "eer": eer(scores, labels),
        "tpr_5": tpr_at(scores, labels, 0.05),
        "tpr_1": tpr_at(scores, labels, 0.01),
    }


def bootstrap(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    statistic: Callable[[Floats, Marks], float],
    times: int = TIMES,
    seed: int = SEED,
) -> Rate:
    """Return `statistic(scores, labels)` with a 95 % interval over GROUPS drawn with replacement.

    Generators are drawn among the generated, sources among the others: two pictures of one
    generator are no two independent witnesses. `total` of the result is the number of files.
    """
    return bootstraps(
        scores, labels, groups, lambda s, marks: {"it": statistic(s, marks)}, times, seed
    )["it"]


def bootstraps(
    scores: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[str],
    statistics: Callable[[Floats, Marks], Mapping[str, float]] = figures,
    times: int = TIMES,
    seed: int = SEED,
) -> dict[str, Rate]:
    """Return several statistics, each of the same draws."""
    values, marks = _both(scores, labels)
    sides = [list(members(marks, groups, label).values()) for label in (0, 1)]
    random = np.random.default_rng(seed)
    told = statistics(values, marks)
    drawn: dict[str, list[float]] = {name: [] for name in told}
    for _ in range(times):
        rows = np.concatenate(
            [side[i] for side in sides for i in random.integers(0, len(side), len(side))]
        )
        for name, value in statistics(values[rows], marks[rows]).items():
            drawn[name].append(value)
    found = {}
    for name, value in told.items():
        low, high = np.quantile(drawn[name], (0.025, 0.975)) if times else (value, value)
        found[name] = Rate(value, min(value, float(low)), max(value, float(high)), len(marks))
    return found


def members(marks: Marks, groups: Sequence[str], label: int) -> dict[str, NDArray[np.int64]]:
    """Return the rows of every group of that label, by its name in order."""
    rows: dict[str, list[int]] = {}
    for number in np.nonzero(marks == label)[0].tolist():
        rows.setdefault(groups[number], []).append(number)
    return {name: np.asarray(rows[name], np.int64) for name in sorted(rows)}


def _both(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Marks]:
    values = np.asarray(scores, np.float64)
    marks: NDArray[Any] = np.asarray(labels, np.int64)
    if values.shape != marks.shape or values.ndim != 1:
        raise ValueError("as many scores as labels are needed, in one row")
    if not np.isfinite(values).all():
        raise ValueError("a score is no number")
    if not set(np.unique(marks).tolist()) == {0, 1}:
        raise ValueError("both labels, 0 and 1, are needed")
    return values, marks
