"""ID3v2 before the sound; ID3v1, APE and Lyrics3 tags after it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO

from trustkit.errors import UnreadableError
from trustkit.media.pictures.provenance import blank
from trustkit.media.sound.tags import MOST, copy_part

_HEADER = 10  # bytes of an ID3v2 tag's header, as of a frame's since version 2.3
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_ID3V1, _APE, _LYRICS = 128, 32, 15  # bytes: whole, a header or footer, a footer
_SYNCHSAFE = 4  # the ID3v2 version since which a frame's size has 7 bits a byte


def dress(source: Path, bare: Path, fresh: Path) -> None:
    """Write `bare` with the tags of `source` to `fresh`."""
    with source.open("rb") as file, bare.open("rb") as sound, fresh.open("wb") as out:
        out.write(head(file, source.name))
        shutil.copyfileobj(sound, out)
        file.seek(tail(file))
        copy_part(file, out, MOST)


def head(file: BinaryIO, name: str) -> bytes:
    """Return the ID3v2 tags that a file begins with; it is left where they end."""
    found = b""
    while True:
        at = file.tell()
        header = file.read(_HEADER)
        if len(header) < _HEADER or not header.startswith(b"ID3"):
            file.seek(at)
            return found
        if _number(header[6:]) > MOST:
            raise UnreadableError(f"{name} has an ID3 tag of more than {MOST >> 20} MiB")
        footer = _HEADER if header[5] & _FOOTER else 0
        found += _without_manifest(header + file.read(_number(header[6:]) + footer))


def tail(file: BinaryIO) -> int:
    """Return where the tags begin that a file ends with."""
    end = file.seek(0, os.SEEK_END)
    while True:
        length = _one_tag(file, end)
        if not 0 < length <= min(end, MOST):
            return end
        end -= length


def _one_tag(file: BinaryIO, end: int) -> int:
    def before(length: int, count: int) -> bytes:
        file.seek(max(end - length, 0))
        return file.read(count) if end >= length else b""

    if before(_ID3V1, 3) == b"TAG":
        return _ID3V1
    footer = before(_APE, _APE)
    if footer.startswith(b"APETAGEX"):
        has_header = bool(footer[23] & 0x80)
        return int.from_bytes(footer[12:16], "little") + has_header * _APE
    lyrics = before(_LYRICS, _LYRICS)
    if lyrics.endswith(b"LYRICS200") and lyrics[:6].isdigit():
        return int(lyrics[:6]) + _LYRICS
    return 0


def _number(data: bytes, bits: int = 7) -> int:
    number = 0
    for byte in data[:4]:
        number = number << bits | byte
    return number


def _without_manifest(tag: bytes) -> bytes:
    tag = blank(tag)
    version, flags = tag[3], tag[5]
    if b"c2pa" not in tag or version < 3 or flags & _EXTENDED:  # noqa: PLR2004  # C2PA writes 2.4
        return tag
    body = tag[_HEADER : len(tag) - (_HEADER if flags & _FOOTER else 0)]
    if flags & _UNSYNCHRONISED and version < _SYNCHSAFE:
        body = body.replace(b"\xff\0", b"\xff")
    kept, at = b"", 0
    while at + _HEADER <= len(body) and body[at]:
        size = _number(body[at + 4 :], 7 if version >= _SYNCHSAFE else 8)
        frame = body[at : at + _HEADER + size]
        at += len(frame)
        if not (frame.startswith(b"GEOB") and b"c2pa" in frame[:64]):
            kept += frame
    if not kept:
        return b""
    length = bytes(len(kept) >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags &= ~_FOOTER if version >= _SYNCHSAFE else ~(_FOOTER | _UNSYNCHRONISED)
    return tag[:5] + bytes([flags]) + length + kept
