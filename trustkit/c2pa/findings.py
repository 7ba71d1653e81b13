"""What a manifest shows, as findings, from the engine's codes and our own checks.

Pure: a reading, the lists in use and the time in; findings out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from trustkit.c2pa.codes import ALTERED, BOUND, SIGNED, Concern, concern, meaning
from trustkit.c2pa.credential import Accepts, credential
from trustkit.c2pa.history import broken_ingredients, declarations
from trustkit.c2pa.identity import Accepted, identities
from trustkit.c2pa.identity_read import IdentityAssertion
from trustkit.c2pa.read import Absent, Found, Reading, Remote, Unreadable, Unsupported, host
from trustkit.c2pa.redacted import redacted
from trustkit.c2pa.revocation.status import NOTHING_ASKED, Inquiry
from trustkit.c2pa.stamping import ancestor_timestamps
from trustkit.c2pa.statements import training_mining
from trustkit.c2pa.telling import finding, plain
from trustkit.c2pa.trust import TrustList
from trustkit.disclosure import Origin
from trustkit.finding import Finding, Status

HARMLESS = 16  # bytes: in a TIFF the field with the length of the manifest is left out too
_EXCLUSION = "exclusion"  # the engine's word when its complaint is the range, not the bytes
_TRUST_HINT = "add one with `trustkit trust add FILE.pem`"


def _nobody(_found: Found, _read: IdentityAssertion) -> bool:
    return False


def findings(
    reading: Reading,
    lists: Iterable[TrustList],
    now: datetime,
    engine_accepts: Accepts,
    inquiry: Inquiry = NOTHING_ASKED,
    identity_accepted: Accepted = _nobody,
) -> Iterator[Finding]:
    """Yield what `reading` shows, against `lists`, at the time `now` (UTC).

    `engine_accepts` is asked once a signer is on a list: only whom both accept is trusted.
    `inquiry` says where else than in the file revocation is looked up. `identity_accepted` is
    asked of identities that are on a list, as `engine_accepts` is of signers.
    """
    match reading:
        case Found():
            yield from _Judging(
                reading, tuple(lists), now, engine_accepts, inquiry, identity_accepted
            ).all()
        case Absent():
            yield finding(
                "manifest.present", Status.ABSENT, "no C2PA manifest in the file or beside it"
            )
        case Unsupported():
            yield finding(
                "manifest.present",
                Status.SKIPPED,
                "no C2PA manifest beside the file; inside it was not checked",
                reason="the C2PA engine cannot look inside this kind of file",
            )
        case Unreadable(where, reason):
            yield finding(
                "manifest.unreadable",
                Status.INVALID,
                f"the file's C2PA data ({where}) cannot be read: {reason}",
                facts={"where": where, "error": reason},
            )
        case Remote(url, reason, was_asked):
            yield finding(
                "manifest.remote.failed" if was_asked else "manifest.remote",
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
    engine_accepts: Accepts
    inquiry: Inquiry
    identity_accepted: Accepted

    def all(self) -> Iterator[Finding]:
        yield self._present()
        yield from self._integrity()
        yield from credential(
            self.found,
            self.lists,
            self.now,
            self.engine_accepts,
            self.inquiry,
            is_signed=self.is_signed,
        )
        yield from ancestor_timestamps(self.found, self.lists, self.now, is_intact=self.is_intact)
        yield from self._ingredients()
        yield from redacted(self.found, is_intact=self.is_intact)
        yield from self._declared()
        yield from training_mining(self.found, is_intact=self.is_intact)
        yield from identities(
            self.found, self.lists, self.now, self.identity_accepted, is_intact=self.is_intact
        )

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
        return finding(
            "manifest.present", Status.PRESENT, f"a C2PA manifest, {self.found.where}", facts=facts
        )

    # Is it what was signed?

    def _integrity(self) -> Iterator[Finding]:
        problems = self._problems
        altered = [c for c in problems if c in ALTERED]
        if self.found.uncovered_changed:
            yield finding(
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
            yield finding(
                "manifest.excluded_range",
                Status.INVALID,
                "the range left out of the hash covers more than the manifest, so what stands "
                "there was not checked",
                facts={"codes": plain(self.narrow)},
            )
        if self.is_intact:
            yield finding(
                "manifest.intact", Status.PRESENT, "the content and the claim are as signed"
            )
        if self.found.left_out > HARMLESS:
            yield finding(
                "manifest.excluded_more",
                Status.PRESENT,
                f"{self.found.left_out:,} bytes beside the manifest are left unsigned",
                facts={"bytes": self.found.left_out},
            )
        if self.is_padded:
            yield finding(
                "manifest.padding",
                Status.INVALID,
                "bytes of the manifest that nothing protects are not as they were written",
            )

    def _failure(self, kind: Concern, words: str, entries: list[Mapping[str, str]]) -> Finding:
        return finding(
            f"manifest.{kind.value}", Status.INVALID, words, facts={"codes": plain(entries)}
        )

    @cached_property
    def _problems(self) -> dict[Concern, list[Mapping[str, str]]]:
        sorted_out: dict[Concern, list[Mapping[str, str]]] = {}
        for entry in self.found.codes("failure"):
            if not _is_exclusion(entry):
                sorted_out.setdefault(concern(entry["code"]), []).append(entry)
        return sorted_out

    @property
    def is_padded(self) -> bool:
        signature = self.found.signature
        return self.found.is_loose or (signature is not None and not signature.padding_is_clean)

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
        return clean and not self.is_padded and self.is_signed and bool(BOUND & self._successes)

    @cached_property
    def _successes(self) -> set[str]:
        return {entry["code"] for entry in self.found.codes("success")}

    # What was it made from, and what does it say of itself?

    def _ingredients(self) -> Iterator[Finding]:
        for broken in broken_ingredients(self.found.report):
            yield finding(
                "manifest.ingredient_broken",
                Status.INVALID,
                f"its {broken.role} {broken.title!r} was already broken: "
                f"{broken.note or meaning(broken.codes[0])}",
                facts={
                    "title": broken.title,
                    "relationship": broken.relationship,
                    "codes": plain({"code": code} for code in broken.codes),
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
                yield finding(code, Status.PRESENT, says, facts=facts)
            else:
                yield finding(
                    code,
                    Status.INVALID,
                    f"{says}, but the manifest is not shown to belong to this content",
                    facts=facts,
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


def _generator(manifest: Mapping[str, Any]) -> str:
    info = manifest.get("claim_generator_info") or [{}]
    first = info[0] if isinstance(info, list) and info else info
    name = first.get("name", "") if isinstance(first, dict) else ""
    version = first.get("version", "") if isinstance(first, dict) else ""
    return f"{name} {version}".strip() or str(manifest.get("claim_generator") or "")


def utc_now() -> datetime:
    """Return the time of day, aware, for callers that were given none."""
    return datetime.now(UTC)
