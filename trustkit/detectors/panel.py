"""The panel: of the detectors of a kind one leads, and the others can only make it doubt.

So what is wrong with an answer is wrong as often as was measured of the one that leads: several
that may each raise an alarm would add up their errors. Nothing here opens a file or runs a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trustkit.detectors import Answer, Kind, Rate, Score, Threshold

DISAGREES = 0.1  # likelihood ratio from which down another detector speaks against the lead
TELLS = 5.0  # likelihood ratio under which a score says too little to be called indications
RATE = 0.01  # share of false positives at which a detector speaks of indications
RATES = (0.05, 0.01, 0.001)  # those that a policy may ask for

LookAgain = Callable[[], Score]
"""Returns the lead's score of the same media, mildly re-encoded and shifted."""


@dataclass(frozen=True, slots=True)
class Member:
    """A detector as the panel knows it; thresholds from the most to the fewest false positives.

    `misses` is the share of what generators make that scores under the first of them.
    """

    name: str
    version: str
    kind: Kind
    thresholds: tuple[Threshold, ...]
    misses: Rate | None = None

    def at(self, rate: float) -> Threshold | None:
        """Return the threshold that was set for this share of false positives."""
        return next((t for t in self.thresholds if math.isclose(t.asked, rate)), None)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one detector says of the media."""

    member: Member
    score: Score

    @property
    def is_number(self) -> bool:
        """Tell whether it came to a score at all."""
        return math.isfinite(self.score.value) and math.isfinite(self.score.likelihood_ratio)

    def alone(self, rate: float) -> Answer:
        """Return what it would say with nobody beside it, and without a second look."""
        threshold = self.member.at(rate)
        if threshold is None:
            return Answer.NOT_CHECKED
        if not self.is_number or not self.score.in_domain:
            return Answer.INCONCLUSIVE
        if self.score.value >= threshold.score:
            return Answer.LIKELY if self.tells else Answer.INCONCLUSIVE
        return Answer.INCONCLUSIVE if self.score.value >= self.doubtful else Answer.UNLIKELY

    @property
    def tells(self) -> bool:
        """Tell whether its alarm is worth something: that it is seldom wrong is not enough."""
        return self.score.likelihood_ratio >= TELLS

    @property
    def doubtful(self) -> float:
        """The score from which on it is no longer sure that there are no indications."""
        return self.member.thresholds[0].score


@dataclass(frozen=True, slots=True)
class Judgement:
    """The panel's answer; `sentence` is what a reporter can quote, with the error rate in it.

    `opinions` are the detectors' own, the lead's first; `again` is the lead's score at the second
    look, None where none was needed. `reason` says why the answer is inconclusive, or why there is
    none.
    """

    answer: Answer
    sentence: str
    reason: str
    rate: float
    opinions: tuple[Opinion, ...] = ()
    again: float | None = None

    @property
    def lead(self) -> Opinion | None:
        """Whose answer it is."""
        return self.opinions[0] if self.opinions else None


def judge(
    opinions: Sequence[Opinion],
    rate: float = RATE,
    look_again: LookAgain | None = None,
    *,
    where: str = "",
    unless: str = "",
) -> Judgement:
    """Return the answer of a panel of at least one, the lead first.

    `rate` is the share of false positives at which the lead may speak of indications; `where` goes
    into the sentence, as in " in its frames". `look_again` is called for an answer that would be
    `likely`, and for no other; without it that answer stands. `unless` is what speaks against
    finding nothing, as where a part of a film is unlike the rest.
    """
    lead = opinions[0]
    threshold = lead.member.at(rate)
    others = [o for o in opinions[1:] if o.is_number and o.score.in_domain]
    again: Score | None = None
    word, why = _abstains(lead, rate)
    if threshold is not None and not why:
        word = lead.alone(rate)
        why = _contradiction(lead, others, word)
        if word is Answer.LIKELY and not why and look_again:
            again = look_again()
            # What is no number is not at least as high as anything.
            why = "" if again.value >= lead.doubtful else _flip(lead.member)
        elif word is Answer.UNLIKELY and not why and unless:
            why = f"{lead.member.name} finds no indications in the whole, but {unless}"
        elif word is Answer.INCONCLUSIVE:
            above = lead.score.value >= threshold.score
            why = _weak(lead) if above else _between(lead, threshold)
        word = Answer.INCONCLUSIVE if why else word
    if word is Answer.LIKELY and threshold is not None:
        sentence = _indications(lead, threshold, where)
    elif word is Answer.UNLIKELY:
        sentence = _none_found(lead.member, where)
    else:
        sentence = f"{_SAID[word]}{where}: {why}"
    return Judgement(word, sentence, why, rate, tuple(opinions), _number(again))


_SAID = {Answer.NOT_CHECKED: "not checked", Answer.INCONCLUSIVE: "inconclusive"}


def _abstains(lead: Opinion, rate: float) -> tuple[Answer, str]:
    # Why the lead has no answer, or nothing.
    name, reason = lead.member.name, lead.score.reason
    if lead.member.at(rate) is None:
        return Answer.NOT_CHECKED, f"{name} has no threshold for {percent(rate)} % false positives"
    if not lead.score.applies:
        return Answer.NOT_CHECKED, f"{name} is not for this: {reason}"
    if not lead.score.in_domain:
        return Answer.INCONCLUSIVE, f"it is unlike all that {name} was measured on: {reason}"
    if not lead.is_number:
        return Answer.INCONCLUSIVE, f"what {name} gives is no number"
    return Answer.INCONCLUSIVE, ""


def _contradiction(lead: Opinion, others: Sequence[Opinion], word: Answer) -> str:
    for other in others:
        if word is Answer.LIKELY and other.score.likelihood_ratio <= DISAGREES:
            return _disagreement(lead, other)
        if word is Answer.UNLIKELY and _is_sure(other):
            return _objection(lead, other)
    return ""


def _number(score: Score | None) -> float | None:
    return score.value if score is not None and math.isfinite(score.value) else None


def not_checked(kind: Kind, why: str, rate: float = RATE) -> Judgement:
    """Return that no detector looked, and why."""
    what = {Kind.IMAGE: "picture", Kind.AUDIO: "sound"}[kind]
    return Judgement(Answer.NOT_CHECKED, f"no detector looked at the {what}", why, rate)


def told(rate: Rate) -> str:
    """Return a share that was counted, with its interval."""
    low, high = percent(rate.low), percent(rate.high)
    return f"{percent(rate.value)} % ({low} to {high} %, {rate.total:,} counted)"


def percent(share: float) -> str:
    """Return a share in hundredths, of two digits."""
    return f"{float(f'{100 * share:.2g}'):g}"


def times(ratio: float) -> str:
    """Return a ratio of two digits."""
    return f"{float(f'{ratio:.2g}'):,g}"


_MEDIA = {Kind.IMAGE: "pictures", Kind.AUDIO: "recordings"}
_SHIFTS = {Kind.IMAGE: "a few pixels", Kind.AUDIO: "50 milliseconds"}


def _indications(lead: Opinion, threshold: Threshold, where: str) -> str:
    media = _MEDIA[lead.member.kind]
    return (
        f"{lead.member.name} finds indications of AI generation{where}: such a score is "
        f"{times(lead.score.likelihood_ratio)} times as common among generated {media} as among "
        f"others; it is wrong about {told(threshold.measured)} of other {media}"
    )


def _none_found(member: Member, where: str) -> str:
    media, found = _MEDIA[member.kind], f"no indications{where} by {member.name}"
    if member.misses is None:
        return f"{found}, whose card does not say how much it misses: that proves nothing"
    return f"{found}, which misses {told(member.misses)} of generated {media}: that proves nothing"


def _between(lead: Opinion, threshold: Threshold) -> str:
    loosest = lead.member.thresholds[0]
    return (
        f"{lead.member.name} is in doubt: its score lies between the threshold that "
        f"{told(loosest.measured)} of other {_MEDIA[lead.member.kind]} reach, and the one from "
        f"which on it speaks of indications, that {told(threshold.measured)} reach"
    )


def _weak(lead: Opinion) -> str:
    # A detector that is seldom wrong because it seldom speaks: its alarms are worth little.
    return (
        f"{lead.member.name} is above its threshold, but such a score is only "
        f"{times(lead.score.likelihood_ratio)} times as common among generated "
        f"{_MEDIA[lead.member.kind]} as among others, and under {TELLS:g} times says too little"
    )


def _flip(member: Member) -> str:
    return (
        f"the answer of {member.name} flips when the file is mildly re-encoded and shifted by "
        f"{_SHIFTS[member.kind]}"
    )


def _disagreement(lead: Opinion, against: Opinion) -> str:
    ratio = times(1 / max(against.score.likelihood_ratio, 1e-9))
    return (
        f"detectors disagree: {lead.member.name} finds indications, and {against.member.name} "
        f"gives a score that is {ratio} times as common among other {_MEDIA[lead.member.kind]}"
    )


def _objection(lead: Opinion, against: Opinion) -> str:
    strictest = against.member.thresholds[-1]
    return (
        f"detectors disagree: {lead.member.name} finds no indications, and {against.member.name} "
        f"a score that {told(strictest.measured)} of other {_MEDIA[lead.member.kind]} have"
    )


def _is_sure(opinion: Opinion) -> bool:
    return opinion.tells and opinion.score.value >= opinion.member.thresholds[-1].score
