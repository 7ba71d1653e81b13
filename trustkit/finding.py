"""A finding: one thing one collector saw. It reports; it never judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """Whether the collector saw what it looks for."""

    PRESENT = "present"
    ABSENT = "absent"
    INVALID = "invalid"
    SKIPPED = "skipped"


class Weight(StrEnum):
    """How far this kind of evidence can be relied on, at its best."""

    PROOF = "proof"  # a hash or a signature, recomputed here
    STRONG = "strong"  # a decoded watermark, a registry match
    WEAK = "weak"  # a classifier score, an editable metadata field


@dataclass(frozen=True, slots=True)
class Finding:
    """What `source` saw, under a stable dotted `code` that docs/findings.md explains.

    `reason` says why a SKIPPED check was not made; `facts` hold JSON values only.
    """

    code: str
    status: Status
    weight: Weight
    source: str
    summary: str
    reason: str = ""
    facts: Mapping[str, object] = field(default_factory=dict, hash=False)

    def seen(self) -> bool:
        """Tell whether something was there, whole or broken."""
        return self.status in {Status.PRESENT, Status.INVALID}
