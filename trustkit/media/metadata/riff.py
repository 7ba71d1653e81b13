"""RIFF: WebP, WAV (with RF64 and BW64) and AVI: XMP, EXIF, INFO texts and bext.

WebP container specification (RFC 9649, 2.7); RF64 is EBU Tech 3306, bext Tech 3285; XMP part 3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    EXIF,
    MANIFEST,
    MAX_PARTS,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    size_of,
    take,
)
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.id3 import tag_blocks

INFO = "riff-info"
_HEAD = 12  # bytes before the first chunk
_UNKNOWN = 0xFFFFFFFF  # a size that ds64 tells, or nobody knew
_STREAMED = 0x7FFFF000  # bytes: what is written when nobody can know how many there will be
_XMP_FLAG, _ALPHA_FLAG = 0x04, 0x10
_BEXT = (("Description", 0, 256), ("Originator", 256, 32), ("OriginatorReference", 288, 32))


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + 8 + self.size + self.size % 2


def _chunks(file: BinaryIO, end: int) -> Iterator[_Chunk]:
    at, long = _HEAD, 0
    for _ in range(MAX_PARTS):
        if at + 8 > end:
            return
        head = take(file, at, 8)
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"ds64":
            long = int.from_bytes(take(file, at + 16, 8), "little")
        if kind == b"data" and (size == _UNKNOWN or at + 8 + size > end):
            size = long if long and at + 8 + long <= end else end - at - 8
        if at + 8 + size > end:
            raise MalformedError(f"the chunk {kind!r} ends behind the file's end")
        chunk = _Chunk(kind, at, size)
        yield chunk
        at = chunk.end
    raise MalformedError("more chunks than are read")


def _end(file: BinaryIO) -> int:
    """Return where the RIFF form ends: what follows it is no part of it."""
    head, size = take(file, 0, _HEAD), size_of(file)
    length = int.from_bytes(head[4:8], "little")
    if length == _UNKNOWN and head[:4] in {b"RF64", b"BW64"}:
        length = int.from_bytes(take(file, 20, 8), "little")
    elif length >= _STREAMED:
        length = 0
    return 8 + length if length and 8 + length <= size else size


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, EXIF, texts, and whether there is a manifest."""
    for chunk in _chunks(file, _end(file)):
        match chunk.kind:
            case b"XMP " | b"_PMX":
                yield Block(XMP, take(file, chunk.start + 8, chunk.size))
            case b"EXIF":
                content = take(file, chunk.start + 8, chunk.size)
                yield Block(EXIF, content.removeprefix(b"Exif\0\0"))
            case b"C2PA":
                yield Block(MANIFEST, b"")
            case b"LIST":
                if take(file, chunk.start + 8, 4) == b"INFO":
                    yield from _info(take(file, chunk.start + 12, chunk.size - 4))
            case b"bext":
                yield from _bext(take(file, chunk.start + 8, chunk.size))
            case b"id3 " | b"ID3 ":
                yield from tag_blocks(take(file, chunk.start + 8, chunk.size))


def _info(content: bytes) -> Iterator[Block]:
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        text = content[at + 8 : at + 8 + size].rstrip(b"\0")
        yield Block(INFO, text, content[at : at + 4].decode("latin-1"))
        at += 8 + size + size % 2


def _bext(content: bytes) -> Iterator[Block]:
    for name, start, size in _BEXT:
        text = content[start : start + size].rstrip(b"\0 ")
        if text:
            yield Block(INFO, text, f"bext:{name}")


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    head, end = take(file, 0, _HEAD), _end(file)
    is_webp = head[8:] == b"WEBP"
    kind = b"XMP " if is_webp else b"_PMX"
    if head[8:] == b"AVI " and end != size_of(file):
        raise UnfitError("a film in several parts, whose index counts from the file's start")
    chunks = list(_chunks(file, end))
    old = [c for c in chunks if c.kind == kind]
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    new = edit.packet(take(file, old[0].start + 8, old[0].size) if old else None)
    packed = kind + len(new).to_bytes(4, "little") + new + bytes(len(new) % 2)
    change, grows = _placed(file, chunks, old, packed, end), 0
    if is_webp:
        for more in _canvas(file, chunks):
            grows += more.grows
            yield more
    yield change
    yield from _sized(head, file, end, grows + change.grows)


def _placed(
    file: BinaryIO, chunks: list[_Chunk], old: list[_Chunk], packed: bytes, end: int
) -> Change:
    if old:
        return Change(old[0].start, min(old[0].end, end), packed)
    last = chunks[-1] if chunks else None
    if last and last.end > end:  # the byte that makes it even is missing
        packed = b"\0" + packed
    told = int.from_bytes(take(file, last.start + 4, 4), "little") if last else 0
    if last and last.kind == b"data" and told != last.size and _is_riff(file):
        return Change(last.start, last.start, packed)  # it runs to the end, whatever it says
    return Change(end, end, packed)


def _is_riff(file: BinaryIO) -> bool:
    """Whether sizes have 32 bits alone."""
    return take(file, 0, 4) == b"RIFF"


def _sized(head: bytes, file: BinaryIO, end: int, grows: int) -> Iterator[Change]:
    length = int.from_bytes(head[4:8], "little")
    if length == _UNKNOWN and not head.startswith(b"RIFF"):
        long = int.from_bytes(take(file, 20, 8), "little")
        yield Change(20, 28, (long + grows).to_bytes(8, "little"))
        return
    if length in {0, _UNKNOWN} or 8 + length != end:
        return  # nobody knew it when it was written
    if length + grows >= _UNKNOWN:
        raise UnfitError("a RIFF file ends at 4 GiB")
    yield Change(4, 8, (length + grows).to_bytes(4, "little"))


def _canvas(file: BinaryIO, chunks: list[_Chunk]) -> Iterator[Change]:
    first = chunks[0] if chunks else None
    if first is None:
        raise MalformedError("there is no picture in it")
    if first.kind == b"VP8X":
        flags = take(file, first.start + 8, 1)[0]
        yield Change(first.start + 8, first.start + 9, bytes([flags | _XMP_FLAG]))
        return
    data = take(file, first.start + 8, 10)
    if first.kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a":  # RFC 6386, 9.1
        width, height = (v & 0x3FFF for v in struct.unpack("<HH", data[6:]))
        flags = _XMP_FLAG
    elif first.kind == b"VP8L" and data[0] == 0x2F:  # noqa: PLR2004  # its signature
        bits = int.from_bytes(data[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _XMP_FLAG | (_ALPHA_FLAG if bits >> 28 & 1 else 0)
    else:
        raise MalformedError("its first chunk is no picture")
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    content = bytes([flags, 0, 0, 0]) + size
    packed = b"VP8X" + len(content).to_bytes(4, "little") + content
    yield Change(first.start, first.start, packed)
