"""What C2PA's hash of an ISO-BMFF file (MP4, MOV, HEIC, AVIF) leaves out, hashed by us.

`c2pa.hash.bmff` excludes the top-level boxes ftyp, free, skip and mfra, so bytes can be changed
there without a trace. What we sign carries their SHA-256 as well, in our own signed assertion.
Box layouts: ISO/IEC 14496-12, sections 4.2 and 8.8.9 to 8.8.11.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from trustkit.asset import Asset

BMFF = frozenset(
    {
        "video/mp4",
        "video/quicktime",
        "video/x-m4v",
        "audio/mp4",
        "image/avif",
        "image/heic",
        "image/heif",
    }
)
_AS_THEY_ARE = {b"ftyp", b"free", b"skip"}
_CHUNK = 2**20
_MAX_INDEX = 2**26  # bytes of a random access index that are read at once
_HEADER, _LONG_HEADER = 8, 16
_TFRA_HEAD = 16  # version and flags, track, sizes of three fields, number of entries


def uncovered(asset: Asset) -> str:
    """Return the `digest` of `asset`; empty where the standard hash leaves nothing out."""
    if asset.media_type not in BMFF:
        return ""
    with asset.open() as stream:
        return digest(stream)


def digest(stream: BinaryIO) -> str:
    """Return the SHA-256, hex, over all boxes that the standard hash leaves out, in file order.

    In a random access index (mfra) a moof's place counts, not its offset, which putting a manifest
    into the file shifts.
    """
    found = hashlib.sha256()
    found_boxes = list(boxes(stream))
    moofs = {start: n for n, (kind, start, _) in enumerate(found_boxes) if kind == b"moof"}
    for kind, start, size in found_boxes:
        if kind in _AS_THEY_ARE:
            for chunk in _read(stream, start, size):
                found.update(chunk)
        elif kind == b"mfra":
            index = b"".join(_read(stream, start, min(size, _MAX_INDEX)))
            places = {offset: number - len(found_boxes) for offset, number in moofs.items()}
            found.update(_by_place(index, places))
    return found.hexdigest()


def mend_index(original: BinaryIO, signed: BinaryIO) -> None:
    """Write the random access index of `original` into `signed`, each offset moved as its moof was.

    The engine (c2pa-rs 0.91) lets every entry point to the last fragment, which breaks seeking.
    """
    before, after = list(boxes(original)), list(boxes(signed))
    old = [start for kind, start, _ in before if kind == b"moof"]
    new = [start for kind, start, _ in after if kind == b"moof"]
    index = [(start, size) for kind, start, size in before if kind == b"mfra"]
    place = [(start, size) for kind, start, size in after if kind == b"mfra"]
    if len(index) != 1 or len(place) != 1 or len(old) != len(new) or index[0][1] != place[0][1]:
        return
    mfra = b"".join(_read(original, index[0][0], min(index[0][1], _MAX_INDEX)))
    signed.seek(place[0][0])
    signed.write(_by_place(mfra, dict(zip(old, new, strict=True))))


def boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and whole size of each top-level box; a malformed size ends the walk."""
    end = stream.seek(0, 2)
    at = 0
    while at + _HEADER <= end:
        stream.seek(at)
        header = stream.read(_LONG_HEADER)
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == _LONG_HEADER:
            size = struct.unpack_from(">Q", header, _HEADER)[0]
        size = size or end - at
        if size < _HEADER:
            return
        yield kind, at, min(size, end - at)
        at += size


def _read(stream: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    stream.seek(start)
    while size and (chunk := stream.read(min(size, _CHUNK))):
        yield chunk
        size -= len(chunk)


def _by_place(mfra: bytes, places: Mapping[int, int]) -> bytes:
    # The index with each moof's offset put as its place, counted from the end of the file's boxes.
    out, at = bytearray(mfra), _HEADER
    while at + _HEADER <= len(mfra):
        size, kind = struct.unpack_from(">I4s", mfra, at)
        if size < _HEADER:
            break
        if kind == b"tfra" and at + _HEADER + _TFRA_HEAD <= len(mfra):
            _replace_offsets(out, at + _HEADER, min(at + size, len(mfra)), places)
        at += size
    return bytes(out)


def _replace_offsets(out: bytearray, at: int, end: int, places: Mapping[int, int]) -> None:
    version = out[at]
    sizes, entries = struct.unpack_from(">II", out, at + 8)
    tail = sum(((sizes >> shift) & 0b11) + 1 for shift in (4, 2, 0))
    width, form = (8, ">q") if version == 1 else (4, ">i")
    at += _TFRA_HEAD
    for _ in range(entries):
        if at + 2 * width + tail > end:
            return
        offset = int.from_bytes(out[at + width : at + 2 * width], "big")
        struct.pack_into(form, out, at + width, places.get(offset, 0))
        at += 2 * width + tail
