"""A tiny engine of the same shape: one bit a block of a grid, and only where nothing has moved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from trustkit.errors import UnreadableError
from trustkit.watermarks import Array, Mark, Search


def _bits(payload: bytes) -> Array:
    whole = payload + hashlib.sha256(payload).digest()[:4]
    return np.unpackbits(np.frombuffer(whole, np.uint8))


@dataclass(frozen=True)
class Blocks:
    """Shifts the green of 8 by 12 blocks up or down from a multiple of 16; no attack moves it."""

    name: str = "fake.blocks.1"
    kind: str = "image"
    capacity: int = 64
    lies: bool = False  # returns a payload that was never there, whatever it is shown

    def embed(self, array: Array, payload: bytes) -> Array:
        if min(array.shape[:2]) < 64:
            raise UnreadableError("the picture is too small for a mark", "use a larger one")
        out = array.copy()
        for bit, (rows, columns) in zip(_bits(payload), self._blocks(array), strict=True):
            block = out[rows, columns, 1] // 16 * 16 + (12 if bit else 4)
            out[rows, columns, 1] = block
        return out

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        if self.lies:
            return self._mark(b"12345678", search)
        if min(array.shape[:2]) < 24:
            return None
        levels = [np.mean(array[r, c, 1] % 16 >= 8) for r, c in self._blocks(array)]
        whole = np.packbits(np.array(levels) > 0.5).tobytes()
        right = hashlib.sha256(whole[:8]).digest()[:4] == whole[8:]
        return self._mark(whole[:8], search) if right else None

    def _mark(self, payload: bytes, search: Search) -> Mark:
        return Mark(payload, self.name, 9.5, 1e-9, search, "grid")

    @staticmethod
    def _blocks(array: Array) -> list[tuple[slice, slice]]:
        high, wide = array.shape[0] // 8, array.shape[1] // 12
        return [
            (slice(y * high, (y + 1) * high), slice(x * wide, (x + 1) * wide))
            for y in range(8)
            for x in range(12)
        ]


@dataclass(frozen=True)
class Telling(Blocks):
    """The same, and it tells how near it came."""

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        mark = self.detect(array, search)
        return mark, mark.confidence if mark else 4.25


@dataclass(frozen=True)
class Steps:
    """The same for sound: lifts or lowers each of 96 parts of it; a crop or a high-pass ends it."""

    rate: int = 48_000
    name: str = "fake.steps.1"
    kind: str = "audio"
    capacity: int = 64
    lies: bool = False

    def embed(self, array: Array, payload: bytes) -> Array:
        if array.shape[1] < self.rate:
            raise UnreadableError("the sound is too short for a mark", "use a longer one")
        out = array.copy()
        for bit, part in zip(_bits(payload), self._parts(out), strict=True):
            part[:] += np.float32((0.02 if bit else -0.02) - part.mean())
        return out

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        if array.shape[1] < self.rate // 10:
            raise UnreadableError("the sound is too short to be read")
        means = [part.mean() for part in self._parts(array)]
        whole = np.packbits(np.array(means) > 0).tobytes()
        right = hashlib.sha256(whole[:8]).digest()[:4] == whole[8:]
        payload = b"12345678" if self.lies else whole[:8]
        return Mark(payload, self.name, 9.5, 1e-9, search, "steps") if right or self.lies else None

    @staticmethod
    def _parts(array: Array) -> list[Array]:
        return np.array_split(array, 96, axis=1)
