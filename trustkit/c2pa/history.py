"""What a manifest store tells of a file's making: its ingredients and what they declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trustkit.c2pa.codes import ALTERED, Concern, concern
from trustkit.disclosure import DISCLOSURE_LABEL, Origin, origin, term

MAX_DEPTH = 64  # manifests below the active one; a 25-deep edit chain is the longest seen
BROKEN_PARENT = "broken_parent"  # the key under which a publisher says that the parent was broken
UNCOVERED = "uncovered_sha256"  # the key of the hash over what the standard one leaves out
_ROLES = {"parentOf": "parent", "componentOf": "component", "inputTo": "input"}
_BROKEN = ALTERED | {Concern.INGREDIENT}
_ACTIONS = ("c2pa.actions", "c2pa.actions.v2")


@dataclass(frozen=True)
class Broken:
    """An ingredient whose content or signature failed, by the signer's record or found now."""

    title: str
    relationship: str
    codes: tuple[str, ...]
    is_recorded: bool
    note: str = ""

    @property
    def role(self) -> str:
        """Parent, component or input."""
        return _ROLES.get(self.relationship, "ingredient")


@dataclass(frozen=True)
class Declaration:
    """What one manifest in the history declares; depth 0 is the active one."""

    source_type: str
    origin: Origin
    system: str
    system_version: str
    provider: str
    id: str
    created: str
    depth: int


def broken_ingredients(report: Mapping[str, Any]) -> list[Broken]:
    """List every ingredient, at any depth, whose content or signature failed.

    The signer may have recorded the failure (then the engine's own state says nothing of it), or
    it shows only now.
    """
    found: dict[tuple[str, str], Broken] = {}
    manifests = report.get("manifests") or {}
    deltas = _deltas(report)
    for label, _ in walk(report):
        for number, ingredient in enumerate(manifests[label].get("ingredients") or []):
            recorded = _codes(_recorded(ingredient))
            fresh = _codes(deltas.get((label, ingredient.get("label") or "")) or [])
            codes = tuple(dict.fromkeys((*recorded, *fresh)))
            note = _note(manifests[label]) if ingredient.get("relationship") == "parentOf" else ""
            if codes or note:
                title = str(ingredient.get("title") or ingredient.get("instance_id") or "untitled")
                relation = str(ingredient.get("relationship") or "")
                found[label, str(number)] = Broken(
                    title, relation, codes, bool(recorded or note), note
                )
    # A failure that the engine reports but that no ingredient above claims must still surface.
    claimed = {code for broken in found.values() for code in broken.codes}
    loose = [c for entries in deltas.values() for c in _codes(entries) if c not in claimed]
    loose += [e["code"] for e in _failures(report) if concern(e["code"]) is Concern.INGREDIENT]
    unclaimed = tuple(dict.fromkeys(c for c in loose if c not in claimed))
    return [*found.values(), *([Broken("untitled", "", unclaimed, False)] if unclaimed else [])]


def declarations(report: Mapping[str, Any]) -> list[Declaration]:
    """List what the active manifest, its parents and its components declare, nearest first."""
    manifests = report.get("manifests") or {}
    found: dict[tuple[str, str], Declaration] = {}
    for label, depth in walk(report, ("parentOf", "componentOf")):
        for declaration in _declared(manifests[label], depth):
            found.setdefault((declaration.source_type, declaration.system), declaration)
    return list(found.values())


def walk(
    report: Mapping[str, Any], relations: Iterable[str] | None = None
) -> Iterator[tuple[str, int]]:
    """Yield the labels of the manifests in the history with their depth, each once."""
    manifests = report.get("manifests") or {}
    queue, seen = [(str(report.get("active_manifest") or ""), 0)], set[str]()
    while queue:
        label, depth = queue.pop(0)
        if label in seen or label not in manifests or depth > MAX_DEPTH:
            continue
        seen.add(label)
        yield label, depth
        for ingredient in manifests[label].get("ingredients") or []:
            if relations is None or ingredient.get("relationship") in relations:
                queue.append((str(ingredient.get("active_manifest") or ""), depth + 1))


def actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the actions of one manifest."""
    found: list[Mapping[str, Any]] = []
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if assertion.get("label", "").split("__")[0] in _ACTIONS and isinstance(data, dict):
            found += [a for a in data.get("actions") or [] if isinstance(a, dict)]
    return found


def _declared(manifest: Mapping[str, Any], depth: int) -> Iterator[Declaration]:
    extra = own_record(manifest)
    for action in actions(manifest):
        address = action.get("digitalSourceType")
        if isinstance(address, str) and address:
            system, version = _agent(action.get("softwareAgent"))
            yield Declaration(
                term(address),
                origin(address),
                system or str(extra.get("system", "")),
                version or str(extra.get("system_version", "")),
                str(extra.get("provider", "")),
                str(extra.get("id", "")),
                str(action.get("when") or extra.get("created", "")),
                depth,
            )


def own_record(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return our own assertion of a manifest; empty where it has none."""
    for assertion in manifest.get("assertions") or []:
        data = assertion.get("data")
        if assertion.get("label") == DISCLOSURE_LABEL and isinstance(data, dict):
            return data
    return {}


def _note(manifest: Mapping[str, Any]) -> str:
    return str(own_record(manifest).get(BROKEN_PARENT) or "")


def _agent(agent: object) -> tuple[str, str]:
    if isinstance(agent, dict):
        return str(agent.get("name") or ""), str(agent.get("version") or "")
    return (agent, "") if isinstance(agent, str) else ("", "")


def _deltas(report: Mapping[str, Any]) -> dict[tuple[str, str], list[Mapping[str, str]]]:
    # An address reads self#jumbf=/c2pa/MANIFEST/c2pa.assertions/INGREDIENT.
    deltas = (report.get("validation_results") or {}).get("ingredientDeltas") or []
    found = {}
    for delta in deltas:
        parts = str(delta.get("ingredientAssertionURI", "")).split("/")
        label = parts[2] if len(parts) > 2 else ""  # noqa: PLR2004  # as the comment above says
        found[label, parts[-1]] = (delta.get("validationDeltas") or {}).get("failure") or []
    return found


def _recorded(ingredient: Mapping[str, Any]) -> list[Mapping[str, str]]:
    # C2PA 1.x wrote one flat list, 2.x three of them by kind.
    flat = ingredient.get("validation_status") or []
    results = (ingredient.get("validation_results") or {}).get("activeManifest") or {}
    return [*flat, *(results.get("failure") or [])]


def _failures(report: Mapping[str, Any]) -> list[Mapping[str, str]]:
    results = (report.get("validation_results") or {}).get("activeManifest") or {}
    failures: list[Mapping[str, str]] = results.get("failure") or []
    return failures


def _codes(entries: Iterable[Mapping[str, str]]) -> list[str]:
    codes = [str(entry.get("code", "")) for entry in entries]
    return [code for code in codes if code and concern(code) in _BROKEN]
