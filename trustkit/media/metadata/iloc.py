"""Where items stand: the `iloc` box, read and written again (ISO/IEC 14496-12, 8.11.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from trustkit.media.metadata.blocks import MAX_PARTS, MalformedError, UnfitError


@dataclass(frozen=True, slots=True)
class Item:
    """One item: places and lengths in the file (`method` 0) or within `idat` (1).

    `base` is what the table adds to each place; `spans` have it added already.
    """

    id: int
    method: int = 0
    source: int = 0
    base: int = 0
    spans: tuple[tuple[int, int], ...] = ()
    indices: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Places:
    """The table: version with flags, widths of place, length, base and index, and the items."""

    head: bytes
    widths: tuple[int, int, int, int]
    items: tuple[Item, ...]

    def with_item(self, item: Item) -> Places:
        """Return the table with `item` in the place of the one of its number, or added."""
        if any(known.id == item.id for known in self.items):
            made = tuple(item if known.id == item.id else known for known in self.items)
            return replace(self, items=made)
        return replace(self, items=(*self.items, item))

    def moved(self, behind: int, by: int) -> Places:
        """Return the table for bytes behind `behind` that have moved by `by`."""
        return replace(self, items=tuple(_moved(item, behind, by) for item in self.items))

    def packed(self) -> bytes:
        """Return the box's content; raises `UnfitError` where a number has no room."""
        version = self.head[0]
        place, length, base, index = self.widths
        counted = 2 if version < 2 else 4  # noqa: PLR2004
        made = [
            self.head,
            bytes([place << 4 | length, base << 4 | index]),
            _put(len(self.items), counted),
        ]
        for item in self.items:
            made.append(_put(item.id, counted))
            if version:
                made.append(_put(item.method, 2))
            made += [_put(item.source, 2), _put(item.base, base), _put(len(item.spans), 2)]
            for number, (at, size) in enumerate(item.spans):
                if version and index:
                    made.append(_put(item.indices[number] if item.indices else 0, index))
                made += [_put(at - item.base, place), _put(size, length)]
        return b"".join(made)


def parse(content: bytes) -> Places:
    """Return the table; raises `MalformedError`."""
    at = 6

    def number(width: int) -> int:
        nonlocal at
        found = content[at : at + width]
        if len(found) != width:
            raise MalformedError("the table of its items ends early")
        at += width
        return int.from_bytes(found, "big")

    if len(content) < at or content[0] > 2:  # noqa: PLR2004
        raise MalformedError("a table of items of unknown form")
    version = content[0]
    place, length, base, index = content[4] >> 4, content[4] & 15, content[5] >> 4, content[5] & 15
    index = index if version else 0
    counted = 2 if version < 2 else 4  # noqa: PLR2004
    items, total = [], 0
    for _ in range(number(counted)):
        name = number(counted)
        method = number(2) & 15 if version else 0
        source, begin, spans, indices = number(2), number(base), [], []
        count = number(2)
        total += count + 1
        if total > MAX_PARTS or (count and not place + length):
            raise MalformedError("more items than are read")
        for _ in range(count):
            indices.append(number(index))
            spans.append((begin + number(place), number(length)))
        items.append(Item(name, method, source, begin, tuple(spans), tuple(indices)))
    return Places(content[:4], (place, length, base, index), tuple(items))


def _moved(item: Item, behind: int, by: int) -> Item:
    if item.method or item.source or not any(at >= behind for at, _ in item.spans):
        return item
    spans = tuple((at + by if at >= behind else at, size) for at, size in item.spans)
    if item.base >= behind:
        return replace(item, base=item.base + by, spans=spans)
    return replace(item, spans=spans)


def _put(value: int, width: int) -> bytes:
    if not 0 <= value < 256**width:
        raise UnfitError("a number in the table of its items has no room")
    return value.to_bytes(width, "big")
