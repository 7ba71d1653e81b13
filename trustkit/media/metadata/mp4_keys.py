"""Keys of MP4 and QuickTime: iTunes items, QuickTime's named keys (`mdta`), user data texts.

QuickTime File Format, "Metadata"; the `----` items are Apple's.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from trustkit.media.metadata.blocks import Block, MalformedError
from trustkit.media.metadata.bmff import body, boxes, pack

KEY = "mp4-key"
_UTF8, _UTF16 = 1, 2  # well-known types of a value
_NAMED = b"----"
_MANDATORY_HANDLER = bytes(8) + b"mdta" + bytes(13)


def inside(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of the boxes in `content`."""
    file = BytesIO(content)
    for box in boxes(file):
        yield box.kind, body(file, box)


def meta_parts(content: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return a `meta` box's version and flags (QuickTime's has none), and the boxes in it."""
    head = b"" if content[4:8] == b"hdlr" else content[:4]
    return head, list(inside(content[len(head) :]))


def handler(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Return what kind of metadata a `meta` box has."""
    return next((content[8:12] for kind, content in parts if kind == b"hdlr"), b"")


def meta_blocks(content: bytes) -> Iterator[Block]:
    """Yield the texts of a `meta` box under `moov` or its user data."""
    _, parts = meta_parts(content)
    by_kind = dict(parts)
    names = _names(by_kind.get(b"keys", b"")) if handler(parts) == b"mdta" else []
    for kind, item in inside(by_kind.get(b"ilst", b"")):
        number = int.from_bytes(kind, "big")
        key = names[number - 1] if 0 < number <= len(names) else kind.decode("latin-1")
        yield from _values(key, kind, item)


def user_data(kind: bytes, content: bytes) -> Iterator[Block]:
    """Yield the text of one of QuickTime's user data boxes."""
    size = int.from_bytes(content[:2], "big")
    if kind[:1] == b"\xa9" and size and len(content) >= 4 + size:
        text = content[4 : 4 + size].decode("utf-8", "replace")
        yield Block(KEY, text.encode(), kind.decode("latin-1"))


def _names(content: bytes) -> list[str]:
    return [name.decode("utf-8", "replace") for _, name in inside(content[8:])]


def _values(key: str, kind: bytes, item: bytes) -> Iterator[Block]:
    parts = list(inside(item))
    if kind == _NAMED:
        by_kind = dict(parts)
        mean, name = (by_kind.get(part, b"")[4:].decode("utf-8", "replace")
                      for part in (b"mean", b"name"))  # fmt: skip
        key = f"{key}:{mean}:{name}"
    for part, content in parts:
        type_of = int.from_bytes(content[:4], "big")
        if part == b"data" and type_of in {_UTF8, _UTF16}:
            code = "utf-8" if type_of == _UTF8 else "utf-16-be"
            yield Block(KEY, content[8:].decode(code, "replace").encode(), key)


def with_key(content: bytes | None, name: str, value: str | None) -> bytes | None:
    """Return the content of a `meta` box of named keys with `name` set, or gone where None.

    None instead of a box means that there was none, or that none is needed.
    """
    if content is None:
        if value is None:
            return None
        content = bytes(4) + pack(b"hdlr", _MANDATORY_HANDLER)
        content += pack(b"keys", bytes(8)) + pack(b"ilst", b"")
    head, parts = meta_parts(content)
    by_kind = dict(parts)
    if handler(parts) != b"mdta" or b"keys" not in by_kind or b"ilst" not in by_kind:
        raise MalformedError("named keys without names")
    keys, items = by_kind[b"keys"], list(inside(by_kind[b"ilst"]))
    names = _names(keys)
    # A key without an item is allowed, so numbers of other items need not change.
    gone = {n + 1 for n, known in enumerate(names) if known == name}
    items = [(kind, item) for kind, item in items if int.from_bytes(kind, "big") not in gone]
    if value is not None:
        number = min(gone, default=len(names) + 1)
        if not gone:
            count = int.from_bytes(keys[4:8], "big") + 1
            keys = keys[:4] + count.to_bytes(4, "big") + keys[8:] + pack(b"mdta", name.encode())
        data = pack(b"data", _UTF8.to_bytes(4, "big") + bytes(4) + value.encode())
        items.append((number.to_bytes(4, "big"), data))
    made = {b"keys": keys, b"ilst": b"".join(pack(*item) for item in items)}
    return head + b"".join(pack(kind, made.get(kind, old)) for kind, old in parts)
