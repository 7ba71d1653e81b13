"""Redaction: which statements of a file's history may be taken out, and a manifest that does so.

C2PA 2.4, "Redaction of Assertions": a claim may name statements of manifests below it, which are
then taken out of the store; never its own, never a binding to the content, never actions. The claim
of each manifest below keeps the label and the hash of what was there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.cose import CoseError, box
from trustkit.c2pa.history import BROKEN_PARENT, walk
from trustkit.c2pa.manifest import covering, define, opened
from trustkit.c2pa.read import Found
from trustkit.c2pa.scrub import lingers
from trustkit.disclosure import DISCLOSURE_LABEL

# C2PA 2.4, actions: the reasons it names; any other must be namespaced, like org.example.reason.
REASONS = {
    "c2pa.PII.present": "personal data",
    "c2pa.invalid.data": "wrong data",
    "c2pa.trade-secret.present": "a trade secret",
    "c2pa.government.confidential": "a state's secret",
}
MAX_STATEMENTS = 4096  # of a history; an edit chain of 25 has about 120
LEFT_BEHIND = "an earlier signing has left what should be gone elsewhere in the file"
GONE = "it is not there any more"
_NAMESPACED = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9_-]+")
_WHY_NOT = {
    "c2pa.actions": "actions tell the history, and C2PA does not let them be redacted",
    "c2pa.hash": "it binds the manifest to the content, and C2PA does not let it be redacted",
    "c2pa.ingredient": "it names what the file was made from, and the history would end there",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One assertion of a manifest in the file; `why_not` says what keeps it, empty: nothing."""

    manifest: str
    label: str
    made_by: str
    depth: int
    why_not: str
    data: Any

    @property
    def uri(self) -> str:
        """Return its JUMBF address."""
        return f"self#jumbf=/c2pa/{self.manifest}/c2pa.assertions/{self.label}"

    @property
    def base(self) -> str:
        """Return the label without the number of a second one of its kind."""
        return self.label.partition("__")[0]


def statements(found: Found, detailed: Mapping[str, Any]) -> list[Statement]:
    """List the statements of all manifests in the history of `found`, nearest first.

    `detailed` is the engine's detailed report of the same file.
    """
    listed: list[Statement] = []
    manifests = detailed.get("manifests") or {}
    for label, depth in walk(found.report):
        manifest = manifests.get(label) or {}
        store = manifest.get("assertion_store") or {}
        claim = manifest.get("claim") or {}
        for name in _names(claim):
            why_not = _why_not(name, store.get(name), is_there=name in store)
            listed.append(Statement(label, name, _made_by(claim), depth, why_not, store.get(name)))
            if len(listed) >= MAX_STATEMENTS:
                return listed
    return listed


def _names(claim: Mapping[str, Any]) -> Iterator[str]:
    # Claim version 1 has one list, version 2 has two.
    for part in ("created_assertions", "gathered_assertions", "assertions"):
        for entry in claim.get(part) or []:
            yield str(entry.get("url", "")).rpartition("/")[2]


def _why_not(name: str, data: Any, *, is_there: bool) -> str:
    if not is_there:
        return GONE
    for start, why in _WHY_NOT.items():
        if name == start or name.startswith((f"{start}.", f"{start}__")):
            return why
    if name == DISCLOSURE_LABEL and isinstance(data, Mapping) and data.get(BROKEN_PARENT):
        return "it says that the parent was broken, which must stay known"
    return ""


def _made_by(claim: Mapping[str, Any]) -> str:
    info = claim.get("claim_generator_info") or claim.get("claim_generator") or ""
    first = info[0] if isinstance(info, list) and info else info
    if isinstance(first, Mapping):
        return f"{first.get('name', '')} {first.get('version', '')}".strip()
    return str(first)


def is_reason(text: str) -> bool:
    """Tell whether C2PA lets `text` be the reason of an action: one it names, or namespaced."""
    own = _NAMESPACED.fullmatch(text) is not None and not text.startswith("c2pa.")
    return text in REASONS or own


def definition(
    chosen: Sequence[Statement],
    reason: str,
    text: str,
    *,
    version: str,
    title: str,
    media_type: str,
    when: str,
    uncovered: str,
) -> dict[str, Any]:
    """Return the definition of a manifest that opens its parent, takes `chosen` out, and no more.

    `reason` and `text` are recorded with each; `uncovered` is as for `manifest.build`.
    """
    steps = [opened()]
    for statement in chosen:
        step = {
            "action": "c2pa.redacted",
            "when": when,
            "reason": reason,
            "parameters": {"redacted": statement.uri},
        }
        steps.append({**step, "description": text} if text else step)
    # Our own record, so that all that `verify` checks of our own manifests is checked of this one.
    record = {"created": when, **covering(uncovered)}
    redactions = [statement.uri for statement in chosen]
    return {**define(title, version, media_type, steps, record), "redactions": redactions}


def contents(found: Found, chosen: Iterable[Statement]) -> list[bytes]:
    """Return the bytes of the statements `chosen`, as they stand in the store of `found`."""
    return [_content(found.store, statement) for statement in chosen]


def still_there(
    signed: Asset, reading: Found, chosen: Iterable[Statement], gone: Iterable[bytes]
) -> str:
    """Say which of `chosen` the store still holds, or does not declare as redacted.

    Nor may the bytes in `gone` stand anywhere else in the file `signed`.
    """
    declared = set(reading.active.get("redactions") or [])
    for statement in chosen:
        if _content(reading.store, statement):
            return f"{statement.label} is still in it"
        if statement.uri not in declared:
            return f"it does not say that {statement.label} was taken out"
    # Another manifest may state the very same, and was not asked about.
    nowhere = [content for content in gone if content not in reading.store]
    with signed.open() as stream:
        if lingers(stream, nowhere):
            return LEFT_BEHIND
    return ""


def _content(store: bytes, statement: Statement) -> bytes:
    try:
        return box(store, "c2pa", statement.manifest, "c2pa.assertions", statement.label)
    except CoseError:
        return b""
