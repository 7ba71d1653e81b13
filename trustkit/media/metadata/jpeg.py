"""JPEG: XMP and EXIF in APP1, IPTC-IIM in APP13 (ISO 10918-1 annex B; XMP part 3, 1.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    COMMENT,
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
from trustkit.media.metadata.fields import BY_NAME
from trustkit.media.metadata.xmp import parse

_APP0, _APP1, _APP2, _APP11, _APP13, _COM = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xFE
_SOS, _EOI, _ALONE = 0xDA, 0xD9, {0x01, *range(0xD0, 0xD9)}
_XMP, _EXTENDED = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_EXIF, _PHOTOSHOP, _MPF = b"Exif\0", b"Photoshop 3.0\0", b"MPF\0"
_GUID = 32  # letters of the digest that names extended XMP
_MOST = 65_533  # bytes that a segment holds


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int  # of its marker
    content: bytes

    @property
    def end(self) -> int:
        return self.start + 4 + len(self.content)


def _segments(file: BinaryIO) -> Iterator[_Segment]:
    """Yield the segments with content before the first scan."""
    at = 2
    for _ in range(MAX_PARTS):
        head = take(file, at, 4)
        if head[0] != 0xFF:  # noqa: PLR2004  # what every marker begins with
            raise MalformedError(f"no marker at byte {at:,}")
        if head[1] == 0xFF:  # noqa: PLR2004  # a fill byte
            at += 1
            continue
        if head[1] in _ALONE:
            at += 2
            continue
        if head[1] in {_SOS, _EOI}:
            return
        length = int.from_bytes(head[2:], "big")
        if length < 2:  # noqa: PLR2004  # it counts itself
            raise MalformedError(f"a segment of no length at byte {at:,}")
        yield _Segment(head[1], at, take(file, at + 4, length - 2))
        at += 2 + length


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield what stands before the first scan; extended XMP last, put together."""
    extended: dict[bytes, dict[int, bytes]] = {}
    resources = bytearray()
    size = 0
    for segment in _segments(file):
        content = segment.content
        if segment.marker == _APP1 and content.startswith(_XMP):
            yield Block(XMP, content[len(_XMP) :])
        elif segment.marker == _APP1 and content.startswith(_EXTENDED):
            guid = content[len(_EXTENDED) : len(_EXTENDED) + _GUID]
            place = content[len(_EXTENDED) + _GUID + 4 : len(_EXTENDED) + _GUID + 8]
            part = content[len(_EXTENDED) + _GUID + 8 :]
            size += len(part)
            if size > MAX_BLOCK:
                raise MalformedError("more extended XMP than is read")
            extended.setdefault(guid, {})[int.from_bytes(place, "big")] = part
        elif segment.marker == _APP1 and content.startswith(_EXIF):
            yield Block(EXIF, content[6:])
        elif segment.marker == _APP13 and content.startswith(_PHOTOSHOP):
            resources += content[len(_PHOTOSHOP) :]
            if len(resources) > MAX_BLOCK:
                raise MalformedError("more image resources than are read")
        elif segment.marker == _APP11 and b"c2pa" in content[:128]:
            yield Block(MANIFEST, b"")
        elif segment.marker == _COM:
            yield Block(COMMENT, content)
    for parts in extended.values():
        yield Block(XMP, _joined(parts), key="extended")
    for data in photoshop_iim(bytes(resources)):
        yield Block(IIM, data)


def _joined(parts: dict[int, bytes]) -> bytes:
    found = bytearray()
    for place in sorted(parts):
        if place != len(found):
            raise MalformedError("extended XMP with a part missing")
        found += parts[place]
    return bytes(found)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    _not_extended(file, edit)
    segments = list(_segments(file))
    old = [s for s in segments if s.marker == _APP1 and s.content.startswith(_XMP)]
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    new = edit.packet(old[0].content[len(_XMP) :] if old else None)
    if len(_XMP) + len(new) > _MOST:
        raise UnfitError(f"its XMP would have {len(new):,} bytes; one segment holds 65,504")
    content = _XMP + new
    packed = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    start = old[0].start if old else _place(segments)
    change = Change(start, old[0].end if old else start, packed)
    yield change
    yield from _moved_index(segments, change)


def _not_extended(file: BinaryIO, edit: Edit) -> None:
    ours = {(BY_NAME[n].namespace, BY_NAME[n].local) for n in (*edit.wanted, *edit.removed)}
    for block in blocks(file):
        if block.key != "extended":
            continue
        for value in parse(block.content).values:
            if (value.namespace, value.local) in ours:
                raise UnfitError(f"{value.path} stands in its extended XMP, which is not written")


def _place(segments: list[_Segment]) -> int:
    """Return where new XMP goes: behind JFIF and EXIF, which readers expect first."""
    place = 2
    for segment in segments:
        is_exif = segment.marker == _APP1 and segment.content.startswith(_EXIF)
        if segment.marker != _APP0 and not is_exif:
            break
        place = segment.end
    return place


def _moved_index(segments: list[_Segment], change: Change) -> Iterator[Change]:
    # CIPA DC-007: the first picture's size, and places that count from the index itself.
    for segment in segments:
        if segment.marker == _APP2 and segment.content.startswith(_MPF) and change.grows:
            index = segment.content[len(_MPF) :]
            shift = change.grows if change.start >= segment.end else 0
            size = _first_size(index)
            if size is None:
                raise UnfitError("it has an index of further pictures that is not understood")
            # Here, since that folder brings NumPy, and few files have such an index.
            from trustkit.media.pictures.mpf import moved

            new = moved(index, size + change.grows, shift)
            yield Change(segment.start + 4 + len(_MPF), segment.end, new)


def _first_size(index: bytes) -> int | None:
    order = {b"II": "little", b"MM": "big"}.get(index[:2])
    if order is None:
        return None

    def number(at: int, width: int) -> int:
        return int.from_bytes(index[at : at + width], order)  # type: ignore[arg-type]

    at = number(4, 4)
    for entry in range(at + 2, min(at + 2 + 12 * number(at, 2), len(index)), 12):
        if number(entry, 2) == 0xB002:  # noqa: PLR2004  # MP Entry, CIPA DC-007 5.2.3
            return number(number(entry + 8, 4) + 4, 4)
    return None
