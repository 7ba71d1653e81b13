"""A small plane laid over a large picture, a strip at a time: the change a watermark makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
Plane = NDArray[np.float32]

_STRIP = 2_000_000  # pixels a time, so that what is needed beside the picture stays flat
_CHUNK = 64  # rows whose sums are taken at once: few enough that hardly any factor is 0
_CUBIC = -0.75  # OpenCV's own, so that strips are what one resize of the whole would be
_LIMIT = 4.0  # ink may be changed by at most so much for one unit of light


class Canvas(Protocol):
    """Decoded pixels that are taken and put back by rows; `layout` names a row's channels.

    Layouts are L, LA, RGB, RGBA, BGR, BGRA, CMYK; `full` is the largest value.
    """

    layout: str
    size: tuple[int, int]
    full: int
    key: tuple[int, ...] | None

    def rows(self, first: int, last: int) -> Rows:
        """Return rows `first` up to `last`, (n, width) or (n, width, channels)."""

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed: the sum of squared differences in 8-bit units, over `samples` colours."""

    squares: float = 0.0
    samples: int = 0

    def __add__(self, other: Change) -> Change:
        """Return both changes as one."""
        return Change(self.squares + other.squares, self.samples + other.samples)

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB over all visible colour samples; inf if none changed."""
        if not self.squares:
            return math.inf
        return 10 * math.log10(255.0**2 * self.samples / self.squares)


class Layer(Protocol):
    """Something that is laid over a picture while it is written anew."""

    @property
    def touched(self) -> tuple[int, int, int, int] | None:
        """The only place it changes: x, y, width, height; None for the whole picture."""

    def apply(self, canvas: Canvas, origin: tuple[int, int] = (0, 0)) -> Change:
        """Change `canvas`, which lies at `origin` (x, y) in the picture."""


@dataclass(frozen=True)
class Spread:
    """A residual in 8-bit units of light that covers a picture of `size` (width, height).

    `weights` say how much of it red, green and blue get; gray gets all.
    """

    plane: Plane
    size: tuple[int, int]
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    touched: None = None

    def rows(self, first: int, last: int) -> Plane:
        """Return rows `first` to `last` of the plane resized (bicubic) to the whole picture."""
        height, width = self.plane.shape
        taps, factors = _cubic(height, self.size[1], first, last)
        band = np.empty((last - first, width), np.float32)
        for top in range(0, last - first, _CHUNK):
            rows = slice(top, min(last - first, top + _CHUNK))
            low = int(taps[rows].min())
            upright = np.zeros((rows.stop - top, int(taps[rows].max()) - low + 1), np.float32)
            for column in range(4):
                at = (np.arange(len(upright)), taps[rows, column] - low)
                np.add.at(upright, at, factors[rows, column])
            np.matmul(upright, self.plane[low : low + upright.shape[1]], out=band[rows])
        return cv2.resize(  # type: ignore[return-value]
            band, (self.size[0], last - first), interpolation=cv2.INTER_CUBIC
        )

    def apply(self, canvas: Canvas, origin: tuple[int, int] = (0, 0)) -> Change:
        """Add the residual to `canvas`, which lies at `origin` (x, y) in the picture."""
        width = canvas.size[0]
        x, y = origin
        change = Change()
        for first, last in strips(canvas.size):
            old = canvas.rows(first, last)
            residual = np.ascontiguousarray(self.rows(first + y, last + y)[:, x : x + width])
            hidden = transparent(old, canvas)
            if hidden is not None:
                residual[hidden] = 0
            new = _blend(old, residual, canvas, self.weights)
            if canvas.key is not None and hidden is not None:
                _avoid(new, canvas.key, hidden)
            squares = cv2.norm(old, new, cv2.NORM_L2SQR) * (255 / canvas.full) ** 2
            seen = old.shape[0] * width - (int(hidden.sum()) if hidden is not None else 0)
            change += Change(squares, seen * _colours(canvas.layout))
            canvas.put(first, new)
        return change


def strips(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the strips of a picture of `size`: first row and the one after the last."""
    step = max(8, _STRIP // size[0])
    return [(first, min(size[1], first + step)) for first in range(0, size[1], step)]


def transparent(rows: Rows, canvas: Canvas) -> NDArray[np.bool_] | None:
    """Return which pixels cannot be seen at all, or None where all can."""
    if canvas.layout.endswith("A"):
        return np.asarray(rows[..., -1] == 0)
    if canvas.key is not None:
        same = rows == np.array(canvas.key, rows.dtype)
        return np.asarray(same if rows.ndim == 2 else same.all(2))  # noqa: PLR2004
    return None


def _colours(layout: str) -> int:
    return len(layout.removesuffix("A"))


def _blend(old: Rows, residual: Plane, canvas: Canvas, weights: tuple[float, float, float]) -> Rows:
    # Rounded to the nearest step and cut at the range's ends; nothing is dithered.
    if canvas.layout == "CMYK":
        return _blend_ink(old, residual, canvas.full)
    scaled = residual * (canvas.full / 255)
    depth = cv2.CV_8U if old.dtype == np.uint8 else cv2.CV_16U
    if canvas.layout.startswith("L"):
        planes = [scaled]
    else:
        order = weights if canvas.layout.startswith("RGB") else weights[::-1]
        planes = [scaled if weight == 1 else scaled * weight for weight in order]
    if canvas.layout.endswith("A"):
        planes.append(np.zeros_like(scaled))
    more = cv2.merge(planes) if len(planes) > 1 else scaled
    return cv2.add(old, more, dtype=depth)


def _blend_ink(old: Rows, residual: Plane, full: int) -> Rows:
    # Light is (1 - ink)(1 - black): the least change of both that makes it brighter by `residual`.
    bare = 1 - old.astype(np.float32) / full
    black, ink = bare[..., 3], bare[..., :3].mean(2)
    share = np.minimum(1 / (black**2 + ink**2 + 1e-6), _LIMIT) * residual * (full / 255)
    less = cv2.merge([share * black] * 3 + [share * ink])
    depth = cv2.CV_8U if old.dtype == np.uint8 else cv2.CV_16U
    return cv2.subtract(old, less, dtype=depth)


def _avoid(rows: Rows, key: tuple[int, ...], hidden: NDArray[np.bool_]) -> None:
    # A visible pixel must not take the colour that the file declares transparent.
    same = rows == np.array(key, rows.dtype)
    wrong = (same if rows.ndim == 2 else same.all(2)) & ~hidden  # noqa: PLR2004
    if rows.ndim == 2:  # noqa: PLR2004
        rows[wrong] ^= 1
    else:
        rows[..., -1][wrong] ^= 1


def _cubic(
    small: int, large: int, first: int, last: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    # Keys' kernel at the places where cv2.resize samples, with the border's value beyond it.
    at = (np.arange(first, last) + 0.5) * (small / large) - 0.5
    base = np.floor(at)
    part = at - base
    a = _CUBIC
    near = [part + 1, part, 1 - part]
    first_tap = ((a * near[0] - 5 * a) * near[0] + 8 * a) * near[0] - 4 * a
    second = ((a + 2) * near[1] - (a + 3)) * near[1] ** 2 + 1
    third = ((a + 2) * near[2] - (a + 3)) * near[2] ** 2 + 1
    factors = np.stack([first_tap, second, third, 1 - first_tap - second - third], 1)
    taps = base[:, None].astype(np.int64) + np.arange(-1, 3)
    return np.clip(taps, 0, small - 1), factors.astype(np.float32)
