"""A manifest that is kept without its file, read again against the trust lists in use today.

What it is bound to is not here, so its content hash is neither held nor broken: that says nothing
of a copy. Everything else is judged as in a file: claim, signature, signer, time stamp.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from c2pa import C2paError, Context, Reader

from trustkit.c2pa.codes import SIGNED, Concern, concern
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.history import own_record
from trustkit.c2pa.identity_read import IdentityAssertion
from trustkit.c2pa.read import MAX_SIDECAR, Found, Reading, Unreadable, failed, found_in
from trustkit.c2pa.revocation.status import NOTHING_ASKED, Inquiry
from trustkit.c2pa.settings import open_context, plain_context
from trustkit.c2pa.softbinding import SoftBinding, bindings
from trustkit.c2pa.trust import TrustList
from trustkit.finding import Finding
from trustkit.policy import ALTERED, UNREAD, Seen

WHERE = "record"
_TYPE = "application/c2pa"
_MOST_BINDINGS = 64


class State(StrEnum):
    """Whether a stored manifest holds by itself; whatever it is bound to was not looked at."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a stored manifest shows: `problem` is empty where it holds.

    `findings` are those of a manifest in a file, without any about the content; declarations among
    them are INVALID, as nothing here shows that they are about the copy at hand.
    """

    state: State
    problem: str
    label: str
    findings: tuple[Finding, ...]
    bindings: tuple[SoftBinding, ...] = ()

    def finding(self, *codes: str) -> Finding | None:
        """Return the first finding with the first of `codes` that was seen."""
        for code in codes:
            for one in self.findings:
                if one.code == code and one.seen():
                    return one
        return None


class Rereader:
    """Reads stored manifests with engines that are made once; asks nobody but whom `inquiry` names.

    With `as_of` (aware) signers are judged as of that time.
    """

    def __init__(
        self,
        lists: Iterable[TrustList] = (),
        inquiry: Inquiry = NOTHING_ASKED,
        as_of: datetime | None = None,
    ) -> None:
        self._lists = tuple(lists)
        self._inquiry = inquiry
        self._as_of = as_of
        self._trusting: Context | None = None

    def read(self, manifest: bytes) -> Stored:
        """Return what the bytes of a manifest store show; never raises for what is in them."""
        reading = read_alone(manifest, plain_context())
        seen = tuple(
            findings(
                reading,
                self._lists,
                self._as_of or utc_now(),
                partial(self._accepts, manifest),
                self._inquiry,
                partial(self._identity_accepted, manifest),
            )
        )
        if not isinstance(reading, Found):
            why = reading.reason if isinstance(reading, Unreadable) else "it holds no manifest"
            return Stored(State.UNREADABLE, f"it cannot be read: {why}", "", seen)
        problem = _problem(reading, seen)
        state = State.BROKEN if problem else State.HOLDS
        return Stored(state, problem, reading.label, seen, _bindings(reading.active))

    def _accepts(self, manifest: bytes, _found: Found) -> bool | None:
        accepted = any(e["code"] == "signingCredential.trusted" for e in self._asked(manifest))
        # The engine goes by the machine's clock, whatever date is asked for.
        return None if not accepted and self._as_of is not None else accepted

    def _identity_accepted(
        self, manifest: bytes, _found: Found, read: IdentityAssertion
    ) -> bool | None:
        accepted = any(
            entry["code"] == "cawg.x509.credential.trusted"
            and (entry.get("url") or "").endswith(f"/{read.label}")
            for entry in self._asked(manifest)
        )
        return None if not accepted and self._as_of is not None else accepted

    def _asked(self, manifest: bytes) -> list[Mapping[str, str]]:
        if self._trusting is None:
            self._trusting = open_context(self._lists)
        again = read_alone(manifest, self._trusting)
        return again.codes("success") if isinstance(again, Found) else []


def read_alone(manifest: bytes, context: Context) -> Reading:
    """Read a manifest store by itself: what the engine says of the content is left out."""
    if not manifest:
        return Unreadable(WHERE, "it is empty")
    if len(manifest) > MAX_SIDECAR:
        return Unreadable(WHERE, f"it is larger than {MAX_SIDECAR:,} bytes")
    try:
        with Reader(_TYPE, io.BytesIO(manifest), context=context) as reader:
            found = found_in(reader, WHERE)
    except C2paError as error:
        return failed(WHERE, error)
    return replace(
        found, report=_without_content(found.report), is_loose=_is_loose(found, manifest)
    )


def signed_at(stored: Stored) -> datetime | None:
    """Return the time of a trusted stamp on a stored manifest, or None."""
    for one in stored.findings:
        at = one.facts.get("signed_at")
        if isinstance(at, str) and at:
            return datetime.fromisoformat(at).astimezone(UTC)
    return None


def _is_loose(found: Found, manifest: bytes) -> bool:
    # Of what we have signed ourselves every byte is known: see `read`.
    if not own_record(found.active):
        return False
    plain = found.signature is not None and found.signature.is_plain
    return not (manifest == found.store and plain)


def _without_content(report: Mapping[str, Any]) -> Mapping[str, Any]:
    results = dict(report.get("validation_results") or {})
    active = dict(results.get("activeManifest") or {})
    active["failure"] = [
        entry for entry in active.get("failure") or [] if concern(entry["code"]) != Concern.CONTENT
    ]
    return {**report, "validation_results": {**results, "activeManifest": active}}


def _problem(found: Found, seen: tuple[Finding, ...]) -> str:
    asked = Seen(seen)
    for pattern in (*ALTERED, *UNREAD):
        for one in asked.matching(pattern):
            return one.summary
    # Never from silence: that the signature fits must have been reported as good.
    signed = any(entry["code"] == SIGNED for entry in found.codes("success"))
    return "" if signed else "its signature is not shown to hold"


def _bindings(active: Mapping[str, Any]) -> tuple[SoftBinding, ...]:
    named = (SoftBinding(alg, value) for alg, values in bindings(active) for value in values)
    return tuple(dict.fromkeys(one for one in named if one.algorithm))[:_MOST_BINDINGS]
