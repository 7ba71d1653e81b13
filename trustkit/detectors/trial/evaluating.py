"""From what was seen to what it amounts to: headline, tables, and what plots are drawn of."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from trustkit.detectors import Answer, Rate
from trustkit.detectors.trial import metrics
from trustkit.detectors.trial.calibrating import RATES
from trustkit.detectors.trial.deciding import Cut
from trustkit.detectors.trial.index import UNTOLD, Row
from trustkit.detectors.trial.result import Answers, AtThreshold, Group, Observation, Outcome

ROC_POINTS = 200
MOST_SOURCES = 12  # histograms of their own
LEAST_FILES = 10  # of a source with one

_FOUND = ("tpr_1", "tpr_5")
_LIST = re.compile(r"[,;]")
_FINER = re.compile(r"[,;()]|\sand\s")
_GAP = re.compile(r"[\s_-]+")
_NAME = re.compile(r"[0-9/:._+-]")


def outcome(
    condition: str,
    sentence: str,
    seen: Sequence[Observation],
    rows: Mapping[str, Row],
    cuts: Sequence[Cut],
    columns: Sequence[str],
    *,
    times: int = metrics.TIMES,
    seed: int = metrics.SEED,
) -> Outcome:
    """Return what the observations of one condition amount to; at least one is needed."""
    labels = np.asarray([rows[o.file].label for o in seen])
    scores = np.asarray([o.score for o in seen])
    units = [rows[o.file].unit for o in seen]
    both = 0 < labels.sum() < len(labels)
    figures: dict[str, Rate] = {}
    reliability: list[tuple[float, float, float, int]] = []
    if both:
        drawn = metrics.bootstraps(scores, labels, units, times=times, seed=seed)
        # What is found is a share of the generated files, and is told as one of so many.
        figures = {
            name: replace(figure, total=int(labels.sum())) if name in _FOUND else figure
            for name, figure in drawn.items()
        }
        ratios = np.asarray([o.log_ratio for o in seen])
        if np.isfinite(ratios).all():
            believed = metrics.even_odds(ratios)
            reliability = metrics.reliability(believed, labels)
            figures["ece"] = metrics.bootstrap(
                believed, labels, units, metrics.ece, times=times, seed=seed
            )
    return Outcome(
        condition=condition,
        sentence=sentence,
        generated=int(labels.sum()),
        others=int(len(labels) - labels.sum()),
        figures=figures,
        thresholds=tuple(_at(asked, cut, seen, rows) for cut in cuts for asked in RATES),
        answers=tuple(_answers(label, seen, rows) for label in (1, 0) if label in labels),
        in_domain_inconclusive=_doubt([o for o in seen if o.why != "domain"]),
        groups=_groups(seen, rows, cuts[0], columns) if cuts else (),
        roc=_roc(scores, labels) if both else (),
        reliability=tuple(reliability),
        scores=_spreads(seen, rows),
    )


def _at(
    asked: float, cut: Cut, seen: Sequence[Observation], rows: Mapping[str, Row]
) -> AtThreshold:
    above = Counter(
        rows[o.file].label for o in seen if o.score >= cut.score(asked, o, rows[o.file])
    )
    every = Counter(rows[o.file].label for o in seen)
    true, false = (metrics.rate(above[label], every[label]) for label in (1, 0))
    return AtThreshold(asked, cut.how, cut.told(asked), true, false)


def _answers(label: int, seen: Sequence[Observation], rows: Mapping[str, Row]) -> Answers:
    own = [o for o in seen if rows[o.file].label == label]
    counts = Counter(o.answer for o in own)
    likely, unlikely, inconclusive = (
        metrics.rate(counts[answer], len(own))
        for answer in (Answer.LIKELY, Answer.UNLIKELY, Answer.INCONCLUSIVE)
    )
    why = Counter(o.why for o in own if o.answer is Answer.INCONCLUSIVE)
    return Answers(label, likely, unlikely, inconclusive, dict(sorted(why.items())))


def _doubt(seen: Sequence[Observation]) -> Rate:
    return metrics.rate(sum(o.answer is Answer.INCONCLUSIVE for o in seen), len(seen))


def _groups(
    seen: Sequence[Observation], rows: Mapping[str, Row], cut: Cut, columns: Sequence[str]
) -> tuple[Group, ...]:
    found = []
    for column in columns:
        for label in (1, 0):
            own: dict[str, list[Observation]] = {}
            for o in seen:
                if rows[o.file].label == label:
                    own.setdefault(rows[o.file].groups[column], []).append(o)
            if set(own) == {UNTOLD}:
                continue
            for value in sorted(own, key=lambda name: (-len(own[name]), name)):
                found.append(_group(column, value, label, own[value], rows, cut))
    return tuple(found)


def _group(
    column: str,
    value: str,
    label: int,
    own: Sequence[Observation],
    rows: Mapping[str, Row],
    cut: Cut,
) -> Group:
    at_1, at_5 = (
        metrics.rate(sum(o.score >= cut.score(asked, o, rows[o.file]) for o in own), len(own))
        for asked in (0.01, 0.05)
    )
    return Group(column, value, label, at_1, at_5, _doubt(own), median(o.score for o in own))


def _roc(scores: metrics.Floats, labels: metrics.Marks) -> tuple[tuple[float, float], ...]:
    false, true, _ = metrics.roc(scores, labels)
    # Dense at the left, where thresholds are.
    wanted = np.unique(np.concatenate([np.linspace(0, 1, ROC_POINTS) ** 2, [0.01, 0.05]]))
    places = np.searchsorted(false, wanted, "right") - 1
    return tuple((float(x), float(y)) for x, y in zip(wanted, true[places], strict=True))


def _spreads(seen: Sequence[Observation], rows: Mapping[str, Row]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = {"generated": [], "not generated": []}
    sources: dict[str, list[float]] = {}
    for o in seen:
        row = rows[o.file]
        found["generated" if row.label else "not generated"].append(o.score)
        if not row.label:
            sources.setdefault(row.name, []).append(o.score)
    large = [name for name in sources if len(sources[name]) >= LEAST_FILES]
    for name in sorted(large, key=lambda n: (-len(sources[n]), n))[:MOST_SOURCES]:
        found[name] = sources[name]
    return {name: tuple(values) for name, values in found.items() if values}


def is_seen(row: Row, trained_on: Sequence[str]) -> bool:
    """Tell whether a card names the row's generator, family or gallery.

    `trained_on` has the names and sources of a card, in lower case: each may be a list (commas,
    semicolons). What can only be a name (a slash, a digit...) may stand within a sentence or an
    address, too; a mere word, such as portraits, may not. Spaces, dashes and underscores are one.
    """
    texts = [_alike(text) for text in trained_on]
    listed = {
        _alike(item)
        for text in trained_on
        for item in (text, *_LIST.split(text), *_FINER.split(text))
    }
    words = {word for word in row.kin if any(map(str.isalnum, word))}
    return bool({_alike(word) for word in words} & listed) or any(
        _holds(text, _alike(word)) for word in words if _NAME.search(word) for text in texts
    )


def _alike(text: str) -> str:
    return _GAP.sub("-", text.strip().lower())


def _holds(text: str, word: str) -> bool:
    place = text.find(word)
    while place >= 0:
        end = place + len(word)
        before, after = text[place - 1 : place], text[end : end + 1]
        if not (before.isalnum() or after.isalnum()):
            return True
        place = text.find(word, place + 1)
    return False


def finite(value: float) -> float | None:
    """Return a number that JSON can hold, rounded, or None."""
    return round(value, 6) if math.isfinite(value) else None
