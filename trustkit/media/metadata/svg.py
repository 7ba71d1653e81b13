"""SVG: XMP as elements within its `metadata` (SVG 1.1, 21; XMP part 3, 2.6). Not packed files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    MANIFEST,
    MAX_BLOCK,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    size_of,
    take,
)
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.xmp import RDF, end_of_start_tag

IN_DRAWING = "svg"
_MANIFEST = b"http://c2pa.org/manifest"
_PACKET = (b"<x:xmpmeta", b"</x:xmpmeta>")


def _content(file: BinaryIO) -> bytes:
    size = size_of(file)
    if size > MAX_BLOCK:
        raise MalformedError("a drawing of more than is read")
    return take(file, 0, size)


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield the drawing where XMP is in it, and whether there is a manifest."""
    content = _content(file)
    if _MANIFEST in content:
        yield Block(MANIFEST, b"")
    if RDF.encode() in content and b"RDF" in content.replace(RDF.encode(), b""):
        yield Block(XMP, content, key=IN_DRAWING)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file: in its RDF, or before its first element."""
    content = _content(file)
    if any(block.place == XMP for block in blocks(file)):
        yield _least(content, edit.packet(content, in_drawing=True))
        return
    start = content.find(b"<svg")
    if start < 0:
        raise UnfitError("its outermost element has a prefix, and is only read")
    end = end_of_start_tag(content, start)
    if content[end - 2 : end] == b"/>":
        raise UnfitError("an empty drawing")
    packet = edit.packet(None)
    begin, after = packet.index(_PACKET[0]), packet.index(_PACKET[1]) + len(_PACKET[1])
    yield Change(end, end, b"<metadata>" + packet[begin:after] + b"</metadata>")


def _least(old: bytes, new: bytes) -> Change:
    """Return the change of what differs alone."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Change(start, len(old) - end, new[start : len(new) - end])
