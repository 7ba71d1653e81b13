"""Who signed, and when: the certificate, the lists that know it, and its time stamp."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.codes import Concern, concern, meaning
from trustkit.c2pa.cose import Signature, Stamp
from trustkit.c2pa.read import Found
from trustkit.c2pa.revocation import CLOCK_SKEW, Moment
from trustkit.c2pa.revocation.stapled import stapled
from trustkit.c2pa.revocation.status import Inquiry, inquire, utc_now
from trustkit.c2pa.revocation.telling import is_revoked, told
from trustkit.c2pa.telling import finding, plain
from trustkit.c2pa.trust import Purpose, TrustList, Vouched, unfit, vouch
from trustkit.finding import Finding, Status

# None: the engine knows today's date only, and cannot say how it would have been on another.
Accepts = Callable[[Found], bool | None]

_Stamped = Generator[Finding, None, datetime | None]  # yields findings, returns a time relied on


def credential(
    found: Found,
    lists: tuple[TrustList, ...],
    now: datetime,
    engine_accepts: Accepts,
    inquiry: Inquiry,
    *,
    is_signed: bool,
) -> Iterator[Finding]:
    """Yield what is known of the signer and the time stamp of `found`.

    `is_signed` says whether the signature holds: a certificate beside a broken one says nothing
    about anybody. Asks no service but one that `inquiry` names.
    """
    return _Credential(found, lists, now, engine_accepts, inquiry, is_signed).all()


@dataclass(frozen=True)
class _Credential:
    found: Found
    lists: tuple[TrustList, ...]
    now: datetime
    engine_accepts: Accepts
    inquiry: Inquiry
    is_signed: bool

    @property
    def successes(self) -> set[str]:
        return {entry["code"] for entry in self.found.codes("success")}

    def all(self) -> Iterator[Finding]:
        signature = self.found.signature
        if signature is None:
            yield finding(
                "manifest.signer",
                Status.SKIPPED,
                "who signed was not checked",
                reason=self.found.why_no_signature,
            )
            return
        stamped = yield from self._timestamp(signature.stamp)
        at = stamped or self.now
        vouched = vouch(signature.chain, self._lists(Purpose.SIGNERS), at)
        revocation = self._revocation(signature, at, vouched, is_stamped=stamped is not None)
        yield from revocation
        if not self.is_signed:
            return
        known = None if is_revoked(revocation) else vouched
        yield from self._signer(signature.chain[0], at, vouched, known, is_stamped=bool(stamped))

    def _signer(
        self,
        leaf: Certificate,
        at: datetime,
        vouched: Vouched | None,
        unrevoked: Vouched | None,
        *,
        is_stamped: bool,
    ) -> Iterator[Finding]:
        who = named(leaf)
        facts: dict[str, object] = {
            "signer": certificate_facts(leaf),
            "signed_at": at.isoformat() if is_stamped else "",
        }
        wrong = unfit(leaf) or self._engine_refusal()
        expired = not leaf.is_valid_at(at)
        if wrong:
            yield finding(
                "manifest.signer_unfit",
                Status.INVALID,
                f"the certificate of {who} may not sign claims: {wrong}",
                facts=facts,
            )
        if expired:
            yield finding(
                "manifest.signer_expired",
                Status.PRESENT,
                _expiry(leaf, at, who, is_stamped=is_stamped),
                facts=facts,
            )
        if vouched is None:
            yield self._unknown(who, facts)
        elif unrevoked and not wrong and not expired:
            yield self._known(who, facts, unrevoked)

    def _known(self, who: str, facts: dict[str, object], vouched: Vouched) -> Finding:
        accepted = self.engine_accepts(self.found)
        if accepted is False:
            # Both must agree; where only we would trust, the caution of the other counts.
            return finding(
                "manifest.signer_unknown",
                Status.PRESENT,
                f"{who} is on list {vouched.by.name}, but the C2PA engine refuses the chain",
                facts=facts,
            )
        facts = {**facts, "list": vouched.facts, "anchor": vouched.anchor}
        says = f"signed by {who}, whom {vouched.words} vouches for"
        if accepted is None:
            says += "; the C2PA engine could not be asked as of that date"
            facts["engine"] = "not asked: it knows today's date only"
        return finding("manifest.trusted", Status.PRESENT, says, facts=facts)

    def _unknown(self, who: str, facts: dict[str, object]) -> Finding:
        lists = self._lists(Purpose.SIGNERS)
        if not lists:
            return finding(
                "manifest.signer_unknown",
                Status.PRESENT,
                f"signed as {who}; no trust list is in use, so nobody can be recognised",
                facts=facts,
            )
        names = ", ".join(dict.fromkeys(trust_list.name for trust_list in lists))
        return finding(
            "manifest.signer_unknown",
            Status.PRESENT,
            f"signed as {who}, whom no list in use ({names}) knows",
            facts=facts,
        )

    def _engine_refusal(self) -> str:
        refused = any(e["code"] == "signingCredential.invalid" for e in self.found.codes("failure"))
        return "it does not meet C2PA's certificate profile" if refused else ""

    def _lists(self, purpose: Purpose) -> tuple[TrustList, ...]:
        return tuple(trust_list for trust_list in self.lists if trust_list.purpose is purpose)

    def _timestamp(self, stamp: Stamp | None) -> _Stamped:
        # Returns the time that can be relied on, if any.
        broken = [
            entry
            for kind in ("failure", "informational")
            for entry in self.found.codes(kind)
            if concern(entry["code"]) is Concern.TIMESTAMP
            and entry["code"] != "timeStamp.untrusted"
        ]
        if broken:
            yield finding(
                "manifest.timestamp",
                Status.INVALID,
                f"the time stamp does not hold: {meaning(broken[0]['code'])}",
                facts={"codes": plain(broken)},
            )
            return None
        if "timeStamp.validated" not in self.successes:
            yield finding("manifest.timestamp", Status.ABSENT, "no time stamp on the signature")
            return None
        if stamp is None or not stamp.chain:
            yield finding(
                "manifest.timestamp",
                Status.SKIPPED,
                "a time stamp is there, but who made it was not checked",
                reason="it cannot be read, or its signature does not hold",
            )
            return None
        return (yield from self._authority(stamp))

    def _authority(self, stamp: Stamp) -> _Stamped:
        leaf = stamp.chain[0]
        facts: dict[str, object] = {
            "at": stamp.at.isoformat(),
            "authority": certificate_facts(leaf),
        }
        if stamp.at > self.now + CLOCK_SKEW:
            yield finding(
                "manifest.timestamp",
                Status.INVALID,
                f"the time stamp is from the future ({stamp.at:%Y-%m-%d})",
                facts=facts,
            )
            return None
        vouched = vouch(stamp.chain, self._lists(Purpose.TIMESTAMPS), stamp.at)
        if vouched and leaf.is_for_stamping and leaf.is_valid_at(stamp.at):
            yield finding(
                "manifest.timestamp",
                Status.PRESENT,
                f"time-stamped {stamp.at:%Y-%m-%d %H:%M:%S} UTC by {named(leaf)}",
                facts={**facts, "list": vouched.facts},
            )
            return stamp.at
        yield finding(
            "manifest.timestamp_unknown",
            Status.PRESENT,
            f"time-stamped {stamp.at:%Y-%m-%d %H:%M:%S} UTC by {named(leaf)}, "
            "whom no list of time-stamp authorities in use knows",
            facts=facts,
        )
        return None

    def _revocation(
        self, signature: Signature, at: datetime, vouched: Vouched | None, *, is_stamped: bool
    ) -> list[Finding]:
        if not self.is_signed:
            return [
                finding(
                    "manifest.revocation",
                    Status.SKIPPED,
                    "whether the certificate was revoked was not checked",
                    reason="the signature does not hold, so its certificate says nothing",
                )
            ]
        # The engine believes an asserted status whoever signed it, so only what we have judged
        # counts (docs/revocation.md). Its own word is heard where it has read what we have not.
        brought = stapled(self.found)
        if not brought and self._engine_says_revoked:
            return [
                finding(
                    "manifest.signer_revoked",
                    Status.INVALID,
                    "the signer's certificate was revoked",
                )
            ]
        anchors = [a for trust_list in self._lists(Purpose.SIGNERS) for a in trust_list.anchors]
        moment = Moment(at, utc_now())
        known = inquire(
            signature.chain, anchors, brought, self.inquiry, moment, may_ask=vouched is not None
        )
        return list(told(known, self.inquiry, moment, is_stamped=is_stamped))

    @property
    def _engine_says_revoked(self) -> bool:
        failed = (entry["code"] for entry in self.found.codes("failure"))
        return "signingCredential.ocsp.revoked" in failed


def named(certificate: Certificate) -> str:
    """Return who a certificate says it is, in one line."""
    organisation, name = certificate.organisation, certificate.name
    return f"{name} ({organisation})" if organisation and organisation != name else name


def _expiry(leaf: Certificate, at: datetime, who: str, *, is_stamped: bool) -> str:
    before = at < leaf.parsed.not_valid_before_utc
    when = leaf.parsed.not_valid_before_utc if before else leaf.parsed.not_valid_after_utc
    word = "was not valid before" if before else "expired on"
    why = (
        "when it was stamped" if is_stamped else "and no trusted time stamp says it signed in time"
    )
    return f"the certificate of {who} {word} {when:%Y-%m-%d}, {why}"


@lru_cache(maxsize=512)
def certificate_facts(certificate: Certificate) -> dict[str, object]:
    """Return what a report says of a certificate."""
    parsed = certificate.parsed
    return {
        "name": certificate.name,
        "organisation": certificate.organisation,
        "issuer": parsed.issuer.rfc4514_string(),
        "serial": f"{parsed.serial_number:x}",
        "sha256": hashlib.sha256(certificate.der).hexdigest(),
        "not_before": parsed.not_valid_before_utc.isoformat(),
        "not_after": parsed.not_valid_after_utc.isoformat(),
    }
