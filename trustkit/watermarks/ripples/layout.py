"""The pattern: which waves carry what. This file and docs/watermark-sound-format.md are the format.

Loudness, in dB, over time and the logarithm of frequency is a picture. The mark is a sum of waves
in that picture, `kt` cycles in a period of time and `kf` in a span of octaves, repeated in both.
Some have phases that the key fixes alone, by which a reader finds the mark; the others carry two
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

NAME = "org.trustkit.ripples.1"
PERIOD = 2.56  # seconds: two fit into a clip of 5
SPAN = 1.5  # octaves: two fit into what a telephone keeps
LOWEST, HIGHEST = 250.0, 7200.0  # Hz: where the mark is
# Waves a period and a span. Slower ones are drowned by syllables and notes, faster ones are lost
# in rooms; those without change along frequency are drowned by every onset.
_KT, _KF = (5, 48), (1, 8)
_SHARE = 64  # of 256: of the waves, those by which the mark is found
SHORT, LONG = 32, 64  # bits of an id

Complex = NDArray[np.complex64]


@dataclass(frozen=True)
class Layout:
    """Where everything is, for one key. Waves are ordered by kf, then kt."""

    key: Key

    @cached_property
    def kt(self) -> NDArray[np.int64]:
        """Cycles a period, one for each wave; positive for what falls in pitch as time goes on."""
        return all_waves()[0]

    @cached_property
    def kf(self) -> NDArray[np.int64]:
        """Cycles a span, one for each wave."""
        return all_waves()[1]

    @cached_property
    def is_sync(self) -> NDArray[np.bool_]:
        """Which waves have a fixed phase."""
        pairs = zip(self.kt.tolist(), self.kf.tolist(), strict=True)
        return np.array([_draw(kt, kf) < _SHARE for kt, kf in pairs])

    @cached_property
    def phases(self) -> Complex:
        """A unit phase a wave, from the key."""
        stream = hashlib.shake_256(self.key.derive(f"{NAME} phases")).digest(2 * len(self.kt))
        turns = np.frombuffer(stream, ">u2").astype(np.float64) / 65536
        return np.asarray(np.exp(2j * np.pi * turns), np.complex64)

    @cached_property
    def codes(self) -> tuple[Code, Code]:
        """The channel codes over all data positions: of short ids, and of whole ones."""
        n = 2 * int((~self.is_sync).sum())
        short, long = (
            Code(self.key.derive(f"{NAME} code {bits}"), n, bits) for bits in (SHORT, LONG)
        )
        return short, long

    def spectrum(self, payload: bytes) -> Complex:
        """Return the waves for `payload`, of 4 or 8 bytes, of amplitude 1 each."""
        code = next((code for code in self.codes if code.bits == 8 * len(payload)), None)
        if code is None:
            raise ValueError(f"an id has 4 or 8 bytes, not {len(payload)}")
        bits = code.encode(payload)
        waves = self.phases.copy()
        waves[~self.is_sync] *= (bits[0::2] + 1j * bits[1::2]) / np.sqrt(2)
        return waves

    def known(self, payload: bytes) -> Known:
        """Return the layout of a mark whose id is known: by its data waves it is found again."""
        # Not by the sync waves: those of another id are the same.
        return Known(self.kt, self.kf, ~self.is_sync, self.spectrum(payload))


@dataclass(frozen=True)
class Known:
    """Waves whose phases are all known; see `Layout`."""

    kt: NDArray[np.int64]
    kf: NDArray[np.int64]
    is_sync: NDArray[np.bool_]
    phases: Complex


def octaves(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many octaves frequencies lie above the lowest."""
    return np.asarray(np.log2(np.maximum(hertz, 1.0) / LOWEST))


def _draw(kt: int, kf: int) -> int:
    return hashlib.sha256(f"{NAME} {kt} {kf}".encode()).digest()[0]


@cache
def all_waves() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return kt and kf of every wave."""
    slow, fast = _KT
    kt = [n for n in range(-fast, fast + 1) if abs(n) >= slow]
    across, up = np.meshgrid(kt, np.arange(_KF[0], _KF[1] + 1))
    return across.ravel(), up.ravel()
