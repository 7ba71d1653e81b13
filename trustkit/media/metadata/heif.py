"""HEIF, HEIC and AVIF: XMP and EXIF as items of the `meta` box (ISO/IEC 23008-12, annex A).

A new item is described in `meta`, which grows by it: the places of all other items are moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    EXIF,
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
from trustkit.media.metadata.bmff import MANIFEST_UUID, Box, body, boxes, closed, pack, shifted
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.iloc import Item, Places, parse
from trustkit.media.metadata.mp4_keys import inside

_RDF = b"application/rdf+xml"
_INFE_2 = b"\2\0\0\1"  # version 2, hidden: metadata is no picture
_DESCRIBES = b"cdsc"
_FILM_BEHIND = b"mpvd"  # Motion Photo 1.0: its XMP counts from the file's end
_HIGHEST = 0xFFFF  # an item's number in the versions that everybody reads


@dataclass(frozen=True, slots=True)
class _Meta:
    box: Box
    parts: tuple[tuple[bytes, bytes], ...]
    kinds: Mapping[int, bytes]  # by item: its type, and of a MIME item its type of content
    places: Places

    def part(self, kind: bytes) -> bytes:
        return next((content for name, content in self.parts if name == kind), b"")

    def of(self, kind: bytes) -> list[Item]:
        return [item for item in self.places.items if self.kinds.get(item.id) == kind]


def _meta(file: BinaryIO, found: list[Box]) -> _Meta:
    box = next((b for b in found if b.kind == b"meta"), None)
    if box is None:
        raise MalformedError("there is no `meta` box in it")
    parts = tuple(inside(body(file, box)[4:]))
    by_kind = dict(parts)
    if b"iloc" not in by_kind or b"iinf" not in by_kind:
        raise MalformedError("its items have no places or no names")
    return _Meta(box, parts, _kinds(by_kind[b"iinf"]), parse(by_kind[b"iloc"]))


def _kinds(iinf: bytes) -> dict[int, bytes]:
    found = {}
    for kind, content in inside(iinf[6 if iinf[:1] == b"\0" else 8 :]):
        if kind != b"infe" or content[:1] not in {b"\2", b"\3"}:
            continue
        width = 2 if content[:1] == b"\2" else 4
        number = int.from_bytes(content[4 : 4 + width], "big")
        rest = content[6 + width :]
        name = rest[:4]
        if name == b"mime":
            name = rest[4:].partition(b"\0")[2].partition(b"\0")[0]
        found[number] = name
    return found


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, EXIF, and whether there is a manifest."""
    found = list(boxes(file))
    for box in found:
        is_ours = box.kind == b"uuid" and box.end - box.content >= len(MANIFEST_UUID)
        if is_ours and take(file, box.content, 16) == MANIFEST_UUID:
            yield Block(MANIFEST, b"")
    meta = _meta(file, found)
    for item in meta.of(_RDF):
        yield Block(XMP, _content(file, meta, item))
    for item in meta.of(b"Exif"):
        content = _content(file, meta, item)
        content = content[4 + int.from_bytes(content[:4], "big") :]
        yield Block(EXIF, content.removeprefix(b"Exif\0\0"))


