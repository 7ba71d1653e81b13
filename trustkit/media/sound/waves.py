"""Decoded frames as arrays, and arrays as frames: exact, whatever the samples are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from trustkit.media.sound import Block

Samples = NDArray[Any]  # (channels, samples), as the codec has them

_HALF = 128  # 8-bit samples are the only ones without a sign
_SINGLE = 24  # bits that a float32 holds exactly
# Speakers of so many channels. Which they are hardly matters where nothing is mixed.
LAYOUTS = ("", "mono", "stereo", "2.1", "quad", "5.0", "5.1", "6.1", "7.1")


def samples_of(frame: Any) -> Samples:
    """Return the samples of a frame that is packed, or planar with fewer than 8 channels."""
    found: Samples = frame.to_ndarray()
    if frame.format.is_planar:
        return found
    return found.reshape(-1, frame.layout.nb_channels).T


def frame_of(samples: Samples, kind: str, layout: str, rate: int, at: int) -> Any:
    """Return a packed frame of `samples`, which begins with the stream's sample number `at`."""
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format=kind, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
    return frame


def as_floats(samples: Samples) -> Block:
    """Return a copy from -1 to 1; integers of up to 24 bits stay exact."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - _HALF) / np.float32(_HALF)
    return samples.astype(np.float32) / np.float32(_full(samples.dtype))


def as_samples(block: NDArray[Any], kind: np.dtype[Any], bits: int) -> tuple[Samples, int]:
    """Return `block` as samples of `kind` whose upper `bits` count, and how many were clipped."""
    if kind.kind == "f":
        return block.astype(kind), 0
    top = 1 << (bits - 1)
    # A float32 can hold neither the largest of 32 bits nor anything next to it.
    wide = np.dtype(np.float32 if bits <= _SINGLE else np.float64)
    whole: NDArray[Any] = np.rint(block.astype(wide) * wide.type(top))
    clipped = int(np.count_nonzero((whole < -top) | (whole > top - 1)))
    np.clip(whole, -top, top - 1, out=whole)
    if kind == np.uint8:
        return (whole + _HALF).astype(kind), clipped
    whole = whole.astype(np.int64 if kind.itemsize > 2 else kind)  # noqa: PLR2004  # bytes
    return (whole * (_full(kind) // top)).astype(kind), clipped


def is_wide(kind: np.dtype[Any], bits: int) -> bool:
    """Return whether samples of `kind` tell more than a float32 can."""
    return kind == np.float64 or (kind.kind != "f" and bits > _SINGLE)


def _full(kind: np.dtype[Any]) -> int:
    return 1 << (8 * kind.itemsize - 1)
