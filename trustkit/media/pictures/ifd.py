"""TIFF's directories: what they say, and how to change them where they stand.

Nothing is moved: private data (maker notes, sub-directories) counts bytes from the file's start.
New strips go where old ones were, and behind the end when there is no more room.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

MAX_DIRECTORIES = 5000
_MAX_ENTRIES = 4096
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 13: 4, 16: 8, 18: 8} | {
    5: 8, 10: 8, 12: 8, 17: 8
}  # fmt: skip
_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q"}
_LONG, _LONG8 = 4, 16
_BIG = 43  # where a classic TIFF says 42

Span = tuple[int, int]  # first byte, number of bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: where its entry stands, and where its `count` values of `kind` do."""

    at: int
    kind: int
    count: int
    value: int

    @property
    def size(self) -> int:
        """The values' size in bytes."""
        return self.count * _SIZES.get(self.kind, 1)


@dataclass(frozen=True, slots=True)
class Directory:
    """One picture's tags; `at` is where it starts."""

    at: int
    entries: dict[int, Entry]


@dataclass
class Tiff:
    """A TIFF file's structure, classic or big."""

    stream: BinaryIO
    order: str
    is_big: bool
    directories: list[Directory] = field(default_factory=list)

    def values(self, directory: Directory, tag: int) -> list[int]:
        """Return a tag's whole numbers, or none where it is missing."""
        entry = directory.entries.get(tag)
        if entry is None or entry.kind not in _FORMATS:
            return []
        data = self.raw(entry)
        count = len(data) // _SIZES[entry.kind]
        return list(struct.unpack(f"{self.order}{count}{_FORMATS[entry.kind]}", data))

    def value(self, directory: Directory, tag: int, default: int) -> int:
        """Return a tag's first number."""
        return next(iter(self.values(directory, tag)), default)

    def raw(self, entry: Entry) -> bytes:
        """Return a tag's values as they stand in the file; raises `EOFError` when they do not."""
        self.stream.seek(entry.value)
        data = self.stream.read(entry.size)
        if len(data) != entry.size:
            raise EOFError("values behind the end")
        return data

    @property
    def entry_size(self) -> int:
        """Bytes an entry takes."""
        return 20 if self.is_big else 12

    def patched(self, entry: Entry, numbers: list[int], value: int) -> bytes:
        """Return the entry with `numbers` as LONGs, which stand at `value` if not in itself."""
        kind, letter = (_LONG8, "Q") if self.is_big else (_LONG, "I")
        self.stream.seek(entry.at)
        tag = self.stream.read(2)
        packed = tag + struct.pack(f"{self.order}H{letter}", kind, len(numbers))
        return packed + struct.pack(
            f"{self.order}{letter}", numbers[0] if len(numbers) == 1 else value
        )

    def array(self, numbers: list[int]) -> bytes:
        """Return `numbers` as they are stored outside of an entry."""
        return struct.pack(f"{self.order}{len(numbers)}{'Q' if self.is_big else 'I'}", *numbers)

    def without(self, directory: Directory, tag: int, stream: BinaryIO) -> bytes:
        """Return the directory as it is in `stream` without one tag; zeros fill its place."""
        size = self.entry_size
        head = 8 if self.is_big else 2
        link = 8 if self.is_big else 4
        stream.seek(directory.at)
        count = int.from_bytes(stream.read(head), "little" if self.order == "<" else "big")
        body = stream.read(count * size)
        after = stream.read(link)
        gone = (directory.entries[tag].at - directory.at - head) // size
        less = (count - 1).to_bytes(head, "little" if self.order == "<" else "big")
        return less + body[: gone * size] + body[(gone + 1) * size :] + after + b"\0" * size


def read(stream: BinaryIO) -> Tiff:
    """Return the structure of the TIFF in `stream`; raises `ValueError` or `EOFError`."""
    stream.seek(0)
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}[head[:2]]
    is_big = struct.unpack(f"{order}H", head[2:4])[0] == _BIG
    tiff = Tiff(stream, order, is_big)
    word, link = ("Q", 8) if is_big else ("I", 4)
    at = struct.unpack_from(f"{order}{word}", head, link)[0]
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) >= MAX_DIRECTORIES:
            raise ValueError("directories without end")
        seen.add(at)
        directory, at = _directory(tiff, at, word)
        tiff.directories.append(directory)
    return tiff


def _directory(tiff: Tiff, at: int, word: str) -> tuple[Directory, int]:
    stream, order = tiff.stream, tiff.order
    head = "Q" if tiff.is_big else "H"
    stream.seek(at)
    (count,) = struct.unpack(f"{order}{head}", stream.read(struct.calcsize(head)))
    if count > _MAX_ENTRIES:
        raise ValueError("a directory without end")
    first = stream.tell()
    body = stream.read(count * tiff.entry_size)
    (after,) = struct.unpack(f"{order}{word}", stream.read(struct.calcsize(word)))
    entries = {}
    inside = struct.calcsize(word)
    for number in range(count):
        offset = number * tiff.entry_size
        tag, kind, values = struct.unpack_from(f"{order}HH{word}", body, offset)
        place = first + offset + 4 + inside
        if values * _SIZES.get(kind, 1) > inside:
            (place,) = struct.unpack_from(f"{order}{word}", body, offset + 4 + inside)
        entries[tag] = Entry(first + offset, kind, values, place)
    return Directory(at, entries), after


class Room:
    """The bytes that became free, and the end of the file."""

    def __init__(self, spans: list[Span], end: int) -> None:
        merged: list[list[int]] = []
        for first, size in sorted(spans):
            if merged and first < sum(merged[-1]):
                raise ValueError("strips lie on each other")
            if merged and first == sum(merged[-1]):
                merged[-1][1] += size
            elif size:
                merged.append([first, size])
        self._free = merged
        self.end = end

    def take(self, size: int) -> int:
        """Return where `size` bytes may be put."""
        for span in self._free:
            skip = span[0] % 2  # offsets are even, says the standard
            if span[1] >= size + skip:
                place = span[0] + skip
                span[0], span[1] = place + size, span[1] - size - skip
                return place
        place = self.end + self.end % 2
        self.end = place + size
        return place

    @property
    def left(self) -> list[Span]:
        """What nothing was put into."""
        return [(first, size) for first, size in self._free if size]
