"""Revocation: what an issuer says of a certificate that it has issued, and how far that holds.

A status may be stapled to a signature, asked of the issuer's responder (OCSP, RFC 6960), or stand
in a list that the issuer signed (CRL, RFC 5280). Whoever brought it, it counts only where the
issuer's own key speaks for it: the engine does not look at that (docs/revocation.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CLOCK_SKEW = timedelta(minutes=10)  # two clocks that both mean well
MAX_AGE = timedelta(days=1)  # of a status that does not say how long it holds

HOLD = "certificateHold"  # the one reason that can be taken back (RFC 5280 section 5.3.1)
COMPROMISED = frozenset({"keyCompromise", "cACompromise", "aACompromise"})


class Word(StrEnum):
    """What a status says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  # the responder has never heard of it


def is_final(says: Word, reason: str) -> bool:
    """Tell whether a status can never be taken back."""
    return says is Word.REVOKED and reason != HOLD


@dataclass(frozen=True)
class Moment:
    """`at` is the time that counts for a signature, `now` that of this machine's clock."""

    at: datetime
    now: datetime


@dataclass(frozen=True)
class Statement:
    """A status that the issuer's key speaks for. It was so at `since`, and holds until `until`.

    `was_asked` means: by the user, of a responder or a list.
    """

    source: str
    says: Word
    by: str
    since: datetime
    until: datetime
    revoked_at: datetime | None = None
    reason: str = ""
    invalid_since: datetime | None = None
    notes: tuple[str, ...] = ()
    was_asked: bool = False

    @property
    def from_when(self) -> datetime | None:
        """The time from which signatures do not count: revoked, or invalid before (5.3.2)."""
        # Each alone would let a key pass that the issuer no longer stands for.
        times = [time for time in (self.revoked_at, self.invalid_since) if time]
        return min(times, default=None)


class Why(StrEnum):
    """What kind of reason there is that a status does not count."""

    NONE = "none"  # there is nothing to be had about this certificate from there
    OLD = "old"  # sound, and not of the time that counts
    UNSOUND = "unsound"  # nobody who may speak for the issuer has said it


@dataclass(frozen=True)
class Refused:
    """A status that does not count, or was not to be had."""

    source: str
    reason: str
    why: Why = Why.UNSOUND
    was_asked: bool = False


Answer = Statement | Refused


class RefusedError(Exception):
    """Raised inside the checks, and turned into a `Refused` at their rim."""

    def __init__(self, reason: str, why: Why = Why.UNSOUND) -> None:
        super().__init__(reason)
        self.reason = reason
        self.why = why


def timely(
    since: datetime,
    until: datetime | None,
    moment: Moment,
    *,
    is_final: bool = False,
    must_be_current: bool = False,
) -> datetime:
    """Return until when a status holds; raises `RefusedError` where that is not long enough.

    A stapled status must not be older than the time that counts. One that was asked for
    (`must_be_current`) must hold now. What `is_final`, a revocation for good, holds ever after.
    Newer than the time that counts is no fault: who is not revoked later was not revoked before.
    """
    end = until if until is not None else since + MAX_AGE
    if since > moment.now + CLOCK_SKEW:
        raise RefusedError(f"it is from the future ({since:%Y-%m-%d %H:%M})", Why.OLD)
    needed = moment.now if must_be_current else moment.at
    if not is_final and end + CLOCK_SKEW < needed:
        raise RefusedError(f"it held until {end:%Y-%m-%d %H:%M} only", Why.OLD)
    return end
