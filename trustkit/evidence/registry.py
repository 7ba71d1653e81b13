"""A registry as evidence: the records that a file leads to, which is no proof (docs/recover.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trustkit.asset import Asset
from trustkit.c2pa.parent import incoming
from trustkit.evidence.kept import NOT_THIS_COPY, THIS_FILE, Condition, Kept, kept
from trustkit.evidence.match import in_words
from trustkit.finding import Finding, Status, Weight
from trustkit.stores import StoreError

if TYPE_CHECKING:
    from trustkit.c2pa.stored import Rereader
    from trustkit.evidence.look import Marks
    from trustkit.evidence.match import Leads, Match
    from trustkit.stores.registry import Registry

SOURCE = "registry@1"
NOT_CONFIGURED = "no registry is configured"
_MOST = 5  # records told of one file; `trustkit recover` tells them all
_INTACT = "its own manifest is intact"
_STATUS = {
    Condition.HOLDS: Status.PRESENT,
    Condition.BROKEN: Status.INVALID,
    Condition.UNREADABLE: Status.INVALID,
    Condition.LOST: Status.SKIPPED,
    Condition.NONE: Status.ABSENT,
}


class RegistryCollector:
    """Looks a file up in the registry at `url` by its hash, its mark and its fingerprint.

    `marks` reads the marks of a file: another collector does, and no file is searched twice.
    `rereader` reads what records keep of their manifests. A file with an intact manifest is not
    looked up by its fingerprint. Without `url` nothing is looked up, for the reason `why_not`.
    """

    name = "registry"

    def __init__(
        self,
        url: str = "",
        rereader: Rereader | None = None,
        marks: Marks | None = None,
        why_not: str = NOT_CONFIGURED,
    ) -> None:
        self._url = url
        self._rereader = rereader
        self._marks = marks
        self._why_not = why_not

    @cached_property
    def _registry(self) -> Registry:
        # SQLAlchemy is loaded where there is a registry, and when the first file comes.
        from trustkit.stores.registry import open_registry

        return open_registry(self._url)

    def check(self) -> None:
        """Raise `StoreError` or `UsageError` where the registry cannot be opened."""
        _ = self._registry

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        if not self._url:
            yield finding(
                "registry.match", Status.SKIPPED, "no record was looked for", reason=self._why_not
            )
            return
        try:
            yield from self._found(asset)
        except StoreError as error:
            # What cannot be asked must not pass for silence, nor hide what others saw.
            yield finding(
                "registry.failed",
                Status.SKIPPED,
                "the registry was not asked",
                reason=error.message,
            )

    def _found(self, asset: Asset) -> Iterator[Finding]:
        from trustkit.evidence.leads import leads
        from trustkit.evidence.look import Ways

        came_with = incoming(asset)
        is_intact = came_with is not None and not came_with.problem
        ways = Ways(
            self._marks,
            no_marks="marks are not read in this run",
            no_fingerprint=_INTACT if is_intact else "",
        )
        found = leads(asset, self._registry.store, ways)
        if not found.matches:
            yield _none(found)
        for match in found.matches[:_MOST]:
            stored = self._kept(match)
            yield _match(match, found, stored)
            yield _manifest(match, stored)
        doubts = [found.doubt] if found.doubt else []
        if came_with is not None and is_intact:
            doubts += _signed_anew(found, came_with.report.get("manifests") or {})
        if doubts:
            yield finding(
                "registry.conflict",
                Status.PRESENT,
                f"what leads to records does not fit together: {'; '.join(doubts)}",
                {"records": [match.record.id for match in found.matches], "tried": _tried(found)},
            )

    def _kept(self, match: Match) -> Kept:
        if self._rereader is None:
            from trustkit.c2pa.stored import Rereader

            self._rereader = Rereader()
        note = THIS_FILE if match.is_published else NOT_THIS_COPY
        return kept(match.record, self._registry.blobs, self._rereader, note)


def _signed_anew(found: Leads, manifests: Mapping[str, object]) -> Iterator[str]:
    """Yield the records whose manifest is not among those of an intact file: not as a parent."""
    for match in found.matches:
        named = match.record.manifest_id
        if match.way != "sha256" and named and named not in manifests:
            yield (
                f"the file is signed without the manifest of the record {match.record.id}: "
                "it may be ours, signed by somebody else, or have a copied mark"
            )


def _match(match: Match, found: Leads, stored: Kept) -> Finding:
    record = match.record
    more = len(found.matches) - _MOST
    facts: dict[str, Any] = {
        "record": record.id,
        "kind": match.way.value,
        "distance": match.distance,
        "false_match_odds": digits(match.odds),
        "by": [
            {"kind": t.way.value, "false_match_odds": digits(t.odds), "summary": t.summary}
            for t in match.traces
        ],
        "copy": match.done.facts(),
        "published": published(match),
        "disclosure": dict(record.disclosure),
        "manifest": stored.facts["state"],
        "tried": _tried(found),
    }
    if more > 0:
        facts["more_records"] = more
    return finding(
        "registry.match",
        Status.PRESENT,
        f"a lead to the record {record.id} of {record.created[:10]}, and no proof: "
        f"{'; '.join(trace.summary for trace in match.traces)}; odds of a false match "
        f"{in_words(match.odds)}",
        facts,
    )


def _manifest(match: Match, stored: Kept) -> Finding:
    status = _STATUS[stored.condition]
    reason = stored.summary if status is Status.SKIPPED else ""
    summary = "the manifest of the record was not checked" if reason else stored.summary
    facts = {"record": match.record.id, **stored.facts}
    return finding("registry.manifest", status, summary, facts, reason=reason)


def _none(found: Leads) -> Finding:
    left = [f"{one.way} ({one.why})" for one in found.tried if one.answer == "not_checked"]
    words = "no record was found, which does not mean that it is not ours"
    if left:
        words += f"; not looked up by {', '.join(left)}"
    return finding("registry.no_match", Status.ABSENT, words, {"tried": _tried(found)})


def _tried(found: Leads) -> list[dict[str, str]]:
    return [
        {"kind": one.way.value, "answer": one.answer.value, "why": one.why} for one in found.tried
    ]


def published(match: Match) -> dict[str, Any]:
    """Return what may be told of the file that a record is of."""
    record = match.record
    return {
        "created": record.created,
        "media_type": record.media_type,
        "kind": record.kind,
        "size": record.size,
        "sha256": record.sha256,
        "measures": dict(record.measures),
    }


def digits(odds: float) -> float:
    """Return odds to three digits: more would say what nobody has measured."""
    return float(f"{odds:.3g}")


def finding(
    code: str,
    status: Status,
    summary: str,
    facts: Mapping[str, object] | None = None,
    *,
    reason: str = "",
) -> Finding:
    """Return a finding of this collector: strong at its best, as a registry is a word of ours."""
    return Finding(code, status, Weight.STRONG, SOURCE, summary, reason, facts or {})
