"""FLAC: Vorbis comments (RFC 9639, 8.6), free tags that keep every field by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    MAX_PARTS,
    Block,
    Change,
    MalformedError,
    UnfitError,
    take,
)
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.id3 import head_end, tag_blocks

PLACE = "vorbis"
_PADDING, _COMMENTS, _LAST = 1, 4, 0x80
_MAX_BLOCK = 2**24  # bytes: 24 bits of a size
_VENDOR = b"trustkit"


@dataclass(frozen=True, slots=True)
class _Part:
    kind: int
    is_last: bool
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + 4 + self.size


def _parts(file: BinaryIO) -> Iterator[_Part]:
    begin = head_end(file)
    if take(file, begin, 4) != b"fLaC":
        raise MalformedError("no FLAC stream behind its tag")
    at = begin + 4
    for _ in range(MAX_PARTS):
        head = take(file, at, 4)
        part = _Part(head[0] & ~_LAST, bool(head[0] & _LAST), at, int.from_bytes(head[1:], "big"))
        yield part
        if part.is_last:
            return
        at = part.end
    raise MalformedError("more blocks than are read")


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield the comments, and what an ID3 tag before the stream says."""
    end = head_end(file)
    if end:
        yield from tag_blocks(take(file, 0, end))
    for part in _parts(file):
        if part.kind == _COMMENTS:
            for comment in comments(take(file, part.start + 4, part.size))[1]:
                name, _, value = comment.partition(b"=")
                text = value.decode("utf-8", "replace")
                yield Block(PLACE, text.encode(), name.decode("ascii", "replace").upper())


def comments(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the vendor and the comments as they stand; raises `MalformedError`."""

    def one(at: int) -> tuple[bytes, int]:
        size = int.from_bytes(content[at : at + 4], "little")
        found = content[at + 4 : at + 4 + size]
        if at + 4 > len(content) or len(found) != size:
            raise MalformedError("a comment ends behind its block")
        return found, at + 4 + size

    vendor, at = one(0)
    count = int.from_bytes(content[at : at + 4], "little")
    at += 4
    if count > MAX_PARTS:
        raise MalformedError(f"{count:,} comments")
    found = []
    for _ in range(count):
        comment, at = one(at)
        found.append(comment)
    return vendor, found


def packed(vendor: bytes, found: list[bytes]) -> bytes:
    """Return a block's content."""

    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(4, "little") + data

    return sized(vendor) + len(found).to_bytes(4, "little") + b"".join(map(sized, found))


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file; padding behind the comments gives way where it can."""
    parts = list(_parts(file))
    old = [p for p in parts if p.kind == _COMMENTS]
    if len(old) > 1:
        raise UnfitError("it has two blocks of comments, and which one holds is open")
    vendor, found = comments(take(file, old[0].start + 4, old[0].size)) if old else (_VENDOR, [])
    ours = edit.tags
    found = [
        c for c in found if c.partition(b"=")[0].decode("ascii", "replace").upper() not in ours
    ]
    found += [f"{name}={value}".encode() for name, value in ours.items() if value is not None]
    made = packed(vendor, found)
    if len(made) >= _MAX_BLOCK:
        raise UnfitError("a block of FLAC holds 16 MiB")
    if not old:
        first = parts[0]
        head = bytes([_COMMENTS | (_LAST if first.is_last else 0)])
        yield Change(first.end, first.end, head + len(made).to_bytes(3, "big") + made)
        if first.is_last:
            yield Change(first.start, first.start + 1, bytes([first.kind]))
        return
    part = old[0]
    yield Change(part.start + 1, part.end, len(made).to_bytes(3, "big") + made)
    grows = len(made) - part.size
    for padding in parts:
        if padding.kind == _PADDING and 0 <= padding.size - grows < _MAX_BLOCK:
            size = padding.size - grows
            yield Change(padding.start + 1, padding.end, size.to_bytes(3, "big") + bytes(size))
            return
