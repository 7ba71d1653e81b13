"""The mark is added to a film's frames: one residual for many of them, anew where they change."""

from __future__ import annotations

from collections.abc import Callable
from math import log10
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.media.film import Luma
from trustkit.watermarks import Plane

REFRESH = 24  # frames: making a residual costs forty times what adding it does

_THUMBNAIL, _STRIDES = (64, 36), 4  # samples across and down; each is the mean of 4 by 4
_CUT = 10.0  # mean change of the thumbnail's luma, of 255, from frame to frame
_DRIFT = 8.0  # the same since the residual was made
# The eye is slow after a cut, and there every encoder begins anew: the best place for the mark.
_AT_CUT, _FRAMES_AT_CUT = 1.26, 2  # times as loud (2 dB), for so many frames
_RESTED = 4  # frames that a residual serves at least when nothing is cut
_ROUNDING = 1 / 12  # mean square of rounding to whole steps
_BLACK, _WHITE = 16, 235  # of limited range, in 8 bits (ITU-R BT.601)


class Marker:
    """Adds the mark to one frame after the other, in place.

    `residual` makes the small plane to be enlarged and added to a luma from 0 to 255. Where that
    would lower the luma's PSNR below `floor` (dB), it is made quieter.
    """

    def __init__(self, residual: Callable[[Plane], Plane], floor: float) -> None:
        self._residual, self._floor_psnr = residual, floor
        self._more: NDArray[Any] = np.empty(0)
        self._less: NDArray[Any] = np.empty(0)
        self._low = self._high = self._floor = self._ceiling = self._more
        self._range = self._steps = (0, 0)  # of the film's luma; of the residual
        self._age, self._made = REFRESH, 0
        self._last: Plane | None = None
        self._base: Plane | None = None
        self._errors: list[float] = []
        self._served: list[int] = []  # frames, by each residual

    def __call__(self, luma: Luma) -> None:
        """Add the mark to the film's next frame."""
        small = thumbnail(luma)
        is_cut = differ(small, self._last) > _CUT
        has_drifted = self._age >= _RESTED and differ(small, self._base) > _DRIFT
        is_due = is_cut or has_drifted or self._age >= REFRESH
        if is_due:
            self._make(luma, _AT_CUT if is_cut else 1.0)
            self._age, self._base = (REFRESH - _FRAMES_AT_CUT if is_cut else 0), small
            before = luma.plane.copy()
        self._add(luma)
        if is_due:
            difference = cv2.norm(luma.plane, before, cv2.NORM_L2) ** 2 / before.size
            self._errors.append(difference / ((1 << luma.depth) - 1) ** 2)
            self._served.append(0)
        self._served[-1] += 1
        self._age, self._last = self._age + 1, small

    def psnr(self) -> tuple[float, float]:
        """Return the mean over frames, and the worst, as measured where the residual was made."""
        each = [-10 * log10(max(error, 1e-10)) for error in self._errors]
        return float(np.average(each, weights=self._served)), min(each)

    def _make(self, luma: Luma, louder: float) -> None:
        height, width = luma.plane.shape
        small = self._residual(luma.in_eight_bits())
        loudest = 255**2 / 10 ** (self._floor_psnr / 10) - _ROUNDING
        power = float((small * small).mean())
        small = small * np.float32(louder * min(1.0, (loudest / max(power, 1e-9)) ** 0.5))
        if luma.depth > 8:  # noqa: PLR2004  # bits
            small = small * (1 << (luma.depth - 8))
        whole = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        # Two unsigned planes: adding and taking away those saturates, at a tenth of the cost.
        kind = cv2.CV_8U if luma.depth <= 8 else cv2.CV_16U  # noqa: PLR2004  # bits
        zero = np.zeros_like(luma.plane)
        self._more = cv2.add(zero, whole, dtype=kind)
        self._less = cv2.subtract(zero, whole, dtype=kind)
        self._steps = int(self._less.max()), int(self._more.max())
        if self._low.shape != zero.shape:
            low, high = (0, (1 << luma.depth) - 1)
            if not luma.full:
                low, high = _BLACK << (luma.depth - 8), _WHITE << (luma.depth - 8)
            self._range = low, high
            # Whole planes: OpenCV compares two planes ten times faster than one with a number.
            self._low, self._high = np.full_like(zero, low), np.full_like(zero, high)
            self._floor, self._ceiling = zero.copy(), zero.copy()

    def _add(self, luma: Luma) -> None:
        plane = luma.plane
        darkest, brightest, _, _ = cv2.minMaxLoc(plane)
        if (
            self._range[0] + self._steps[0]
            <= darkest
            <= brightest
            <= self._range[1] - self._steps[1]
        ):
            cv2.add(plane, self._more, plane)
            cv2.subtract(plane, self._less, plane)
            return
        # What the source has outside its range stays as it is; the mark leads nothing there.
        cv2.min(plane, self._low, self._floor)
        cv2.max(plane, self._high, self._ceiling)
        cv2.add(plane, self._more, plane)
        cv2.subtract(plane, self._less, plane)
        cv2.max(plane, self._floor, plane)
        cv2.min(plane, self._ceiling, plane)


def thumbnail(luma: Luma) -> Plane:
    """Return a small copy, of 8 bits' range, by which frames are compared."""
    # Averages, not single samples: grain must not look like movement. But not of all samples.
    some = (_THUMBNAIL[0] * _STRIDES, _THUMBNAIL[1] * _STRIDES)
    strided = cv2.resize(luma.plane, some, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(strided, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(1 << (luma.depth - 8))


def differ(one: Plane, other: Plane | None) -> float:
    """Return the mean difference of two thumbnails; the most there is where there is no other."""
    if other is None or one.shape != other.shape:
        return 255.0
    return float(np.abs(one - other).mean())
