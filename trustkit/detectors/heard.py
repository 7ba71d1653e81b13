"""What a detector hears of a sound: all of a short one, excerpts spread over a long one."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from trustkit.detectors import Array, Part, Score
from trustkit.detectors.course import Look, nearest, pooled
from trustkit.detectors.panel import Judgement, Opinion, judge
from trustkit.detectors.panelists import Seat
from trustkit.detectors.recheck import sound_again
from trustkit.errors import UnreadableError
from trustkit.media.sound import Sound
from trustkit.media.sound.look import look
from trustkit.media.sound.samples import blocks

_WHOLE = 90.0  # seconds of a sound that is heard whole: opening a file costs as much as 5 of them
_EXCERPTS = 6  # of a longer one: a minute in all
_EXCERPT = 10.0  # seconds: more than the clips that detectors are measured on
_AGAIN = 5  # excerpts that are heard twice

Watch = Callable[[], None]
"""Raises when the time is over."""


def excerpts(path: Path, sound: Sound, rate: int) -> Iterator[tuple[float, Array]]:
    """Give seconds from the start, and (samples,) of float32 at `rate` Hz, mono, from -1 to 1.

    What it takes hangs on the excerpts and not on the length: a long file is sought in. Raises
    `UnreadableError`.
    """
    for start, seconds in _places(sound.seconds):
        found = blocks(path, sound, rate=rate, mono=True, start=start, seconds=seconds)
        samples = [block[0] for block in found]
        if samples:
            yield start, np.clip(np.concatenate(samples), -1.0, 1.0)


def _places(length: float | None) -> list[tuple[float, float]]:
    if length is None:
        return [(0.0, _WHOLE)]  # it cannot be told where its middle is
    if length <= _WHOLE:
        return [(0.0, _WHOLE)]
    step = (length - _EXCERPT) / (_EXCERPTS - 1)
    return [(round(number * step, 1), _EXCERPT) for number in range(_EXCERPTS)]


def judge_sound(
    path: Path, seats: Sequence[Seat], rate: float, watch: Watch, where: str
) -> tuple[Judgement, tuple[Part, ...]]:
    """Return the panel's answer to the first stream of sound, and the lead's score over its time.

    A long sound is what its middle excerpt is. Raises `UnreadableError`.
    """
    sound = look(path)[0]
    lead = seats[0]
    threshold = lead.member.at(rate)
    kept: dict[tuple[float, ...], Array] = {}
    opinions: list[Opinion] = []
    parts: list[Part] = []
    first: list[Look] = []
    for seat in seats:
        looks: list[Look] = []
        for start, samples in excerpts(path, sound, seat.detector.rate):
            watch()
            place = (start, round(start + len(samples) / seat.detector.rate, 3))
            score = lead.score(samples) if seat is lead else seat.opinion(samples).score
            looks.append(Look(place, score))
            if seat is not lead:
                continue
            parts += [
                Part(tuple(round(start + at, 3) for at in part.place), part.score)
                for part in score.parts
            ]
            if threshold and score.value >= threshold.score:
                kept[place] = samples
        if not looks:
            raise UnreadableError("its sound cannot be decoded")
        opinions.append(Opinion(seat.member, pooled(looks)))
        first = first or looks

    def again() -> Score:
        assert threshold is not None  # noqa: S101  # without one nobody asks for a second look
        scores = []
        for one in nearest(first, threshold.score, _AGAIN):
            watch()
            scores.append(lead.score(sound_again(kept[one.place], lead.detector.rate)))
        return replace(scores[0], value=statistics.median_low(s.value for s in scores))

    return judge(opinions, rate, again, where=where), tuple(parts)
