"""TIFF, BigTIFF and DNG: tags 700 (XMP), 33723 (IPTC-IIM) and the EXIF texts (TIFF 6.0).

Nothing is moved: private data counts bytes from the file's start. XMP that does not fit where it
stood goes behind the end, and so does the first directory when it gets one more entry.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    EXIF,
    IIM,
    MANIFEST,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    size_of,
    take,
)
from trustkit.media.metadata.edit import Edit

_XMP, _IIM, _C2PA = 700, 33723, 0xCD41
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
_BYTE, _LONG, _MAX_ENTRIES = 1, 4, 4096
_CLASSIC_END = 2**32


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: where its entry stands, its values' type, number, place and size in bytes."""

    at: int
    kind: int
    count: int
    place: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order and widths, where the first directory begins, and its entries."""

    order: str
    is_big: bool
    first: int
    entries: Mapping[int, Entry]

    @property
    def widths(self) -> tuple[int, int, int]:
        """Bytes of the number of entries, of an entry, and of an offset."""
        return (8, 20, 8) if self.is_big else (2, 12, 4)

    def number(self, data: bytes) -> int:
        """Return an unsigned number in the file's byte order."""
        return int.from_bytes(data, "little" if self.order == "<" else "big")

    def packed(self, value: int, width: int) -> bytes:
        """Return a number as the file writes it."""
        return value.to_bytes(width, "little" if self.order == "<" else "big")


def layout(file: BinaryIO) -> Layout:
    """Return the first directory of a TIFF structure; raises `MalformedError`."""
    head = take(file, 0, 8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise MalformedError("no TIFF header")
    version = struct.unpack(f"{order}H", head[2:4])[0]
    is_big = version == 43  # noqa: PLR2004  # classic TIFF says 42
    empty = Layout(order, is_big, 0, {})
    first = empty.number(take(file, 8, 8) if is_big else head[4:8])
    return Layout(order, is_big, first, directory(file, empty, first))


def directory(file: BinaryIO, form: Layout, at: int) -> dict[int, Entry]:
    """Return the entries of the directory at `at`."""
    counted, width, pointer = form.widths
    count = form.number(take(file, at, counted))
    if count > _MAX_ENTRIES:
        raise MalformedError(f"a directory of {count:,} entries")
    data = take(file, at + counted, count * width)
    found: dict[int, Entry] = {}
    rows = struct.iter_unpack(f"{form.order}{'HHQ8s' if form.is_big else 'HHI4s'}", data)
    for number, (tag, kind, amount, raw) in enumerate(rows):
        size = amount * _SIZES.get(kind, 1)
        here = at + counted + number * width
        value = here + 4 + pointer if size <= pointer else form.number(raw)
        found.setdefault(tag, Entry(here, kind, amount, value, size))
    return found


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, IIM, EXIF (the whole file's texts) and whether there is a manifest."""
    found = layout(file)
    for tag, place in ((_XMP, XMP), (_IIM, IIM)):
        entry = found.entries.get(tag)
        if entry:
            yield Block(place, take(file, entry.place, entry.size))
    if _C2PA in found.entries:
        yield Block(MANIFEST, b"")
    yield Block(EXIF, b"")  # `exif.texts` reads from the file itself


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    found = layout(file)
    entry = found.entries.get(_XMP)
    old = take(file, entry.place, entry.size) if entry else None
    new = edit.packet(old)
    if entry and len(new) == entry.size:
        yield Change(entry.place, entry.place + entry.size, new)
        return
    end = size_of(file)
    place = end + end % 2
    packet = bytes(place - end) + new + bytes(len(new) % 2)
    _, width, pointer = found.widths
    limit = _CLASSIC_END if not found.is_big else 2**64
    fresh = _entry(found, len(new), place)
    if entry:
        if entry.size > pointer:  # what it said must not linger
            yield Change(entry.place, entry.place + entry.size, bytes(entry.size))
        yield Change(entry.at, entry.at + width, fresh)
        yield Change(end, end, packet)
        after = place + len(new)
    else:
        moved = _grown(file, found, fresh)
        start = 8 if found.is_big else 4
        yield Change(start, start + pointer, found.packed((end + len(packet)) % limit, pointer))
        yield Change(end, end, packet + moved)
        after = end + len(packet) + len(moved)
    if after > limit:
        raise UnfitError("a TIFF file ends at 4 GiB")


def _entry(form: Layout, size: int, place: int) -> bytes:
    _, _, pointer = form.widths
    tag, kind = form.packed(_XMP, 2), form.packed(_BYTE, 2)
    return tag + kind + form.packed(size, pointer) + form.packed(place % 256**pointer, pointer)


def _grown(file: BinaryIO, form: Layout, fresh: bytes) -> bytes:
    counted, width, pointer = form.widths
    count = form.number(take(file, form.first, counted))
    body = take(file, form.first + counted, count * width)
    following = take(file, form.first + counted + len(body), pointer)
    rows = [body[at : at + width] for at in range(0, len(body), width)]
    rows = sorted([*rows, fresh], key=lambda row: form.number(row[:2]))  # TIFF 6.0: ascending
    return form.packed(count + 1, counted) + b"".join(rows) + following
