"""What C2PA's hash of an ISO-BMFF file (MP4, MOV, HEIC, AVIF) leaves out, hashed by us.

`c2pa.hash.bmff` excludes the top-level boxes ftyp, free, skip and mfra, so bytes can be changed
there without a trace. What we sign carries their SHA-256 as well, in our own signed assertion.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

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
_LEFT_OUT = {b"ftyp", b"free", b"skip", b"mfra"}
_CHUNK = 2**20
_HEADER, _LONG_HEADER = 8, 16


def digest(stream: BinaryIO) -> str:
    """Return the SHA-256, hex, over all boxes that the standard hash leaves out, in file order."""
    found = hashlib.sha256()
    for kind, start, size in _boxes(stream):
        if kind in _LEFT_OUT:
            stream.seek(start)
            left = size
            while left and (chunk := stream.read(min(left, _CHUNK))):
                found.update(chunk)
                left -= len(chunk)
    return found.hexdigest()


def _boxes(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    # Kind, start and whole size of each top-level box; a malformed size ends the walk.
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
