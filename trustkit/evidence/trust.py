"""What is to be said of the trust lists with every file: that there is none, or that one is old."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.finding import Finding, Status, Weight

NO_LIST_HINT = "fetch one: trustkit trust update c2pa c2pa-tsa"


@dataclass(frozen=True)
class TrustNotes:
    """A collector that says the same of each file, as it is about the lists, not the file."""

    notes: tuple[Finding, ...]
    name: str = "trust"

    def collect(self, _asset: object) -> Iterable[Finding]:
        """See `Collector`."""
        return self.notes


def trust_notes(
    lists: Iterable[TrustList], max_age_days: int | None, now: datetime
) -> Iterator[Finding]:
    """Yield what is to be said of `lists` at the time `now`; an age of None is no limit."""
    lists = tuple(lists)
    if not any(trust_list.purpose is Purpose.SIGNERS for trust_list in lists):
        yield Finding(
            "trust.none",
            Status.SKIPPED,
            Weight.PROOF,
            "trust",
            "no list of signers is in use, so nobody can be recognised",
            reason=NO_LIST_HINT,
        )
    for trust_list in lists:
        # Not since its issue: a list that was found unchanged yesterday is up to date.
        known = trust_list.checked or trust_list.date
        age = (now.date() - datetime.fromisoformat(known).date()).days
        if max_age_days is not None and age > max_age_days:
            yield Finding(
                "trust.list_old",
                Status.PRESENT,
                Weight.PROOF,
                "trust",
                f"trust list {trust_list.name} was last brought up to date {age} days ago; the "
                f"policy allows {max_age_days}",
                facts={**_dates(trust_list), "days": age},
            )
        if trust_list.next_update and datetime.fromisoformat(trust_list.next_update) < now:
            yield Finding(
                "trust.list_outdated",
                Status.PRESENT,
                Weight.PROOF,
                "trust",
                f"the next update of trust list {trust_list.name} was due on "
                f"{trust_list.next_update[:10]}",
                facts=_dates(trust_list),
            )


def _dates(trust_list: TrustList) -> dict[str, object]:
    return {
        "name": trust_list.name,
        "date": trust_list.date,
        "checked": trust_list.checked,
        "next_update": trust_list.next_update,
    }
