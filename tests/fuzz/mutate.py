"""Seeded damage to a file: what a careless tool, a bad disk or an attacker might do to it."""

from __future__ import annotations

from random import Random

IN_MANIFEST = 0.75  # of the mutations are aimed at the manifest
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(content: bytes, manifest: range, other: bytes, random: Random) -> bytes:
    """Return `content` with one to three mutations; `other` is a file to splice from."""
    data = bytearray(content)
    for _ in range(random.randint(1, 3)):
        aimed = random.random() < IN_MANIFEST and len(data) > manifest.start + 1
        low, high = (manifest.start, min(manifest.stop, len(data))) if aimed else (0, len(data))
        at = random.randrange(low, max(low + 1, high))
        random.choice(_WAYS)(data, at, other, random)
    return bytes(data)


def _flip(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    for place in range(at, min(len(data), at + random.choice((1, 1, 1, 4)))):
        data[place] ^= 1 << random.randrange(8)


def _length(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    width = random.choice((1, 2, 4))
    value = random.choice(_INTERESTING) & ((1 << 8 * width) - 1)
    data[at : at + width] = value.to_bytes(width, random.choice(("big", "little")))


def _insert(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    data[at:at] = random.randbytes(random.choice((1, 4, 64, 1024)))


def _delete(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    del data[at : at + random.choice((1, 4, 64, 1024))]


def _double(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    size = random.choice((4, 64, 1024))
    data[at:at] = data[at : at + size]


def _splice(data: bytearray, at: int, other: bytes, random: Random) -> None:
    size = random.choice((4, 64, 1024))
    start = random.randrange(max(1, len(other) - size))
    data[at : at + size] = other[start : start + size]


def _cut(data: bytearray, at: int, _other: bytes, _random: Random) -> None:
    del data[at:]


def _swap(data: bytearray, at: int, _other: bytes, random: Random) -> None:
    size = random.choice((4, 64))
    elsewhere = random.randrange(len(data)) if data else 0
    here, there = bytes(data[at : at + size]), bytes(data[elsewhere : elsewhere + size])
    data[at : at + len(there)] = there
    data[elsewhere : elsewhere + len(here)] = here


_WAYS = (_flip, _flip, _length, _length, _insert, _delete, _double, _splice, _cut, _swap)
