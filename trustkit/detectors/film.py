"""Films: the detectors of pictures on frames spread over one, a frame in memory at a time."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from trustkit.detectors import Answer, Part, Score
from trustkit.detectors.course import Look, inserted, nearest, pooled, spans
from trustkit.detectors.panel import Judgement, Opinion, judge
from trustkit.detectors.panelists import Seat, sized
from trustkit.detectors.recheck import coded_again, picture_of
from trustkit.errors import UnreadableError
from trustkit.media.film import Film
from trustkit.media.film.stills import stills

_AGAIN = 5  # frames that are looked at twice

Watch = Callable[[], None]
"""Raises when the time is over."""


def judge_film(
    path: Path, film: Film, seats: Sequence[Seat], rate: float, count: int, watch: Watch
) -> tuple[Judgement, tuple[Part, ...]]:
    """Return the panel's answer to the pictures of a film, and the lead's score over its time.

    A film is what its middle frame is. Nothing is said about faces that were swapped into it:
    no detector here was measured on any. Raises `UnreadableError`.
    """
    small = sized(seats, film.width, film.height)
    if small:
        return judge(small, rate, where=" in its frames"), ()
    looks: list[list[Look]] = [[] for _ in seats]
    kept: dict[float, bytes] = {}
    lead = seats[0]
    threshold = lead.member.at(rate)
    for still in stills(path, film, count):
        watch()
        for seat, seen in zip(seats, looks, strict=True):
            score = lead.score(still.pixels) if seat is lead else seat.opinion(still.pixels).score
            seen.append(Look((still.seconds,), score))
            watch()
        if threshold and looks[0][-1].score.value >= threshold.score:
            kept[still.seconds] = coded_again(still.pixels)  # some hundred KB, and not 6 MB
    if not looks[0]:
        raise UnreadableError("none of its frames can be decoded")
    opinions = [Opinion(seat.member, pooled(seen)) for seat, seen in zip(seats, looks, strict=True)]

    def again() -> Score:
        assert threshold is not None  # noqa: S101  # without one nobody asks for a second look
        twice = nearest(looks[0], threshold.score, _AGAIN)
        scores = []
        for look in twice:
            watch()
            scores.append(lead.score(picture_of(kept[look.place[0]])))
        return replace(scores[0], value=statistics.median_low(s.value for s in scores))

    parts = opinions[0].score.parts
    unless = _unless(parts, threshold.score, len(parts)) if threshold else ""
    answer = judge(opinions, rate, again, where=" in its frames", unless=unless)
    return _reaching(answer, looks[0][-1].place[0], film.seconds or 0.0), parts


def _reaching(answer: Judgement, last: float, seconds: float) -> Judgement:
    # Where there are hardly any key frames, the end of a long film would take too long to decode.
    if last >= seconds / 2:
        return answer
    unseen = f"nothing after {last:g} of its {seconds:g} seconds was looked at"
    return replace(answer, sentence=f"{answer.sentence}; {unseen}")


def _unless(parts: Sequence[Part], threshold: float, total: int) -> str:
    above = inserted(parts, threshold)
    if not above:
        return ""
    longest = max(spans(parts, threshold), key=lambda span: span[1] - span[0])
    return (
        f"{len(above)} of {total} frames reach its threshold, as from {longest[0]:g} to "
        f"{longest[1]:g} s"
    )


NO_CLAIM = "it says nothing about faces that were swapped"


def told(judgement: Judgement) -> Judgement:
    """Return the answer with what a film's must say beside it."""
    if judgement.answer not in {Answer.LIKELY, Answer.UNLIKELY}:
        return judgement
    measured = "measured on single pictures, and not on films"
    return replace(judgement, sentence=f"{judgement.sentence}; {measured}; {NO_CLAIM}")
