"""FLAC: all metadata blocks but those that tell of the old samples (RFC 9639, 8)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trustkit.errors import UnreadableError
from trustkit.media.sound.tags import MOST, copy_part, id3

_STREAMINFO, _SEEKTABLE = 0, 3
_LAST = 0x80


def dress(source: Path, bare: Path, fresh: Path) -> None:
    """Write the frames of `bare` with the metadata blocks of `source` to `fresh`.

    The seek table is left out: it points to places in the old file, and players do without.
    """
    with source.open("rb") as file, bare.open("rb") as sound, fresh.open("wb") as out:
        before = id3.head(file, source.name)
        blocks = [b for b in _blocks(file, source.name) if b[0] not in {_STREAMINFO, _SEEKTABLE}]
        (info,) = [b for b in _blocks(sound, bare.name) if b[0] == _STREAMINFO]
        out.write(before + b"fLaC")
        for number, (kind, data) in enumerate([info, *blocks]):
            last = _LAST * (number == len(blocks))
            out.write(bytes([kind | last]) + len(data).to_bytes(3, "big") + data)
        shutil.copyfileobj(sound, out)
        file.seek(id3.tail(file))
        copy_part(file, out, MOST)


def _blocks(file: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    if file.read(4) != b"fLaC":
        raise UnreadableError(f"{name} does not begin as a FLAC file does")
    last = 0
    begin = file.tell()
    while not last:
        if file.tell() - begin > MOST:
            raise UnreadableError(f"{name} has more than {MOST >> 20} MiB of metadata")
        header = file.read(4)
        last = header[0] & _LAST if header else _LAST
        if header:
            yield header[0] & ~_LAST, file.read(int.from_bytes(header[1:], "big"))
