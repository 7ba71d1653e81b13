"""PCM in WAV, AIFF and their like: the same file, byte for byte, but for its samples."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from trustkit.errors import UnreadableError
from trustkit.media.film.look import opened
from trustkit.media.pictures.provenance import blank
from trustkit.media.sound.pump import Job, Pump, Written, way_of
from trustkit.media.sound.tags import MOST, copy_part
from trustkit.media.sound.written import Replaced, failing, file_at

CONTAINERS = {"wav", "w64", "aiff", "au", "caf"}

_MANIFEST, _XMP, _DATA, _DS64 = b"C2PA", b"_PMX", b"data", b"ds64"
_OF_THE_SAMPLES = {b"PEAK", b"peak", b"levl", b"MD5 "}
_UNKNOWN = 0x7FFFF000  # bytes: what is written when nobody can know how many there will be
_MOST = 10_000  # chunks
_LONG = 0xFFFFFFFF  # bytes: the ds64 chunk tells more (EBU Tech 3306), or nobody knew


@dataclass(frozen=True, slots=True)
class Kind:
    """Where chunks begin, their byte order, bytes of a size, whether padded to even, a filler."""

    begin: int
    order: Literal["little", "big"]
    width: int
    even: bool
    filler: bytes


_RIFF = Kind(12, "little", 4, even=True, filler=b"JUNK")
KINDS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"BW64": _RIFF,
    b"FORM": replace(_RIFF, order="big"),
    b"caff": Kind(8, "big", 8, even=False, filler=b"free"),
}


def write(job: Job) -> Written:
    """Write the copy; raises `UnreadableError` and `PublishError`."""
    sound, how = job.sounds[0], job.plans[0]
    with opened(job.source) as container:
        begins = next(container.demux(container.streams[sound.stream])).pos
    if begins is None or _is_short(job.source):
        raise UnreadableError(f"{job.source.name} ends before its samples do", "is it whole?")
    with job.source.open("rb") as file, file_at(job.fresh) as out:
        with failing():
            copy_part(file, out, begins)
        way = way_of(job, 0, lambda _: Replaced(out, sound, how))
        pump = Pump(job, (way,))
        with opened(job.source) as container:
            pump.run(container)
        with failing():
            file.seek(out.tell())  # as many bytes as there were
            shutil.copyfileobj(file, out)
    with failing():
        warnings = (*pump.warnings, *forget(job.fresh))
    return Written((way,), warnings=warnings)


def _is_short(source: Path) -> bool:
    size = source.stat().st_size
    with source.open("rb") as file:
        kind = KINDS.get(file.read(4))
        found = list(chunks(file, kind, size)) if kind else []
    return any(name == _DATA and size - body < length < _UNKNOWN for name, _, body, length in found)


def forget(fresh: Path) -> Iterator[str]:
    """Blank what told of the old samples: peaks, checksums, a manifest; give warnings."""
    with fresh.open("r+b") as file:
        kind = KINDS.get(file.read(4))
        size = fresh.stat().st_size
        found = list(chunks(file, kind, size)) if kind else []
        for name, at, body, length in found:
            file.seek(body)
            if name == _XMP and length < MOST:
                told = blank(file.read(length))
                file.seek(body)
                file.write(told)
            elif kind and name in _OF_THE_SAMPLES | {_MANIFEST}:
                for begin in range(0, min(length, size - body), MOST):
                    file.write(bytes(min(length, size - body, begin + MOST) - begin))
                file.seek(at)
                file.write(kind.filler)
            if name in _OF_THE_SAMPLES:
                yield f"its {name.decode().strip()} chunk told of the old samples, and is blanked"


def chunks(file: BinaryIO, kind: Kind, size: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Give each chunk's name, where it and its body begin, and its length."""
    at, long = kind.begin, 0
    for _ in range(_MOST):
        if at + 4 + kind.width > size:
            return
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(kind.width), kind.order)
        body = at + 4 + kind.width
        if name == _DS64:
            long = int.from_bytes(file.read(16)[8:], kind.order)
        if name == _DATA and length == _LONG:
            length = long or size - body
        yield name, at, body, length
        at = body + length + (kind.even and length & 1)
