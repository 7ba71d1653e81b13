"""JPEG XL in its container: XMP in `xml `, EXIF in `Exif`, either of them packed in `brob`.

ISO/IEC 18181-2, 9. A bare codestream has no place for metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
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
    take,
)
from trustkit.media.metadata.bmff import Box, body, boxes, closed, pack
from trustkit.media.metadata.edit import Edit

_XMP, _EXIF, _PACKED = b"xml ", b"Exif", b"brob"


def is_bare(file: BinaryIO) -> bool:
    """Whether it is a codestream without container."""
    return take(file, 0, 2) == b"\xff\x0a"


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield XMP, EXIF, and whether there is a manifest."""
    if is_bare(file):
        return
    for box in boxes(file):
        if box.kind in {_XMP, _EXIF}:
            yield _block(box.kind, body(file, box))
        elif box.kind == _PACKED:
            kind = take(file, box.content, 4)
            if kind in {_XMP, _EXIF}:
                yield _block(kind, _unpacked(body(file, box)[4:]))
        elif box.kind == b"jumb" and b"c2pa" in take(
            file, box.content, min(64, box.end - box.content)
        ):
            yield Block(MANIFEST, b"")


def _block(kind: bytes, content: bytes) -> Block:
    if kind == _XMP:
        return Block(XMP, content)
    return Block(EXIF, content[4 + int.from_bytes(content[:4], "big") :])


def _unpacked(data: bytes) -> bytes:
    if find_spec("brotli") is None:
        raise MalformedError("it is packed with Brotli, which is not installed")
    decompressor = import_module("brotli").Decompressor()
    try:
        found: bytes = decompressor.process(data, output_buffer_limit=MAX_BLOCK)
    except Exception as error:  # brotli.error, a name of an optional library
        raise MalformedError(f"its Brotli data is broken: {error}") from error
    if not decompressor.is_finished():
        raise MalformedError("its packed metadata is cut short, or more than is read")
    return found


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file: a box behind the codestream."""
    if is_bare(file):
        raise UnfitError("a bare JPEG XL codestream has no place for metadata")
    found = list(boxes(file))
    old: list[Box] = []
    for box in found:
        if box.kind == _PACKED and take(file, box.content, 4) == _XMP:
            raise UnfitError("its XMP is packed with Brotli, which is only read")
        if box.kind == _XMP:
            old.append(box)
    if len(old) > 1:
        raise UnfitError("it has two XMP packets, and which one holds is open")
    if old:
        yield Change(old[0].start, old[0].end, pack(_XMP, edit.packet(body(file, old[0]))))
        return
    yield from closed(file, found)
    end = found[-1].end
    yield Change(end, end, pack(_XMP, edit.packet(None)))
