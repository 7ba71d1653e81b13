"""Those who look: the usable detectors of a kind, with what the panel knows of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trustkit.detectors import Array, Detector, Kind, Rate, Score
from trustkit.detectors.panel import Member, Opinion
from trustkit.detectors.shelf import Entry, detectors
from trustkit.errors import UnreadableError

_MISSES = ("clean", "tpr_5")  # the card's figure: true positives at 5 % false ones


@dataclass(frozen=True, slots=True)
class Seat:
    """One detector on a panel."""

    member: Member
    detector: Detector

    def unfit(self, width: int, height: int) -> Score | None:
        """Return what it says of a picture of such a size, if it cannot judge it."""
        reason = self.detector.unfit(width, height)
        return self._outside(reason) if reason else None

    def score(self, array: Array) -> Score:
        """Return what it says of a picture or a sound; raises as `Detector.score`."""
        return self.detector.score(array)

    def opinion(self, array: Array) -> Opinion:
        """Return the opinion of one who does not lead: it abstains from what it cannot look at."""
        try:
            return Opinion(self.member, self.score(array))
        except UnreadableError as error:
            return Opinion(self.member, self._outside(error.message))

    def _outside(self, reason: str) -> Score:
        return Score(math.nan, self.member.thresholds[0].score, math.nan, in_domain=False,
                     reason=reason)  # fmt: skip


def sized(seats: Sequence[Seat], width: int, height: int) -> list[Opinion] | None:
    """Return the opinions of a picture of such a size where the lead cannot judge it, else None.

    So nothing is decoded, and no model loaded, for a picture that is too small.
    """
    lead = seats[0].unfit(width, height)
    if lead is None:
        return None
    return [Opinion(seats[0].member, lead)]


@dataclass(frozen=True, slots=True)
class Panel:
    """The detectors of one kind, the lead first; where there are none `why_not` says why.

    `unusable` are names of others, and why they cannot be used as they are.
    """

    seats: tuple[Seat, ...] = ()
    why_not: str = ""
    unusable: tuple[tuple[str, str], ...] = ()


def panel(kind: Kind, device: str = "cpu", names: Sequence[str] = ()) -> Panel:
    """Return the detectors on the shelf that look at `kind`; no model is read yet.

    With `names` those of them alone.
    """
    there = [entry for entry in detectors(kind) if not names or entry.name in names]
    seats = tuple(_seat(entry, device) for entry in there if entry.trouble is None)
    unusable = tuple((entry.name, entry.why_not) for entry in there if entry.trouble)
    if seats:
        return Panel(seats, "", unusable)
    what = {Kind.IMAGE: "pictures", Kind.AUDIO: "sound"}[kind]
    reasons = "; ".join(why for _, why in unusable)
    none = f"no detector of {what} is {'among those asked' if names else 'installed'}"
    return Panel((), reasons or none, unusable)


def _seat(entry: Entry, device: str) -> Seat:
    detector = entry.open(device)
    member = Member(
        detector.name, detector.version, detector.kind, tuple(detector.thresholds), _misses(entry)
    )
    return Seat(member, detector)


def _misses(entry: Entry) -> Rate | None:
    condition, figure = _MISSES
    found = entry.card.metrics.get(condition, {}).get(figure) if entry.card else None
    if found is None:
        return None
    value, low, high, total = found
    return Rate(1 - value, 1 - high, 1 - low, total)
