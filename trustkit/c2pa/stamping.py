"""Time stamps that came later: `c2pa.time-stamp` assertions over the signatures of manifests below.

C2PA 2.4, "Time-stamp assertion": a map from a manifest's label to a token of RFC 3161 over the
signature of that manifest. The engine (c2pa-rs 0.91) writes them and says nothing of what it
makes of them, so they are checked here: the token's own signature, what it covers, who made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import cbor2

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.cose import CoseError, box, read_signature
from trustkit.c2pa.credential import certificate_facts, named
from trustkit.c2pa.history import walk
from trustkit.c2pa.read import Found
from trustkit.c2pa.revocation import CLOCK_SKEW
from trustkit.c2pa.telling import finding
from trustkit.c2pa.trust import Purpose, TrustList, vouch
from trustkit.finding import Finding, Status
from trustkit.tokens import Token, TokenError, read_token

LABEL = "c2pa.time-stamp"
MAX_STAMPS = 32  # in one history; each is checked with a signature or two
_SIGN1_PARTS = 4


@dataclass(frozen=True)
class Stamped:
    """A token for the manifest `label`, in a manifest above it; or `problem` says what is wrong."""

    label: str
    token: Token | None
    problem: str = ""


def stamps(found: Found) -> Iterator[Stamped]:
    """Yield the later time stamps in the history of `found`, each checked against its target.

    Not checked: who made them, which is for the trust lists to say.
    """
    known = [label for label, _ in walk(found.report)]
    for above in known:
        manifest = found.report["manifests"][above]
        for assertion in manifest.get("assertions") or []:
            label = str(assertion.get("label") or "")
            if label.partition("__")[0] == LABEL:
                yield from _stamps(found.store, above, label, known)


def _stamps(store: bytes, above: str, label: str, known: list[str]) -> Iterator[Stamped]:
    try:
        told = cbor2.loads(box(store, "c2pa", above, "c2pa.assertions", label))
        entries = list(islice(told.items(), MAX_STAMPS))
    except (cbor2.CBORDecodeError, CoseError, AttributeError, ValueError, RecursionError):
        yield Stamped(above, None, "the assertion cannot be read")
        return
    for target, der in entries:
        if target not in known:
            # C2PA lets one stamp be kept for a manifest that is not there; it says nothing here.
            continue
        yield _stamped(store, target, der)


def _stamped(store: bytes, target: str, der: object) -> Stamped:
    if not isinstance(der, bytes):
        return Stamped(target, None, "it is no token")
    try:
        token = read_token(der)
        covers = token.covers(_signature(store, target))
    except TokenError as error:
        return Stamped(target, None, str(error))
    except CoseError:
        return Stamped(target, None, "the signature it is for cannot be read")
    return Stamped(target, token, "" if covers else "it is for another signature")


def _signature(store: bytes, label: str) -> bytes:
    try:
        sign1 = cbor2.loads(box(store, "c2pa", label, "c2pa.signature"))
        parts = sign1.value if isinstance(sign1, cbor2.CBORTag) else sign1
        signature = parts[3] if len(parts) == _SIGN1_PARTS else None
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError) as error:
        raise CoseError("the signature box cannot be read") from error
    if not isinstance(signature, bytes):
        raise CoseError("the signature box holds no COSE_Sign1")
    return signature


def ancestor_timestamps(
    found: Found, lists: tuple[TrustList, ...], now: datetime, *, is_intact: bool
) -> Iterator[Finding]:
    """Yield what later time stamps say of the signatures below; nothing where there are none."""
    for stamped in islice(stamps(found), MAX_STAMPS):
        if not is_intact:
            yield _finding(Status.SKIPPED, "", "the manifest is not shown to be intact")
            return
        yield _told(found, stamped, lists, now)


def _told(found: Found, stamped: Stamped, lists: tuple[TrustList, ...], now: datetime) -> Finding:
    facts: dict[str, object] = {"manifest": stamped.label}
    token = stamped.token
    if token is None or stamped.problem:
        return _finding(Status.INVALID, f"does not hold: {stamped.problem}", facts=facts)
    try:
        chain = tuple(read_certificate(der) for der in token.certificates)
    except ValueError:
        return _finding(Status.SKIPPED, "", "its certificates cannot be read", facts)
    leaf, at = chain[0], token.at
    facts |= {"at": at.isoformat(), "authority": certificate_facts(leaf)}
    if at > now + CLOCK_SKEW:
        return _finding(Status.INVALID, f"is from the future ({at:%Y-%m-%d})", facts=facts)
    facts |= _signer(found, stamped.label, at)
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC by {named(leaf)}"
    authorities = (one for one in lists if one.purpose is Purpose.TIMESTAMPS)
    vouched = vouch(chain, authorities, at)
    if vouched is None or not leaf.is_for_stamping or not leaf.is_valid_at(at):
        reason = f"no list of time-stamp authorities in use knows {named(leaf)}"
        return _finding(Status.SKIPPED, when, reason, facts)
    by = vouched.by
    facts["list"] = {"name": by.name, "sha256": by.sha256, "date": by.date}
    return _finding(Status.PRESENT, when, facts=facts)


def _finding(
    status: Status, says: str, reason: str = "", facts: Mapping[str, object] | None = None
) -> Finding:
    words = {
        Status.PRESENT: f"the signature below was time-stamped later, {says}",
        Status.INVALID: f"a later time stamp on the signature below {says}",
        Status.SKIPPED: "a later time stamp on the signature below was not relied on"
        + (f": {says}" if says else ""),
    }
    return finding("manifest.ancestor_timestamp", status, words[status], reason=reason, facts=facts)


def _signer(found: Found, label: str, at: datetime) -> dict[str, object]:
    try:
        leaf: Certificate = read_signature(found.store, label).chain[0]
    except CoseError:
        return {}
    return {"signer": certificate_facts(leaf), "signer_was_valid": leaf.is_valid_at(at)}
