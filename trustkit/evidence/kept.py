"""The manifest that a record keeps, read again today: who signed what was published, and what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trustkit.axes import axes
from trustkit.c2pa.stored import Rereader, Stored, signed_at
from trustkit.record import Binding, Record
from trustkit.stores import Blobs, StoreError

# What a match is, said wherever a stored manifest is shown.
NOT_THIS_COPY = "it is bound to the published file, not to this copy"
THIS_FILE = "by the record it is bound to this very file, which `trustkit verify` checks"


class Condition(StrEnum):
    """How a record's manifest is today."""

    HOLDS = "holds"
    BROKEN = "broken"
    UNREADABLE = "unreadable"
    LOST = "lost"  # the blob is missing or damaged
    NONE = "none"


_SIGNERS = (
    "manifest.trusted",
    "manifest.signer_revoked",
    "manifest.signer_unfit",
    "manifest.signer_expired",
    "manifest.signer_unknown",
)
_TIMES = ("manifest.timestamp", "manifest.timestamp_unknown")


@dataclass(frozen=True, slots=True)
class Kept:
    """A record's manifest: its condition, one sentence of it, and what it shows."""

    condition: Condition
    summary: str
    facts: dict[str, Any]


def kept(record: Record, blobs: Blobs, rereader: Rereader, note: str = NOT_THIS_COPY) -> Kept:
    """Return how the manifest of `record` is; a lost or broken one is an answer, not an error.

    `note` says what a manifest that holds is bound to.
    """
    if not record.manifest:
        return without(Condition.NONE, "the record has no manifest")
    try:
        manifest = blobs.get(record.manifest)
    except StoreError as error:
        return without(Condition.LOST, f"the stored manifest is lost: {error.message}")
    return judged(rereader.read(manifest), record.bindings, record.manifest_id, note)


def without(condition: Condition, summary: str) -> Kept:
    """Return that there is no manifest to be read, and why."""
    return Kept(condition, summary, {"state": condition.value, "summary": summary})


def judged(
    stored: Stored, bindings: Iterable[Binding], named: str = "", note: str = NOT_THIS_COPY
) -> Kept:
    """Return what a manifest that was read again shows.

    `named` is the one that it should be (empty: any will do), `bindings` the marks that lead to it.
    """
    condition, problem = Condition(stored.state.value), stored.problem
    if not problem and named and stored.label != named:
        condition, problem = Condition.BROKEN, "it is not the manifest that the record names"
    who = stored.finding(*_SIGNERS)
    signer = f"; {who.summary}" if who else ""
    summary = (
        f"the stored manifest does not hold: {problem}"
        if problem
        else f"the stored manifest holds by itself{signer}; {note}"
    )
    told = {"state": condition.value, "summary": summary, "manifest_id": stored.label}
    return Kept(condition, summary, {**told, **_told(stored, bindings)})


def _told(stored: Stored, bindings: Iterable[Binding]) -> dict[str, Any]:
    who, when = stored.finding(*_SIGNERS), stored.finding(*_TIMES)
    at = signed_at(stored)
    says = [dict(one.facts) for one in stored.findings if ".declares_" in one.code]
    marks = {(one.algorithm, one.value) for one in stored.bindings}
    bound = [one for one in bindings if (one.algorithm, one.value) in marks]
    return {
        "signer": axes(stored.findings).signer,
        "signed_by": who.facts.get("signer") if who else None,
        "trust": who.summary if who else "",
        "signed_at": at.isoformat() if at else "",
        "time_stamp": when.summary if when else "",
        "declares": says,
        # What a signer has said of the mark does not hang on the registry's word.
        "names_marks": [one.value for one in bound],
    }
