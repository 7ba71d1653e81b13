"""The mark in sound is read: of sound files, and of films' tracks.

A file is heard in stretches, one after the other, so that an hour takes no more memory than a
minute; of a long file some are heard that are spread over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from trustkit.media.sound import Block, Changer, Progress, Sound
from trustkit.media.sound.look import look
from trustkit.media.sound.samples import blocks
from trustkit.watermarks import LEAST_SOUND, Mark, Plane, Search

STRETCHES = {Search.FAST: 6, Search.NORMAL: 24, Search.DEEP: 100_000}  # heard of a file at most
STRETCH = 40.0  # seconds
STREAMS = 8  # of a film, in as many languages

_STEP = 0.01  # seconds: a row of what is heard
_STRETCH, _HOP = 4000, 3000  # rows; an eighth of the time a file is heard twice
_ALL = 4800  # rows: a sound that is hardly longer than a stretch is heard at once
_HIGHEST = 48_000  # Hz: faster ones are resampled, as the mark lies far below


class Hearing(Protocol):
    """Gives rows of what is heard of a sound, block by block."""

    def hear(self, block: Block) -> Plane:
        """Return the rows that a block (channels, samples) completes."""

    def rest(self) -> Plane:
        """Return the rows that the end completes."""


class SoundEngine(Protocol):
    """What an engine must be able to do to serve sound files."""

    def marker(self, payload: bytes, rate: int, channels: int) -> Changer:
        """Return what puts `payload`, 4 or 8 bytes, into a stream."""

    def ear(self, rate: int) -> Hearing:
        """Return what hears a stream; the same whatever the key."""

    def reading(
        self, energies: Plane, search: Search, stretch: int = 0
    ) -> tuple[Mark | None, float]:
        """Return the mark in rows that were heard, with its span in them, and the best fit."""

    def follow(self, energies: Plane, mark: Mark) -> tuple[int, int] | None:
        """Return from which row to which a mark that was read is heard in others."""

    def seconds_of_sound(self, energies: Plane) -> float:
        """Return how much of what was heard is no silence."""

    def bound(self, search: Search, stretch: int = 0) -> float:
        """Return the odds that reading a stretch finds a mark where there is none."""


@dataclass(frozen=True, slots=True)
class SoundRead:
    """The mark that was read, if any, and the name of its key; or that there is too little."""

    mark: Mark | None
    key: str = ""
    too_short: bool = False


def read_sound(
    path: Path,
    engines: Sequence[tuple[str, SoundEngine]],
    search: Search = Search.NORMAL,
    *,
    progress: Progress | None = None,
) -> SoundRead:
    """Return the mark that one of the named engines reads in a file's sound, with its span.

    Streams are heard one after the other. The false-positive bound counts every key and every
    stretch that was read until the mark was found. Raises `UnreadableError`.
    """
    reader = _Reader(engines, search)
    for sound in look(path)[:STREAMS]:
        found = reader.read(path, sound, progress)
        if found:
            return found
    return SoundRead(None, too_short=reader.heard < LEAST_SOUND)


class _Reader:
    """Reads streams, and counts how often it tried and how much there was to hear."""

    def __init__(self, engines: Sequence[tuple[str, SoundEngine]], search: Search) -> None:
        self._engines, self._search = engines, search
        self.heard, self._tried, self._odds = 0.0, 0, 0.0

    def read(self, path: Path, sound: Sound, progress: Progress | None) -> SoundRead | None:
        """Return the mark in a stream, or None."""
        engine = self._engines[0][1]
        stretches = _stretches(path, sound, engine, self._search)
        for start, rows in stretches:
            if progress:
                progress(start, sound.seconds)
            self.heard += engine.seconds_of_sound(rows)
            found = self._tried_on(rows)
            if found:
                return self._followed(found, start, stretches)
        return None

    def _tried_on(self, rows: Plane) -> tuple[str, SoundEngine, Mark] | None:
        stretch, self._tried = self._tried, self._tried + 1
        for name, engine in self._engines:
            self._odds += engine.bound(self._search, stretch)
            mark, _ = engine.reading(rows, self._search, stretch)
            if mark:
                return name, engine, mark
        return None

    def _followed(
        self,
        found: tuple[str, SoundEngine, Mark],
        start: float,
        others: Iterator[tuple[float, Plane]],
    ) -> SoundRead:
        # Those by which the span is found could not find any other mark.
        name, engine, mark = found
        begin, end = mark.span or (0.0, 0.0)
        begin, end = start + begin, start + end
        for place, rows in others:
            there = engine.follow(rows, mark)
            if there:
                end = max(end, place + there[1] * _STEP)
        span = (round(begin, 2), round(end, 2))
        return SoundRead(replace(mark, span=span, false_positive_bound=min(1.0, self._odds)), name)


def _stretches(
    path: Path, sound: Sound, engine: SoundEngine, search: Search
) -> Iterator[tuple[float, Plane]]:
    """Yield stretches with the second they begin at."""
    most, hop = STRETCHES[search], _HOP * _STEP
    length = sound.seconds or 0.0
    if length <= most * hop + _ALL * _STEP:
        yield from _in_turn(rows_of(path, sound, engine))
        return
    last = length - _STRETCH * _STEP
    for n in range(most):
        start = last * n / max(1, most - 1)
        rows = list(rows_of(path, sound, engine, start, _STRETCH * _STEP))
        if rows:
            yield start, np.concatenate(rows)


def _in_turn(rows: Iterator[Plane]) -> Iterator[tuple[float, Plane]]:
    kept, first, is_new = list[Plane](), 0, True
    for some in rows:
        kept.append(some)
        is_new = True
        if sum(map(len, kept)) >= _ALL:
            whole = np.concatenate(kept)
            yield first * _STEP, whole[:_STRETCH]
            kept, first, is_new = [whole[_HOP:]], first + _HOP, len(whole) > _STRETCH
    if kept and is_new:
        yield first * _STEP, np.concatenate(kept)


def rows_of(
    path: Path,
    sound: Sound,
    engine: SoundEngine,
    start: float = 0.0,
    seconds: float | None = None,
) -> Iterator[Plane]:
    """Yield what `engine` hears of `sound` from `start` on, for `seconds`, 100 rows a second."""
    rate = min(sound.rate, _HIGHEST)
    ear = engine.ear(rate)
    for block in blocks(path, sound, rate=rate, start=start, seconds=seconds):
        yield ear.hear(block)
    yield ear.rest()
