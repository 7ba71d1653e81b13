"""Pieces of a container: what is read from it, and what is to stand in its place.

A container module gives the blocks that hold metadata, and turns an edit into changes of byte
ranges. What no change names stays byte for byte, because it is copied.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_BLOCK = 2**24  # bytes of one block of metadata; the largest of real files have some 100 KiB
MAX_PARTS = 100_000  # chunks, boxes or segments of one container; more are an attack
_AT_ONCE = 2**20  # bytes

XMP, IIM, EXIF, MANIFEST, COMMENT = "xmp", "iptc-iim", "exif", "c2pa", "comment"


class MalformedError(ValueError):
    """A container, or a block in it, is not as its format demands."""


class UnfitError(ValueError):
    """The container is whole, but what is asked for cannot be written into it."""


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of metadata: where it stands, and its content; `key` names a tag's text."""

    place: str
    content: bytes
    key: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Bytes `start` to `end` of the file give way to `new`."""

    start: int
    end: int
    new: bytes

    @property
    def grows(self) -> int:
        """By how many bytes the file grows."""
        return len(self.new) - (self.end - self.start)


def take(file: BinaryIO, at: int, length: int) -> bytes:
    """Return exactly `length` bytes at `at`; raises `MalformedError` where they are not."""
    if not 0 <= length <= MAX_BLOCK:
        raise MalformedError(f"a block of {length:,} bytes at {at:,}, more than are read")
    file.seek(at)
    found = file.read(length)
    if len(found) != length:
        raise MalformedError(f"it ends within the block at byte {at:,}")
    return found


def size_of(file: BinaryIO) -> int:
    """Return the file's size in bytes."""
    return file.seek(0, os.SEEK_END)


def applied(file: BinaryIO, changes: Iterable[Change]) -> Iterator[bytes]:
    """Yield the file's bytes with the changes made, no more than a megabyte of it at once."""
    at = 0
    for change in sorted(changes, key=lambda c: (c.start, c.end)):
        if change.start < at:
            raise UnfitError("two changes of the same bytes")
        yield from _copied(file, at, change.start)
        yield change.new
        at = change.end
    yield from _copied(file, at, size_of(file))


def _copied(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        file.seek(start)
        data = file.read(min(end - start, _AT_ONCE))
        if not data:
            raise UnfitError("it became shorter while it was being read")
        yield data
        start += len(data)
