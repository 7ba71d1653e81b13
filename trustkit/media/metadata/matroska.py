"""Matroska and WebM: tags by name (RFC 9559, 5.1.8), which keep every field.

New tags go where the old ones were, or behind everything, where the table of contents
(`SeekHead`) must have room to tell of them: nothing else is moved.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from trustkit.media.metadata.blocks import Block, Change, UnfitError, take
from trustkit.media.metadata.ebml import (
    CRC,
    VOID,
    Element,
    elements,
    pack,
    size_bytes,
    top,
    void,
    with_checksum,
)
from trustkit.media.metadata.edit import Edit

PLACE = "matroska-tag"
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_TAGS, _TAG, _TARGETS, _SIMPLE, _NAME, _STRING = 0x1254C367, 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_INFO = 0x1549A966
_INFO_TEXTS = {0x7BA9: "Title", 0x4D80: "MuxingApp", 0x5741: "WritingApp"}
_OF_A_PART = {0x63C5, 0x63C9, 0x63C4, 0x63C6}  # targets: a track, edition, chapter, attachment
_MAX_DEPTH = 8  # tags within tags
_PLACE_WIDTH = 8  # bytes of a place that is told anew


def _inside(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield name, whole bytes and content of each element."""
    file = BytesIO(content)
    for e in elements(file, 0, len(content)):
        yield e.name, content[e.start : e.end], content[e.content : e.end]


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield the texts of tags and of the segment's description."""
    segment = top(file)
    for element in elements(file, segment.content, segment.end):
        if element.name == _INFO:
            for name, _, content in _inside(_body(file, element)):
                if name in _INFO_TEXTS:
                    yield Block(PLACE, content.rstrip(b"\0"), _INFO_TEXTS[name])
        elif element.name == _TAGS:
            for name, _, content in _inside(_body(file, element)):
                if name == _TAG:
                    yield from _texts(content, 0)


def _texts(content: bytes, depth: int) -> Iterator[Block]:
    if depth > _MAX_DEPTH:
        return
    for name, _, part in _inside(content):
        if name == _SIMPLE:
            by_name = {n: c for n, _, c in _inside(part)}
            text = by_name.get(_STRING, b"").rstrip(b"\0").decode("utf-8", "replace")
            yield Block(PLACE, text.encode(), _label(by_name.get(_NAME, b"")))
            yield from _texts(part, depth + 1)


def _label(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")


def _body(file: BinaryIO, element: Element) -> bytes:
    return take(file, element.content, element.end - element.content)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    segment = top(file)
    found = list(elements(file, segment.content, segment.end))
    if segment.is_open or any(e.is_open for e in found):
        raise UnfitError("it was written without sizes, as a stream is, and is only read")
    if any(e.name == CRC for e in found):
        raise UnfitError("it has a checksum of the whole, which is not made anew")
    old = [e for e in found if e.name == _TAGS]
    if len(old) > 1:
        raise UnfitError("it has two lists of tags, and which one holds is open")
    before = _body(file, old[0]) if old else b""
    content = _edited(before, edit)
    if old:
        following = next((e for e in found if e.start == old[0].end and e.name == VOID), None)
        end = following.end if following else old[0].end
        made = _filled(pack(_TAGS, content), end - old[0].start)
        if made is not None:
            yield Change(old[0].start, end, made)
            return
        if old[0].end == segment.end:
            new = pack(_TAGS, content)
            yield Change(old[0].start, old[0].end, new)
            yield _longer(file, segment, len(new) - (old[0].end - old[0].start))
            return
        yield Change(old[0].start, old[0].end, void(old[0].end - old[0].start))
    new = pack(_TAGS, content)
    yield from _told(file, found, segment, segment.end - segment.content)
    yield Change(segment.end, segment.end, new)
    yield _longer(file, segment, len(new))


def _filled(made: bytes, length: int) -> bytes | None:
    """Return an element and nothing behind it that fill `length` bytes, or None."""
    rest = length - len(made)
    if rest == 0:
        return made
    return made + void(rest) if rest >= 2 else None  # noqa: PLR2004  # the smallest element


def _longer(file: BinaryIO, segment: Element, grows: int) -> Change:
    width = segment.content - segment.start - 4
    size = size_bytes(segment.end - segment.content + grows, width)
    return Change(segment.start + 4, segment.content, size)


def _edited(content: bytes, edit: Edit) -> bytes:
    ours, has_checksum, made = edit.tags, False, bytearray()
    for name, raw, part in _inside(content):
        if name == CRC:
            has_checksum = True
        elif name == _TAG and _is_of_all(part):
            kept = b"".join(r for n, r, c in _inside(part) if n != _SIMPLE or not _is(c, ours))
            made += raw if len(kept) == len(part) else pack(_TAG, kept)
        else:
            made += raw
    simple = b"".join(
        pack(_SIMPLE, pack(_NAME, name.encode()) + pack(_STRING, value.encode()))
        for name, value in ours.items()
        if value is not None
    )
    if simple:
        made += pack(_TAG, pack(_TARGETS, b"") + simple)
    return with_checksum(bytes(made)) if has_checksum else bytes(made)


def _is_of_all(tag: bytes) -> bool:
    targets = next((content for name, _, content in _inside(tag) if name == _TARGETS), b"")
    return not any(name in _OF_A_PART for name, _, _ in _inside(targets))


def _is(simple: bytes, ours: dict[str, str | None]) -> bool:
    return any(n == _NAME and _label(c).upper() in ours for n, _, c in _inside(simple))


def _told(file: BinaryIO, found: list[Element], segment: Element, place: int) -> Iterator[Change]:
    """Yield the change of the table of contents that tells of tags at `place`."""
    table = next((e for e in found if e.name == _SEEK_HEAD), None)
    if table is None:
        raise UnfitError("it has no table of contents that could tell of tags at its end")
    kept, has_checksum = b"", False
    for name, raw, part in _inside(_body(file, table)):
        if name == CRC:
            has_checksum = True
        elif name != _SEEK or int.from_bytes(_seek_id(part), "big") != _TAGS:
            kept += raw
    entry = pack(_SEEK_ID, _TAGS.to_bytes(4, "big"))
    entry += pack(_SEEK_POSITION, place.to_bytes(_PLACE_WIDTH, "big"))
    content = kept + pack(_SEEK, entry)
    content = with_checksum(content) if has_checksum else content
    following = next((e for e in found if e.start == table.end and e.name == VOID), None)
    end = following.end if following else table.end
    made = _filled(pack(_SEEK_HEAD, content), end - table.start)
    if made is None:
        raise UnfitError("its table of contents has no room to tell of tags at its end")
    yield Change(table.start, end, made)


def _seek_id(seek: bytes) -> bytes:
    return next((content for name, _, content in _inside(seek) if name == _SEEK_ID), b"")
