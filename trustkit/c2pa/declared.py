"""The facts of a disclosure as the nearest manifest that declares any tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trustkit.c2pa.history import actions, own_record, walk
from trustkit.disclosure import EDITORIAL_LABEL

_RECORDED = ("provider", "system", "system_version", "created", "id", "prompt")
_MOST, _LONGEST = 64, 2000  # values of one fact, and characters of one: anybody may sign anything


@dataclass(frozen=True, slots=True)
class Declared:
    """Facts by name, each a list of (key, value); `depth` 0 is the active manifest.

    `label` has the words of a label that people see, `exempt` why there is none, `reviewer` who
    answers for that: as the manifest says.
    """

    facts: Mapping[str, tuple[tuple[str, str], ...]]
    depth: int = 0
    label: str = ""
    exempt: str = ""
    reviewer: str = ""


def declared(report: Mapping[str, Any]) -> Declared:
    """Return what the nearest manifest in the line of parents declares that has a source type.

    A later time stamp or a redaction declares nothing new and takes nothing back. Where none has a
    source type, the nearest that tells any fact.
    """
    manifests = report.get("manifests") or {}
    told: Declared | None = None
    for label, depth in walk(report, ("parentOf",)):
        found = _of(manifests[label], depth)
        if "source_type" in found.facts:
            return found
        told = told or (found if found.facts else None)
    return told or Declared({})


def _of(manifest: Mapping[str, Any], depth: int) -> Declared:
    facts: dict[str, list[tuple[str, str]]] = {}
    for fact, key, value in _said(manifest):
        kept = facts.setdefault(fact, [])
        if value and len(kept) < _MOST and (key, value[:_LONGEST]) not in kept:
            kept.append((key, value[:_LONGEST]))
    decided = _editorial(manifest)
    return Declared(
        {fact: tuple(values) for fact, values in facts.items() if values},
        depth,
        str(own_record(manifest).get("label") or "")[:_LONGEST],
        str(decided.get("label_exempt") or "")[:_LONGEST],
        str(decided.get("reviewed_by") or "")[:_LONGEST],
    )


def _said(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    record = own_record(manifest)
    for fact in _RECORDED:
        yield fact, "org.trustkit.disclosure", str(record.get(fact) or "")
    for action in actions(manifest):
        address = action.get("digitalSourceType")
        if not isinstance(address, str) or not address:
            continue
        name = str(action.get("action") or "action")
        yield "source_type", name, address
        agent = action.get("softwareAgent")
        if isinstance(agent, dict):
            yield "system", name, str(agent.get("name") or "")
            yield "system_version", name, str(agent.get("version") or "")
        elif isinstance(agent, str):
            yield "system", name, agent
        yield "created", name, str(action.get("when") or "")


def _editorial(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if assertion.get("label") == EDITORIAL_LABEL and isinstance(data, dict):
            return data
    return {}
