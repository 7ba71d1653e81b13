"""The tile: which frequencies carry what. This file and docs/watermark-format.md are the format.

A tile of 64 x 64 samples is a sum of waves, one for each harmonic (kx, ky) in a ring. Some of
them have phases that the key fixes alone, by which a reader finds the mark; the others carry two
coded bits each, one in the real and one in the imaginary part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.code import Code
from trustkit.watermarks.keys import Key

NAME = "org.trustkit.tiles.1"
TILE = 64  # samples a side
SIDE = 320  # the square root of the canonical plane's area: five tiles
INNER, OUTER = 3.0, 26.0  # cycles a tile: below are the picture's own shapes, above is lost first
_FLAT = 14.0  # cycles a tile up to which all waves are equally strong
_FALL = 0.6  # beyond, amplitudes fall with this power of the radius
_DENSE = 19.0  # cycles a tile up to which waves for finding the mark are dense
_SHARE_DENSE, _SHARE_SPARSE = 64, 26  # of 256

Complex = NDArray[np.complex64]


@dataclass(frozen=True)
class Layout:
    """Where everything is, for one key. Waves are ordered by ky, then kx, within a half plane."""

    key: Key

    @cached_property
    def kx(self) -> NDArray[np.int64]:
        """Cycles a tile along x, one for each wave."""
        return all_waves()[0]

    @cached_property
    def ky(self) -> NDArray[np.int64]:
        """Cycles a tile along y, one for each wave."""
        return all_waves()[1]

    @cached_property
    def radius(self) -> NDArray[np.float64]:
        """Cycles a tile in the wave's direction."""
        return np.hypot(self.kx, self.ky)

    @cached_property
    def amplitude(self) -> NDArray[np.float32]:
        """The strength that a reader expects of each wave against the others."""
        return (np.minimum(1.0, _FLAT / self.radius) ** _FALL).astype(np.float32)

    @cached_property
    def is_sync(self) -> NDArray[np.bool_]:
        """Which waves have a fixed phase; turned by 90 degrees or mirrored, the set is the same."""
        high, low = np.maximum(abs(self.kx), abs(self.ky)), np.minimum(abs(self.kx), abs(self.ky))
        share = np.where(self.radius <= _DENSE, _SHARE_DENSE, _SHARE_SPARSE)
        draws = [_draw(int(a), int(b)) for a, b in zip(high, low, strict=True)]
        return np.array(draws) < share

    @cached_property
    def phases(self) -> Complex:
        """A unit phase a wave, from the key."""
        stream = hashlib.shake_256(self.key.derive(f"{NAME} phases")).digest(2 * len(self.kx))
        turns = np.frombuffer(stream, ">u2").astype(np.float64) / 65536
        return np.asarray(np.exp(2j * np.pi * turns), np.complex64)

    @cached_property
    def code(self) -> Code:
        """The channel code over all data positions."""
        return Code(self.key.derive(f"{NAME} code"), 2 * int((~self.is_sync).sum()))

    def spectrum(self, payload: bytes) -> Complex:
        """Return the tile's waves for `payload`, of amplitude 1 each."""
        bits = self.code.encode(payload)
        waves = self.phases.copy()
        waves[~self.is_sync] *= (bits[0::2] + 1j * bits[1::2]) / np.sqrt(2)
        return waves

    def paint(self, waves: Complex) -> NDArray[np.float32]:
        """Return the tile that `waves` make, 64 x 64."""
        full = np.zeros((TILE, TILE), np.complex64)
        full[self.ky % TILE, self.kx % TILE] = waves
        full[-self.ky % TILE, -self.kx % TILE] = waves.conj()
        return np.fft.ifft2(full).real.astype(np.float32)


def _draw(high: int, low: int) -> int:
    return hashlib.sha256(f"{NAME} {high} {low}".encode()).digest()[0]


@cache
def all_waves() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return kx and ky of every wave."""
    reach = int(OUTER)
    ky, kx = np.mgrid[-reach : reach + 1, 0 : reach + 1]
    radius = np.hypot(kx, ky)
    half = (kx > 0) | (ky > 0)
    chosen = (radius >= INNER) & (radius <= OUTER) & half
    return kx[chosen], ky[chosen]
