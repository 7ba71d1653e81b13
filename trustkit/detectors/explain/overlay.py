"""A heat map over a reduced, greyed copy of the picture it is of."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.detectors import Array
from trustkit.detectors.explain import HeatMap, Way
from trustkit.detectors.explain import drawing as draw

LONGEST = 1024  # pixels of the copy's longer side
_LEAST = 480  # pixels: what is smaller is enlarged, as a whole multiple
_WIDTH = 560  # pixels of a legend that can be read
_NARROWEST = 16  # pixels of a copy's shorter side: below that there is nothing to see
_PALE = 0.75  # of the copy's contrast is kept, so that colours are seen on black and on white

_MUCH = 0.5  # of the colours' reach: where places were covered, less is not outlined
_COVERED = ("lowers the score", "raises it")


def overlay(picture: Array, heat: HeatMap, lines: tuple[str, ...]) -> bytes:
    """Return a PNG of `picture`, (height, width, 3) RGB, with `heat` over it and a legend below.

    Each place is drawn as it was scored, none is smoothed. Places above the threshold are outlined,
    so that the map can be read without colours, too.
    """
    ground = _ground(picture)
    height, width = ground.shape[:2]
    left, top, right, bottom = _scaled(heat.frame, picture.shape, ground.shape)
    size = max(1, right - left), max(1, bottom - top)
    strong = np.zeros((height, width), np.float32)
    places = draw.strength(heat.scores, heat.centre, heat.reach)
    strong[top : top + size[1], left : left + size[0]] = cv2.resize(
        places, size, interpolation=cv2.INTER_NEAREST
    )
    is_covered = heat.way is Way.COVERED
    less = draw.STRONG if is_covered else draw.WEAK
    canvas = draw.tinted(ground, strong, less)
    _outline(canvas, strong > (_MUCH if is_covered else 0))
    if size != (width, height):  # only a part was looked at
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), draw.INK, 1)
    ends = heat.centre - heat.reach, heat.centre, heat.centre + heat.reach
    marks = tuple((at, _number(end)) for at, end in zip((-1, 0, 1), ends, strict=True))
    meaning = _COVERED if is_covered else draw.MEANING
    strip = draw.legend(lines, marks, max(width, _WIDTH), meaning, less)
    return draw.png(draw.below(canvas, strip))


def _number(score: float) -> str:
    return f"{score:+.1f}" if abs(score) >= 0.05 else "0"  # noqa: PLR2004  # what is not shown as 0.0


def _ground(picture: Array) -> draw.Canvas:
    height, width = picture.shape[:2]
    scale = LONGEST / max(height, width)
    if scale > 1:
        scale = max(1, min(int(scale), -(-_LEAST // max(height, width))))
    size = max(_NARROWEST, round(width * scale)), max(_NARROWEST, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    grey = cv2.cvtColor(cv2.resize(picture, size, interpolation=how), cv2.COLOR_RGB2GRAY)
    pale = np.rint(grey * _PALE + 255 * (1 - _PALE) / 2).astype(np.uint8)
    return np.repeat(pale[..., None], 3, axis=2)


def _scaled(
    frame: tuple[float, ...], was: tuple[int, ...], now: tuple[int, ...]
) -> tuple[int, int, int, int]:
    across, down = now[1] / was[1], now[0] / was[0]
    left, top = (max(0, round(at * by)) for at, by in ((frame[0], across), (frame[1], down)))
    right = min(now[1], max(left + 1, round(frame[2] * across)))
    bottom = min(now[0], max(top + 1, round(frame[3] * down)))
    return min(left, now[1] - 1), min(top, now[0] - 1), right, bottom


def _outline(canvas: draw.Canvas, above: NDArray[np.bool_]) -> None:
    found, _ = cv2.findContours(above.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(canvas, found, -1, draw.PAPER, 3)
    cv2.drawContours(canvas, found, -1, draw.INK, 1)
