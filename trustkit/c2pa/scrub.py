"""Bytes of an old manifest store that signing anew would leave behind in the file.

The engine (c2pa-rs 0.91) appends the new store to a TIFF and moves the pointer to it: what the old
one said stays in the file, pointed at by nothing. So it is blanked before the file is signed, and
whatever was written is searched for what should be gone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

APPENDED = frozenset({"image/tiff", "image/x-adobe-dng"})
_STORE = 0xCD41  # the tag of the manifest store: C2PA 2.4 appendix A.3, TIFF
_MAX_ENTRIES = 4096  # of a directory; those in the wild have fewer than 100
_CHUNK = 2**24
LEAST = 12  # bytes; shorter ones may stand anywhere by chance


def blank_store(stream: BinaryIO) -> bool:
    """Overwrite the manifest store of a TIFF with zeros; False where it is not found.

    The store is where the tag in the first directory says, and begins as a JUMBF box does.
    """
    place = _place(stream)
    if place is None:
        return False
    start, size = place
    stream.seek(start)
    if stream.read(8)[4:] != b"jumb":
        return False
    stream.seek(start)
    stream.write(bytes(size))
    return True


def _place(stream: BinaryIO) -> tuple[int, int] | None:
    # TIFF 6.0 section 2, and BigTIFF: twelve or twenty bytes an entry.
    end = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    try:
        is_big = struct.unpack_from(f"{order}H", head, 2)[0] == 43  # noqa: PLR2004  # BigTIFF's number
        first = struct.unpack_from(
            f"{order}Q" if is_big else f"{order}I", head, 8 if is_big else 4
        )[0]
        stream.seek(first)
        number = struct.unpack(
            f"{order}Q" if is_big else f"{order}H", stream.read(8 if is_big else 2)
        )
        form = f"{order}HHQQ" if is_big else f"{order}HHII"
        for _ in range(min(number[0], _MAX_ENTRIES)):
            tag, _kind, size, start = struct.unpack(form, stream.read(struct.calcsize(form)))
            if tag == _STORE:
                return (start, size) if 0 < start < start + size <= end else None
    except (struct.error, OSError, ValueError):
        return None
    return None


def lingers(stream: BinaryIO, needles: Iterable[bytes]) -> bool:
    """Tell whether any of `needles` of at least `LEAST` bytes stands in `stream`."""
    wanted = [needle for needle in needles if len(needle) >= LEAST]
    overlap = max((len(needle) for needle in wanted), default=1) - 1
    stream.seek(0)
    tail = b""
    while chunk := stream.read(_CHUNK):
        window = tail + chunk
        if any(needle in window for needle in wanted):
            return True
        tail = window[-overlap:] if overlap else b""
    return False
