"""The plots of a trial: ROC, reliability, how scores are spread, and groups with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from trustkit.detectors.trial import drawing as draw
from trustkit.detectors.trial.drawing import COLOURS, DASHES, FAINT, INK, WIDE, Figure
from trustkit.detectors.trial.result import Group, Outcome

_LEFT, _TOP, _TALL = 60, 12, 340
_SPAN = 420  # of a square plot's side, in which a legend has room beside it
_LOWEST = 1e-3  # false positives at the left end of the ROC
_BINS = 40
_ROW = 18
MOST_GROUPS = 60


def roc(outcomes: Sequence[Outcome]) -> Figure:
    """Return the ROC of every condition, false positives on a logarithmic axis."""

    def x(rate: float) -> float:
        return _LEFT + _SPAN * (1 - math.log10(max(rate, _LOWEST)) / math.log10(_LOWEST))

    def y(rate: float) -> float:
        return _TOP + _TALL * (1 - rate)

    parts = []
    for rate, words in (
        (0.001, "0.1 %"),
        (0.01, "1 %"),
        (0.05, "5 %"),
        (0.1, "10 %"),
        (1, "100 %"),
    ):
        parts += [
            draw.line(x(rate), _TOP, x(rate), _TOP + _TALL, FAINT),
            draw.text(x(rate), _TOP + _TALL + 16, words, "middle"),
        ]
    parts += _shares(_TALL)
    by_chance = [10 ** (-3 + i / 20) for i in range(61)]
    parts.append(draw.path([(x(r), y(r)) for r in by_chance], FAINT))
    parts.append(
        draw.text(_LEFT + _SPAN / 2, _TOP + _TALL + 34, "of others, wrongly indicated", "middle")
    )
    for number, outcome in enumerate(outcomes):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        parts.append(draw.path([(x(f), y(t)) for f, t in outcome.roc], colour, dash))
        name = f"{outcome.condition}, AUC {outcome.figures['auc'].value:.3f}"
        parts += _legend(number, name, colour, dash)
    said = "; ".join(f"{o.condition}: AUC {o.figures['auc'].value:.3f}" for o in outcomes)
    return draw.figure(
        "ROC", said, _TOP + _TALL + 42, parts,
        "Up: share of generated ones found. The grey line is guessing.",
    )  # fmt: skip


def reliability(outcomes: Sequence[Outcome]) -> Figure:
    """Return what was believed at even odds against what was counted, bin by bin."""

    def at(p: float, share: float) -> tuple[float, float]:
        return _LEFT + _SPAN * p, _TOP + _TALL * (1 - share)

    parts = _shares(_TALL)
    for tenth in range(0, 11, 2):
        x = _LEFT + _SPAN * tenth / 10
        parts += [
            draw.line(x, _TOP, x, _TOP + _TALL, FAINT),
            draw.text(x, _TOP + _TALL + 16, f"{10 * tenth} %", "middle"),
        ]
    parts.append(draw.line(*at(0, 0), *at(1, 1), INK, 1, "4 4"))
    parts.append(
        draw.text(_LEFT + _SPAN / 2, _TOP + _TALL + 34, "believed: LR / (1 + LR)", "middle")
    )
    for number, outcome in enumerate(outcomes):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        parts.append(draw.path([at(p, s) for p, s, _, _ in outcome.reliability], colour, dash))
        for p, share, weight, files in outcome.reliability:
            words = f"{outcome.condition}: {100 * p:.0f} % believed, {100 * share:.0f} % of {files}"
            parts.append(draw.dot(*at(p, share), 2 + 8 * math.sqrt(weight), colour, words))
        name = f"{outcome.condition}, error {outcome.figures['ece'].value:.3f}"
        parts += _legend(number, name, colour, dash)
    said = "; ".join(f"{o.condition}: error {o.figures['ece'].value:.3f}" for o in outcomes)
    return draw.figure(
        "Calibration", said, _TOP + _TALL + 42, parts,
        "Up: share of generated ones among files of such a score, at even odds. On the dashed line "
        "a likelihood ratio keeps its promise.",
    )  # fmt: skip


def spread(outcome: Outcome) -> Figure:
    """Return how scores are spread, by label and by source; lines mark the thresholds."""
    every = [score for scores in outcome.scores.values() for score in scores]
    low, high = min(every), max(every)
    high = high if high > low else low + 1
    left, wide, tall = 190, WIDE - 190 - 20, 40

    def x(score: float) -> float:
        return left + wide * (min(max(score, low), high) - low) / (high - low)

    parts = []
    for row, (name, scores) in enumerate(outcome.scores.items()):
        counts = [0] * _BINS
        for score in scores:
            counts[min(_BINS - 1, int((score - low) / (high - low) * _BINS))] += 1
        base = _TOP + (row + 1) * (tall + 10)
        colour = COLOURS[1] if name == "generated" else COLOURS[0]
        parts.append(
            draw.text(left - 8, base - 6, f"{draw.short(name, 22)} ({len(scores)})", "end")
        )
        for place, count in enumerate(counts):
            height = tall * count / max(counts)
            at = left + place * wide / _BINS
            parts.append(draw.rect(at, base - height, wide / _BINS - 1, height, colour, 0.8))
        parts.append(draw.line(left, base, left + wide, base, INK))
    bottom = _TOP + len(outcome.scores) * (tall + 10)
    for number, mark in _marks(outcome):
        parts.append(draw.line(x(number), _TOP, x(number), bottom, INK, 1, mark))
    for step in range(6):
        score = low + (high - low) * step / 5
        parts.append(draw.text(x(score), bottom + 16, f"{score:.2g}", "middle"))
    said = f"from {low:.2g} to {high:.2g}"
    return draw.figure(
        f"Scores, {outcome.condition}", said, bottom + 24, parts,
        "Each row to its own height. Upright lines: thresholds of 1 % (whole) and 5 % (dashed).",
    )  # fmt: skip


def bars(groups: Sequence[Group], title: str, *, at_5: bool = False) -> Figure:
    """Return a bar a group, its interval as a line; the largest groups where there are too many."""
    kept = sorted(groups, key=lambda g: (-g.at_1.total, g.value))[:MOST_GROUPS]
    chosen: Callable[[Group], object] = (
        (lambda g: g.at_5.value) if at_5 else (lambda g: g.at_1.value)
    )
    kept.sort(key=lambda g: (-float(str(chosen(g))), g.value))
    left, right = 230, 160
    span, parts = WIDE - left - right, []
    bottom = 6 + len(kept) * _ROW
    for tenth in range(0, 11, 2):
        x = left + span * tenth / 10
        parts += [
            draw.line(x, 6, x, bottom, FAINT),
            draw.text(x, bottom + 16, f"{10 * tenth} %", "middle"),
        ]
    for row, group in enumerate(kept):
        rate = group.at_5 if at_5 else group.at_1
        y, middle = 6 + row * _ROW, 6 + (row + 0.5) * _ROW
        low, high = left + span * rate.low, left + span * rate.high
        parts += [
            draw.text(left - 8, middle + 4, draw.short(group.value), "end"),
            draw.rect(left, y + 3, span * rate.value, _ROW - 6, draw.BAR),
            draw.line(low, middle, high, middle, INK, 1.5),
            draw.line(low, middle - 4, low, middle + 4, INK, 1.5),
            draw.line(high, middle - 4, high, middle + 4, INK, 1.5),
            draw.text(
                WIDE - right + 12, middle + 4, f"{rate.value * rate.total:.0f} of {rate.total}"
            ),
        ]
    left_out = len(groups) - len(kept)
    caption = "Lines: 95 % intervals (Wilson)."
    if left_out:
        caption += f" {left_out} smaller ones are in the table and the JSON alone."
    return draw.figure(title, f"{len(kept)} groups", bottom + 24, parts, caption)


def _marks(outcome: Outcome) -> list[tuple[float, str]]:
    """Return where thresholds of 1 and 5 % stand, from the lowest to the highest, and the dash."""
    return [
        (float(score), dash)
        for asked, dash in ((0.01, ""), (0.05, "5 3"))
        for one in outcome.thresholds[:3]  # of the way that answers are told by
        if one.asked == asked
        for score in dict.fromkeys((one.score.split(" to ")[0], one.score.split(" to ")[-1]))
    ]


def _shares(tall: float) -> list[str]:
    parts = []
    for fifth in range(6):
        y = _TOP + tall * fifth / 5
        parts += [
            draw.line(_LEFT, y, _LEFT + _SPAN, y, FAINT),
            draw.text(_LEFT - 6, y + 4, f"{100 - 20 * fifth} %", "end"),
        ]
    return parts


def _legend(number: int, name: str, colour: str, dash: str) -> list[str]:
    x, y = _LEFT + _SPAN + 24, _TOP + 16 + 20 * number
    return [draw.line(x, y - 4, x + 30, y - 4, colour, 2, dash), draw.text(x + 38, y, name)]
