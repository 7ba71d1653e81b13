"""What a file says of itself, cut to a size, and how that of two files differs. No judgement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.cose import CoseError, box
from trustkit.c2pa.describe import tell
from trustkit.c2pa.history import declarations, walk
from trustkit.c2pa.parent import first_problem
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context

MAX_ROWS = 256  # of each list: real manifests have a few dozen statements
MAX_FIELDS, MAX_TEXT, MAX_DEPTH = 64, 160, 6  # of one statement's data that are compared by name
_FILE = ("type", "kind", "width", "height", "duration_s")
_ACTIVE = ("label", "title", "claim_generator", "claim_version")
_SIGNATURE = ("common_name", "issuer", "alg", "time", "cert_serial_number")

Side = Mapping[str, Any]


def side(asset: Asset) -> Side:
    """Return what `asset` says of itself as plain values, every list and text cut to a size."""
    reading = read(asset, plain_context())
    told = tell(reading)
    tree = told.get("tree") or {}
    found = reading if isinstance(reading, Found) else None
    history = [label for label, _ in walk(found.report)][:MAX_ROWS] if found else []
    return {
        "path": asset.name,
        "size": asset.size,
        "sha256": asset.sha256,
        "media": {"type": asset.media_type, "kind": asset.kind, **asset.measures},
        "manifest": told["manifest"],
        "note": _short(told.get("note") or ""),
        "problem": _short(first_problem(found)) if found else "",
        "active": {name: _short(tree.get(name, "")) for name in _ACTIVE} if found else {},
        "signature": {
            name: _short((tree.get("signature") or {}).get(name) or "") for name in _SIGNATURE
        }
        if found
        else {},
        "history": history,
        "signatures": {label: _signature(found.store, label) for label in history} if found else {},
        "declares": [_declared(d) for d in declarations(found.report)][:MAX_ROWS] if found else [],
        "actions": [_line(action) for action in tree.get("actions") or []][:MAX_ROWS],
        "redacted": [f"{r['label']} of {r['manifest']}" for r in tree.get("redacted") or []],
        "ingredients": [_ingredient(i) for i in tree.get("ingredients") or []][:MAX_ROWS],
        "assertions": _assertions(tree.get("assertions") or []),
    }


def compare(a: Side, b: Side) -> dict[str, Any]:
    """Return where two sides differ, and whether one was made from the other by their manifests."""
    rows = [*_facts(a, b), *_manifests(a, b), *_lists(a, b), *_statements(a, b)]
    return {"same": not rows, "relation": relation(a, b), "differences": rows}


def relation(a: Side, b: Side) -> dict[str, str]:
    """Say how the histories meet: by labels, and by the signature under each being the same."""
    kind, label = _meeting(a, b)
    return {"kind": kind, "says": _MEETINGS[kind].format(label=label)}


_MEETINGS = {
    "unknown": "one of them has no manifest that could be read",
    "conflict": "both have a manifest {label}, but not the same one",
    "same_manifest": "both have the same manifest",
    "a_to_b": "B was made from A: its history has A's manifest",
    "b_to_a": "A was made from B: its history has B's manifest",
    "common": "both come from {label}",
    "none": "their histories have nothing in common",
}


def _meeting(a: Side, b: Side) -> tuple[str, str]:
    top_a, top_b = a["active"].get("label", ""), b["active"].get("label", "")
    first, second = a["signatures"], b["signatures"]
    both = [label for label in a["history"] if label in second]
    unread = [label for label in both if not (first[label] and second[label])]
    other = [label for label in both if first[label] != second[label]]
    held = {
        "unknown": not top_a or not top_b or unread,
        "conflict": other,
        "same_manifest": top_a == top_b,
        "a_to_b": top_a in both,
        "b_to_a": top_b in both,
        "common": both,
        "none": True,
    }
    kind = next(kind for kind, holds in held.items() if holds)
    return kind, (other or both or [""])[0]


def _facts(a: Side, b: Side) -> Iterator[dict[str, Any]]:
    for name in _FILE:
        yield from _changed("file", name, a["media"].get(name), b["media"].get(name))
    yield from _changed("file", "size", a["size"], b["size"])
    yield from _changed("file", "sha256", a["sha256"], b["sha256"])


def _manifests(a: Side, b: Side) -> Iterator[dict[str, Any]]:
    yield from _changed("manifest", "kept", a["manifest"], b["manifest"])
    yield from _changed("manifest", "does not hold", a["problem"], b["problem"])
    for name in _ACTIVE:
        yield from _changed("manifest", name, a["active"].get(name), b["active"].get(name))
    for name in _SIGNATURE:
        first, second = a["signature"].get(name), b["signature"].get(name)
        yield from _changed("signer", name, first, second)


def _changed(part: str, what: str, first: object, second: object) -> Iterator[dict[str, Any]]:
    if (first or None) != (second or None):
        yield {"part": part, "what": what, "a": first or None, "b": second or None}


def _lists(a: Side, b: Side) -> Iterator[dict[str, Any]]:
    for part in ("declares", "actions", "redacted", "ingredients"):
        yield from _only(part, a[part], b[part])
    yield from _only("history", a["history"], b["history"])


def _only(part: str, first: Sequence[str], second: Sequence[str]) -> Iterator[dict[str, Any]]:
    for line in dict.fromkeys(first):
        if line not in second:
            yield {"part": part, "what": line, "a": True, "b": False}
    for line in dict.fromkeys(second):
        if line not in first:
            yield {"part": part, "what": line, "a": False, "b": True}


def _statements(a: Side, b: Side) -> Iterator[dict[str, Any]]:
    first, second = a["assertions"], b["assertions"]
    yield from _only("assertions", list(first), list(second))
    for label in first:
        if label.startswith("c2pa.actions"):
            continue  # told as actions, which reads better
        if label in second and first[label]["sha256"] != second[label]["sha256"]:
            yield {
                "part": "assertions",
                "what": label,
                "a": True,
                "b": True,
                "fields": list(_fields(first[label]["fields"], second[label]["fields"])),
            }


def _fields(first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys([*first, *second]):
        if first.get(name) != second.get(name):
            yield {"name": name, "a": first.get(name), "b": second.get(name)}


def _assertions(entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in entries[:MAX_ROWS]:
        label, number = _short(entry["label"]), 1
        while f"{label}__{number}" in found if number > 1 else label in found:
            number += 1
        name = label if number == 1 else f"{label}__{number}"
        text = json.dumps(entry["data"], sort_keys=True, ensure_ascii=False)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        fields = dict(list(_flat(entry["data"]))[:MAX_FIELDS])
        found[name] = {"sha256": digest, "fields": fields}
    return found


def _flat(data: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict) and depth < MAX_DEPTH:
        for key, value in list(data.items())[:MAX_FIELDS]:
            yield from _flat(value, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(data, list) and depth < MAX_DEPTH:
        for number, value in enumerate(data[:MAX_FIELDS]):
            yield from _flat(value, f"{path}[{number}]", depth + 1)
    else:
        yield _short(path), _short(data if isinstance(data, str) else json.dumps(data))


def _signature(store: bytes, label: str) -> str:
    try:
        return hashlib.sha256(box(store, "c2pa", label, "c2pa.signature")).hexdigest()
    except CoseError:
        return ""


def _declared(declaration: Any) -> str:
    by = f" by {declaration.system} {declaration.system_version}".rstrip()
    return _short(f"{declaration.source_type}{by if declaration.system else ''}")


def _line(action: Mapping[str, Any]) -> str:
    agent = action.get("softwareAgent") or ""
    if isinstance(agent, dict):
        agent = f"{agent.get('name', '')} {agent.get('version', '')}".strip()
    source = str(action.get("digitalSourceType") or "").rpartition("/")[2]
    parts = [action.get("action"), source, agent, action.get("when"), action.get("description")]
    return _short("  ".join(str(part) for part in parts if part))


def _ingredient(entry: Mapping[str, Any]) -> str:
    manifest = (entry.get("manifest") or {}).get("label") or "no manifest"
    broken = ", ".join(f["code"] for f in entry.get("recorded_failures") or [])
    text = f"{entry.get('relationship')}: {entry.get('title')} ({manifest})"
    return _short(f"{text}, recorded: {broken}" if broken else text)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."
