"""Whether a copy sounds as it should, and holds what else went into it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.errors import PublishError
from trustkit.media.film.check import Tally, Track, counterparts, less_metadata, same_track
from trustkit.media.film.look import is_cover, opened
from trustkit.media.sound import Sound
from trustkit.media.sound.decode import Decoder, packets_of
from trustkit.media.sound.line import Heard
from trustkit.media.sound.look import look
from trustkit.media.sound.pump import Job, Way, Written

_FRAMES = 4096  # samples that a lossy codec may add at the end: two of the longest frames
_LATE = 0.003  # seconds: Matroska counts milliseconds
_LOUD = 1e-5  # mean square, -50 dB: below, codecs do as they like
_FACTOR = 4.0  # 6 dB
_FEW = 0.1  # of the loud moments; what is worse is another sound


def compare(job: Job, written: Written) -> Iterator[str]:
    """Give a warning for all that the copy lacks; what none may lack raises `PublishError`."""
    source, copy, ways, others = job.source, job.fresh, written.ways, written.others
    sounds = look(copy, job.limits)
    if len(sounds) != len(ways):
        raise PublishError("the copy lacks a stream of sound", "nothing was written")
    heard = {sound.stream: Heard(sound.rate) for sound in sounds}
    with opened(copy) as container:
        tracks = _read(container, copy, sounds, heard, others)
        yield from less_metadata(others, dict(container.metadata))
        if len(container.chapters()) != len(others.chapters):
            yield "its chapters are not all kept"
        covers = sum(is_cover(s) for s in container.streams.video)
        languages = {s.index: s.metadata.get("language", "") for s in container.streams.audio}
    with opened(source) as container:
        if sum(is_cover(s) for s in container.streams.video) > covers:
            yield "its cover is not kept"
    for way, sound in zip(ways, sounds, strict=True):
        yield from _same_kind(way, sound, languages[sound.stream])
        _same_sound(way, heard[sound.stream])
    yield from _same_times(ways, sounds, others, tracks)


def _same_times(
    ways: tuple[Way, ...], sounds: tuple[Sound, ...], others: Tally, tracks: dict[int, Track]
) -> Iterator[str]:
    both = [(track, tracks[number]) for number, track in others.others.items()]
    # Pictures that belong to the whole file begin when they like.
    timed = ((a.first, b.first) for a, b in both if a.kind != "cover")
    moved = (now - was for was, now in timed if was is not None and now is not None)
    shift = next(moved, Fraction(0))
    if abs(shift) > _LATE:
        yield f"all streams of the copy start {float(shift):.3f} seconds later"
    for was, now in both:
        if others.other_container:
            was.sum = now.sum  # packets may be wrapped anew
        same_track(was, now, shift, ways[0].sound.time_base)
    for way, sound in zip(ways, sounds, strict=True):
        late = sound.start - way.sound.start - float(shift)
        # Where no edit list hides it, what the encoder begins with is heard, as silence.
        if not others.others or -_FRAMES / sound.rate < late < _LATE:
            continue
        raise PublishError(
            f"the copy's sound would be {late:.3f} seconds late",
            "nothing was written; please report this film",
        )


def _read(
    container: Any, copy: Path, sounds: tuple[Sound, ...], heard: dict[int, Heard], others: Tally
) -> dict[int, Track]:
    tracks, there = counterparts(container, others)
    decoders = {sound.stream: Decoder(copy.name, sound) for sound in sounds}
    wanted = [container.streams[n] for n in sorted({*decoders, *there})]
    for packet in packets_of(container, wanted, copy.name, None):
        number = packet.stream.index
        if number in decoders:
            for samples, _ in decoders[number].decode(packet):
                heard[number].add(samples)
        elif packet.size:
            tracks[there[number]].add(packet)
    return tracks


def _same_kind(way: Way, now: Sound, language: str) -> Iterator[str]:
    was = way.sound
    if (now.codec, now.rate, now.channels) != (way.how.codec, was.rate, was.channels):
        raise PublishError(
            f"the copy is {now.codec}, {now.rate} Hz, {now.channels} channels",
            "nothing was written; please report this file",
        )
    if now.layout != was.layout:
        yield f"the channels of the copy are {now.layout}, not {was.layout}"
    if was.bits and now.bits and now.bits < was.bits:
        raise PublishError(f"the copy has {now.bits} bits, not {was.bits}", "nothing was written")
    if was.language not in {"", "und", language}:
        yield f"its language, {was.language}, is not kept"


def _same_sound(way: Way, now: Heard) -> None:
    was = way.line.heard
    most = _FRAMES if way.how.bit_rate else 0
    # Where Vorbis fits into one page, FFmpeg cannot tell where exactly it begins and ends.
    least = -_FRAMES if way.how.codec == "vorbis" else 0
    if not least <= now.samples - was.samples <= most:
        raise PublishError(
            f"the copy has {now.samples} samples, the source {was.samples}",
            "nothing was written; please report this file",
        )
    if way.how.is_exact and now.sum != was.sum:
        raise PublishError("the copy does not hold the samples it should", "nothing was written")
    count = min(len(was.levels), len(now.levels))
    before, after = np.array(was.levels[:count]), np.array(now.levels[:count])
    loud = before > _LOUD
    other = loud & ((after < before / _FACTOR) | (after > before * _FACTOR))
    if other.sum() > max(1, _FEW * loud.sum()):
        raise PublishError("the copy does not sound as it should", "nothing was written")
