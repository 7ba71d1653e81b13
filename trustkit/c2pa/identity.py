"""Who stands by the statements of a manifest: CAWG identity assertions, judged apart.

Never by the lists of claim signers, and never the other way round: a broken identity does not
make a file tampered, and a trusted one does not make its signer trusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.codes import Concern, concern, meaning
from trustkit.c2pa.credential import certificate_facts, named
from trustkit.c2pa.identity_fit import unfit_for_identity, validated
from trustkit.c2pa.identity_read import (
    AGGREGATED,
    X509,
    IdentityAssertion,
    Malformed,
    read_identities,
)
from trustkit.c2pa.read import Found
from trustkit.c2pa.revocation import CLOCK_SKEW
from trustkit.c2pa.telling import finding, plain
from trustkit.c2pa.trust import Purpose, TrustList, Vouched, vouch
from trustkit.finding import Finding, Status

# Does the engine trust that identity? None: as of today only, which was not asked.
Accepted = Callable[[Found, IdentityAssertion], bool | None]

_SIGNED = "cawg.x509.signature.validated"
_WHOLE = "cawg.identity.well-formed"
# About the certificate, which is judged here: they do not say that the statement is broken.
_CREDENTIAL = frozenset(
    f"cawg.x509.{what}"
    for what in ("credential.untrusted", "credential.invalid", "signature.outside_validity")
)
# A key would have to be fetched; a kind of signature that nobody here can check.
_UNASKED = frozenset({"cawg.ica.did_unavailable", "cawg.identity.sig_type.unknown"})


def identities(
    found: Found,
    lists: tuple[TrustList, ...],
    now: datetime,
    accepted: Accepted,
    *,
    is_intact: bool,
) -> Iterator[Finding]:
    """Yield what the identity assertions of the active manifest show; nothing where there is none.

    `lists` may hold others, only those of `Purpose.IDENTITY` are asked. In a manifest that is not
    intact no identity holds (CAWG Identity 1.3 section 7.1).
    """
    if not found.store:
        yield from _unopened(found)
        return
    for read in read_identities(found.store, found.label):
        codes = _codes(found, read.label)
        if isinstance(read, Malformed):
            facts = {"assertion": read.label, **_shown(codes)}
            yield _broken(f"an identity statement ({read.label})", read.reason, facts)
        else:
            yield from _Identity(found, read, codes, lists, now, accepted, is_intact).all()


def holding(found: Found) -> list[IdentityAssertion]:
    """List the identity assertions that are whole, bound and rightly signed, whoever signed."""
    read = read_identities(found.store, found.label) if found.store else []
    return [
        one
        for one in read
        if isinstance(one, IdentityAssertion)
        and one.is_bound
        and not _wrong(one, _codes(found, one.label))
    ]


_Codes = Mapping[str, list[Mapping[str, str]]]


@dataclass(frozen=True)
class _Identity:
    found: Found
    read: IdentityAssertion
    codes: _Codes
    lists: tuple[TrustList, ...]
    now: datetime
    accepted: Accepted
    is_intact: bool

    def all(self) -> Iterator[Finding]:
        yield finding(
            "identity.cawg",
            Status.PRESENT,
            f"an identity statement (CAWG) in the name of {self.name}{self.part}, "
            "not about the content",
            facts=self.facts,
        )
        problem = _wrong(self.read, self.codes) or self.read.problem
        if not self.is_intact:
            problem = "the manifest it is in is not shown to belong to this content"
        if problem:
            yield _broken(f"the identity statement of {self.name}", problem, self.facts)
        elif self.read.sig_type == X509:
            yield self._credential()
        elif self.read.sig_type == AGGREGATED:
            yield finding(
                "identity.aggregated",
                Status.SKIPPED,
                f"{self.read.issuer or 'somebody'} says that it is {self.name}",
                reason="whom to believe about people is on no list, and no key is fetched",
                facts=self.facts,
            )
        else:
            yield finding(
                "identity.unknown",
                Status.SKIPPED,
                f"an identity statement of the kind {self.read.sig_type}",
                reason="this kind of signature is not known here",
                facts=self.facts,
            )

    @property
    def name(self) -> str:
        if self.read.chain:
            return named(self.read.chain[0])
        names = [p.get("name") or p.get("username") or "" for p in self.read.people]
        return ", ".join(dict.fromkeys(n for n in names if n)) or "somebody who is not named"

    @property
    def part(self) -> str:
        roles = ", ".join(role.removeprefix("cawg.") for role in self.read.roles)
        return f" as {roles}" if roles else ""

    @cached_property
    def facts(self) -> dict[str, object]:
        about: dict[str, object] = {
            "assertion": self.read.label,
            "sig_type": self.read.sig_type,
            "roles": list(self.read.roles),
            "references": list(self.read.references),
            "is_bound": self.read.is_bound,
            **_shown(self.codes),
        }
        if self.read.chain:
            leaf = self.read.chain[0]
            about["named"] = {**certificate_facts(leaf), "validated": validated(leaf)}
        if self.read.sig_type == AGGREGATED:
            about |= {"issuer": self.read.issuer, "people": [dict(p) for p in self.read.people]}
        return about

    def _credential(self) -> Finding:
        chain = self.read.chain
        leaf = chain[0]
        stamped, by = self._time()
        at = stamped or self.now
        facts = {**self.facts, "signed_at": stamped.isoformat() if stamped else "", "stamp": by}
        if not leaf.is_valid_at(at):
            return finding("identity.expired", Status.PRESENT, self._expiry(leaf, at), facts=facts)
        wrong = unfit_for_identity(leaf) or self._engine_refusal()
        if wrong:
            words = f"the certificate of {self.name} may not vouch for a name: {wrong}"
            return self._unknown(words, facts)
        lists = tuple(t for t in self.lists if t.purpose is Purpose.IDENTITY)
        vouched = vouch(chain, lists, at)
        if vouched is None:
            names = ", ".join(dict.fromkeys(t.name for t in lists))
            why = f"no list of identities in use ({names}) knows" if lists else "nobody vouches for"
            note = "" if lists else "; no list of identities is in use"
            return self._unknown(f"{self.name}, whom {why}, stands by it{self.part}{note}", facts)
        return self._known(leaf, vouched, facts)

    def _known(self, leaf: Certificate, vouched: Vouched, facts: dict[str, object]) -> Finding:
        # c2pa-rs 0.91 heeds no stamp of identities: it calls every expired one untrusted.
        can_be_asked = leaf.is_valid_at(self.now)
        accepted = self.accepted(self.found, self.read) if can_be_asked else None
        if accepted is False:
            return self._unknown(
                f"{self.name} is on {vouched.words}, but the C2PA engine refuses the chain",
                facts,
            )
        if accepted is None:
            facts = {**facts, "engine": "not asked: of identities it knows today's date only"}
        return finding(
            "identity.trusted",
            Status.PRESENT,
            f"{self.name}, whom {vouched.words} vouches for, stands by it{self.part}",
            facts={**facts, "list": vouched.facts, "anchor": vouched.anchor},
        )

    def _unknown(self, words: str, facts: Mapping[str, object]) -> Finding:
        return finding("identity.unknown", Status.PRESENT, words, facts=facts)

    def _engine_refusal(self) -> str:
        refused = any(e["code"] == "cawg.x509.credential.invalid" for e in self.codes["failure"])
        return "the C2PA engine refuses it" if refused else ""

    def _time(self) -> tuple[datetime | None, str]:
        # Its own stamp first, then that of the claim around it (CAWG Identity 1.3 section 8.2.2).
        if self.read.stamp:
            chain = tuple(_certificates(self.read.stamp.certificates))
            if self._is_vouched(chain, self.read.stamp.at):
                return self.read.stamp.at, "its own"
        stamp = self.found.signature.stamp if self.found.signature else None
        if stamp and self._is_claim_stamped and self._is_vouched(stamp.chain, stamp.at):
            return stamp.at, "of the claim"
        return None, ""

    @property
    def _is_claim_stamped(self) -> bool:
        if not any(e["code"] == "timeStamp.validated" for e in self.found.codes("success")):
            return False
        complaints = (
            entry["code"]
            for kind in ("failure", "informational")
            for entry in self.found.codes(kind)
        )
        stamps = {c for c in complaints if concern(c) is Concern.TIMESTAMP}
        return not stamps - {"timeStamp.untrusted"}

    def _is_vouched(self, chain: tuple[Certificate, ...], at: datetime) -> bool:
        if not chain or at > self.now + CLOCK_SKEW:
            return False
        lists = tuple(t for t in self.lists if t.purpose is Purpose.TIMESTAMPS)
        is_fit = chain[0].is_for_stamping and chain[0].is_valid_at(at)
        return is_fit and vouch(chain, lists, at) is not None

    def _expiry(self, leaf: Certificate, at: datetime) -> str:
        before = at < leaf.parsed.not_valid_before_utc
        when = leaf.parsed.not_valid_before_utc if before else leaf.parsed.not_valid_after_utc
        word = "was not valid before" if before else "expired on"
        return (
            f"the certificate of {self.name} {word} {when:%Y-%m-%d}, and no trusted time stamp "
            "says that it was used in time"
        )


def _broken(which: str, problem: str, facts: Mapping[str, object]) -> Finding:
    return finding(
        "identity.broken", Status.INVALID, f"{which} does not hold: {problem}", facts=facts
    )


def _wrong(read: IdentityAssertion, codes: _Codes) -> str:
    """Say what the engine found wrong with it, or return an empty text. Silence is not enough."""
    failed = [e for e in codes["failure"] if e["code"] not in _CREDENTIAL | _UNASKED]
    if failed:
        return failed[0].get("explanation") or meaning(failed[0]["code"])
    succeeded = {entry["code"] for entry in codes["success"]}
    if read.sig_type == X509 and not {_SIGNED, _WHOLE} <= succeeded:
        return "the C2PA engine does not say that its signature holds"
    return ""


def _codes(found: Found, label: str) -> _Codes:
    ending = re.compile(rf"/c2pa\.assertions/{re.escape(label)}$")
    return {
        kind: [
            entry
            for entry in found.codes(kind)
            if entry["code"].startswith("cawg.") and ending.search(entry.get("url") or "")
        ]
        for kind in ("success", "informational", "failure")
    }


def _shown(codes: _Codes) -> dict[str, object]:
    return {"codes": plain(entry for entries in codes.values() for entry in entries)}


def _unopened(found: Found) -> Iterator[Finding]:
    # The engine read a report, but not the store it came from; what it says is all there is.
    kinds = ("success", "informational", "failure")
    codes = {k: [e for e in found.codes(k) if e["code"].startswith("cawg.")] for k in kinds}
    if any(codes.values()):
        yield finding(
            "identity.cawg",
            Status.INVALID if codes["failure"] else Status.SKIPPED,
            "an identity statement (CAWG), of which only the engine's codes are known",
            reason=found.why_no_signature or "its bytes cannot be read",
            facts=_shown(codes),
        )


def _certificates(ders: tuple[bytes, ...]) -> Iterator[Certificate]:
    for der in ders:
        try:
            yield read_certificate(der)
        except ValueError:
            return  # what stands before it may still lead to an authority that is known
