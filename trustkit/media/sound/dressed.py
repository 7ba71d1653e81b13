"""Files of one stream of sound and their own kind of tags: new sound between the old tags."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit.errors import MissingBackendError, PublishError
from trustkit.media.film.check import Tally
from trustkit.media.film.look import is_cover, opened
from trustkit.media.placing import temporary
from trustkit.media.sound import Sound
from trustkit.media.sound.encoders import Plan
from trustkit.media.sound.pump import Job, Pump, Sink, Written, way_of
from trustkit.media.sound.tags import Dress, flac, id3, ogg
from trustkit.media.sound.written import Encoded, container_at, failing

# FFmpeg's muxer, with what keeps it from writing tags of its own, and what writes the source's.
_BARE: dict[str, tuple[dict[str, str], Dress]] = {
    "mp3": ({"id3v2_version": "0"}, id3.dress),
    "adts": ({}, id3.dress),
    "flac": ({}, flac.dress),
    "ogg": ({}, ogg.dress),
}
_HELD = {"mp3": {"mp3"}, "adts": {"aac"}, "flac": {"flac"}, "ogg": {"opus", "flac", "vorbis"}}
CONTAINERS = set(_BARE)


def write(job: Job) -> Written:
    """Write the copy; raises `UnreadableError` and `PublishError`."""
    (sound, *more), (how, *_) = job.sounds, job.plans
    if more or sound.codec not in _HELD[sound.container]:
        what = "several streams of sound" if more else f"{sound.codec} sound"
        raise PublishError(
            f"{what} in {sound.container} cannot be written here; nothing was written",
            "convert it to Matroska first",
        )
    options, dress = _BARE[sound.container]
    with temporary(job.target) as bare, opened(job.source) as container:
        if any(not is_cover(stream) for stream in container.streams if stream.type != "audio"):
            raise PublishError(f"films in {sound.container} are not written", "convert it first")
        with _sink(bare, sound, how, options) as sink:
            way = way_of(job, 0, lambda _: sink)
            pump = Pump(job, (way,))
            pump.run(container)
        with failing():
            dress(job.source, bare, job.fresh)
        others = Tally(picture=-1, metadata=dict(container.metadata), chapters=container.chapters())
    if sound.container == "ogg" and not ogg.is_ended(job.source):
        pump.warnings.append("it has no mark at its end, and may be cut off there")
    return Written((way,), others, tuple(pump.warnings))


@contextmanager
def _sink(bare: Path, sound: Sound, how: Plan, options: dict[str, str]) -> Iterator[Sink]:
    if how.codec == "vorbis":
        sink = _vorbis(bare, sound, how)
        try:
            yield sink
        finally:
            sink.end()
    else:
        with container_at(bare, sound.container, options) as out:
            yield Encoded(out, sound, how)


def _vorbis(bare: Path, sound: Sound, how: Plan) -> Sink:
    try:
        library = importlib.import_module("trustkit.media.sound.vorbis")
    except (ModuleNotFoundError, OSError) as error:  # OSError: a wheel without its libsndfile
        raise MissingBackendError(
            "Vorbis is written by soundfile, which is not there; nothing was written",
            "pip install 'trustkit[vorbis]'",
        ) from error
    sink: Sink = library.Vorbis(bare, sound, how.bit_rate)
    return sink
