"""What the manifests of a file say was taken out of those below them: pure, for `findings`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from trustkit.c2pa.history import actions, walk
from trustkit.c2pa.read import Found
from trustkit.c2pa.telling import finding
from trustkit.finding import Finding, Status

MAX_TOLD = 100  # redactions told of one manifest
_URI = re.compile(r"self#jumbf=/c2pa/([^/]+)/c2pa\.assertions/([^/]+)")


def told(manifest: Mapping[str, Any]) -> list[dict[str, str]]:
    """List what `manifest` says was taken out: of which manifest, under which label, and why."""
    listed = [str(uri) for uri in manifest.get("redactions") or []]
    why = _reasons(manifest)
    return [_told(uri, why.get(uri, {})) for uri in listed[:MAX_TOLD]]


def redacted(found: Found, *, is_intact: bool) -> Iterator[Finding]:
    """Yield what each manifest in the history says it has taken out of those below it."""
    manifests = found.report.get("manifests") or {}
    for label, depth in walk(found.report):
        entries = told(manifests[label])
        if not entries:
            continue
        names = ", ".join(dict.fromkeys(entry["label"] for entry in entries))
        said = ", ".join(dict.fromkeys(entry["reason"] for entry in entries if entry["reason"]))
        signer = manifests[label].get("signature_info") or {}
        yield finding(
            "manifest.redacted",
            Status.PRESENT if is_intact else Status.INVALID,
            f"statements of its history were taken out by a later signer: {names} "
            f"({said or 'no reason given'})",
            facts={
                "manifest": label,
                "depth": depth,
                "number": len(manifests[label]["redactions"]),
                "signer": str(signer.get("common_name") or ""),
                "organisation": str(signer.get("issuer") or ""),
                "redacted": entries,
            },
        )


def _reasons(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    found = {}
    for action in actions(manifest):
        parameters = action.get("parameters")
        if action.get("action") == "c2pa.redacted" and isinstance(parameters, Mapping):
            found[str(parameters.get("redacted") or "")] = action
    return found


def _told(uri: str, action: Mapping[str, Any]) -> dict[str, str]:
    parts = _URI.fullmatch(uri)
    return {
        "manifest": parts[1] if parts else "",
        "label": parts[2] if parts else uri,
        "reason": str(action.get("reason") or ""),
        "text": str(action.get("description") or ""),
        "when": str(action.get("when") or ""),
    }
