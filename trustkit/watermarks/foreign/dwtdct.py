"""The marks of invisible-watermark, dwtDct and dwtDctSvd, read with numpy and OpenCV alone.

Both marks sit in the U channel, in the 2 x 2 sums of one Haar step, in blocks of 4 x 4 sums (8 x 8
pixels), one bit a block, the word repeated row by row over the picture. dwtDct, its name
notwithstanding, moves the largest value of a block; dwtDctSvd its largest singular value. Either is
moved to a quarter (0) or three quarters (1) of a step of 36. There is no key and no sync, so the
mark is lost with the grid: by any crop or resize, and dwtDct by JPEG 90 already.

A reading returns bits for every picture, marked or not; `published` and `invisible` say when bits
are a mark. The library reads 8-bit and float pictures differently (U is centred on 128 or on 0.5),
and so do we: what counts is the type of the array.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.errors import UsageError
from trustkit.watermarks import Array

Values = NDArray[np.floating[Any]]

MIN_AREA = 256 * 256  # the library marks nothing smaller
MAX_BITS = 4096
STEP = 36  # the scale of the U channel; the library's scale for V is never reached
BLOCK = 4
_STRIP = 256  # rows of pixels
_CUT = 127 / 255  # a bit is 1 when its blocks' mean is above it: a tie is a 1
_HAAR = 0.5**0.5


class Method(StrEnum):
    """How a bit is laid into a block."""

    DWT_DCT = "dwtDct"
    DWT_DCT_SVD = "dwtDctSvd"


def decode(array: Array, bits: int, method: Method = Method.DWT_DCT) -> NDArray[np.bool_]:
    """Return the `bits` that the library would read; it says nothing of whether there is a mark.

    `array` is RGB, uint8, or float32 from 0 to 255; raises `UsageError` for anything else, for a
    picture below 256 x 256 pixels in area, or one with fewer blocks than bits.
    """
    return means(votes(array, method), bits) > _CUT


def means(ballots: NDArray[np.bool_], bits: int) -> NDArray[np.float64]:
    """Return each bit's mean over its blocks, given every block's vote in reading order."""
    if not 1 <= bits <= min(MAX_BITS, ballots.size):
        raise UsageError(
            f"a picture of {ballots.size} blocks carries no word of {bits} bits",
            f"ask for 1 to {min(MAX_BITS, ballots.size)} bits",
        )
    place = np.arange(ballots.size) % bits
    ones: NDArray[np.float64] = np.bincount(place, ballots, bits).astype(np.float64)
    return ones / np.bincount(place, minlength=bits)


def votes(array: Array, method: Method = Method.DWT_DCT) -> NDArray[np.bool_]:
    """Return the bit that each block votes for, row by row."""
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype not in (np.uint8, np.float32):  # noqa: PLR2004
        raise UsageError(
            f"a mark in colour needs RGB of uint8 or float32, not {array.dtype} {array.shape}",
            "convert the picture first",
        )
    height, width = array.shape[:2]
    if height * width < MIN_AREA:
        raise UsageError(
            f"{width} x {height} pixels are too few: invisible-watermark marks none so small",
            "it needs 256 x 256 or more; was the picture made smaller?",
        )
    found = [ballot(blocks(strip), method) for strip in strips(array)]
    return np.concatenate(found) if found else np.zeros(0, np.bool_)


def strips(array: Array) -> Iterator[Array]:
    """Yield the picture in strips of whole blocks, so that memory does not grow with it."""
    side = 2 * BLOCK
    height, width = array.shape[0] // side * side, array.shape[1] // side * side
    for top in range(0, height if width else 0, _STRIP):
        yield array[top : min(top + _STRIP, height), :width]


def blocks(strip: Array) -> Values:
    """Return the 4 x 4 blocks of the U channel's 2 x 2 sums, row by row: (n, 4, 4)."""
    sums = _haar(cv2.cvtColor(strip, cv2.COLOR_RGB2YUV)[:, :, 1])
    rows, columns = sums.shape[0] // BLOCK, sums.shape[1] // BLOCK
    whole = sums.reshape(rows, BLOCK, columns, BLOCK)
    return whole.transpose(0, 2, 1, 3).reshape(-1, BLOCK, BLOCK)


def ballot(values: Values, method: Method = Method.DWT_DCT) -> NDArray[np.bool_]:
    """Return the bit that each of the `blocks` votes for."""
    return _by_singular(values) if method is Method.DWT_DCT_SVD else _by_largest(values)


def _haar(plane: Array) -> Values:
    """Return the low-pass of one Haar step, rounded as PyWavelets rounds it.

    Most sums are multiples of a half and lie on the edge between two bits now and then: which side
    they fall on is decided by the last digit, so the order of these operations matters.
    """
    real = np.dtype(np.float32 if plane.dtype == np.float32 else np.float64)
    tap = real.type(_HAAR)
    values = plane.astype(real)
    down = tap * values[1::2] + tap * values[0::2]
    across: Values = tap * down[:, 1::2] + tap * down[:, 0::2]
    return across


def _by_largest(values: Values) -> NDArray[np.bool_]:
    flat = np.abs(values.reshape(-1, BLOCK * BLOCK)[:, 1:])  # the first value is never moved
    largest = flat[np.arange(len(flat)), flat.argmax(1)]
    return np.asarray(largest % STEP > STEP / 2)


def _by_singular(values: Values) -> NDArray[np.bool_]:
    # The library turns the block by a DCT first, which leaves its singular values as they are.
    rest = np.linalg.svd(values.astype(np.float64), compute_uv=False)[:, 0] % STEP
    ones = np.asarray(rest > STEP / 2)
    # On the edge between two bits rounding decides: go the library's way, digit by digit.
    slack = 1e-3 if values.dtype == np.float32 else 1e-8
    edge = np.minimum(np.abs(rest - STEP / 2), np.minimum(rest, STEP - rest)) < slack
    if edge.any():
        turned = np.stack([cv2.dct(block) for block in values[edge]])
        ones[edge] = np.linalg.svd(turned)[1][:, 0] % STEP > STEP / 2
    return ones
