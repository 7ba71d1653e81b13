"""PNG and APNG: XMP and texts in iTXt, tEXt and zTXt, EXIF in eXIf (PNG 3rd edition, 11.3)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    EXIF,
    IIM,
    MANIFEST,
    MAX_BLOCK,
    MAX_PARTS,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    take,
)
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.exif import photoshop_iim

_SIGNATURE = 8  # bytes
_XMP = b"XML:com.adobe.xmp"
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_PROFILE = b"Raw profile type "  # ImageMagick: hexadecimal in a text
_KEYWORD = 80  # bytes; 79 are allowed
TEXT = "png-text"


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + 12 + self.size


def _chunks(file: BinaryIO) -> Iterator[_Chunk]:
    at = _SIGNATURE
    for _ in range(MAX_PARTS):
        head = take(file, at, 8)
        chunk = _Chunk(head[4:], at, int.from_bytes(head[:4], "big"))
        yield chunk
        at = chunk.end
        if chunk.kind == b"IEND":
            return
    raise MalformedError("more chunks than are read")


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, EXIF, IIM and texts; a manifest is told by its chunk."""
    for chunk in _chunks(file):
        if chunk.kind in _TEXTS:
            yield from _text(chunk.kind, take(file, chunk.start + 8, chunk.size))
        elif chunk.kind == b"eXIf":
            yield Block(EXIF, take(file, chunk.start + 8, chunk.size))
        elif chunk.kind == b"caBX":
            yield Block(MANIFEST, b"")


def _text(kind: bytes, data: bytes) -> Iterator[Block]:
    keyword, separator, rest = data.partition(b"\0")
    if not separator or len(keyword) > _KEYWORD:
        raise MalformedError("a text without keyword")
    if kind == b"zTXt":
        rest = _inflated(rest[1:])
    elif kind == b"iTXt":
        is_compressed, rest = rest[:1] == b"\1", rest[2:]
        rest = rest.partition(b"\0")[2].partition(b"\0")[2]  # language, translated keyword
        rest = _inflated(rest) if is_compressed else rest
    if keyword == _XMP:
        yield Block(XMP, rest)
    elif keyword.startswith(_PROFILE):
        yield from _profile(keyword[len(_PROFILE) :], rest)
    else:
        text = rest.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")
        yield Block(TEXT, text.encode(), keyword.decode("latin-1"))


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    found = inflater.decompress(data, MAX_BLOCK)
    if inflater.unconsumed_tail:
        raise MalformedError("a compressed text of more than 16 MiB")
    return found


def _profile(name: bytes, text: bytes) -> Iterator[Block]:
    words = text.split()
    data = bytes.fromhex(b"".join(words[2:]).decode("ascii"))
    if name == b"xmp":
        yield Block(XMP, data, key="profile")
    elif name in {b"exif", b"APP1"} and data.startswith(b"Exif\0\0"):
        yield Block(EXIF, data[6:])
    elif name == b"iptc":
        for content in photoshop_iim(data):
            yield Block(IIM, content)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file: one chunk, uncompressed, behind the header."""
    old: list[tuple[_Chunk, bytes]] = []
    place = 0
    for chunk in _chunks(file):
        place = place or (chunk.end if chunk.kind == b"IHDR" else 0)
        if chunk.kind in _TEXTS:
            found = list(_text(chunk.kind, take(file, chunk.start + 8, chunk.size)))
            packets = [b for b in found if b.place == XMP]
            if any(b.key for b in packets):
                raise UnfitError("its XMP stands in a text of ImageMagick, which is not written")
            old += [(chunk, b.content) for b in packets]
    if not place:
        raise MalformedError("there is no header in it")
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    content = _XMP + bytes(5) + edit.packet(old[0][1] if old else None)
    data = b"iTXt" + content
    packed = len(content).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big")
    start, end = (old[0][0].start, old[0][0].end) if old else (place, place)
    yield Change(start, end, packed)
