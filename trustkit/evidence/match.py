"""What leads from a copy to a record: values alone.

A lead proves nothing: marks can be copied, and fingerprints are alike by chance. So each comes
with its odds, what was not checked is said, and where two ways disagree both are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trustkit.evidence.copied import Done
from trustkit.record import Binding, Record


class Way(StrEnum):
    """How a copy is led to a record, the surest first."""

    SHA256 = "sha256"
    WATERMARK = "watermark"
    FINGERPRINT = "fingerprint"
    SBR = "sbr"  # a service of the C2PA Soft Binding Resolution API, which knows manifests alone


PUBLISHED, SOURCE = "published", "source"  # which file of a record a hash is of
RANK = {way: rank for rank, way in enumerate(Way)}


class Answer(StrEnum):
    """What a way gave."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Tried:
    """One way, and what it gave; `failed`: it should have been checked, and could not be."""

    way: Way
    answer: Answer
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """One way that leads to a record.

    `odds` those that it leads there though the file is no copy of it; `distance` of a fingerprint
    in bits of 256.
    """

    way: Way
    odds: float
    summary: str
    distance: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    done: Done = field(default_factory=Done)


@dataclass(frozen=True, slots=True)
class Match:
    """A record that the file may be a copy of, with all that leads to it, the surest first."""

    record: Record
    traces: tuple[Trace, ...]

    @property
    def way(self) -> Way:
        """The surest way that leads to it."""
        return self.traces[0].way

    @property
    def is_published(self) -> bool:
        """Whether the file is the published one itself, by its hash."""
        return self.traces[0].facts.get("is") == PUBLISHED

    @property
    def odds(self) -> float:
        """The odds of a false match, by the way with the least; they are not multiplied."""
        return min(trace.odds for trace in self.traces)

    @property
    def distance(self) -> int | None:
        """The distance of its fingerprint, None where that does not lead to it."""
        return next((t.distance for t in self.traces if t.distance is not None), None)

    @property
    def done(self) -> Done:
        """What was done to the copy, as far as the surest way tells."""
        return next((t.done for t in self.traces if t.done), Done())


@dataclass(frozen=True, slots=True)
class Leads:
    """The records a file leads to, what was tried, the marks read, and what does not fit."""

    matches: tuple[Match, ...]
    tried: tuple[Tried, ...]
    marks: tuple[Binding, ...] = ()
    doubt: str = ""


def in_words(odds: float) -> str:
    """Return odds of a false match as a sentence says them; those of a hash are none."""
    return f"at most {odds:.1e}" if odds else "none that counts"
