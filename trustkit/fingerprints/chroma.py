"""Chromaprint: 32 bits for every 0.12 seconds of sound, from how its twelve notes change.

Our own NumPy of the algorithm that fpcalc uses by default (number 2, "TEST2"), so that no other
program is needed. Its parameters are those of Chromaprint 1.5 (MIT), by Lukáš Lalinský, described
in "How does Chromaprint work?" (2011): without the very same numbers it would be another
fingerprint. Bits that lie on the edge of two steps may come out the other way.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from trustkit.fingerprints import Array

NAME = "chromaprint.1"
RATE = 11025  # Hz, mono
FRAME, HOP = 4096, 4096 // 3  # samples
STEP = HOP / RATE  # seconds between two values
VALUES, LEAP = 8, 2  # values that make a code: neighbours are too much alike to take them all
LENGTH = (VALUES - 1) * LEAP + 1  # values from a code's first to its last
SECONDS = (FRAME + HOP * (4 + 15 + LENGTH - 1)) / RATE  # of sound that a code hears

_LOWEST, _HIGHEST = 28, 3520  # Hz
_BASE = 440.0 / 16.0  # Hz: where an octave begins
_NOTES = 12
_SMOOTH = (0.25, 0.75, 1.0, 0.75, 0.25)  # over frames, one after the other
_SILENT = 0.01  # a norm below which a frame is taken to have no notes
_WIDEST = 16  # frames: what the widest filter sees
# Shape of the filter, its lowest note, its height in notes and its width in frames; then the
# values between which its answer makes 0, 1, 2 or 3.
_FILTERS = (
    (0, 4, 3, 15, 1.98215, 2.35817, 2.63523),
    (4, 4, 6, 15, -1.03809, -0.651211, -0.282167),
    (1, 0, 4, 16, -0.298702, 0.119262, 0.558497),
    (3, 8, 2, 12, -0.105439, 0.0153946, 0.135898),
    (3, 4, 4, 8, -0.142891, 0.0258736, 0.200632),
    (4, 0, 3, 5, -0.826319, -0.590612, -0.368214),
    (1, 2, 2, 9, -0.557409, -0.233035, 0.0534525),
    (2, 7, 3, 4, -0.0646826, 0.00620476, 0.0784847),
    (2, 6, 2, 16, -0.192387, -0.029699, 0.215855),
    (2, 1, 3, 2, -0.0397818, -0.00568076, 0.0292026),
    (5, 10, 1, 15, -0.53823, -0.369934, -0.190235),
    (3, 6, 2, 10, -0.124877, 0.0296483, 0.139239),
    (2, 1, 1, 14, -0.101475, 0.0225617, 0.231971),
    (3, 5, 6, 4, -0.0799915, -0.00729616, 0.063262),
    (1, 9, 2, 12, -0.272556, 0.019424, 0.302559),
    (3, 4, 2, 14, -0.164292, -0.0321188, 0.0846339),
)
_GRAY = np.array([0, 1, 3, 2], np.uint32)  # so that neighbouring steps differ by one bit


class Chromaprint:
    """The codes of a sound: float samples, mono, from -1 to 1, at `RATE`."""

    name, kind, within = NAME, "audio", 60

    def compute(self, array: Array) -> bytes:
        """Return a code of 32 bytes for every value that seven others follow, `LEAP` apart."""
        values = raw_vector([np.asarray(array, np.float32)])
        return b"".join(
            values[n : n + LENGTH : LEAP].astype(">u4").tobytes()
            for n in range(len(values) - LENGTH + 1)
        )


def raw_vector(blocks: Iterable[Array]) -> NDArray[np.uint32]:
    """Return the 32-bit values of a mono sound that comes block by block, in order."""
    rows, rest = list[Array](), np.zeros(0, np.float64)
    for block in blocks:
        # As whole numbers of 16 bits, as the reference hears them.
        heard = np.clip(np.rint(block.astype(np.float64).ravel() * 32767), -32768, 32767)
        rest = np.concatenate([rest, heard])
        count = max(0, (len(rest) - FRAME) // HOP + 1)
        if count:
            rows.append(_notes(rest, count))
            rest = rest[count * HOP :]
    return _values(np.concatenate(rows)) if rows else np.zeros(0, np.uint32)


_WINDOW = np.hamming(FRAME) / 32767
_LOW = max(1, round(FRAME * _LOWEST / RATE))
_HIGH = min(FRAME // 2, round(FRAME * _HIGHEST / RATE))
_octaves = np.log2(np.arange(_LOW, _HIGH) * RATE / FRAME / _BASE)
_note = (_NOTES * (_octaves - np.floor(_octaves))).astype(int)
_TO_NOTES = (_note[:, None] == np.arange(_NOTES)).astype(np.float64)


def _notes(samples: Array, count: int) -> Array:
    """Return the energy of the twelve notes in `count` frames."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[: count * HOP : HOP]
    found = []
    for first in range(0, count, 256):  # so that an hour takes no more memory than a minute
        spectrum = np.fft.rfft(frames[first : first + 256] * _WINDOW, axis=1)[:, _LOW:_HIGH]
        found.append((spectrum.real**2 + spectrum.imag**2) @ _TO_NOTES)
    return np.concatenate(found)


def _values(notes: Array) -> NDArray[np.uint32]:
    length = len(notes) - len(_SMOOTH) + 1
    if length < _WIDEST:
        return np.zeros(0, np.uint32)
    smooth = sum(weight * notes[n : n + length] for n, weight in enumerate(_SMOOTH))
    norm = np.sqrt(np.sum(np.square(smooth), axis=1, keepdims=True))
    rows = np.where(norm < _SILENT, 0.0, smooth / np.where(norm == 0, 1.0, norm))
    total = np.zeros((length + 1, _NOTES + 1))
    total[1:, 1:] = rows.cumsum(axis=0).cumsum(axis=1)
    count = length - _WIDEST + 1
    values = np.zeros(count, np.uint32)
    for shape, low, high, wide, *steps in _FILTERS:
        light, dark = _areas(total, count, shape, low, high, wide)
        answer = np.log1p(light) - np.log1p(dark)
        values = values << np.uint32(2) | _GRAY[np.searchsorted(steps, answer, side="right")]
    return values


def _areas(
    total: Array, count: int, shape: int, low: int, high: int, wide: int
) -> tuple[Array, Array]:
    """Return the sums over the light and the dark part of a filter, at every frame."""

    def area(left: int, bottom: int, right: int, top: int) -> Array:
        first, last = slice(left, left + count), slice(right, right + count)
        bottom, top = low + bottom, low + top
        summed: Array = (
            total[last, top] - total[first, top] - total[last, bottom] + total[first, bottom]
        )
        return summed

    half, middle = wide // 2, high // 2
    third, step = wide // 3, high // 3
    match shape:
        case 0:
            return area(0, 0, wide, high), np.zeros(count)
        case 1:
            return area(0, middle, wide, high), area(0, 0, wide, middle)
        case 2:
            return area(half, 0, wide, high), area(0, 0, half, high)
        case 3:
            return (
                area(0, middle, half, high) + area(half, 0, wide, middle),
                area(0, 0, half, middle) + area(half, middle, wide, high),
            )
        case 4:
            return (
                area(0, step, wide, 2 * step),
                area(0, 0, wide, step) + area(0, 2 * step, wide, high),
            )
        case _:
            return (
                area(third, 0, 2 * third, high),
                area(0, 0, third, high) + area(2 * third, 0, wide, high),
            )
