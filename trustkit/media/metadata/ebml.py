"""EBML elements (RFC 8794): their names and sizes, read and written."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import MAX_PARTS, MalformedError, UnfitError, size_of, take

CRC, VOID = 0xBF, 0xEC
_LONGEST = 8  # bytes of a size; four of a name


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its name with the marker bits, where it and its content start, where it ends.

    `is_open` has no size: it ends where something begins that cannot be in it.
    """

    name: int
    start: int
    content: int
    end: int
    is_open: bool = False


def elements(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """Yield the elements between `start` and `end`; of one without size also what is in it."""
    at = start
    for _ in range(MAX_PARTS):
        if at >= end:
            return
        head = take(file, at, min(4 + _LONGEST, end - at))
        name_width = _width(head[0], 4)
        if len(head) <= name_width:
            raise MalformedError(f"it ends within the element at byte {at:,}")
        width = _width(head[name_width], _LONGEST)
        raw = head[name_width : name_width + width]
        if len(raw) != width:
            raise MalformedError(f"it ends within the element at byte {at:,}")
        size = int.from_bytes(raw, "big") & (1 << 7 * width) - 1
        content = at + name_width + width
        is_open = size == (1 << 7 * width) - 1
        after = end if is_open else content + size
        if after > end:
            raise MalformedError(f"the element at byte {at:,} ends where it cannot")
        yield Element(int.from_bytes(head[:name_width], "big"), at, content, after, is_open)
        at = content if is_open else after
    raise MalformedError("more elements than are read")


def _width(first: int, most: int) -> int:
    width = 9 - first.bit_length()
    if width > most:
        raise MalformedError("no name or size of an element")
    return width


def top(file: BinaryIO) -> Element:
    """Return the segment; raises `MalformedError` if there is none."""
    for element in elements(file, 0, size_of(file)):
        if element.name == 0x18538067:  # noqa: PLR2004  # Segment, RFC 9559 5.1
            return element
    raise MalformedError("there is no segment in it")


def size_bytes(value: int, width: int = 0) -> bytes:
    """Return a size in `width` bytes, or in as few as it needs; raises `UnfitError`."""
    for tried in range(width or 1, (width or _LONGEST) + 1):
        if value < (1 << 7 * tried) - 1:
            return (value | 1 << 7 * tried).to_bytes(tried, "big")
    raise UnfitError("a size has no room")


def pack(name: int, content: bytes, width: int = 0) -> bytes:
    """Return an element."""
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + size_bytes(
        len(content), width
    ) + content  # fmt: skip


def void(length: int) -> bytes:
    """Return an element of `length` bytes, two at least, that says nothing."""
    width = 1 if length < 2**7 else _LONGEST
    return pack(VOID, bytes(length - 1 - width), width)


def with_checksum(content: bytes) -> bytes:
    """Return an element's content with its checksum in front (RFC 8794, 11.3.1)."""
    return pack(CRC, zlib.crc32(content).to_bytes(4, "little")) + content
