"""Revocation as findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from trustkit.c2pa.revocation import COMPROMISED, HOLD, Moment, Refused, Statement, Why, Word
from trustkit.c2pa.revocation.status import Inquiry, Known
from trustkit.c2pa.telling import finding
from trustkit.finding import Finding, Status

NOT_ASKED = "no status is stapled, and none is fetched"


def told(
    known: list[Known], inquiry: Inquiry, moment: Moment, *, is_stamped: bool
) -> Iterator[Finding]:
    """Yield what `known` says of a signature made at `moment.at`, stamped or not."""
    revoked = [(one, said) for one in known if (said := one.best()) and said.says is Word.REVOKED]
    facts = _facts(known)
    for one, said in revoked:
        yield _revoked(one, said, moment, facts, is_stamped=is_stamped)
    if any(one.is_leaf for one, _ in revoked):
        return
    yield from _unrevoked(known[0], inquiry, facts)


def is_revoked(findings: Iterable[Finding]) -> bool:
    """Tell whether a revocation among `findings` takes the signature's standing."""
    return any(f.code == "manifest.signer_revoked" for f in findings)


def _revoked(
    one: Known, said: Statement, moment: Moment, facts: dict[str, object], *, is_stamped: bool
) -> Finding:
    whose = "the signer's certificate" if one.is_leaf else f"the issuer {one.certificate.name}"
    start, why = said.from_when, f" ({said.reason})" if said.reason else ""
    since = f" since {start:%Y-%m-%d %H:%M} UTC" if start else ""
    verb = "is on hold" if said.reason == HOLD else "is revoked"
    if start is not None and moment.at < start:
        before = "it was stamped before" if is_stamped else "later than the time asked for"
        doubt = (
            "; a key that was lost may have been used before"
            if said.reason in COMPROMISED and said.invalid_since is None
            else ""
        )
        return finding(
            "manifest.signer_revoked_later",
            Status.PRESENT,
            f"{whose} {verb}{since}{why}; {before}{doubt}",
            facts=facts,
        )
    after = (
        ", and it was stamped after"
        if is_stamped
        else "; no trusted time stamp says it signed before"
    )
    return finding(
        "manifest.signer_revoked",
        Status.INVALID,
        f"{whose} {verb}{since}{why}{after}, by {said.source}",
        facts=facts,
    )


def _unrevoked(leaf: Known, inquiry: Inquiry, facts: dict[str, object]) -> Iterator[Finding]:
    said = leaf.best()
    failed = [refused for refused in leaf.refused if refused.was_asked]
    if failed and not (said and said.was_asked):
        # Said beside a stapled status, too: whoever asked wants to know more than that.
        yield finding(
            "manifest.revocation.failed",
            Status.SKIPPED,
            "whether the certificate was revoked could not be checked",
            reason=_reasons(failed),
            facts=facts,
        )
    if said or not failed:
        yield _as_known(leaf, said, inquiry, facts)


def _as_known(
    leaf: Known, said: Statement | None, inquiry: Inquiry, facts: dict[str, object]
) -> Finding:
    if said is not None and said.says is Word.GOOD:
        return finding(
            "manifest.revocation",
            Status.PRESENT,
            f"the signer's certificate was not revoked on {said.since:%Y-%m-%d %H:%M} UTC, "
            f"by {said.source}",
            facts=facts,
        )
    if said is not None:
        return finding(
            "manifest.revocation_unknown",
            Status.PRESENT,
            f"the issuer does not know the signer's certificate, by {said.source}",
            facts=facts,
        )
    unsound = [refused for refused in leaf.refused if refused.why is Why.UNSOUND]
    if unsound:
        return finding(
            "manifest.revocation",
            Status.INVALID,
            f"a status was brought along that does not count: {_reasons(unsound)}",
            facts=facts,
        )
    return finding(
        "manifest.revocation",
        Status.SKIPPED,
        "whether the certificate was revoked was not checked",
        reason=_reasons(leaf.refused) or NOT_ASKED,
        facts=facts if inquiry.is_asked or leaf.answers else None,
    )


def _reasons(refused: Iterable[Refused]) -> str:
    return "; ".join(
        dict.fromkeys(
            f"{one.source}: {one.reason}" if one.source else one.reason for one in refused
        )
    )


def _facts(known: list[Known]) -> dict[str, object]:
    statuses = [_status(one, said) for one in known for said in one.statements]
    refused = [
        {"certificate": one.certificate.name, "source": no.source, "reason": no.reason}
        for one in known
        for no in one.refused
    ]
    return {
        "checked": [one.certificate.name for one in known if one.best()],
        "not_checked": [one.certificate.name for one in known if not one.best()],
        "statuses": statuses,
        "refused": refused,
    }


def _status(one: Known, said: Statement) -> dict[str, object]:
    return {
        "certificate": one.certificate.name,
        "says": said.says.value,
        "source": said.source,
        "by": said.by,
        "since": said.since.isoformat(),
        "until": said.until.isoformat(),
        "revoked_at": _iso(said.revoked_at),
        "reason": said.reason,
        "invalid_since": _iso(said.invalid_since),
        "notes": list(said.notes),
    }


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
