"""From one container into the other: sound through its changers, everything else as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from trustkit.errors import UnreadableError
from trustkit.media.film.check import Tally, Track
from trustkit.media.sound import Limits, MakeChanger, Progress, Sound
from trustkit.media.sound.decode import Decoder, packets_of
from trustkit.media.sound.encoders import Plan
from trustkit.media.sound.line import Line
from trustkit.media.sound.waves import Samples
from trustkit.media.sound.written import failing

# Their headers count the samples; others round, or tell the length of another stream.
_EXACT = {"wav", "w64", "aiff", "au", "caf", "flac"}
# Their length is guessed from the first packets, unless a tag tells it.
_TOLD_BY_A_TAG = "mp3"
_GUESSED = {_TOLD_BY_A_TAG, "adts"}
_KINDS = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}
_SLACK = 0.02  # seconds
_SHORTER = 1.0  # seconds that a header may promise too much


MakeLine = Callable[[Sound, np.dtype[Any]], Line]


class Sink(Protocol):
    """Takes a stream's changed samples."""

    def write(self, samples: Samples) -> None:
        """Take the next."""

    def end(self) -> None:
        """There are no more."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: `source` is read, `fresh` is written, each of `sounds` by its plan.

    With `make_line` the samples go through lines of its making, which may give more than they get.
    """

    source: Path
    fresh: Path
    target: Path
    sounds: tuple[Sound, ...]
    plans: tuple[Plan, ...]
    make_changer: MakeChanger
    progress: Progress | None
    limits: Limits
    make_line: MakeLine | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """What one audio stream passes through."""

    sound: Sound
    how: Plan
    decoder: Decoder
    line: Line
    sink: Sink


@dataclass(frozen=True, slots=True)
class Written:
    """What was done: the ways of all sounds, what else went over, and what could not."""

    ways: tuple[Way, ...]
    others: Tally = field(default_factory=lambda: Tally(picture=-1))
    warnings: tuple[str, ...] = ()


def way_of(job: Job, number: int, sink: Callable[[Line], Sink]) -> Way:
    """Return the way of the job's sound of that number, into the sink made for its line."""
    sound, how = job.sounds[number], job.plans[number]
    kind = np.dtype(_KINDS[how.kind])
    if job.make_line is not None:
        line = job.make_line(sound, kind)
    else:
        line = Line(sound, job.make_changer(sound.rate, sound.channels, sound.layout), kind)
    return Way(sound, how, Decoder(job.source.name, sound), line, sink(line))


class Pump:
    """Moves packets: those of `ways`, and others as they are."""

    def __init__(self, job: Job, ways: tuple[Way, ...]) -> None:
        self.warnings: list[str] = []
        self._name, self._ways = job.source.name, {way.sound.stream: way for way in ways}
        self._progress, self._limits = job.progress, job.limits
        self._ends = self._done = 0.0

    def run(
        self, container: Any, others: Mapping[int, tuple[Any, Track]] | None = None, out: Any = None
    ) -> None:
        """Move everything; `others` are the streams that go over, by the source's numbers.

        Raises `UnreadableError` where the source is not whole.
        """
        others = others or {}
        wanted = [container.streams[n] for n in (*self._ways, *others)]
        for packet in packets_of(container, wanted, self._name, None):
            self._count(packet)
            # Not `packet.stream_index`: in the empty packets that end a stream it is always 0.
            number = packet.stream.index
            if number in self._ways:
                self._change(self._ways[number], packet)
            elif packet.size:
                stream, track = others[number]
                track.add(packet)
                packet.stream = stream
                with failing():
                    out.mux(packet)
        for way in self._ways.values():
            self._whole(way)
        told = ((container.start_time or 0) + (container.duration or 0)) / av.time_base
        if self._ends and self._ends + _SHORTER < told:
            self._shorter(self._ends, told, next(iter(self._ways.values())).sound)

    def _change(self, way: Way, packet: Any) -> None:
        for samples, time in way.decoder.decode(packet):
            for changed in way.line.put(samples, time):
                way.sink.write(changed)
        if not packet.size:
            for changed in way.line.end():
                way.sink.write(changed)
            way.sink.end()
        seconds = way.line.fed / way.sound.rate
        if seconds > self._limits.seconds:
            raise UnreadableError(f"{self._name} is longer than the limit")
        if self._progress and seconds > self._done:
            self._done = seconds
            self._progress(seconds, way.sound.seconds)

    def _count(self, packet: Any) -> None:
        if packet.pts is not None and packet.size:
            ends = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._ends = max(self._ends, float(ends))

    def _whole(self, way: Way) -> None:
        sound, done = way.sound, way.line.fed / way.sound.rate
        if way.decoder.first is None or not way.line.fed:
            raise UnreadableError(f"{self._name} has no sound that can be decoded")
        if sound.container in _EXACT and sound.seconds and done + _SLACK < sound.seconds:
            self._shorter(done, sound.seconds, sound)
        if way.decoder.stray:
            self.warnings.append(
                f"{way.decoder.stray} packets before or after its sound are none, and are left out"
            )

    def _shorter(self, done: float, told: float, sound: Sound) -> None:
        if sound.container in _GUESSED:
            if sound.container == _TOLD_BY_A_TAG:
                self.warnings.append(f"it ends after {done:.1f} of the {told:.1f} seconds it tells")
            return
        raise UnreadableError(
            f"{self._name} ends after {done:.1f} of {told:.1f} seconds", "is it whole?"
        )
