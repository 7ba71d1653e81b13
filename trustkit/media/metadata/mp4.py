"""MP4, M4A, M4V and QuickTime: XMP in a box of its own, the AIGC block among the named keys.

XMP goes to the end of the file, where nothing moves. Keys stand in the index (`moov`): where that
comes before the packets and grows, the places it tells (`stco`, `co64`) move with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    MANIFEST,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    take,
)
from trustkit.media.metadata.bmff import (
    MANIFEST_UUID,
    XMP_UUID,
    Box,
    body,
    boxes,
    closed,
    pack,
    resized,
    shifted,
)
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.mp4_keys import (
    handler,
    meta_blocks,
    meta_parts,
    user_data,
    with_key,
)

_XMP_ATOM = b"XMP_"  # QuickTime's place for it, in user data
_UUID = 16  # bytes
_AIGC = "AIGC"


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, keys, and whether there is a manifest."""
    for box in boxes(file):
        if box.kind == b"uuid":
            name = take(file, box.content, min(_UUID, box.end - box.content))
            if name == XMP_UUID:
                yield Block(XMP, body(file, box)[_UUID:])
            elif name == MANIFEST_UUID:
                yield Block(MANIFEST, b"")
        elif box.kind == b"moov":
            yield from _index_blocks(file, box)


def _index_blocks(file: BinaryIO, moov: Box) -> Iterator[Block]:
    for box in boxes(file, moov.content, moov.end):
        if box.kind == b"meta":
            yield from meta_blocks(body(file, box))
        elif box.kind == b"udta":
            for part in boxes(file, box.content, box.end):
                if part.kind == b"meta":
                    yield from meta_blocks(body(file, part))
                elif part.kind == _XMP_ATOM:
                    yield Block(XMP, body(file, part), key="moov")
                else:
                    yield from user_data(part.kind, take(file, part.content,
                                         min(part.end - part.content, 2**16)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _InIndex:
    """A change of a box within `moov`, and the boxes around it that grow with it."""

    change: Change
    around: tuple[Box, ...]


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file."""
    found = list(boxes(file))
    moov = next((box for box in found if box.kind == b"moov"), None)
    if moov is None:
        raise MalformedError("there is no index (moov) in it")
    yield from closed(file, found)
    # First: where the index comes last, both are put at the same byte, and the key is within it.
    if edit.touches_aigc and not is_fragmented(found):
        within = _key_change(file, moov, edit.aigc)
        if within:
            yield from _grown(file, found, moov, within)
    yield from _packet_changes(file, found, edit, moov)


def is_fragmented(found: list[Box]) -> bool:
    """Whether packets are told of by fragments, which may count from the file's start."""
    return any(box.kind == b"moof" for box in found)


def _packet_changes(file: BinaryIO, found: list[Box], edit: Edit, moov: Box) -> Iterator[Change]:
    packets = [
        box
        for box in found
        if box.kind == b"uuid" and take(file, box.content, min(_UUID, box.end - box.content))
        == XMP_UUID
    ]  # fmt: skip
    if len(packets) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    for block in _index_blocks(file, moov):
        if block.key == "moov" and block.place == XMP:
            yield from _in_user_data(file, moov, edit, has_another=bool(packets))
            return
    # Behind everything but an index of fragments, which readers look for at the very end.
    last = found[-1]
    place = last.start if last.kind == b"mfra" else last.end
    if not packets:
        yield Change(place, place, pack(b"uuid", XMP_UUID + edit.packet(None)))
        return
    old = packets[0]
    content = take(file, old.content + _UUID, old.end - old.content - _UUID)
    new = edit.packet(content)
    if len(new) == len(content):
        yield Change(old.content + _UUID, old.end, new)
    elif old.end == place:
        yield Change(old.start, old.end, pack(b"uuid", XMP_UUID + new))
    else:  # what it said must not linger, and nothing behind it may move
        yield Change(old.start + 4, old.start + 8, b"free")
        yield Change(old.content, old.end, bytes(old.end - old.content))
        yield Change(place, place, pack(b"uuid", XMP_UUID + new))


def _in_user_data(file: BinaryIO, moov: Box, edit: Edit, *, has_another: bool) -> Iterator[Change]:
    if has_another:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    for udta in boxes(file, moov.content, moov.end):
        for part in boxes(file, udta.content, udta.end) if udta.kind == b"udta" else ():
            if part.kind == _XMP_ATOM:
                new = edit.packet(body(file, part))
                if len(new) != part.end - part.content:
                    raise UnfitError("its XMP stands in the index, and has no room to grow there")
                yield Change(part.content, part.end, new)


def _key_change(file: BinaryIO, moov: Box, value: str | None) -> _InIndex | None:
    for box in boxes(file, moov.content, moov.end):
        if box.kind == b"meta" and handler(meta_parts(body(file, box))[1]) == b"mdta":
            return _within(file, box, (moov,), value)
        if box.kind == b"udta":
            for part in boxes(file, box.content, box.end):
                if part.kind == b"meta" and handler(meta_parts(body(file, part))[1]) == b"mdta":
                    return _within(file, part, (moov, box), value)
    made = with_key(None, _AIGC, value)
    if made is None:
        return None
    return _InIndex(Change(moov.end, moov.end, pack(b"meta", made)), (moov,))


def _within(file: BinaryIO, box: Box, around: tuple[Box, ...], value: str | None) -> _InIndex:
    made = with_key(body(file, box), _AIGC, value)
    return _InIndex(Change(box.start, box.end, pack(b"meta", made or b"")), around)


def _grown(file: BinaryIO, found: list[Box], moov: Box, within: _InIndex) -> Iterator[Change]:
    grows = within.change.grows
    yield within.change
    if not grows:
        return
    for box in within.around:
        yield resized(file, box, grows)
    following = next((box for box in found if box.start == moov.end), None)
    if following is None:
        return  # nothing behind it moves
    if following.kind == b"free" and not following.is_open:
        room = following.end - following.start
        if room == grows or room - grows >= following.content - following.start:
            yield from _less_room(file, following, grows)
            return
    if any(box.kind == b"meta" for box in found):
        raise UnfitError("it has items as well as a film, and its index has no room to grow")
    yield from shifted(file, moov, moov.end, grows)


def _less_room(file: BinaryIO, free: Box, grows: int) -> Iterator[Change]:
    if free.end - free.start == grows:
        yield Change(free.start, free.end, b"")
        return
    head = free.content - free.start
    size = free.end - free.start - grows
    content = take(file, free.content, free.end - free.content)[: max(size - head, 0)]
    content += bytes(size - head - len(content))
    kind = b"free"
    packed = (
        size.to_bytes(4, "big") + kind if head == 8 else  # noqa: PLR2004
        (1).to_bytes(4, "big") + kind + size.to_bytes(8, "big")
    )  # fmt: skip
    yield Change(free.start, free.end, packed + content)
