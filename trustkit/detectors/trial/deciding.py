"""Which threshold each file is held against: the card's, or one that its own fold did not set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trustkit.detectors import Answer
from trustkit.detectors.panel import TELLS
from trustkit.detectors.trial.calibrating import RATES, Curve, calibrate, left_out, thresholds
from trustkit.detectors.trial.index import Row
from trustkit.detectors.trial.result import About, Observation

CARD = "of the card"
SOURCE_OUT = "set anew, each source left out"
FOLD_OUT = "set on the other folds"


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to set thresholds: `of_fold` has, for a rate, the score by fold; "" is for the rest.

    A file that no generator made is held against a threshold that its own fold (or source) had no
    part in.
    """

    how: str
    by_source: bool
    of_fold: Mapping[float, Mapping[str, float]]

    def score(self, asked: float, seen: Observation, row: Row) -> float:
        """Return the threshold for one file."""
        scores = self.of_fold[asked]
        key = row.name if self.by_source and row.label == 0 else seen.fold
        return scores.get(key, scores[""]) if "" in scores else scores[key]

    def told(self, asked: float) -> str:
        """Return the threshold as text: one score, or from the lowest to the highest."""
        scores = sorted(self.of_fold[asked].values())
        if scores[0] == scores[-1]:
            return f"{scores[0]:.4g}"
        return f"{scores[0]:.4g} to {scores[-1]:.4g}"


def cuts(about: About, seen: Sequence[Observation], rows: Mapping[str, Row]) -> tuple[Cut, ...]:
    """Return the ways, the one first that answers are told by.

    Thresholds are set over all conditions together: whoever uses one does not know what a file
    went through. Empty where a single source or fold leaves nothing to set one on.
    """
    made = []
    if about.thresholds:
        of_card = {t.asked: {"": t.score} for t in about.thresholds}
        if all(asked in of_card for asked in RATES):
            made.append(Cut(CARD, by_source=False, of_fold=of_card))
    reals = [o for o in seen if rows[o.file].label == 0]
    scores, sources = [o.score for o in reals], [rows[o.file].name for o in reals]
    folds = [o.fold for o in reals]
    if len(set(folds)) > 1:
        found = {asked: dict(left_out(scores, folds, sources, asked)) for asked in RATES}
        for asked, of_fold in found.items():
            # A fold without such files had no part in any threshold.
            ((_, of_fold[""], *_),) = thresholds(scores, sources, [asked])
        made.append(Cut(FOLD_OUT, by_source=False, of_fold=found))
    elif len(set(sources)) > 1:
        found = {asked: dict(left_out(scores, sources, sources, asked)) for asked in RATES}
        for asked, of_fold in found.items():
            ((_, of_fold[""], *_),) = thresholds(scores, sources, [asked])
        made.append(Cut(SOURCE_OUT, by_source=True, of_fold=found))
    return tuple(made)


def answered(seen: Sequence[Observation], rows: Mapping[str, Row], cut: Cut) -> list[Observation]:
    """Return scores that were given with the answers and ratios that the other folds allow."""
    curves = _curves(seen, rows)
    found = []
    for o in seen:
        row = rows[o.file]
        likely, doubtful = (cut.score(asked, o, row) for asked in (0.01, 0.05))
        ratio = o.log_ratio
        if math.isnan(ratio) and o.fold in curves:
            ratio = float(curves[o.fold]([o.score])[0])
        if o.score >= likely:
            # Where no ratio is known the score is all there is to judge by.
            weak = ratio < math.log(TELLS)
            answer, why = (Answer.INCONCLUSIVE, "weak") if weak else (Answer.LIKELY, "")
        elif o.score >= doubtful:
            answer, why = Answer.INCONCLUSIVE, "band"
        else:
            answer, why = Answer.UNLIKELY, ""
        found.append(
            Observation(o.file, o.condition, o.score, ratio, answer, why, o.fold, o.seconds)
        )
    return found


def _curves(seen: Sequence[Observation], rows: Mapping[str, Row]) -> dict[str, Curve]:
    folds = np.asarray([o.fold for o in seen])
    labels = np.asarray([rows[o.file].label for o in seen])
    curves = {}
    for fold in np.unique(folds):
        others = np.nonzero(folds != fold)[0].tolist()
        if len({int(labels[i]) for i in others}) < 2:  # noqa: PLR2004  # both labels
            continue
        curves[str(fold)] = calibrate(
            [seen[i].score for i in others],
            labels[others],
            [rows[seen[i].file].name for i in others],
            len(others) / len({seen[i].file for i in others}),
        )
    return curves
