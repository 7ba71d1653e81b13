"""The scores along a film or a sound as a plot: what reaches the threshold stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from trustkit.detectors import Part, Threshold
from trustkit.detectors.explain import drawing as draw

_WIDTH, _HEIGHT = 960, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 160, 14, 34  # pixels around the plot
_MOST = 20.0  # logit: what is beyond is drawn at the rim
_STEPS = (0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)  # seconds
_TICKS = 12
_NARROWEST = 3  # pixels of a part
_MINUTE, _LONG = 60, 180  # seconds


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where seconds and scores lie on the canvas."""

    seconds: float
    low: float
    high: float

    def x(self, seconds: float) -> int:
        share = min(1.0, max(0.0, seconds / self.seconds))
        return _LEFT + round(share * (_WIDTH - _LEFT - _RIGHT))

    def y(self, score: float) -> int:
        share = (min(self.high, max(self.low, score)) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - round(share * (_HEIGHT - _TOP - _BOTTOM))


def timeline(
    scored: Sequence[Part],
    seconds: float,
    used: float,
    thresholds: tuple[Threshold, ...],
    lines: tuple[str, ...],
) -> bytes:
    """Return a PNG of the scores of parts over `seconds`, with the thresholds and a legend below.

    `used` is the score that parts are held to.
    """
    canvas = draw.paper(_WIDTH, _HEIGHT)
    parts = _lasting(scored, seconds)
    levels = [used, *(one.score for one in thresholds)]
    scores = [min(_MOST, max(-_MOST, score)) for _, _, score in parts]
    low, high = min([*scores, *levels]) - 0.5, max([*scores, *levels]) + 0.5
    length = max([seconds, *(end for _, end, _ in parts)])
    plot = _Plot(length or 1.0, low, high)
    for (start, end, _), score in zip(parts, scores, strict=True):
        is_above = score >= used
        colour = draw.MORE if is_above else draw.LESS
        left, y = plot.x(start), plot.y(score)
        right = max(plot.x(end), left + _NARROWEST)
        if is_above:  # an area below would look as if it cleared somebody
            _shade(canvas, (left, right), (plot.y(used), y), colour)
        cv2.line(canvas, (left, y), (right, y), colour, 2)
    _axes(canvas, plot)
    _levels(canvas, plot, used, thresholds)
    return draw.png(draw.below(canvas, draw.legend(lines, (), _WIDTH)))


def _lasting(scored: Sequence[Part], seconds: float) -> list[tuple[float, float, float]]:
    """Return from when to when each part lasts, and its score: a frame until the next one."""
    parts = sorted(scored, key=lambda part: part.place[0])
    if not parts:
        return []
    following = [*(part.place[0] for part in parts[1:]), max(seconds, parts[-1].place[0])]
    return [
        (part.place[0], part.place[-1] if part.place[-1] > part.place[0] else after, part.score)
        for part, after in zip(parts, following, strict=True)
    ]


def _shade(
    canvas: draw.Canvas, across: tuple[int, int], down: tuple[int, int], colour: tuple[int, ...]
) -> None:
    part = canvas[min(down) : max(down) + 1, across[0] : across[1] + 1]
    part[:] = np.rint(part * 0.65 + np.array(colour) * 0.35).astype(np.uint8)


def _axes(canvas: draw.Canvas, plot: _Plot) -> None:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    cv2.rectangle(canvas, (_LEFT, _TOP), (right, bottom), draw.FAINT, 1)
    step = next((s for s in _STEPS if plot.seconds / s <= _TICKS), plot.seconds)
    for number in range(int(plot.seconds / step) + 1):
        x, text = plot.x(number * step), _clock(number * step, plot.seconds)
        cv2.line(canvas, (x, bottom), (x, bottom + 4), draw.INK, 1)
        draw.write(canvas, text, (x - draw.width_of(text) // 2, bottom + 19))
    each = max(1, round((plot.high - plot.low) / 6))
    for score in range(int(np.ceil(plot.low)), int(plot.high) + 1):
        if score % each == 0:
            y, text = plot.y(score), f"{score:+d}" if score else "0"
            cv2.line(canvas, (_LEFT - 4, y), (_LEFT, y), draw.INK, 1)
            draw.write(canvas, text, (_LEFT - 8 - draw.width_of(text), y + 5))


def _levels(
    canvas: draw.Canvas, plot: _Plot, used: float, thresholds: tuple[Threshold, ...]
) -> None:
    lowest = _HEIGHT
    for one in sorted(thresholds, key=lambda one: one.score):
        y = plot.y(one.score)
        colour = draw.INK if one.score == used else draw.FAINT
        cv2.line(canvas, (_LEFT, y), (_WIDTH - _RIGHT, y), colour, 1)
        text = min(y + 5, lowest - draw.LINE)  # names of near thresholds do not lie on each other
        lowest = text
        draw.write(canvas, f"false pos. {one.asked * 100:g} %", (_WIDTH - _RIGHT + 6, text))


def _clock(seconds: float, length: float) -> str:
    if length > _LONG:
        return f"{int(seconds) // _MINUTE}:{int(seconds) % _MINUTE:02d}"
    return f"{seconds:g} s"
