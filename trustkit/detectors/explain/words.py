"""What is said of a detector's answer: no number without how often it errs."""

from __future__ import annotations

import math

from trustkit.detectors import Answer, Kind
from trustkit.detectors.files import Looked
from trustkit.detectors.panel import Judgement, Opinion, times, told

ANSWERS = {
    Answer.LIKELY: "indications of AI generation",
    Answer.UNLIKELY: "no indications",
    Answer.INCONCLUSIVE: "inconclusive",
    Answer.NOT_CHECKED: "not checked",
}
_MEDIA = {Kind.IMAGE: "pictures", Kind.AUDIO: "recordings"}
# As the axis of a report has it: of several parts the first of these that one has.
_ORDER = (Answer.LIKELY, Answer.INCONCLUSIVE, Answer.UNLIKELY)


def answer_of(parts: tuple[Looked, ...]) -> Answer:
    """Return the one word for a file, of its picture and its sound."""
    there = {part.judgement.answer for part in parts}
    return next((answer for answer in _ORDER if answer in there), Answer.NOT_CHECKED)


def quoted(judgement: Judgement) -> str:
    """Return the sentence to quote, with the reason where it does not stand in it."""
    if judgement.reason and judgement.reason not in judgement.sentence:
        return f"{judgement.sentence} ({judgement.reason})"
    return judgement.sentence


def scored(opinion: Opinion, rate: float) -> str:
    """Return what one detector came to, in a sentence."""
    member, score = opinion.member, opinion.score
    who, threshold = f"{member.name} {member.version}", member.at(rate)
    if threshold is None or not math.isfinite(score.value):
        return f"{who}: no score ({score.reason or 'no threshold for this rate'})"
    said = (
        f"{who}: score {score.value:.2f}; {told(threshold.measured)} of other "
        f"{_MEDIA[member.kind]} reach its threshold of {threshold.score:.2f}"
    )
    if not (score.in_domain and score.applies):
        return f"{said}; that rate does not hold here: {score.reason}"
    return f"{said}; likelihood ratio {times(score.likelihood_ratio)}"
