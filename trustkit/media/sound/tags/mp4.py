"""MP4 and QuickTime: user data and metadata boxes, XMP, and an index that comes first or last.

FFmpeg knows the common iTunes names only. ISO/IEC 14496-12 names the boxes: `moov` is the index,
`mdat` the packets, `stco` and `co64` tell at which byte of the file packets lie.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from trustkit.media.pictures.boxes import Box, boxes, pack, part
from trustkit.media.pictures.provenance import blank, is_manifest_box
from trustkit.media.sound.tags import copy_part

_TOLD = {b"udta", b"meta"}
_PARENTS = {b"trak", b"mdia", b"minf", b"stbl"}
_PLACES = {b"stco": ">u4", b"co64": ">u8"}
_COUNTED = 8  # bytes of version, flags and count before the places
# The encoder delay of old: FFmpeg writes an edit list, and that is of the new encoder.
DELAY = "iTunSMPB"
_NAME = DELAY.encode()
_MOST = 1 << 24  # bytes of an XMP box
_MANY = 100_000  # boxes side by side; more are an attack
_HUGE = 1 << 28  # bytes of an index; two hours of film have a hundredth of that


def dress(source: Path, bare: Path, fresh: Path) -> None:
    """Write the packets of `bare` with what `source` tells about itself to `fresh`.

    The index comes first if it does so in `source`. Raises `ValueError` on broken boxes, before
    anything is written.
    """
    with source.open("rb") as file:
        there = list(_top(file))
        index = _index(there)
        told = b"".join(
            pack(box.kind, _without_delay(box.kind, content))
            for box, content in _children(part(file, index))
            if box.kind in _TOLD
        )
        is_first = any(b.kind == b"mdat" and b.start > index.start for b in there)
        after = b"".join(_uuids(file, there))
    with bare.open("rb") as file:
        there = list(boxes(file))
        index, begin = _index(there), there[0].end
        children = [c for c in _children(part(file, index)) if c[0].kind not in _TOLD]
        moov = b"".join(pack(box.kind, content) for box, content in children) + told
        moved = _moved(moov, len(moov) + 8) if is_first and index.start > begin else None
        if moved is not None:
            with fresh.open("wb") as out:
                file.seek(0)
                copy_part(file, out, begin)
                out.write(pack(b"moov", moved))
                copy_part(file, out, index.start - begin)
                out.write(after)
            return
    os.replace(bare, fresh)
    with fresh.open("r+b") as out:
        out.truncate(index.start)
        out.seek(index.start)
        out.write(pack(b"moov", moov) + after)


def _children(content: bytes) -> list[tuple[Box, bytes]]:
    found = islice(boxes(BytesIO(content)), _MANY)
    return [(box, content[box.content : box.end]) for box in found]


def _top(file: BinaryIO) -> Iterator[Box]:
    with suppress(ValueError):  # what stands behind the last box need not be one
        yield from islice(boxes(file), _MANY)


def _index(there: list[Box]) -> Box:
    found = [box for box in there if box.kind == b"moov" and box.end - box.start < _HUGE]
    if not found:
        raise ValueError("no index of a size that can be")
    return found[0]


def _uuids(file: BinaryIO, there: list[Box]) -> list[bytes]:
    found = [b for b in there if b.kind == b"uuid" and b.end - b.content < _MOST]
    contents = [part(file, box) for box in found]
    return [pack(b"uuid", blank(c)) for c in contents if not is_manifest_box(b"uuid", c)]


def _without_delay(kind: bytes, content: bytes) -> bytes:
    if _NAME not in content or kind not in {b"udta", b"meta", b"ilst"}:
        return content
    version = 4 * (kind == b"meta" and content[4:8] != b"hdlr")  # QuickTime's has none
    return content[:version] + b"".join(
        pack(box.kind, _without_delay(box.kind, inner))
        for box, inner in _children(content[version:])
        if not (box.kind == b"----" and _NAME in inner)
    )


def _moved(content: bytes, by: int) -> bytes | None:
    """Return `content` with packets told to lie so many bytes later; None if that has no room."""
    made = b""
    for box, inner in _children(content):
        kind = _PLACES.get(box.kind)
        new: bytes | None = inner
        if box.kind in _PARENTS:
            new = _moved(inner, by)
        elif kind:
            places = np.frombuffer(inner[_COUNTED:], kind).astype(np.uint64) + by
            if places.size and int(places.max()) > np.iinfo(kind).max:
                return None
            new = inner[:_COUNTED] + places.astype(kind).tobytes()
        if new is None:
            return None
        made += pack(box.kind, new)
    return made
