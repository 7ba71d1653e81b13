"""What detectors say, as evidence: the weakest there is, and never proof (docs/adr/0031)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from trustkit.asset import Asset
from trustkit.finding import Finding, Status, Weight

if TYPE_CHECKING:
    from trustkit.detectors import Part
    from trustkit.detectors.files import Eyes, Looked
    from trustkit.detectors.panel import Judgement, Opinion

_SECONDS = 40.0  # a third of what a file may take by default
_RATE = 0.01
_MOST_PARTS = 200  # of a time line in a report
_DIGITS = 2  # of a score: what differs from machine to machine is below


class DetectorsCollector:
    """Asks the detectors that are installed: pictures, frames of films, and sound.

    `rate` is the share of false positives at which they may speak of indications; a film or a
    sound is given up after `seconds`; models run on `device`.
    """

    name = "detector"  # its codes are those of one answer; it is asked for as `detectors`

    def __init__(self, rate: float = _RATE, seconds: float = _SECONDS, device: str = "cpu") -> None:
        self._rate, self._seconds, self._device = rate, seconds, device

    @cached_property
    def _eyes(self) -> Eyes:
        # numpy and the shelf of detectors are loaded when the first picture, film or sound comes.
        from trustkit.detectors.files import Eyes, Limits

        return Eyes(self._rate, Limits(seconds=self._seconds), self._device)

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`; raises `ConfigError` where a model is not what its card says."""
        if asset.kind not in {"image", "video", "audio"}:
            why = f"no detector looks at {asset.media_type}"
            yield _skipped("no detector looked at it", why, {})
            return
        for looked in self._eyes.look(asset):
            yield _finding(looked)


def _finding(looked: Looked) -> Finding:
    from trustkit.detectors import Answer

    judgement, facts = looked.judgement, _facts(looked)
    lead = judgement.lead
    source = f"detector:{lead.member.name}@{lead.member.version}" if lead else "detector"
    match judgement.answer:
        case Answer.NOT_CHECKED:
            return _skipped(judgement.sentence, judgement.reason, facts, source)
        case Answer.INCONCLUSIVE:
            return Finding("detector.inconclusive", Status.PRESENT, Weight.WEAK, source,
                           judgement.sentence, facts=facts)  # fmt: skip
        case Answer.LIKELY:
            status = Status.PRESENT
        case Answer.UNLIKELY:
            status = Status.ABSENT
    return Finding(
        "detector.synthetic", status, Weight.WEAK, source, judgement.sentence, facts=facts
    )


def _skipped(
    summary: str, why: str, facts: Mapping[str, object], source: str = "detector"
) -> Finding:
    return Finding("detector.synthetic", Status.SKIPPED, Weight.WEAK, source, summary, why, facts)


def _facts(looked: Looked) -> dict[str, object]:
    judgement = looked.judgement
    facts: dict[str, object] = {
        "part": {"image": "picture", "audio": "sound"}[looked.kind.value],
        "answer": judgement.answer.value,
        "asked_false_positive_rate": judgement.rate,
    }
    if judgement.reason:
        facts["why"] = judgement.reason
    if judgement.lead:
        facts |= told(judgement.lead, judgement)
        facts["decision"] = judgement.answer.value
        facts["second_look"] = _rounded(judgement.again)
    if judgement.opinions[1:]:
        facts["others"] = [told(one, judgement) for one in judgement.opinions[1:]]
    if looked.unusable:
        facts["unusable"] = [{"name": name, "reason": why} for name, why in looked.unusable]
    return facts | times(looked)


def told(opinion: Opinion, judgement: Judgement) -> dict[str, object]:
    """Return one detector's own answer in plain values; None for what it did not come to."""
    member, score = opinion.member, opinion.score
    threshold = member.at(judgement.rate)
    measured = threshold.measured if threshold else None
    return {
        "name": member.name,
        "version": member.version,
        "score": _rounded(score.value),
        "likelihood_ratio": _two_digits(score.likelihood_ratio),
        "threshold": _rounded(threshold.score) if threshold else None,
        "false_positive_rate": measured.value if measured else None,
        "false_positive_interval": [measured.low, measured.high] if measured else None,
        "counted": measured.total if measured else None,
        "in_domain": score.in_domain and score.applies,
        "decision": opinion.alone(judgement.rate).value,
        "reason": score.reason,
    }


def times(looked: Looked) -> dict[str, object]:
    """Return the lead's scores over a film or a sound, and when they reach the threshold."""
    lead = looked.judgement.lead
    threshold = lead.member.at(looked.judgement.rate) if lead else None
    # A picture's parts are places, four numbers each: the heat map shows them better.
    in_time: list[Part] = [part for part in looked.parts if len(part.place) <= 2]  # noqa: PLR2004
    if not in_time or threshold is None:
        return {}
    from trustkit.detectors.course import spans

    step = -(-len(in_time) // _MOST_PARTS)
    return {
        "time_line": [[*part.place, _rounded(part.score)] for part in in_time[::step]],
        "spans": [list(span) for span in spans(in_time, threshold.score)][:_MOST_PARTS],
    }


def _rounded(value: float | None) -> float | None:
    return round(value, _DIGITS) + 0.0 if value is not None and math.isfinite(value) else None


def _two_digits(value: float) -> float | None:
    return float(f"{value:.2g}") if math.isfinite(value) else None
