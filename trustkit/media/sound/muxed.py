"""Files that FFmpeg puts together anew, stream by stream: MP4 and its like, Matroska, WebM."""

from __future__ import annotations

import os
from dataclasses import replace
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

from trustkit.errors import PublishError, UnreadableError
from trustkit.media.film import Colour, Film
from trustkit.media.film.check import Tally, Track
from trustkit.media.film.look import is_cover, opened
from trustkit.media.film.tracks import (
    add_other,
    container_for,
    container_options,
    describe,
    kept,
    other_kind,
)
from trustkit.media.placing import temporary
from trustkit.media.sound.line import Line
from trustkit.media.sound.pump import Job, Pump, Way, Written, way_of
from trustkit.media.sound.tags import mp4
from trustkit.media.sound.written import Encoded, container_at, failing

_FINEST = 10_000_000  # Hz: 90 kHz and 44.1 kHz have 4,410,000 in common
_APPLE = "M4"  # the brands M4A, M4B, M4V: without them players take a sound for a film


def write(job: Job) -> Written:
    """Write the copy; raises `UnreadableError` and `PublishError`."""
    _refuse(job)
    with temporary(job.target) as bare, opened(job.source) as container:
        film = _as_film(job, container)
        options = _options(job, film, container)
        stays = job.sounds[0].container == film.container
        with container_at(bare, film.container, options) as out:
            ways, others, warnings = _connect(job, film, container, out)
            tally = Tally(picture=-1, others={s.index: track for s, track in others.values()})
            tally.other_container = not stays
            tally.metadata, tally.chapters = dict(container.metadata), container.chapters()
            tally.metadata.pop(mp4.DELAY, None)
            pump = Pump(job, ways)
            pump.run(container, others, out)
        with failing():
            if stays and "mp4" in container.format.name:
                warnings += _dressed(job, bare)
            else:
                os.replace(bare, job.fresh)
    return Written(ways, tally, (*warnings, *pump.warnings))


def _dressed(job: Job, bare: Path) -> list[str]:
    try:
        mp4.dress(job.source, bare, job.fresh)
    except ValueError:
        os.replace(bare, job.fresh)
        return ["its metadata boxes are broken: only the usual tags are kept"]
    return []


def _options(job: Job, film: Film, container: Any) -> dict[str, str]:
    options = container_options(film, container)
    brand = container.metadata.get("major_brand", "")
    if brand.startswith(_APPLE):
        options["brand"] = brand
    if "movie_timescale" in options:
        # In this clock it is told when a stream begins: it should know every sample and frame.
        clock = lcm(film.time_base.denominator, job.sounds[0].rate)
        options["movie_timescale"] = str(clock if clock < _FINEST else job.sounds[0].rate)
    return options


def _refuse(job: Job) -> None:
    for how in job.plans:
        if how.codec == "vorbis":
            raise PublishError(
                "vorbis sound is written in Ogg only; nothing was written",
                "convert its sound to Opus first",
            )


def _as_film(job: Job, container: Any) -> Film:
    """Return what the film's functions must know: a film of which the picture is not told."""
    sound = job.sounds[0]
    pictures = [s for s in container.streams.video if not is_cover(s)]
    film = Film(
        container=sound.container,
        codec="",
        width=0,
        height=0,
        pixels="",
        depth=0,
        colour=Colour(),
        time_base=pictures[0].time_base if pictures else Fraction(1, sound.rate),
        rate=Fraction(0),
        aspect=None,
        start=0.0,
        seconds=None,
        stream=-1,
    )
    try:
        return replace(film, container=container_for(film, job.target))
    except PublishError as error:
        raise PublishError(
            f"{sound.codec} sound in {sound.container} is not written here", error.hint
        ) from error


def _connect(
    job: Job, film: Film, container: Any, out: Any
) -> tuple[tuple[Way, ...], dict[int, tuple[Any, Track]], list[str]]:
    numbers = {sound.stream: number for number, sound in enumerate(job.sounds)}
    ways, others, warnings = list[Way](), dict[int, tuple[Any, Track]](), list[str]()
    chapters = container.chapters()
    for stream in container.streams:
        if stream.index in numbers:
            way = _way(job, numbers[stream.index], stream, out)
            ways.append(way)
        elif stream.type == "audio":
            raise UnreadableError(
                f"stream {stream.index} of {job.source.name} is sound that cannot be decoded",
                "nothing was written; take it out first",
            )
        else:
            other, warning = add_other(out, stream, film, chapters=bool(chapters))
            warnings += [warning] if warning else []
            if other is not None:
                others[stream.index] = (other, Track(other_kind(stream)))
    out.metadata.update(kept(container.metadata))
    out.set_chapters(chapters)
    return tuple(ways), others, warnings


def _way(job: Job, number: int, stream: Any, out: Any) -> Way:
    sound, how = job.sounds[number], job.plans[number]

    def encoded(line: Line) -> Encoded:
        # A line that inserts something has no use for the source's times.
        sink = Encoded(out, sound, how, line if job.make_line is None else None)
        describe(sink.stream, stream)
        return sink

    return way_of(job, number, encoded)
