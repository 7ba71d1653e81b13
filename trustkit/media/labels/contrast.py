"""Contrast as WCAG 2.2 has it, measured in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.media.labels import Box, Plane, Stamp

ENOUGH = 4.5  # WCAG 2.2, 1.4.3: letters against what is behind them
_FLARE = 0.05  # of the definition of contrast ratio
_KNEE, _SLOPE, _OFFSET, _POWER = 0.04045, 12.92, 0.055, 2.4  # sRGB, IEC 61966-2-1
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SURE = 0.95  # a pixel that is all letter, or all box
_TENTH = 10  # per cent of the pixels that may be worse: the rims of letters
_REACH = 0.5  # of the box's height: what of the picture is its surroundings


@dataclass(frozen=True, slots=True)
class Contrast:
    """Ratios from 1 to 21: of the letters against their box, and around it.

    `around` is of the box, or of its edge where that stands off more, against the mean of what
    surrounds it; None where there is nothing around it.
    """

    letters: float
    around: float | None


def luminance(colours: NDArray[Any]) -> Plane:
    """Return the relative luminance (0 to 1) of RGB or grey values from 0 to 1, taken as sRGB."""
    values = np.asarray(colours, np.float32)
    bright = np.where(
        values <= _KNEE,
        values / _SLOPE,
        ((np.maximum(values, 0) + _OFFSET) / (1 + _OFFSET)) ** _POWER,
    )
    return np.asarray(bright @ _WEIGHTS if values.ndim == 3 else bright, np.float32)  # noqa: PLR2004


def ratio(one: float, other: float) -> float:
    """Return the contrast ratio of two luminances."""
    high, low = max(one, other), min(one, other)
    return (high + _FLARE) / (low + _FLARE)


def surroundings(bright: Plane, box: Box) -> float | None:
    """Return the mean luminance of a picture around `box`, None where there is nothing."""
    reach = max(2, round(min(box.width, box.height) * _REACH))
    top, left = max(0, box.y - reach), max(0, box.x - reach)
    part = bright[top : box.bottom + reach, left : box.right + reach]
    around = np.ones(part.shape, bool)
    around[box.y - top : box.bottom - top, box.x - left : box.right - left] = False
    return float(part[around].mean()) if around.any() else None


def is_darker_better(around: float | None) -> bool:
    """Tell whether a black box stands off more from its surroundings than a white one."""
    return around is not None and ratio(around, 0.0) >= ratio(around, 1.0)


def measured(bright: Plane, box: Box, stamp: Stamp, *, dark: bool) -> Contrast:
    """Return the contrast of a label in a picture's luminance.

    One tenth of the letters and one tenth of their ground may be worse than `letters`.
    """
    part = bright[box.y : box.bottom, box.x : box.right]
    letters = part[stamp.letters > _SURE]
    ground = part[(stamp.text < 1 - _SURE) & (stamp.cover > _SURE)]
    if not len(letters) or not len(ground):
        return Contrast(1.0, None)
    light, shade = (letters, ground) if dark else (ground, letters)
    low = float(np.percentile(light, _TENTH))
    high = float(np.percentile(shade, 100 - _TENTH))
    around = surroundings(bright, box)
    off = None
    if around is not None:
        off = max(ratio(around, float(np.median(side))) for side in (light, shade))
    return Contrast(ratio(low, high) if low > high else 1.0, off)
