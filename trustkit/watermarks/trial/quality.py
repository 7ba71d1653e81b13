"""How far a picture is from another: PSNR and SSIM, strip by strip, so that memory stays flat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.trial.distortions import Picture

_ROWS = 512
_REACH = 5  # pixels on each side: the window of Wang et al. 2004 is 11 by 11, its sigma 1.5
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2


def psnr(one: Picture, other: Picture) -> float:
    """Return the peak signal-to-noise ratio in dB over all 8-bit values; same pictures: infinity.

    Raises `ValueError` for pictures that differ in shape.
    """
    _check(one, other)
    squares = 0
    for top in range(0, one.shape[0], _ROWS):
        rows = slice(top, top + _ROWS)
        apart = one[rows].astype(np.int32) - other[rows]
        squares += int(np.sum(apart * apart, dtype=np.int64))
    return 10 * math.log10(255**2 * one.size / squares) if squares else math.inf


def ssim(one: Picture, other: Picture) -> float:
    """Return the mean structural similarity of the luma (Wang et al. 2004), over whole windows.

    Raises `ValueError` for pictures that differ in shape, or have a side of less than 11 pixels.
    """
    _check(one, other)
    if min(one.shape[:2]) < 2 * _REACH + 1:
        raise ValueError("SSIM needs 11 pixels each way")
    total, count = 0.0, 0
    for a, b in _strips(one, other):
        similar = _similarity(a, b)
        total += float(similar.sum())
        count += similar.size
    return total / count


def _check(one: Picture, other: Picture) -> None:
    if one.shape != other.shape or one.dtype != np.uint8 or other.dtype != np.uint8:
        raise ValueError("only 8-bit pictures of one shape can be compared")


def _strips(one: Picture, other: Picture) -> Iterator[tuple[Any, Any]]:
    # Every strip brings the rows that its outermost windows reach into.
    for top in range(0, one.shape[0] - 2 * _REACH, _ROWS):
        rows = slice(top, top + _ROWS + 2 * _REACH)
        yield _luma(one[rows]), _luma(other[rows])


def _luma(rgb: Picture) -> NDArray[np.float64]:
    if rgb.ndim == 2:  # noqa: PLR2004  # height and width: grey already
        return rgb.astype(np.float64)
    luma: NDArray[np.float64] = rgb[..., :3] @ np.array([0.299, 0.587, 0.114])
    return luma


def _similarity(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    mean_a, mean_b = _windows(a), _windows(b)
    var_a = _windows(a * a) - mean_a * mean_a
    var_b = _windows(b * b) - mean_b * mean_b
    both = _windows(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    shape: NDArray[np.float64] = light * (2 * both + _C2) / (var_a + var_b + _C2)
    return shape


def _windows(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    size = (2 * _REACH + 1, 2 * _REACH + 1)
    blurred = np.asarray(cv2.GaussianBlur(plane, size, _SIGMA), np.float64)
    return blurred[_REACH:-_REACH, _REACH:-_REACH]
