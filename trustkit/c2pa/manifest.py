"""Disclosure -> manifest definition: pure, and so tested with ==.

Actions are written whole, as created assertions: the first is created or opened, each carries its
own source type and software agent, and `allActionsIncluded` says that none is left out
(C2PA 2.4 section 18.15; Conformance 0.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustkit.c2pa.history import BROKEN_PARENT, UNCOVERED
from trustkit.c2pa.softbinding import LABEL as SOFT_BINDING_LABEL
from trustkit.c2pa.softbinding import SoftBinding, action, assertion
from trustkit.c2pa.statements import (
    METADATA_LABEL,
    MINING_LABEL,
    metadata_assertion,
    mining_assertion,
    people,
)
from trustkit.disclosure import (
    CONSENT_LABEL,
    DISCLOSURE_LABEL,
    EDITORIAL_LABEL,
    LICENCE_LABEL,
    Disclosure,
    Edit,
    uri,
)
from trustkit.errors import PublishError

SPEC_VERSION = "2.4"
PARENT = "parent"
CREATED_LABELS = (
    "c2pa.actions",
    "c2pa.actions.v2",
    "c2pa.ingredient",
    "c2pa.ingredient.v3",
    "c2pa.thumbnail.claim",
    "c2pa.thumbnail.ingredient",
    SOFT_BINDING_LABEL,
    DISCLOSURE_LABEL,
    MINING_LABEL,
    METADATA_LABEL,
    CONSENT_LABEL,
    LICENCE_LABEL,
    EDITORIAL_LABEL,
)

# The actions C2PA 2.4 section 18.15.4.7 predefines and a person may declare as an edit.
EDIT_ACTIONS = (
    "c2pa.color_adjustments",
    "c2pa.converted",
    "c2pa.cropped",
    "c2pa.drawing",
    "c2pa.dubbed",
    "c2pa.edited",
    "c2pa.edited.metadata",
    "c2pa.enhanced",
    "c2pa.filtered",
    "c2pa.orientation",
    "c2pa.published",
    "c2pa.removed",
    "c2pa.repackaged",
    "c2pa.resized",
    "c2pa.transcoded",
    "c2pa.trimmed",
    "c2pa.unknown",
)


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A file that goes into another: `relationship` parentOf, componentOf or inputTo."""

    path: Path
    relationship: str
    id: str


def build(
    disclosure: Disclosure,
    version: str,
    title: str,
    ingredients: Sequence[Ingredient] = (),
    *,
    media_type: str = "",
    broken_parent: str = "",
    uncovered: str = "",
    marks: Sequence[SoftBinding] = (),
    old_marks: Sequence[SoftBinding] = (),
    fingerprints: Sequence[SoftBinding] = (),
) -> dict[str, Any]:
    """Return the manifest definition for a file called `title`, by trustkit `version`.

    `broken_parent` says what is wrong with an incoming manifest that is kept nevertheless;
    `uncovered` is the SHA-256 of what the standard hash leaves out (see `uncovered`); `marks` are
    those in the file, of which `old_marks` were there before an incoming manifest, and
    `fingerprints` soft bindings that are computed from the content, so that no action put them in.
    Raises `PublishError` for an action that C2PA does not predefine and that is not namespaced.
    """
    record = _record(disclosure)
    if broken_parent:
        record[BROKEN_PARENT] = broken_parent
    record |= covering(uncovered)
    actions = _actions(disclosure, ingredients)
    actions += [action(mark) for mark in marks if mark not in old_marks]
    return define(
        disclosure.title or title,
        version,
        media_type,
        actions,
        record,
        [*map(assertion, (*marks, *fingerprints)), *_statements(disclosure)],
    )


def define(
    title: str,
    version: str,
    media_type: str,
    actions: Sequence[Mapping[str, Any]],
    record: Mapping[str, str],
    assertions: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the definition of a manifest by trustkit `version`: all `actions`, our own record.

    The record is what lets `verify` check more of our own manifests than the standard asks.
    """
    definition = {
        "claim_version": 2,
        "title": title,
        "claim_generator_info": [
            {"name": "trustkit", "version": version, "specVersion": SPEC_VERSION}
        ],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "created": True,
                "data": {"actions": list(actions), "allActionsIncluded": True},
            },
            {"label": DISCLOSURE_LABEL, "created": True, "data": dict(record)},
            *assertions,
        ],
    }
    return {**definition, "format": media_type} if media_type else definition


def opened() -> dict[str, Any]:
    """Return the action that opens the manifest below."""
    return {"action": "c2pa.opened", "parameters": {"ingredientIds": [PARENT]}}


def covering(uncovered: str) -> dict[str, str]:
    """Return what our record says of the bytes that the standard hash leaves out, if any."""
    return {UNCOVERED: uncovered} if uncovered else {}


def _statements(disclosure: Disclosure) -> list[dict[str, Any]]:
    found = []
    if disclosure.training_mining:
        found.append(mining_assertion(disclosure.training_mining))
    if disclosure.metadata:
        found.append(metadata_assertion(disclosure.metadata))
    return [*found, *people(disclosure)]


def _actions(disclosure: Disclosure, ingredients: Sequence[Ingredient]) -> list[dict[str, Any]]:
    parents = [i for i in ingredients if i.relationship == "parentOf"]
    parts = [i for i in ingredients if i.relationship == "componentOf"]
    inputs = [i.id for i in ingredients if i.relationship == "inputTo"]
    declared = _action(
        Edit(
            "c2pa.edited" if parents else "c2pa.created",
            disclosure.source_type,
            disclosure.system,
            disclosure.system_version,
            when=disclosure.created,
        )
    )
    if inputs:
        declared["parameters"] = {"ingredientIds": inputs}
    edits = [_action(edit) for edit in disclosure.edits]
    placed = [
        {"action": "c2pa.placed", "parameters": {"ingredientIds": [part.id]}} for part in parts
    ]
    if not parents:
        return [declared, *placed, *edits]
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [parents[0].id]}}
    says_it = any(e.get("digitalSourceType") == uri(disclosure.source_type) for e in edits)
    return [opened, *placed, *edits, *([] if says_it and not inputs else [declared])]


def _action(edit: Edit) -> dict[str, Any]:
    own_name = "." in edit.action and not edit.action.startswith("c2pa.")
    if edit.action not in {*EDIT_ACTIONS, "c2pa.created"} and not own_name:
        raise PublishError(
            f"{edit.action!r} is no C2PA action",
            f"one of {', '.join(EDIT_ACTIONS)}, or a name of your own like org.example.retouched",
        )
    action: dict[str, Any] = {"action": edit.action}
    if edit.source_type:
        action["digitalSourceType"] = uri(edit.source_type)
    if edit.system:
        agent = {"name": edit.system}
        if edit.system_version:
            agent["version"] = edit.system_version
        action["softwareAgent"] = agent
    if edit.when:
        action["when"] = edit.when
    if edit.description:
        action["description"] = edit.description
    return action


def _record(disclosure: Disclosure) -> dict[str, str]:
    # California SB 942, 22757.3(b): provider, system and version, time, unique identifier.
    fields = {
        "source_type": uri(disclosure.source_type),
        "provider": disclosure.provider,
        "system": disclosure.system,
        "system_version": disclosure.system_version,
        "created": disclosure.created,
        "id": disclosure.id,
        "prompt": disclosure.prompt,
        "prompt_sha256": disclosure.prompt_sha256,
        "label": disclosure.label,
    }
    return {name: value for name, value in fields.items() if value}
