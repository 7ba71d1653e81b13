"""The items of a HEIC or AVIF: where they stand, and that signing leaves them whole.

Putting a manifest into such a file moves its pictures, and the engine corrects the table of their
places (`iloc`, ISO/IEC 14496-12, 8.11.3). Some forms of that table it gets wrong, and its hash is
of the wrong table: the file is intact then, and its picture cannot be decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from trustkit.asset import Asset
from trustkit.errors import PublishError
from trustkit.media.metadata.blocks import (
    Change,
    MalformedError,
    UnfitError,
    applied,
    size_of,
    take,
)
from trustkit.media.metadata.bmff import MANIFEST_UUID, Box, body, boxes, resized, shifted
from trustkit.media.metadata.iloc import Item, Places, parse
from trustkit.media.placing import temporary

_STILLS = frozenset({"image/avif", "image/heic", "image/heif"})
_IN_FILE, _IN_ITEM = 0, 2  # construction methods; 1 is within `idat`
_WIDTH = 4  # bytes of a place, unless the table has wider ones
_CHUNK = 2**20
_MAX_WAYS = 8  # distances by which bytes move; a manifest put in or replaced makes three at most

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Table:
    meta: Box
    parts: tuple[Box, ...]
    iloc: Box
    places: Places


def _table(file: BinaryIO) -> _Table | None:
    metas = [box for box in boxes(file) if box.kind == b"meta"]
    if not metas:
        return None  # a sequence: its pictures are a film's samples
    parts = tuple(boxes(file, metas[0].content + 4, metas[0].end))
    tables = [box for box in parts if box.kind == b"iloc"]
    if len(metas) > 1 or len(tables) > 1:
        raise MalformedError("it has two tables of items")
    if not tables:
        return None
    places = parse(body(file, tables[0]))
    if any(item.source for item in places.items):
        here = set(_here(file, parts))
        known = (replace(i, source=0) if i.source in here else i for i in places.items)
        places = replace(places, items=tuple(known))
    return _Table(metas[0], parts, tables[0], places)


def _here(file: BinaryIO, parts: tuple[Box, ...]) -> Iterator[int]:
    """Yield the numbers of the sources that are this very file (ISO/IEC 14496-12, 8.7.2)."""
    for dinf in (box for box in parts if box.kind == b"dinf"):
        for dref in (b for b in boxes(file, dinf.content, dinf.end) if b.kind == b"dref"):
            for number, entry in enumerate(boxes(file, dref.content + 8, dref.end), 1):
                if entry.kind == b"url " and take(file, entry.content, 4)[3] & 1:
                    yield number


@contextmanager
def readied(source: BinaryIO, media_type: str, near: Path) -> Iterator[BinaryIO]:
    """Open `source`, or a copy beside `near` that says the same in a form the engine moves right.

    A file that cannot be put so is given as it is: `left_whole` finds what becomes of it.
    """
    try:
        changes = list(_changes(source)) if media_type in _STILLS else []
    except (MalformedError, UnfitError, OverflowError):  # the last, of a place near 2**64
        changes = []
    if not changes:
        source.seek(0)
        yield source
        return
    with temporary(near) as copy:
        with copy.open("wb") as out:
            _write(source, changes, out)
        with copy.open("rb") as ready:
            yield ready


def _write(source: BinaryIO, changes: list[Change], out: BinaryIO) -> None:
    try:
        out.writelines(applied(source, changes))
    except UnfitError as error:
        raise PublishError(f"it cannot be signed: {error}", "nothing was written") from error


def _changes(file: BinaryIO) -> Iterator[Change]:
    table = _table(file)
    if table is None:
        return
    found, places = list(boxes(file)), _movable(table.places)
    stale = _stale(file, found, table)
    if places == table.places and not stale:
        return
    grows = len(places.packed()) - (table.iloc.end - table.iloc.content)
    if (stale or grows) and any(
        box.kind == b"moof" or (stale and box.kind == b"moov") for box in found
    ):
        raise UnfitError("a film tells places of its own")
    moves = [(table.iloc.end, grows), *((box.end, box.start - box.end) for box in stale)]
    for behind, by in sorted(moves, reverse=True):  # each counts from where it stood
        places = places.moved(behind, by)
    yield Change(table.iloc.content, table.iloc.end, places.packed())
    yield from (Change(box.start, box.end, b"") for box in stale)
    if grows:
        yield resized(file, table.iloc, grows)
        yield resized(file, table.meta, grows)
        for box in found:
            if box.kind == b"moov":
                yield from shifted(file, box, table.iloc.end, grows)


def _stale(file: BinaryIO, found: list[Box], table: _Table) -> list[Box]:
    # A new manifest takes the place of the old one, and the engine moves every item by what it is
    # larger, those before it as well: with no old one, it comes first. What the old one says is in
    # the parent.
    old = [b for b in found if b.kind == b"uuid" and b.end - b.content >= len(MANIFEST_UUID)]
    old = [box for box in old if take(file, box.content, len(MANIFEST_UUID)) == MANIFEST_UUID]
    items = (i for i in table.places.items if i.method == _IN_FILE and not i.source)
    first = min((at for item in items for at, size in item.spans if at or size), default=0)
    return old if old and first < old[0].start else []


def _movable(places: Places) -> Places:
    # What c2pa-rs 0.91 gets wrong where it moves the places of a table:
    # - an item whose base is zero gets the distance twice, in its base and in each place;
    # - indices are read as wide as bases, in version 1 even where there are none.
    place, length, base, index = places.widths
    has_indices = any(item.method == _IN_ITEM for item in places.items)
    wide = max(base, index, _WIDTH)
    if has_indices and index:
        index = base = wide
    else:
        index, base = 0, 0 if places.head[0] == 1 else base
    if not base:
        place = max(place, places.widths[2])
    items = tuple(_based(item) if base else replace(item, base=0) for item in places.items)
    return replace(places, widths=(place, length, base, index), items=items)


def _based(item: Item) -> Item:
    if item.method != _IN_FILE or item.base or not item.spans:
        return item
    return replace(item, base=min(at for at, _ in item.spans))


def left_whole(asset: Asset, signed: Path) -> None:
    """Compare every item, and what describes it, with what it was; raises `PublishError`.

    Of an item in another file, or made of other items, it compares what the table says.
    """
    if asset.media_type not in _STILLS:
        return
    name = asset.name
    try:
        with asset.open() as before, signed.open("rb") as after:
            old, new = _table(before), _table(after)
            is_whole = old is None or (new is not None and _is_whole(before, after, old, new))
    except MalformedError as error:
        raise PublishError(
            f"{name} cannot be signed: whether its picture stays whole cannot be told ({error})",
            _HINT,
        ) from error
    if not is_whole:
        raise PublishError(f"{name} cannot be signed: signing would move its picture data", _HINT)


_HINT = "nothing was written; sign it with --sidecar, or save it anew with other software"


def _is_whole(before: BinaryIO, after: BinaryIO, old: _Table, new: _Table) -> bool:
    ends = size_of(before), size_of(after)
    ways: dict[int, list[Span]] = {}
    for pair in _pairs(old, new, ends[0]):
        if pair is None:
            return False
        start, end, there = pair
        end = min(end, ends[0])
        if start < end:
            ways.setdefault(there - start, []).append((start, end))
    if len(ways) > _MAX_WAYS:
        return False
    return all(
        start + by >= 0
        and end + by <= ends[1]
        and _is_same(before, after, start, end - start, start + by)
        for by, spans in ways.items()
        for start, end in _merged(spans)
    )


def _pairs(old: _Table, new: _Table, end: int) -> Iterator[tuple[int, int, int] | None]:
    """Yield start and end of what must be the same, and where it starts now; None: it is not."""
    for was, now in zip_longest(old.parts, new.parts):
        if was is None or now is None or was.kind != now.kind:
            yield None
        elif was.kind != b"iloc":
            is_as_long = was.end - was.content == now.end - now.content
            yield (was.content, was.end, now.content) if is_as_long else None
    for item, moved in zip_longest(old.places.items, new.places.items):
        if item is None or moved is None or _form(item) != _form(moved):
            yield None
        elif item.method == _IN_FILE and not item.source:
            for (at, size), (to, _) in zip(item.spans, moved.spans, strict=True):
                if at or size:  # else it is all of the file, or nothing
                    yield at, at + size if size else end, to
        elif item.spans != moved.spans or _indices(item) != _indices(moved):
            yield None  # within `idat`, which is compared above, or elsewhere


def _form(item: Item) -> tuple[int, int, int, tuple[int, ...]]:
    return item.id, item.method, item.source, tuple(size for _, size in item.spans)


def _indices(item: Item) -> tuple[int, ...]:
    # Elsewhere they mean nothing, and a table may do without them.
    return item.indices if item.method == _IN_ITEM else ()


def _merged(spans: list[Span]) -> Iterator[Span]:
    # Overlapping spans are compared once, so that the work is that of the file, not of the table.
    first, last = 0, 0
    for start, end in sorted(spans):
        if start > last:
            if first < last:
                yield first, last
            first, last = start, end
        last = max(last, end)
    if first < last:
        yield first, last


def _is_same(before: BinaryIO, after: BinaryIO, start: int, size: int, there: int) -> bool:
    before.seek(start)
    after.seek(there)
    while size > 0:
        one, other = (file.read(min(size, _CHUNK)) for file in (before, after))
        if not one or one != other:
            return False
        size -= len(one)
    return True
