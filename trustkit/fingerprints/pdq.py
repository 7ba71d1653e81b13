"""PDQ: 256 bits from the 16 by 16 slowest cosines of a small picture (Facebook, 2019; MIT)."""

from __future__ import annotations

import numpy as np
import pdqhash  # type: ignore[import-untyped]

from trustkit.fingerprints import Array

NAME = "pdq.1"
# What the hash makes of a picture turned and mirrored, in the order in which the library gives it.
TURNS = ("", "turn 90", "turn 180", "turn 270", "flip", "flip, turn 90", "flip, turn 180",
         "flip, turn 270")  # fmt: skip
_LEAST = 64  # pixels a side that PDQ wants at least


class Pdq:
    """PDQ of a grey picture (height, width) of 8 bits; 512 pixels a side are plenty."""

    name, kind, within = NAME, "image", 72

    def compute(self, array: Array) -> bytes:
        """Return 32 bytes, the first bit first."""
        bits, _ = pdqhash.compute(_rgb(array))
        return _packed(bits)

    def dihedral(self, array: Array) -> dict[str, bytes]:
        """Return the codes of the picture as it is, turned and mirrored, each under its name."""
        found, _ = pdqhash.compute_dihedral(_rgb(array))
        return {name: _packed(bits) for name, bits in zip(TURNS, found, strict=True)}

    def quality(self, array: Array) -> int:
        """Return from 0 to 100 how much there is to see; below 50 a code tells little."""
        _, quality = pdqhash.compute(_rgb(array))
        return int(quality)


def _rgb(array: Array) -> Array:
    grey = np.asarray(array, np.uint8)
    for axis in (0, 1):
        if grey.shape[axis] < _LEAST:  # as many times as large: the cosines stay what they are
            grey = np.repeat(grey, -(-_LEAST // grey.shape[axis]), axis=axis)
    return np.repeat(grey[..., None], 3, axis=2)


def _packed(bits: Array) -> bytes:
    return np.packbits(np.asarray(bits, np.uint8)).tobytes()
