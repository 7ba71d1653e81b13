"""GIF: XMP in an application extension, comments (GIF89a; XMP part 3, 1.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    COMMENT,
    MANIFEST,
    MAX_PARTS,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    take,
)
from trustkit.media.metadata.edit import Edit

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_APPLICATION, _COMMENT = 0xFF, 0xFE
_XMP = b"XMP DataXMP"
_MAGIC = bytes([1, *range(255, -1, -1), 0])  # leads readers of sub-blocks to the end
_TABLE = 0x80


@dataclass(frozen=True, slots=True)
class _Part:
    kind: int
    label: int
    start: int
    end: int


def _parts(file: BinaryIO) -> Iterator[_Part]:
    screen = take(file, 0, 13)
    at = 13 + _table(screen[10])
    for _ in range(MAX_PARTS):
        kind = take(file, at, 1)[0]
        if kind == _TRAILER:
            yield _Part(kind, 0, at, at + 1)
            return
        if kind == _EXTENSION:
            label, after = take(file, at + 1, 1)[0], _after(file, at + 2)
        elif kind == _IMAGE:
            label = 0
            after = _after(file, at + 11 + _table(take(file, at + 9, 1)[0]))
        else:
            raise MalformedError(f"no block of GIF at byte {at:,}")
        yield _Part(kind, label, at, after)
        at = after
    raise MalformedError("more blocks than are read")


def _table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & _TABLE else 0


def _after(file: BinaryIO, at: int) -> int:
    file.seek(at)
    while size := file.read(1):
        if size == b"\0":
            return file.tell()
        file.seek(size[0], 1)
    raise MalformedError("it ends within a block")


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, comments, and whether there is a manifest."""
    for part in _parts(file):
        if part.kind != _EXTENSION:
            continue
        if part.label == _COMMENT:
            yield Block(COMMENT, _joined(take(file, part.start + 2, part.end - part.start - 2)))
        elif part.label == _APPLICATION:
            name = take(file, part.start + 3, 11)
            if name == _XMP:
                yield Block(XMP, _packet(file, part))
            elif name.startswith(b"C2PA"):
                yield Block(MANIFEST, b"")


def _joined(data: bytes) -> bytes:
    found, at = bytearray(), 0
    while at < len(data) and data[at]:
        found += data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
    return bytes(found)


def _packet(file: BinaryIO, part: _Part) -> bytes:
    content = take(file, part.start + 14, part.end - part.start - 14)
    # Most write it as it is, with a trailer; some in sub-blocks, as the format has it.
    if content.endswith(_MAGIC):
        return content[: -len(_MAGIC)]
    return _joined(content)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file: before its trailer, where no reader stumbles over it."""
    place, old = 0, []
    for part in _parts(file):
        is_ours = part.label == _APPLICATION and take(file, part.start + 3, 11) == _XMP
        if part.kind == _EXTENSION and is_ours:
            old.append(part)
        place = part.start
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    new = edit.packet(_packet(file, old[0]) if old else None)
    packed = b"\x21\xff\x0b" + _XMP + new + _MAGIC
    yield Change(old[0].start, old[0].end, packed) if old else Change(place, place, packed)
    if take(file, 0, 6) == b"GIF87a":  # it has no extensions
        yield Change(0, 6, b"GIF89a")
