"""A second opinion: another engine reads the same bytes, and where the two differ is said.

encypher-c2pa has a C2PA core of its own. What it says decides nothing: the verdict stays that of
our engine, and a policy may send a file to a person where the two do not agree.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import encypher_c2pa

from trustkit.asset import Asset
from trustkit.axes import axes
from trustkit.c2pa.codes import ALTERED, Concern, concern
from trustkit.c2pa.findings import utc_now
from trustkit.c2pa.trust import Purpose, TrustList, pem
from trustkit.evidence.manifest import ManifestCollector
from trustkit.finding import Finding, Status, Weight

SOURCE = f"opinion:encypher-c2pa@{encypher_c2pa.__version__}"
NAME = f"encypher-c2pa {encypher_c2pa.__version__}"
_MAX_REASON, _MAX_CODES = 400, 32  # characters of its complaint, codes of its failures shown
MAX_BYTES = 128 * 2**20  # what encypher-c2pa itself takes of a file, all of it in memory
_TELEMETRY = "ENCYPHER_C2PA_TELEMETRY"
_TRUSTED = "valid_for_supplied_material"
_UNREADABLE = "verification_error"  # how its errors begin when it is the file that cannot be read


@dataclass(frozen=True, slots=True)
class Said:
    """What one engine says, in the words of our axes.

    `codes` are its failures of form, `seen` all its failures, or the codes of our findings.
    """

    integrity: str
    trust: str
    codes: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


class OpinionCollector:
    """Asks encypher-c2pa about each file, with the same lists and the same time as our engine.

    It fetches nothing, sends nothing, and knows no list but `lists`.
    """

    name = "opinion"

    def __init__(self, lists: Iterable[TrustList] = (), as_of: datetime | None = None) -> None:
        self._lists = tuple(lists)
        self._as_of = as_of
        # Asked once more without what only our engine can do: remote manifests, revocation.
        self._manifest = ManifestCollector(self._lists, as_of=as_of)
        self._reads = frozenset(encypher_c2pa.supported_mime_types())

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        ours = tuple(self._manifest.collect(asset))
        where = next((str(f.facts["where"]) for f in ours if "where" in f.facts), "")
        reason = self._why_not(asset, ours)
        if reason:
            yield finding(
                "opinion.agrees", Status.SKIPPED, "no second engine was asked", {}, reason
            )
            return
        try:
            report = self._ask(asset, beside=where == "sidecar")
        except BaseException as error:  # a panic in Rust is no Exception in Python
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            reason = f"{type(error).__name__}: {error}"[:_MAX_REASON]
            if not str(error).startswith(_UNREADABLE):
                yield finding(
                    "opinion.failed", Status.SKIPPED, f"{NAME} failed on the file", {}, reason
                )
                return
            report = {"present": True, "error": reason}
        yield from compared(_ours(ours), _theirs(report), _words(report))

    def _why_not(self, asset: Asset, ours: Iterable[Finding]) -> str:
        if asset.media_type not in self._reads:
            return f"{NAME} does not read {asset.media_type}"
        if asset.size > MAX_BYTES:
            return f"{NAME} takes no more than {MAX_BYTES:,} bytes"
        if any(f.code == "manifest.remote" for f in ours):
            return "a manifest kept elsewhere is not handed to a second engine"
        return ""

    def _ask(self, asset: Asset, *, beside: bool) -> Mapping[str, Any]:
        # Said each time, as its own word wins over what a user has saved: nothing is ever sent.
        # (The argument `telemetry=` would write that word into the user's configuration.)
        os.environ[_TELEMETRY] = "off"
        with asset.open() as stream:
            content = stream.read(MAX_BYTES + 1)
        report: Mapping[str, Any] = encypher_c2pa.verify(
            content,
            mime_type=asset.media_type,
            manifest_store=asset.sidecar.read_bytes() if beside else None,
            trust_pem=self._pem(Purpose.SIGNERS, anchors=True),
            allowed_list_pem=self._pem(Purpose.SIGNERS, anchors=False),
            tsa_trust_pem=self._pem(Purpose.TIMESTAMPS, anchors=True),
            no_default_trust=True,
            validation_time=(self._as_of or utc_now()).isoformat(),
            online=False,
        )
        return report

    def _pem(self, purpose: Purpose, *, anchors: bool) -> str | None:
        lists = [one for one in self._lists if one.purpose is purpose]
        text = "".join(pem(one.anchors if anchors else one.allowed) for one in lists)
        return text or None


def compared(ours: Said, theirs: Said, words: Mapping[str, object]) -> Iterator[Finding]:
    """Yield where the two differ, one finding a question, or that they agree."""
    facts = {"engine": NAME, "its_words": dict(words)}
    differ = False
    if ours.integrity != theirs.integrity:
        differ = True
        said = f"{ours.integrity} to us, {theirs.integrity} to {NAME}"
        yield finding(
            "opinion.differs.integrity",
            Status.PRESENT,
            f"two engines differ on whether it is as signed: {said}",
            {**facts, **_both("integrity", ours, theirs, ours.integrity, theirs.integrity)},
        )
    # Who signed is asked only where both found something that was signed.
    readable = not {"none", "unreadable"} & {ours.integrity, theirs.integrity}
    if readable and (ours.trust == "trusted") != (theirs.trust == "trusted"):
        differ = True
        yield finding(
            "opinion.differs.trust",
            Status.PRESENT,
            f"two engines differ on the signer: {ours.trust} to us, {theirs.trust} to {NAME}",
            {**facts, **_both("trust", ours, theirs, ours.trust, theirs.trust)},
        )
    if readable and bool(ours.codes) != bool(theirs.codes):
        differ = True
        who, codes = (
            ("we complain", ours.codes) if ours.codes else (f"{NAME} complains", theirs.codes)
        )
        yield finding(
            "opinion.differs.conformance",
            Status.PRESENT,
            f"of the manifest's form {who} alone: {', '.join(codes)}",
            {**facts, **_both("conformance", ours, theirs, [*ours.codes], [*theirs.codes])},
        )
    if not differ:
        yield finding(
            "opinion.agrees",
            Status.PRESENT,
            f"a second engine ({NAME}) says the same: {_same(ours)}",
            {**facts, "integrity": ours.integrity, "trust": ours.trust},
        )


def _same(said: Said) -> str:
    return "no manifest" if said.integrity == "none" else f"{said.integrity}, signer {said.trust}"


def _both(axis: str, ours: Said, theirs: Said, first: object, second: object) -> dict[str, object]:
    known = [
        entry["says"]
        for entry in _known()
        if entry["axis"] == axis
        and entry.get("ours", first) == first
        and entry.get("theirs", second) == second
        and ("our_code" not in entry or entry["our_code"] in ours.seen)
        and ("their_code" not in entry or entry["their_code"] in theirs.seen)
    ]
    return {"axis": axis, "ours": first, "theirs": second, "known": known}


@cache
def _known() -> tuple[dict[str, Any], ...]:
    text = (files("trustkit.evidence") / "opinion_known.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["difference"])


def _ours(found: tuple[Finding, ...]) -> Said:
    answer = axes(found)
    form = [f for f in found if f.code == "manifest.nonconformant"]
    codes = [entry["code"] for f in form for entry in _entries(f)]
    seen = tuple(sorted({*codes, *(f.code for f in found)}))
    return Said(answer.integrity, answer.signer, tuple(sorted(set(codes))), seen)


def _entries(found: Finding) -> list[Mapping[str, str]]:
    entries = found.facts.get("codes")
    return entries if isinstance(entries, list) else []


def _theirs(report: Mapping[str, Any]) -> Said:
    codes = _failures(report)
    kinds = {concern(code) for code in codes}
    form = tuple(code for code in codes if concern(code) is Concern.CONFORMANCE)
    return Said(_integrity(report, kinds), _trust(report, codes), form, tuple(codes))


def _integrity(report: Mapping[str, Any], kinds: set[Concern]) -> str:
    if not report.get("present"):
        return "none"
    binding, signature = report.get("hard_binding"), report.get("signature")
    if kinds & ALTERED or binding == "mismatch" or signature == "invalid":
        # A store without any signature is not one that was changed after signing.
        return "unreadable" if signature == "missing" else "altered"
    # Its word `invalid` also means a fault of form; what we ask is whether the bytes are as signed.
    return "intact" if binding == "match" and signature == "valid" else "unreadable"


def _trust(report: Mapping[str, Any], codes: Iterable[str]) -> str:
    if "signingCredential.ocsp.revoked" in codes:
        return "revoked"
    status = (report.get("trust") or {}).get("status", "not_evaluated")
    if status == _TRUSTED:
        return "trusted"
    if {"claimSignature.outsideValidity", "signingCredential.expired"} & set(codes):
        return "expired"
    return "none" if status == "not_evaluated" else "untrusted"


def _failures(report: Mapping[str, Any]) -> list[str]:
    entries = (report.get("validation_results") or {}).get("failure") or []
    return sorted({str(entry.get("code", "")) for entry in entries})


def _words(report: Mapping[str, Any]) -> dict[str, object]:
    names = ("integrity", "signature", "hard_binding", "validation_state")
    words: dict[str, object] = {name: str(report.get(name, "")) for name in names}
    words["trust"] = str((report.get("trust") or {}).get("status", ""))
    words["failures"] = _failures(report)[:_MAX_CODES]
    if "error" in report:
        words["error"] = report["error"]
    return words


def finding(
    code: str, status: Status, summary: str, facts: Mapping[str, object], reason: str = ""
) -> Finding:
    """Return a finding of this collector: a second engine recomputes hashes and signatures."""
    return Finding(code, status, Weight.PROOF, SOURCE, summary, reason, facts)
