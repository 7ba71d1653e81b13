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
from trustkit.watermarks.tiles.writer import COLOUR, LUMA, Writer

_GREY, _COLOURS = 2, 3  # dimensions, channels


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

    def residual(self, luma: Plane, payload: bytes, *, film: bool = False) -> Plane:
        """Return the small plane to be enlarged and added to `luma` (height, width), 0 to 255."""
        return self._writer.residual(luma, payload, film=film)

    def observe(self, luma: Plane) -> Plane:
        """Return the levelled canonical plane; those of a film's frames may be averaged."""
        height, width = luma.shape
        return level(shrink(luma, *canonical_size(width, height)))

    def look(
        self, plane: Plane, search: Search, size: tuple[int, int]
    ) -> tuple[Mark | None, float]:
        """Read an observation of pictures of `size` (width, height); also tell the best fit seen."""
        return self._reader.read(plane, plane.shape[1] / size[0], search)

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        """Read an observation of pictures of `size` (width, height)."""
        return self.look(plane, search, size)[0]

    def embed(self, array: Array, payload: bytes) -> Array:
        """See `Watermark`; what is transparent and what is beyond RGB stays as it is."""
        top = _top(array)
        residual = self.residual(_luma(array), payload)
        height, width = array.shape[:2]
        step = cv2.resize(residual, (width, height), interpolation=cv2.INTER_CUBIC) * (top / 255)
        marked = array.copy()
        if array.ndim == _GREY:
            marked[:] = _fitted(array + step, array.dtype, top)
            return marked
        colours = array[..., :_COLOURS] + step[..., None] * COLOUR
        marked[..., :_COLOURS] = _fitted(colours, array.dtype, top)
        return marked

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """See `Watermark`."""
        height, width = array.shape[:2]
        return self.read(self.observe(_luma(array)), search, (width, height))


def _top(array: Array) -> float:
    return float(np.iinfo(array.dtype).max) if array.dtype.kind == "u" else 1.0


def _fitted(values: Array, dtype: np.dtype, top: float) -> Array:  # type: ignore[type-arg]
    if dtype.kind == "u":
        return np.clip(np.rint(values), 0, top).astype(dtype)
    return np.clip(values, 0, top).astype(dtype)


def _luma(array: Array) -> Plane:
    scale = np.float32(255 / _top(array))
    if array.ndim == _GREY:
        return array.astype(np.float32) * scale
    plane: Plane = array[..., :_COLOURS].astype(np.float32) @ (LUMA * scale)
    return plane
