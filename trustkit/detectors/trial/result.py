"""What a trial saw, file by file, and what it amounts to: values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trustkit.detectors import Answer, Kind, Rate, Threshold

CLEAN = "clean"
# Why there is no answer: the words that reports count.
WHY = {
    "domain": "unlike all that it was calibrated on",
    "band": "between the thresholds",
    "weak": "above the threshold, at a likelihood ratio that says too little",
    "flips": "the answer flips under a mild change",
    "disagreement": "another detector disagrees",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """What was said of one file in one condition.

    `log_ratio` is the natural log of the likelihood ratio, NaN where scores alone were given;
    `why` is a key of `WHY`, or empty.
    """

    file: str
    condition: str
    score: float
    log_ratio: float
    answer: Answer
    why: str = ""
    fold: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Missed:
    """A file that could not be looked at in a condition, and the sentence that says why."""

    file: str
    condition: str
    reason: str


@dataclass(frozen=True, slots=True)
class About:
    """The detector that was tried; `trained_on` has names in lower case.

    `scores` is the file that the scores were read from, empty where the detector itself was run.
    """

    name: str
    version: str
    kind: Kind
    thresholds: tuple[Threshold, ...] = ()
    trained_on: frozenset[str] = frozenset()
    scores: str = ""


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """True and false positives at one threshold; `how` says who set it."""

    asked: float
    how: str
    score: str
    true: Rate
    false: Rate


@dataclass(frozen=True, slots=True)
class Group:
    """What is said of the files of one generator or source, at the thresholds of 1 and 5 %.

    Recall where `label` is 1, false positives where it is 0.
    """

    column: str
    value: str
    label: int
    at_1: Rate
    at_5: Rate
    inconclusive: Rate
    median: float


@dataclass(frozen=True, slots=True)
class Answers:
    """The shares of the answers among files of one label, and why there was none."""

    label: int
    likely: Rate
    unlikely: Rate
    inconclusive: Rate
    why: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One condition: the headline's figures, the tables, and what the plots are drawn of.

    `figures` has auc, eer, tpr_1, tpr_5, ece, empty where one label is not there.
    """

    condition: str
    sentence: str
    generated: int
    others: int
    figures: Mapping[str, Rate]
    thresholds: tuple[AtThreshold, ...]
    answers: tuple[Answers, ...]
    in_domain_inconclusive: Rate
    groups: tuple[Group, ...]
    roc: tuple[tuple[float, float], ...] = ()
    reliability: tuple[tuple[float, float, float, int], ...] = ()
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What size and format alone give away, cross-validated by source; `told` names them."""

    auc: Rate
    tpr_1: Rate
    told: tuple[str, ...]
    strongest: str


@dataclass(frozen=True, slots=True)
class Result:
    """The whole trial; `outcomes` are of media of which the detector saw no relative.

    `seen` counts files whose generator, family or gallery the card names as trained on: they are
    in no figure but `seen_outcomes`.
    """

    about: About
    index: str
    index_sha256: str
    columns: tuple[str, ...]
    total: int
    seen: int
    unseen: int
    generators: int
    sources: int
    seed: int
    times: int
    outcomes: tuple[Outcome, ...]
    seen_outcomes: tuple[Outcome, ...]
    baseline: Baseline | None
    why_no_headline: str
    notes: tuple[str, ...]
    missed: tuple[Missed, ...]
    observations: tuple[Observation, ...]
    fresh: tuple[Observation, ...]  # those that the headline counts, with their answers
    seconds: float = 0.0  # of processor time for a clean file, decoding included
