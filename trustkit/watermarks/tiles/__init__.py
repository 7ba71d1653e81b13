"""Our own mark for pictures and films: tiles of waves, found again by their repetition.

`layout` is the format; `writer` and `mask` put a mark in; `observe`, `search`, `view`, `register`
and `reader` find it. No weights, no training: numpy and OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from trustkit.watermarks import Array, Mark, Plane, Search, Strength
from trustkit.watermarks.keys import PUBLIC, Key
from trustkit.watermarks.tiles.layout import NAME, Layout
from trustkit.watermarks.tiles.observe import canonical_size, level, shrink
from trustkit.watermarks.tiles.reader import Reader
from trustkit.watermarks.tiles.reader import bound as odds
from trustkit.watermarks.tiles.writer import COLOUR, LUMA, Writer

_GREY, _COLOURS = 2, 3  # dimensions, channels
_KINDS = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


@dataclass(frozen=True)
class Tiles:
    """The engine `org.trustkit.tiles.1`, with one key and one strength."""

    key: Key = PUBLIC
    strength: Strength = Strength.DEFAULT

    name = NAME
    kind = "image"
    capacity = 64
    weights = COLOUR  # of R, G and B for a step of luma

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.key)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._layout)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self._layout, self.strength)

    def residual(
        self, luma: Plane, payload: bytes, *, film: bool = False, grey: bool = False
    ) -> Plane:
        """Return the small plane to be enlarged and added to `luma` (height, width), 0 to 255."""
        return self._writer.residual(luma, payload, film=film, grey=grey)

    def observe(self, luma: Plane) -> Plane:
        """Return the levelled canonical plane; those of a film's frames may be averaged."""
        height, width = luma.shape
        return level(shrink(luma, *canonical_size(width, height)))

    def reading(
        self, plane: Plane, search: Search, size: tuple[int, int]
    ) -> tuple[Mark | None, float]:
        """Read an observation of pictures of `size` (width, height), and tell the best fit."""
        return self._reader.read(plane, plane.shape[1] / size[0], search)

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        """Read an observation of pictures of `size` (width, height)."""
        return self.reading(plane, search, size)[0]

    def bound(self, search: Search) -> float:
        """Return the odds that one reading finds a mark in unmarked pictures."""
        return odds(search)

    def embed(self, array: Array, payload: bytes) -> Array:
        """See `Watermark`; alpha stays as it is. Raises `ValueError` for other arrays."""
        _check(array)
        residual = self.residual(_luma(array), payload, grey=array.ndim == _GREY)
        height, width = array.shape[:2]
        whole = cv2.resize(residual, (width, height), interpolation=cv2.INTER_CUBIC)
        step: Plane = np.asarray(whole * np.float32(_top(array) / 255), np.float32)
        if array.ndim == _GREY:
            return _added(array, step)
        # OpenCV's colours are the last axis; adding saturates and rounds to even.
        steps = np.asarray(cv2.merge([step * weight for weight in COLOUR]), np.float32)
        if array.shape[2] == _COLOURS:
            return _added(array, steps)
        marked = array.copy()
        marked[..., :_COLOURS] = _added(np.ascontiguousarray(array[..., :_COLOURS]), steps)
        return marked

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """See `Watermark`."""
        return self.look(array, search)[0]

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        """Detect, and tell the best fit that was seen, in standard deviations."""
        _check(array)
        height, width = array.shape[:2]
        return self.reading(self.observe(_luma(array)), search, (width, height))


def _top(array: Array) -> float:
    return float(np.iinfo(array.dtype).max) if array.dtype.kind == "u" else 1.0


def _check(array: Array) -> None:
    channels = array.shape[2] if array.ndim == _GREY + 1 else 0
    shaped = array.ndim == _GREY or channels in {_COLOURS, _COLOURS + 1}
    if not shaped or not array.size or array.dtype not in _KINDS:
        raise ValueError(
            f"a picture is (height, width[, 3 or 4]) of {', '.join(map(str, _KINDS))}, "
            f"not {array.shape} of {array.dtype.str}"
        )


def _added(array: Array, step: Plane) -> Array:
    if array.dtype.kind == "u":
        kind = cv2.CV_8U if array.dtype.itemsize == 1 else cv2.CV_16U
        return np.asarray(cv2.add(array, step, dtype=kind))
    return np.asarray(np.clip(array + step, 0, 1), np.float32)


def _luma(array: Array) -> Plane:
    scale = 255 / _top(array)
    values = array.astype(np.float32)
    if array.dtype.kind == "f":
        # One sample that is no number must not spread over the whole picture.
        values = np.clip(np.nan_to_num(values), 0, 1)
    if array.ndim == _GREY:
        return values * np.float32(scale)
    row = np.zeros((1, array.shape[2]), np.float32)
    row[0, :_COLOURS] = LUMA * scale
    return np.asarray(cv2.transform(values, row), np.float32)
