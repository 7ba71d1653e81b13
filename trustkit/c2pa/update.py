"""What an update would change, and whether it may: nothing older, nothing emptied, nothing broken.

Pure, but for the fetching: what is installed and what has come in; what changes and what a person
should know out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.document import fingerprint
from trustkit.c2pa.fetch import Fetcher, is_public
from trustkit.c2pa.lists import Arrival
from trustkit.c2pa.published import Published
from trustkit.c2pa.shelf import Entry
from trustkit.errors import ConfigError

MAX_FETCHED = 8 * 2**20  # bytes a document; the largest published one has 0.6 MB
_CLOCK_SKEW = timedelta(days=1)
_ELSEWHERE = "name its address: --source NAME=URL (host {host})"


@dataclass(frozen=True)
class Row:
    """One entry of a list, as it is shown."""

    sha256: str
    name: str
    organisation: str = ""
    entity: str = ""
    until: str = ""
    kind: str = ""

    def line(self) -> str:
        """Return the row as one line of text."""
        who = f" ({self.organisation})" if self.organisation not in {"", self.name} else ""
        listed = f"  listed as {self.entity}" if self.entity not in {"", self.organisation} else ""
        until = f"until {self.until}  " if self.until else ""
        return f"{self.kind:<4}  {until}{self.name}{who}{listed}"


@dataclass(frozen=True)
class Change:
    """What becomes of a list: its rows, those added and removed, and what should be known."""

    rows: tuple[Row, ...]
    added: tuple[Row, ...]
    removed: tuple[Row, ...]
    warnings: tuple[str, ...]
    is_new: bool
    is_same: bool


def rows(published: Published) -> tuple[Row, ...]:
    """Return every entry of a list, as it is shown."""
    entities = dict(published.entities)
    found = [_row(certificate, entities) for certificate in published.certificates]
    return (*found, *(Row(d, f"SHA-256 {d}", "", entities.get(d, ""), "", "self")
                      for d in published.digests))  # fmt: skip


def _row(certificate: Certificate, entities: Mapping[str, str]) -> Row:
    digest = fingerprint(certificate)
    return Row(
        digest,
        certificate.name,
        certificate.organisation,
        entities.get(digest, ""),
        f"{certificate.parsed.not_valid_after_utc:%Y-%m-%d}",
        "CA" if certificate.is_ca else "self",
    )


def compare(
    before: Sequence[Row], after: Sequence[Row], warnings: Iterable[str] = (), *, is_same: bool
) -> Change:
    """Return what changes from `before` to `after`; `is_same` where every byte is."""
    old, new = {row.sha256 for row in before}, {row.sha256 for row in after}
    return Change(
        tuple(after),
        tuple(row for row in after if row.sha256 not in old),
        tuple(row for row in before if row.sha256 not in new),
        tuple(warnings),
        is_new=not before,
        is_same=is_same,
    )


def propose(
    name: str,
    arrival: Arrival,
    installed: tuple[Entry, Published] | None,
    now: datetime,
    *,
    has_only_anchors: bool = False,
    accept_shrink: bool = False,
) -> Change:
    """Return what `arrival` would change of list `name`.

    Raises `ConfigError` where it may not take effect: it is of another purpose than the one that
    is installed, older than that, dated in the future, or without more than half of its entries.
    """
    published = arrival.published
    if published.issued and _time(published.issued) > now + _CLOCK_SKEW:
        raise ConfigError(
            f"trust list {name} says that it was issued on {published.issued[:10]}, which is yet "
            "to come",
            "look at this machine's clock, or ask the publisher",
        )
    entry, old = installed or ({}, None)
    before = rows(old) if old else ()
    warnings = list(_warnings(arrival, now, has_only_anchors=has_only_anchors))
    if old:
        _may_follow(name, arrival, entry, old)
        if old.issued and not published.issued:
            warnings.append("it has no date, so whether it is older cannot be told")
    documents = entry.get("documents", [])
    is_same = old is not None and _digests(documents) == _digests_of(arrival)
    change = compare(before, rows(published), warnings, is_same=is_same)
    may_shrink(name, change, before, accept_shrink=accept_shrink)
    return change


def may_shrink(name: str, change: Change, before: Sequence[Row], *, accept_shrink: bool) -> None:
    """Raise `ConfigError` where more than half of the entries `before` would be lost."""
    if not accept_shrink and 2 * len(change.removed) > len(before):
        raise ConfigError(
            f"trust list {name} would lose {len(change.removed)} of its {len(before)} entries",
            "if the publisher means it: --accept-shrink",
        )


def _may_follow(name: str, arrival: Arrival, entry: Entry, old: Published) -> None:
    if entry.get("purpose") != arrival.purpose.value:
        raise ConfigError(
            f"the installed list {name} is of {entry.get('purpose')}, the new one of "
            f"{arrival.purpose.value}",
            f"`trustkit trust remove {name}` first",
        )
    new = arrival.published
    is_older = bool(new.issued and old.issued) and new.issued < old.issued
    is_lower = None not in (new.number, old.number) and (new.number or 0) < (old.number or 0)
    if is_older or is_lower:
        raise ConfigError(
            f"trust list {name} issued on {new.issued} (number {new.number}) is older than the "
            f"installed one of {old.issued} (number {old.number})",
            f"somebody may be handing out an old list; to go back yourself: "
            f"`trustkit trust rollback {name}`",
        )


def _warnings(arrival: Arrival, now: datetime, *, has_only_anchors: bool) -> Iterator[str]:
    published = arrival.published
    yield from published.notes
    if published.next_update and _time(published.next_update) < now:
        yield f"its next update was due on {published.next_update[:10]}"
    if arrival.frozen:
        yield f"frozen on {arrival.frozen}: nothing is added to it any more"
    gone = [c for c in published.certificates if c.parsed.not_valid_after_utc < now]
    if gone:
        yield f"{len(gone)} of its certificates have expired, which old signatures still need"
    no_ca = [c for c in published.certificates if not c.is_ca]
    if has_only_anchors and no_ca:
        yield f"{len(no_ca)} of its certificates are no CA's, such as {no_ca[0].name}"


def _digests(documents: Iterable[Mapping[str, object]]) -> list[object]:
    return [document.get("sha256") for document in documents]


def _digests_of(arrival: Arrival) -> list[object]:
    return [hashlib.sha256(document).hexdigest() for document in arrival.documents]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


Get = Callable[[str], bytes]


def list_fetcher(urls: Iterable[str], *, is_named: bool) -> Fetcher:
    """Return what fetches `urls`, over https only, and goes to no other host.

    With `is_named` a user wrote these addresses, which is consent to a host of the house itself;
    else only public ones are asked.
    """
    hosts = tuple(dict.fromkeys((urlsplit(url).hostname or "").lower() for url in urls))
    allow = (lambda _address: True) if is_named else is_public
    return Fetcher(hosts, allow=allow, max_bytes=MAX_FETCHED, schemes=("https",), hint=_ELSEWHERE)
