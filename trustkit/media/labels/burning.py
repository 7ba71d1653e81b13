"""The label in a film's frames: burnt into luma and chroma, for the time it is to be seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from trustkit.errors import PublishError
from trustkit.media.film import Film, Luma
from trustkit.media.labels import Box, Plane, Stamp
from trustkit.media.labels.contrast import (
    Contrast,
    is_darker_better,
    luminance,
    measured,
    surroundings,
)
from trustkit.media.labels.drawing import Wish, fit, padded
from trustkit.media.labels.turning import of_matrix, shown_size, stored

UNIT = 4  # pixels: chroma is at most so much coarser than luma (4:1:1, 4:1:0)
_BLACK, _WHITE = 16, 235  # of 255, in the narrow range of ITU-R BT.709 and BT.601
# Signal of paper white in HDR, 203 cd/m2 in PQ and HLG (ITU-R BT.2408): full white would dazzle.
_PAPER = {16: 0.58, 18: 0.75}
_ODDEST = 4.0  # pixels that are wider or higher than so much are a mistake in the file


@dataclass(frozen=True, slots=True)
class Windows:
    """When the label is seen: `seconds` from the beginning on and after every `every` of them."""

    seconds: float
    every: float
    always: bool = False

    def number(self, at: float) -> int | None:
        """Return in which window a frame is that is shown `at`, None outside of all."""
        at = max(0.0, at)
        if self.always:
            return 0
        number = int(at // self.every) if self.every else 0
        return number if at - number * self.every < self.seconds else None


@dataclass(frozen=True, slots=True)
class Placed:
    """A label for a film's stored frames; `box` and `stamp` as stored, `shown` as shown."""

    stamp: Stamp
    box: Box
    shown: Box
    is_smaller: bool
    white: float


def place(film: Film, wish: Wish, name: str) -> Placed:
    """Return the label for `film`; raises `PublishError` where it does not fit."""
    orientation = of_matrix(film.turned)
    if orientation is None:
        raise PublishError(
            f"{name} is turned by something else than quarters, so its top is not known",
            "turn it upright first",
        )
    aspect = float(film.aspect or 1)
    aspect = aspect if 1 / _ODDEST < aspect < _ODDEST else 1.0
    wide = (max(1, round(film.width * aspect)), film.height)
    fitted = fit(wish, shown_size(wide, orientation), name)
    stamp, box = stored(fitted.stamp, fitted.box, wide, orientation)
    if aspect != 1:
        width = max(1, round(box.width / aspect))
        stamp = _narrowed(stamp, width)
        box = Box(round(box.x / aspect), box.y, width, box.height)
    # On whole chroma samples: a rim of them would be half in the old colour.
    box = replace(box, x=box.x // UNIT * UNIT, y=box.y // UNIT * UNIT)
    white = _PAPER.get(film.colour.transfer, 1.0)
    return Placed(padded(stamp, UNIT), box, fitted.box, fitted.is_smaller, white)


class Burner:
    """Burns the label into frames that come in their order; black or white anew in each window."""

    def __init__(self, placed: Placed, windows: Windows) -> None:
        self._placed, self._windows = placed, windows
        self._start: float | None = None  # in seconds: that of the first frame
        self._dark: dict[int, bool] = {}
        self.times: list[tuple[float, float]] = []

    def __call__(self, luma: Luma) -> None:
        """Change a frame."""
        self._start = luma.seconds if self._start is None else self._start
        at = luma.seconds - self._start
        number = self._windows.number(at)
        if number is None:
            return
        if number not in self._dark:
            # The first frame of a window decides: in the midst of it nothing flickers.
            self._dark[number] = is_darker_better(around(luma, self._placed))
            self.times.append((at, at))
        self.times[-1] = (self.times[-1][0], at)
        burn(luma, self._placed, dark=self._dark[number])

    def is_dark(self, at: float) -> bool | None:
        """Return whether the label is black at a time, None where there is none."""
        number = self._windows.number(at)
        return None if number is None else self._dark.get(number)


def burn(luma: Luma, placed: Placed, *, dark: bool) -> None:
    """Draw the label into a frame."""
    black, white = _range(luma, placed.white)
    stamp, box = placed.stamp, placed.box
    ink = black + stamp.ink(dark=dark) * np.float32(white - black)
    _lay(luma.plane, ink, stamp.cover, box.x, box.y)
    neutral = np.float32(1 << (luma.depth - 1))
    for plane in luma.chroma:
        across = -(-luma.plane.shape[1] // plane.shape[1])
        down = -(-luma.plane.shape[0] // plane.shape[0])
        cover = _coarser(stamp.cover, across, down)
        _lay(plane, np.full_like(cover, neutral), cover, box.x // across, box.y // down)


def around(luma: Luma, placed: Placed) -> float | None:
    """Return the mean luminance around the label's place; of HDR against paper white."""
    bright, there = _bright(luma, placed)
    return surroundings(bright, there)


def seen(luma: Luma, placed: Placed, *, dark: bool) -> Contrast:
    """Return the contrast of the label in a frame."""
    bright, there = _bright(luma, placed)
    return measured(bright, there, placed.stamp, dark=dark)


def _bright(luma: Luma, placed: Placed) -> tuple[Plane, Box]:
    box, reach = placed.box, max(placed.stamp.size)
    left, top = max(0, box.x - reach), max(0, box.y - reach)
    part = luma.plane[top : box.y + box.height + reach, left : box.x + box.width + reach]
    black, white = _range(luma, placed.white)
    scaled = (part.astype(np.float32) - black) / np.float32(white - black)
    width, height = placed.stamp.size
    return luminance(np.clip(scaled, 0, 1)), Box(box.x - left, box.y - top, width, height)


def _range(luma: Luma, white: float) -> tuple[float, float]:
    if luma.full:
        low, high = 0.0, float((1 << luma.depth) - 1)
    else:
        low, high = (float(value << (luma.depth - 8)) for value in (_BLACK, _WHITE))
    return low, low + (high - low) * white


def _lay(plane: Plane, ink: Plane, cover: Plane, x: int, y: int) -> None:
    part = plane[y : y + cover.shape[0], x : x + cover.shape[1]]
    here = slice(0, part.shape[0]), slice(0, part.shape[1])
    share = cover[here]
    mixed = np.rint(part + (ink[here] - part) * share)
    np.copyto(part, mixed.astype(part.dtype), where=share > 0)


def _coarser(cover: Plane, across: int, down: int) -> Plane:
    height, width = cover.shape
    parts = cover.reshape(height // down, down, width // across, across)
    return np.asarray(parts.mean(axis=(1, 3)), np.float32)


def _narrowed(stamp: Stamp, width: int) -> Stamp:
    height = stamp.size[1]

    def resized(plane: Plane) -> Plane:
        smaller = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(smaller, 0, 1), np.float32)

    return replace(
        stamp,
        cover=resized(stamp.cover),
        text=resized(stamp.text),
        letters=resized(stamp.letters),
    )
