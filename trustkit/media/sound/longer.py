"""PCM in WAV and AIFF with more samples than before: new sizes, all other chunks as they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from trustkit.errors import PublishError, UnreadableError
from trustkit.media.film.look import opened
from trustkit.media.sound import Sound
from trustkit.media.sound.patch import KINDS, Kind, chunks, forget
from trustkit.media.sound.pump import Job, Pump, Way, Written, way_of
from trustkit.media.sound.tags import copy_part
from trustkit.media.sound.written import Replaced, failing, file_at

_RIFF, _FORM = b"RIFF", b"FORM"
_SAMPLES = {b"data", b"SSND"}
_COUNTS = {b"fact": 0, b"COMM": 2}  # where a chunk tells the number of samples, in 4 bytes
_MOMENTS = {b"cue ", b"smpl", b"plst", b"MARK", b"INST"}
_LONGEST = 0xFFFFFFFF  # bytes that such a file can tell of


def write(job: Job) -> Written:
    """Write the copy; raises `UnreadableError` and `PublishError`."""
    sound, how = job.sounds[0], job.plans[0]
    with opened(job.source) as container:
        begins = next(container.demux(container.streams[sound.stream])).pos
    with job.source.open("rb") as file, file_at(job.fresh) as out:
        kind, name = _kind(file, sound), job.source.name
        size = file.seek(0, 2)
        found = list(chunks(file, kind, size))
        old = next((c for c in found if c[0] in _SAMPLES and c[2] <= (begins or 0)), None)
        if begins is None or old is None or old[2] + old[3] > size:
            raise UnreadableError(f"{name} ends before its samples do", "is it whole?")
        file.seek(0)
        with failing():
            copy_part(file, out, begins)
        way = way_of(job, 0, lambda _: Replaced(out, sound, how))
        pump = Pump(job, (way,))
        with opened(job.source) as container:
            pump.run(container)
        with failing():
            length = out.tell() - old[2]
            out.write(b"\0" * (length % 2))
            file.seek(old[2] + old[3] + old[3] % 2)
            copy_part(file, out, size)
            if out.tell() > _LONGEST:
                raise PublishError(f"{name} would be longer than 4 GiB", "convert it to FLAC first")
    with failing():
        _tell(job, kind, old[1], length, way)
        warnings = (*pump.warnings, *forget(job.fresh), *_moved(found))
    return Written((way,), warnings=warnings)


def _kind(file: BinaryIO, sound: Sound) -> Kind:
    name = file.read(4)
    if name not in {_RIFF, _FORM}:
        what = name.decode("latin-1") if name in KINDS else sound.container
        raise PublishError(
            f"nothing can be inserted into a {what} file here; nothing was written",
            "convert it to WAV or FLAC first",
        )
    return KINDS[name]


def _tell(job: Job, kind: Kind, at: int, length: int, way: Way) -> None:
    """Put the new sizes in: of the file, of its samples' chunk, and how many samples there are."""
    samples = way.line.heard.samples
    with job.fresh.open("r+b") as file:
        size = file.seek(0, 2)
        for place, number in ((4, size - 8), (at + 4, length)):
            file.seek(place)
            file.write(number.to_bytes(4, kind.order))
        for name, _, body, own in list(chunks(file, kind, size)):
            if name in _COUNTS and own >= _COUNTS[name] + 4:
                file.seek(body + _COUNTS[name])
                file.write(samples.to_bytes(4, kind.order))


def _moved(found: list[tuple[bytes, int, int, int]]) -> Iterator[str]:
    names = sorted({name.decode("latin-1").strip() for name, *_ in found if name in _MOMENTS})
    if names:
        yield f"its {', '.join(names)} chunk tells of moments that are later now"
