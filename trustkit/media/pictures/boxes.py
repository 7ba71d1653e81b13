"""ISO boxes: how JPEG 2000, HEIF, AVIF and JPEG XL files are divided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.pictures.provenance import blank, is_manifest_box

_LONG = 16  # bytes of a header with a 64-bit length
_HEAD = 64 * 2**10  # bytes: the largest `meta` box that is looked through


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, where it starts, where its content starts, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def boxes(stream: BinaryIO) -> Iterator[Box]:
    """Yield the boxes that are not inside of another one."""
    at = 0
    end = stream.seek(0, 2)
    while at + 8 <= end:
        stream.seek(at)
        head = stream.read(_LONG)
        size, content = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, content = int.from_bytes(head[8:16], "big"), at + _LONG
        after = at + size if size else end
        if after < content or after > end:
            raise ValueError("a box without end")
        yield Box(head[4:8], at, content, after)
        at = after


def part(stream: BinaryIO, box: Box, most: int = -1) -> bytes:
    """Return a box's content, or its first `most` bytes."""
    stream.seek(box.content)
    size = box.end - box.content
    return stream.read(size if most < 0 else min(size, most))


def has_manifest(stream: BinaryIO) -> bool:
    """Whether a box of the file holds a manifest."""
    return any(is_manifest_box(box.kind, part(stream, box, 128)) for box in boxes(stream))


def head(stream: BinaryIO) -> bytes:
    """Return the `meta` box, where the items of HEIF and AVIF are described."""
    for box in boxes(stream):
        if box.kind in {b"meta", b"moov"}:
            return part(stream, box, _HEAD)
    return b""


def pack(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def xmp_of(info: dict[str | tuple[int, int], object]) -> tuple[bytes, bool]:
    """Return Pillow's XMP without a pointer to a manifest, and whether there was one."""
    old = info.get("xmp") or b""
    old = old if isinstance(old, bytes) else str(old).encode()
    new = blank(old)
    return new, new != old
