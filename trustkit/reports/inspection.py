"""What `inspect` found, as an indented tree for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trustkit.disclosure import DISCLOSURE_LABEL, term
from trustkit.reports import printable

_TRUST = {"signingCredential.untrusted", "timeStamp.untrusted", "cawg.x509.credential.untrusted"}
_SOFT_BINDING = "c2pa.soft-binding"
_MINING = {"cawg.training-mining", "c2pa.training-mining"}
_METADATA = "cawg.metadata"
_MANY, _LONG = 64, 512  # entries, characters: what a person still reads
_MARKS = {"success": "ok  ", "informational": "note", "failure": "FAIL"}


def render(description: Mapping[str, Any]) -> str:
    """Return the text for one file's description (`c2pa.describe`)."""
    return "".join(f"{printable(line)}\n" for line in _lines(description))


def _lines(description: Mapping[str, Any]) -> Iterator[str]:
    media = description["media"]
    size = f"{media['width']}x{media['height']}, " if "width" in media else ""
    length = f"{media['duration_s']} s, " if "duration_s" in media else ""
    yield f"{description['path']}: {media['type']}, {size}{length}{description['size']:,} bytes"
    if "note" in media:
        yield f"  note: {media['note']}"
    if "tree" not in description:
        yield f"manifest: {description['manifest']} ({description['note']})"
        if "url" in description:
            yield f"  at {description['url']}"
        return
    number = description["manifests"]
    yield f"manifest: {description['manifest']}, {number} in the store"
    yield f"engine's state: {description['engine_state']} (no verdict: see `trustkit verify`)"
    yield from _indent(_manifest(description["tree"]))


def _manifest(node: Mapping[str, Any]) -> Iterator[str]:
    yield node["label"]
    if "note" in node:
        yield f"  {node['note']}"
        return
    if node["title"]:
        yield f"  title: {node['title']}"
    yield f"  made by: {node['claim_generator']}, claim version {node['claim_version']}"
    yield f"  signature: {_signature(node['signature'])}"
    for certificate in node.get("certificates", []):
        yield f"  {certificate['role']}: {certificate['subject']}"
        yield f"    issued by {certificate['issuer']}, until {certificate['not_after'][:10]}"
    if node["actions"]:
        yield "  actions:"
        # What was redacted is told below, with its reason.
        yield from _indent((_action(a) for a in node["actions"] if not _is_redaction(a)), 4)
    if node["redacted"]:
        yield "  taken out of the history:"
        yield from _indent((_gone(entry) for entry in node["redacted"]), 4)
    yield f"  assertions: {', '.join(a['label'] for a in node['assertions'])}"
    yield from _statements(node["assertions"])
    for identity in node["identities"]:
        yield from _indent(_identity(identity))
    if node.get("validation"):
        yield "  validation:"
        yield from _indent((_code(entry) for entry in node["validation"]), 4)
    for ingredient in node["ingredients"]:
        yield from _indent(_ingredient(ingredient))


def _statements(assertions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for assertion in assertions:
        if assertion["label"] == DISCLOSURE_LABEL and isinstance(assertion["data"], dict):
            yield "  disclosure:"
            yield from _indent((f"{k}: {v}" for k, v in assertion["data"].items()), 4)
        if assertion["label"].partition("__")[0] == _SOFT_BINDING:
            yield from _indent(_soft_binding(assertion["data"]), 2)
        if assertion["label"].partition("__")[0] in _MINING:
            yield from _indent(_mining(assertion["data"]), 2)
        if assertion["label"].partition("__")[0] == _METADATA:
            yield "  metadata:"
            yield from _indent(_metadata(assertion["data"]), 4)


def _soft_binding(data: object) -> Iterator[str]:
    if isinstance(data, dict) and isinstance(data.get("blocks"), list):
        values = [block.get("value") for block in data["blocks"] if isinstance(block, dict)]
        yield f"soft binding: {data.get('alg', '')}  {', '.join(str(v)[:128] for v in values[:8])}"


def _mining(data: object) -> Iterator[str]:
    entries = data.get("entries") if isinstance(data, dict) else None
    if isinstance(entries, dict):
        for use, entry in list(entries.items())[:_MANY]:
            said = dict(entry) if isinstance(entry, dict) else {}
            info = said.get("constraint_info") or said.get("constraints_info")
            note = f" ({info})" if info else ""
            yield f"training and mining: {use}  {said.get('use', '')}{note}"


def _metadata(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in list(data.items())[:_MANY]:
            if key != "@context":
                plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                yield f"{key}: {plain[:_LONG]}"


def _identity(identity: Mapping[str, Any]) -> Iterator[str]:
    if "note" in identity:
        yield f"identity: {identity['note']}"
        return
    roles = ", ".join(identity["roles"]) or "no role"
    yield f"identity: {roles}, {identity['sig_type']}, over {', '.join(identity['references'])}"
    for certificate in identity["certificates"]:
        yield f"  {certificate['subject']}"
        yield f"    issued by {certificate['issuer']}, until {certificate['not_after'][:10]}"
    for person in identity["people"]:
        yield f"  {', '.join(f'{key}: {value}' for key, value in person.items())}"
    if identity["issuer"]:
        yield f"  as {identity['issuer']} says"
    if identity["time"]:
        yield f"  time stamp: {identity['time']}"
    if identity["problem"]:
        yield f"  FAIL  {identity['problem']}"


def _ingredient(ingredient: Mapping[str, Any]) -> Iterator[str]:
    yield f"{ingredient['relationship']}: {ingredient['title']} ({ingredient['format']})"
    for entry in ingredient["recorded_failures"]:
        yield f"  recorded at signing: {_code(entry)}"
    if ingredient["manifest"]:
        yield from _indent(_manifest(ingredient["manifest"]))


def _signature(info: Mapping[str, Any]) -> str:
    names = [str(info[key]) for key in ("common_name", "issuer", "alg", "time") if info.get(key)]
    return ", ".join(names) or "none that could be read"


def _action(action: Mapping[str, Any]) -> str:
    agent = action.get("softwareAgent") or ""
    if isinstance(agent, dict):
        agent = f"{agent.get('name', '')} {agent.get('version', '')}".strip()
    parts = [
        str(action.get("action", "")),
        term(str(action.get("digitalSourceType", ""))),
        str(agent),
        str(action.get("when", "")),
        str(action.get("description", "")),
    ]
    return "  ".join(part for part in parts if part)


def _is_redaction(action: Mapping[str, Any]) -> bool:
    return action.get("action") == "c2pa.redacted"


def _gone(entry: Mapping[str, str]) -> str:
    why = "  ".join(text for text in (entry["reason"], entry["text"]) if text)
    return f"{entry['label']} of {entry['manifest']}  {why or 'no reason given'}"


def _code(entry: Mapping[str, str]) -> str:
    # Nobody asked here whom to trust, so an unknown signer is no failure.
    mark = _MARKS["informational" if entry["code"] in _TRUST else entry["kind"]]
    return f"{mark}  {entry['code']}: {entry['meaning']}"


def _indent(lines: Iterator[str], by: int = 2) -> Iterator[str]:
    return (f"{' ' * by}{line}" for line in lines)