def _content(file: BinaryIO, meta: _Meta, item: Item) -> bytes:
    if item.source or item.method not in {0, 1}:
        raise MalformedError("an item that stands elsewhere")
    made = bytearray()
    for place, length in item.spans:
        if len(made) + length > MAX_BLOCK:
            raise MalformedError("an item of more than is read")
        if item.method == 1:
            part = meta.part(b"idat")[place : place + length]
            if len(part) != length:
                raise MalformedError("an item ends behind its box")
        else:
            part = take(file, place, length)
        made += part
    return bytes(made)


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    found = list(boxes(file))
    meta = _meta(file, found)
    old = meta.of(_RDF)
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    end = size_of(file)
    if found[-1].end != end:
        raise UnfitError("something that is no box stands at its end")
    if not old:
        yield from closed(file, found)
        yield from _added(file, found, meta, edit.packet(None), end)
        return
    item = old[0]
    before = _content(file, meta, item)
    new = edit.packet(before)
    if item.method or len(item.spans) != 1:
        raise UnfitError("its XMP stands in parts or within the description, and is only read")
    place, length = item.spans[0]
    if any(
        at < place + length and place < at + size
        for other in meta.places.items
        if other.id != item.id and not other.method and not other.source
        for at, size in other.spans
    ):
        raise UnfitError("its XMP stands where another item stands, too")
    if len(new) == length:
        yield Change(place, place + length, new)
        return
    own = [b for b in found if b.kind == b"mdat" and (b.content, b.end) == (place, place + length)]
    if own and own[0].end == end:
        at = own[0].start + 8
        yield Change(own[0].start, end, pack(b"mdat", new))
    elif found[-1].kind == _FILM_BEHIND:
        raise UnfitError("a film stands behind its picture, found by its place from the end")
    else:
        at = end + 8
        yield from closed(file, found)
        yield Change(place, place + length, bytes(length))  # what it said must not linger
        yield Change(end, end, pack(b"mdat", new))
    places = meta.places.with_item(replace(item, base=_base(meta, at), spans=((at, len(new)),)))
    iloc = next(b for b in boxes(file, meta.box.content + 4, meta.box.end) if b.kind == b"iloc")
    packed = places.packed()
    if len(packed) != iloc.end - iloc.content:
        raise UnfitError("the table of its items is not as it should be")
    yield Change(iloc.content, iloc.end, packed)


def _added(
    file: BinaryIO, found: list[Box], meta: _Meta, packet: bytes, end: int
) -> Iterator[Change]:
    number = max((*meta.kinds, *(i.id for i in meta.places.items)), default=0) + 1
    if number > _HIGHEST:
        raise UnfitError("it has no number left for another item")
    pitm = meta.part(b"pitm")
    primary = int.from_bytes(pitm[4:6] if pitm[:1] == b"\0" else pitm[4:8], "big")
    fresh = Item(number, spans=((2**31 - 1, len(packet)),))  # its place is known when sizes are
    iinf = _with_name(meta.part(b"iinf"), number)
    iref = _with_reference(meta.part(b"iref"), number, primary)

    def made(places: Places) -> bytes:
        new = {b"iinf": iinf, b"iref": iref, b"iloc": places.packed()}
        parts = [(kind, new.get(kind, content)) for kind, content in meta.parts]
        if not meta.part(b"iref"):
            parts.append((b"iref", iref))
        head = take(file, meta.box.content, 4)
        return pack(b"meta", head + b"".join(pack(*part) for part in parts))

    size = len(made(meta.places.with_item(fresh)))
    grows = size - (meta.box.end - meta.box.start)
    places = meta.places.moved(meta.box.end, grows)
    at = end + grows + 8
    places = places.with_item(replace(fresh, base=_base(meta, at), spans=((at, len(packet)),)))
    yield Change(meta.box.start, meta.box.end, made(places))
    yield Change(end, end, pack(b"mdat", packet))
    for box in found:  # a sequence has packets as well
        if box.kind == b"moov":
            yield from shifted(file, box, meta.box.end, grows)


def _base(meta: _Meta, at: int) -> int:
    # Where a table has bases, the C2PA engine adds the length of a manifest to an item's base and
    # to its place, unless one of them is zero: the whole place goes into the base.
    return at if meta.places.widths[2] else 0


def _with_name(iinf: bytes, number: int) -> bytes:
    width = 2 if iinf[:1] == b"\0" else 4
    count = int.from_bytes(iinf[4 : 4 + width], "big") + 1
    infe = _INFE_2 + number.to_bytes(2, "big") + bytes(2) + b"mime\0" + _RDF + b"\0"
    return iinf[:4] + count.to_bytes(width, "big") + iinf[4 + width :] + pack(b"infe", infe)


def _with_reference(iref: bytes, number: int, primary: int) -> bytes:
    width = 4 if iref[:1] == b"\1" else 2
    if primary >= 256**width:
        raise UnfitError("its picture has a number that no reference can name")
    content = number.to_bytes(width, "big") + b"\0\1" + primary.to_bytes(width, "big")
    return (iref or bytes(4)) + pack(_DESCRIBES, content)
