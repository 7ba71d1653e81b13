"""What a manifest shows, as findings, from the engine's codes and our own checks.

Pure: a reading, the lists in use and the time in; findings out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.codes import ALTERED, BOUND, SIGNED, Concern, concern, meaning
from trustkit.c2pa.cose import Signature, Stamp
from trustkit.c2pa.history import broken_ingredients, declarations
from trustkit.c2pa.read import Absent, Found, Reading, Remote, Unreadable, Unsupported, host
from trustkit.c2pa.trust import Purpose, TrustList, Vouched, unfit, vouch
from trustkit.disclosure import Origin
from trustkit.finding import Finding, Status, Weight

SOURCE = "manifest@1"
HARMLESS = 16  # bytes: in a TIFF the field with the length of the manifest is left out too
CLOCK_SKEW = timedelta(minutes=10)  # two clocks that both mean well
_EXCLUSION = "exclusion"  # the engine's word when its complaint is the range, not the bytes
_TRUST_HINT = "add one with `trustkit trust add FILE.pem`"


_Stamped = Generator[Finding, None, datetime | None]  # yields findings, returns a time relied on


def findings(
    reading: Reading,
    lists: Iterable[TrustList],
    now: datetime,
    engine_accepts: Callable[[Found], bool],
) -> Iterator[Finding]:
    """Yield what `reading` shows, against `lists`, at the time `now` (UTC).

    `engine_accepts` is asked once a signer is on a list: only whom both accept is trusted.
    """
    match reading:
        case Found():
            yield from _Judging(reading, tuple(lists), now, engine_accepts).all()
        case Absent():
            yield _finding(
                "manifest.present", Status.ABSENT, "no C2PA manifest in the file or beside it"
            )
        case Unsupported():
            yield _finding(
                "manifest.present",
                Status.SKIPPED,
                "no C2PA manifest beside the file; inside it was not checked",
                reason="the C2PA engine cannot look inside this kind of file",
            )
        case Unreadable(where, reason):
            yield _finding(
                "manifest.unreadable",
                Status.INVALID,
                f"the file's C2PA data ({where}) cannot be read: {reason}",
                facts={"where": where, "error": reason},
            )
        case Remote(url, reason):
            yield _finding(
                "manifest.remote",
                Status.SKIPPED,
                f"the file names a manifest kept at {host(url)}, which was not read",
                reason=reason,
                facts={"url": url},
            )


@dataclass(frozen=True)
class _Judging:
    found: Found
    lists: tuple[TrustList, ...]
    now: datetime
    engine_accepts: Callable[[Found], bool]

    def all(self) -> Iterator[Finding]:
        yield self._present()
        yield from self._integrity()
        yield from self._credential()
        yield from self._ingredients()
        yield from self._declared()
        yield from self._identity()

    # What is there

    def _present(self) -> Finding:
        manifests = self.found.report.get("manifests") or {}
        facts = {
            "where": self.found.where,
            "label": self.found.label,
            "manifests": len(manifests),
            "claim_generator": _generator(self.found.active),
        }
        if self.found.sidecar_beside:
            facts["not_read"] = "a sidecar beside it: what is inside the file comes first"
        return _finding(
            "manifest.present", Status.PRESENT, f"a C2PA manifest, {self.found.where}", facts=facts
        )

    # Is it what was signed?

    def _integrity(self) -> Iterator[Finding]:
        problems = self._problems
        altered = [c for c in problems if c in ALTERED]
        if self.found.uncovered_changed:
            yield _finding(
                "manifest.content_changed",
                Status.INVALID,
                "bytes outside the media data (file type or free space) are not what was signed",
            )
        for kind in altered:
            yield self._failure(kind, _ALTERED_WORDS[kind], problems[kind])
        for kind in (Concern.UNREADABLE, Concern.UNBOUND, Concern.CONFORMANCE):
            if kind in problems:
                yield self._failure(kind, _OTHER_WORDS[kind], problems[kind])
        if self.narrow:
            yield _finding(
                "manifest.excluded_range",
                Status.INVALID,
                "the range left out of the hash covers more than the manifest, so what stands "
                "there was not checked",
                facts={"codes": _plain(self.narrow)},
            )
        if self.is_intact:
            yield _finding(
                "manifest.intact", Status.PRESENT, "the content and the claim are as signed"
            )
        if self.found.left_out > HARMLESS:
            yield _finding(
                "manifest.excluded_more",
                Status.PRESENT,
                f"{self.found.left_out:,} bytes beside the manifest are left unsigned",
                facts={"bytes": self.found.left_out},
            )
        if self.found.signature and not self.found.signature.padding_is_clean:
            yield _finding(
                "manifest.padding",
                Status.INVALID,
                "the padding of the signature, which nothing protects, is not all zero",
            )

    def _failure(self, kind: Concern, words: str, entries: list[Mapping[str, str]]) -> Finding:
        return _finding(
            f"manifest.{kind.value}", Status.INVALID, words, facts={"codes": _plain(entries)}
        )

    @cached_property
    def _problems(self) -> dict[Concern, list[Mapping[str, str]]]:
        sorted_out: dict[Concern, list[Mapping[str, str]]] = {}
        for entry in self.found.codes("failure"):
            if not _is_exclusion(entry):
                sorted_out.setdefault(concern(entry["code"]), []).append(entry)
        return sorted_out

    @cached_property
    def narrow(self) -> list[Mapping[str, str]]:
        return [entry for entry in self.found.codes("failure") if _is_exclusion(entry)]

    @cached_property
    def is_signed(self) -> bool:
        problems = self._problems
        return SIGNED in self._successes and Concern.SIGNATURE not in problems

    @cached_property
    def is_intact(self) -> bool:
        # Never from silence: a hash that matched and a signature that fits must both be reported.
        stops = {*ALTERED, Concern.UNREADABLE, Concern.UNBOUND}
        clean = not stops & set(self._problems) and not self.narrow
        clean = clean and not self.found.uncovered_changed
        padded = self.found.signature is None or self.found.signature.padding_is_clean
        return clean and padded and self.is_signed and bool(BOUND & self._successes)

    @cached_property
    def _successes(self) -> set[str]:
        return {entry["code"] for entry in self.found.codes("success")}

    # Who signed it?

    def _credential(self) -> Iterator[Finding]:
        signature = self.found.signature
        if signature is None:
            yield _finding(
                "manifest.signer",
                Status.SKIPPED,
                "who signed was not checked",
                reason=self.found.why_no_signature,
            )
            return
        stamped = yield from self._timestamp(signature.stamp)
        leaf = signature.chain[0]
        yield from self._revocation()
        if not self.is_signed:
            return  # a certificate beside a broken signature says nothing about anybody
        at = stamped or self.now
        yield from self._signer(signature, leaf, at, is_stamped=stamped is not None)

    def _signer(
        self, signature: Signature, leaf: Certificate, at: datetime, *, is_stamped: bool
    ) -> Iterator[Finding]:
        who = _who(leaf)
        facts: dict[str, object] = {
            "signer": _certificate_facts(leaf),
            "signed_at": at.isoformat() if is_stamped else "",
        }
        wrong = unfit(leaf) or self._engine_refusal()
        expired = not leaf.is_valid_at(at)
        vouched = vouch(signature.chain, self._lists(Purpose.SIGNERS), at)
        if wrong:
            yield _finding(
                "manifest.signer_unfit",
                Status.INVALID,
                f"the certificate of {who} may not sign claims: {wrong}",
                facts=facts,
            )
        if expired:
            yield _finding(
                "manifest.signer_expired",
                Status.PRESENT,
                _expiry(leaf, at, who, is_stamped=is_stamped),
                facts=facts,
            )
        if vouched is None:
            yield self._unknown(who, facts)
        elif not wrong and not expired:
            yield self._known(who, facts, vouched)

    def _known(self, who: str, facts: dict[str, object], vouched: Vouched) -> Finding:
        if not self.engine_accepts(self.found):
            # Both must agree; where only we would trust, the caution of the other counts.
            return _finding(
                "manifest.signer_unknown",
                Status.PRESENT,
                f"{who} is on list {vouched.by.name}, but the C2PA engine refuses the chain",
                facts=facts,
            )
        named = {"name": vouched.by.name, "sha256": vouched.by.sha256, "date": vouched.by.date}
        return _finding(
            "manifest.trusted",
            Status.PRESENT,
            f"signed by {who}, whom list {vouched.by.name} vouches for",
            facts={**facts, "list": named, "anchor": vouched.anchor},
        )

    def _unknown(self, who: str, facts: dict[str, object]) -> Finding:
        lists = self._lists(Purpose.SIGNERS)
        if not lists:
            return _finding(
                "manifest.signer_unknown",
                Status.PRESENT,
                f"signed as {who}; no trust list is in use, so nobody can be recognised",
                facts=facts,
            )
        names = ", ".join(dict.fromkeys(trust_list.name for trust_list in lists))
        return _finding(
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
            yield _finding(
                "manifest.timestamp",
                Status.INVALID,
                f"the time stamp does not hold: {meaning(broken[0]['code'])}",
                facts={"codes": _plain(broken)},
            )
            return None
        if "timeStamp.validated" not in self._successes:
            yield _finding("manifest.timestamp", Status.ABSENT, "no time stamp on the signature")
            return None
        if stamp is None or not stamp.chain:
            yield _finding(
                "manifest.timestamp",
                Status.SKIPPED,
                "a time stamp is there, but who made it was not checked",
                reason="its certificates cannot be read",
            )
            return None
        return (yield from self._authority(stamp))

    def _authority(self, stamp: Stamp) -> _Stamped:
        leaf = stamp.chain[0]
        facts: dict[str, object] = {
            "at": stamp.at.isoformat(),
            "authority": _certificate_facts(leaf),
        }
        if stamp.at > self.now + CLOCK_SKEW:
            yield _finding(
                "manifest.timestamp",
                Status.INVALID,
                f"the time stamp is from the future ({stamp.at:%Y-%m-%d})",
                facts=facts,
            )
            return None
        vouched = vouch(stamp.chain, self._lists(Purpose.TIMESTAMPS), stamp.at)
        if vouched and leaf.is_for_stamping and leaf.is_valid_at(stamp.at):
            named = {"name": vouched.by.name, "sha256": vouched.by.sha256, "date": vouched.by.date}
            yield _finding(
                "manifest.timestamp",
                Status.PRESENT,
                f"time-stamped {stamp.at:%Y-%m-%d %H:%M:%S} UTC by {_who(leaf)}",
                facts={**facts, "list": named},
            )
            return stamp.at
        yield _finding(
            "manifest.timestamp_unknown",
            Status.PRESENT,
            f"time-stamped {stamp.at:%Y-%m-%d %H:%M:%S} UTC by {_who(leaf)}, "
            "whom no list of time-stamp authorities in use knows",
            facts=facts,
        )
        return None

    def _revocation(self) -> Iterator[Finding]:
        failed = {entry["code"] for entry in self.found.codes("failure")}
        if "signingCredential.ocsp.revoked" in failed:
            yield _finding(
                "manifest.signer_revoked", Status.INVALID, "the signer's certificate was revoked"
            )
        elif "signingCredential.ocsp.notRevoked" in self._successes:
            yield _finding(
                "manifest.revocation",
                Status.PRESENT,
                "the stapled status says that the certificate was not revoked",
            )
        else:
            yield _finding(
                "manifest.revocation",
                Status.SKIPPED,
                "whether the certificate was revoked was not checked",
                reason="no status is stapled, and none is fetched",
            )

    # What was it made from, and what does it say of itself?

    def _ingredients(self) -> Iterator[Finding]:
        for broken in broken_ingredients(self.found.report):
            yield _finding(
                "manifest.ingredient_broken",
                Status.INVALID,
                f"its {broken.role} {broken.title!r} was already broken: "
                f"{broken.note or meaning(broken.codes[0])}",
                facts={
                    "title": broken.title,
                    "relationship": broken.relationship,
                    "codes": _plain({"code": code} for code in broken.codes),
                    "recorded_by_signer": broken.is_recorded,
                },
            )

    def _declared(self) -> Iterator[Finding]:
        for declaration in declarations(self.found.report):
            if declaration.origin is Origin.NONE:
                continue
            code = f"manifest.{declaration.origin.value.replace('declared_', 'declares_')}"
            says = f"declares {declaration.source_type}" + (
                f" by {declaration.system}" if declaration.system else ""
            )
            facts = {
                "source_type": declaration.source_type,
                "system": declaration.system,
                "system_version": declaration.system_version,
                "provider": declaration.provider,
                "created": declaration.created,
                "id": declaration.id,
                "depth": declaration.depth,
            }
            if self.is_intact:
                yield _finding(code, Status.PRESENT, says, facts=facts)
            else:
                yield _finding(
                    code,
                    Status.INVALID,
                    f"{says}, but the manifest is not shown to belong to this content",
                    facts=facts,
                )

    def _identity(self) -> Iterator[Finding]:
        kinds = ("success", "informational", "failure")
        cawg = {k: [e for e in self.found.codes(k) if e["code"].startswith("cawg.")] for k in kinds}
        entries = [entry for kind in kinds for entry in cawg[kind]]
        if entries:
            failed = cawg["failure"]
            words = f": {failed[0]['code']}" if failed else ""
            yield _finding(
                "identity.cawg",
                Status.INVALID if failed else Status.PRESENT,
                f"a publisher's identity statement (CAWG){words}; not about the content",
                facts={"codes": _plain(entries)},
            )


_ALTERED_WORDS = {
    Concern.CONTENT: "the content is not what was signed",
    Concern.CLAIM: "what the manifest says is not what was signed",
    Concern.SIGNATURE: "the signature of the claim does not hold",
}
_OTHER_WORDS = {
    Concern.UNREADABLE: "a part of the manifest cannot be read",
    Concern.UNBOUND: "nothing that can be checked ties the manifest to this content",
    Concern.CONFORMANCE: "the manifest is not written as C2PA asks, which says nothing about "
    "the content",
}


def _is_exclusion(entry: Mapping[str, str]) -> bool:
    return entry["code"] == "assertion.dataHash.mismatch" and _EXCLUSION in (
        entry.get("explanation") or ""
    )


def _plain(entries: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    plain = []
    for entry in entries:
        row = {"code": entry["code"], "meaning": meaning(entry["code"])}
        if entry.get("explanation"):
            row["detail"] = entry["explanation"]
        if row not in plain:
            plain.append(row)
    return plain


def _who(certificate: Certificate) -> str:
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
def _certificate_facts(certificate: Certificate) -> dict[str, object]:
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


def _generator(manifest: Mapping[str, Any]) -> str:
    info = manifest.get("claim_generator_info") or [{}]
    first = info[0] if isinstance(info, list) and info else info
    name = first.get("name", "") if isinstance(first, dict) else ""
    version = first.get("version", "") if isinstance(first, dict) else ""
    return f"{name} {version}".strip() or str(manifest.get("claim_generator") or "")


def _finding(
    code: str,
    status: Status,
    summary: str,
    *,
    reason: str = "",
    facts: Mapping[str, object] | None = None,
) -> Finding:
    return Finding(code, status, Weight.PROOF, SOURCE, summary, reason, facts or {})


def utc_now() -> datetime:
    """Return the time of day, aware, for callers that were given none."""
    return datetime.now(UTC)
