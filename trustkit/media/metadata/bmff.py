"""Boxes of ISO base media files (ISO/IEC 14496-12, 4.2), and of JPEG XL's container."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    MAX_PARTS,
    Change,
    MalformedError,
    UnfitError,
    size_of,
    take,
)

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP part 3, 1.2.3
MANIFEST_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA 2.2, A.5.3
_LONG = 16  # bytes of a header with a 64-bit size
_FROM_MOOV = (b"trak", b"mdia", b"minf", b"stbl")
_PLACES = {b"stco": ("I", 4), b"co64": ("Q", 8)}
_AUXILIARY = b"saio"  # places of what belongs to samples, such as keys (ISO/IEC 14496-12, 8.7.9)
_MAX_TABLE = 2**27  # bytes of one track's places: a film of days


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, where it and its content start, where it ends; `is_open` has no size."""

    kind: bytes
    start: int
    content: int
    end: int
    is_open: bool = False


def boxes(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes side by side between `start` and `end`; raises `MalformedError`."""
    at, end = start, size_of(file) if end is None else end
    for _ in range(MAX_PARTS):
        if at == end:
            return
        if end - at < 4 and not any(take(file, at, end - at)):  # noqa: PLR2004
            return  # QuickTime ends user data with four zero bytes, or less
        if end - at == 4 and take(file, at, 4) == bytes(4):  # noqa: PLR2004
            return
        head = take(file, at, 8)
        size, content = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, content = int.from_bytes(take(file, at + 8, 8), "big"), at + _LONG
        after = at + size if size else end
        if not content <= after <= end:
            raise MalformedError(f"the box at byte {at:,} ends where it cannot")
        yield Box(head[4:], at, content, after, is_open=size == 0)
        at = after
    raise MalformedError("more boxes than are read")


def body(file: BinaryIO, box: Box) -> bytes:
    """Return a box's content."""
    return take(file, box.content, box.end - box.content)


def pack(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def resized(file: BinaryIO, box: Box, grows: int) -> Change:
    """Return the change that makes a box's size larger by `grows`."""
    size = box.end - box.start + grows
    if box.content - box.start == _LONG:
        return Change(box.start + 8, box.start + _LONG, size.to_bytes(8, "big"))
    if size >= 2**32:
        raise UnfitError(f"its box {box.kind!r} would not fit into 4 GiB")
    return Change(box.start, box.start + 4, size.to_bytes(4, "big"))


def closed(file: BinaryIO, found: Sequence[Box]) -> Iterator[Change]:
    """Yield the change that gives a last box that runs to the end its size, if there is one."""
    if found and found[-1].is_open:
        yield resized(file, found[-1], 0)


def shifted(file: BinaryIO, moov: Box, behind: int, by: int) -> Iterator[Change]:
    """Yield the changes of a film's index for packets behind `behind` that move by `by` bytes."""
    for table in _tables(file, moov, _FROM_MOOV):
        if table.kind == _AUXILIARY:
            raise UnfitError("its index tells places of encryption, and has no room to grow")
        letter, width = _PLACES[table.kind]
        start = table.content + 8  # version, flags and count
        if table.end - start > _MAX_TABLE or (table.end - start) % width:
            raise MalformedError("a table of places that is not understood")
        file.seek(start)
        places = array(letter, file.read(table.end - start))
        places.byteswap()
        if places and max(places) + by >= 256**width:
            raise UnfitError("its index has no room for packets further behind")
        moved = array(letter, (p + by if p >= behind else p for p in places))
        moved.byteswap()
        yield Change(start, table.end, moved.tobytes())


def _tables(file: BinaryIO, parent: Box, path: tuple[bytes, ...]) -> Iterator[Box]:
    for box in boxes(file, parent.content, parent.end):
        if not path:
            if box.kind in _PLACES or box.kind == _AUXILIARY:
                yield box
        elif box.kind == path[0]:
            yield from _tables(file, box, path[1:])
