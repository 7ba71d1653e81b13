"""Ogg: the comment header of Opus, Vorbis or FLAC, with its pictures and chapters (RFC 3533)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from trustkit.errors import UnreadableError
from trustkit.media.sound.tags import MOST

_HEADER = 27  # bytes before the segment table
_PAGE = 65_307  # bytes, at most
_CONTINUED, _LAST = 1, 4
_SEGMENT = 255
_HEADERS = {b"OpusHead": 2, b"\x01vorbis": 3}
_FLAC = b"\x7fFLAC"  # then two bytes of version, and how many headers follow, in two
_MIRRORED = bytes(int(f"{n:08b}"[::-1], 2) for n in range(256))


@dataclass(frozen=True, slots=True)
class _Page:
    flags: int
    granule: bytes
    serial: bytes
    number: int
    lacing: bytes
    body: bytes

    def packed(self) -> bytes:
        head = b"OggS\0" + bytes([self.flags]) + self.granule + self.serial
        head += self.number.to_bytes(4, "little")
        rest = bytes([len(self.lacing)]) + self.lacing + self.body
        return head + _sum(head + bytes(4) + rest) + rest


def dress(source: Path, bare: Path, fresh: Path) -> None:
    """Write the sound of `bare` with the comment header of `source` to `fresh`."""
    with source.open("rb") as file, bare.open("rb") as sound, fresh.open("wb") as out:
        told, _ = _headers(_pages(file), source.name)
        pages = _pages(sound)
        own, first = _headers(pages, bare.name)
        # Of Vorbis the third header belongs to the sound; of FLAC all that follow are comments.
        kept = own[2:] if own[0].startswith(b"\x01vorbis") else told[2:]
        if own[0].startswith(_FLAC):
            own[0] = own[0][:7] + (len(told) - 1).to_bytes(2, "big") + own[0][9:]
        number = 0
        for page in (*_laid([own[0]], first), *_laid([told[1], *kept], replace(first, flags=0))):
            out.write(replace(page, number=number).packed())
            number += 1
        for page in pages:
            out.write(replace(page, number=number).packed())
            number += 1


def is_ended(source: Path) -> bool:
    """Return whether the last page says that it is the last."""
    with source.open("rb") as file:
        file.seek(-min(_PAGE, source.stat().st_size), os.SEEK_END)
        rest = file.read()
    last = rest.rfind(b"OggS\0")
    return 0 <= last < len(rest) - _HEADER and bool(rest[last + 5] & _LAST)


def _pages(file: BinaryIO) -> Iterator[_Page]:
    while header := file.read(_HEADER):
        if len(header) < _HEADER or not header.startswith(b"OggS\0"):
            return
        lacing = file.read(header[26])
        number = int.from_bytes(header[18:22], "little")
        body = file.read(sum(lacing))
        yield _Page(header[5], header[6:14], header[14:18], number, lacing, body)


def _headers(pages: Iterator[_Page], name: str) -> tuple[list[bytes], _Page]:
    """Return the header packets and the first page; `pages` is left where the sound begins."""
    packets: list[bytes] = []
    part, first, count = bytearray(), None, 1
    for page in pages:
        first = first or page
        if page.serial != first.serial:
            break
        at = 0
        for length in page.lacing:
            part += page.body[at : at + length]
            at += length
            if length < _SEGMENT:
                packets.append(bytes(part))
                part.clear()
        if len(part) > MOST:
            break
        count = _count(packets[0]) if packets else 1
        if len(packets) >= count and first is not page:
            return packets[:count], first
    raise UnreadableError(f"{name} does not begin as Ogg sound does")


def _count(packet: bytes) -> int:
    if packet.startswith(_FLAC):
        return 1 + max(1, int.from_bytes(packet[7:9], "big"))  # 0: nobody counted
    return next((n for start, n in _HEADERS.items() if packet.startswith(start)), 2)


def _laid(packets: list[bytes], like: _Page) -> Iterator[_Page]:
    """Lay header packets into pages of at most 255 segments."""
    lacing = b""
    for packet in packets:
        whole, rest = divmod(len(packet), _SEGMENT)
        lacing += bytes([_SEGMENT]) * whole + bytes([rest])
    data, at, flags = b"".join(packets), 0, like.flags & ~_CONTINUED
    for begin in range(0, len(lacing), _SEGMENT):
        part = lacing[begin : begin + _SEGMENT]
        body = data[at : at + sum(part)]
        at += len(body)
        ends = any(length < _SEGMENT for length in part)
        granule = bytes(8) if ends else b"\xff" * 8
        yield _Page(flags, granule, like.serial, 0, part, body)
        flags = flags & ~_CONTINUED | _CONTINUED * (part[-1] == _SEGMENT)


def _sum(data: bytes) -> bytes:
    # Ogg's CRC is zlib's polynomial, with the bits of each byte the other way round, from 0.
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)
