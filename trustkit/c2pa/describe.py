"""Everything that is in a file's manifest store, as plain values, and no judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.codes import meaning
from trustkit.c2pa.cose import Signature
from trustkit.c2pa.history import MAX_DEPTH, actions
from trustkit.c2pa.identity_read import IdentityAssertion, Malformed, read_identities
from trustkit.c2pa.read import Absent, Found, Reading, Remote, Unreadable, Unsupported, raw, read
from trustkit.c2pa.redacted import told
from trustkit.c2pa.settings import plain_context

_KINDS = ("success", "informational", "failure")


def describe(asset: Asset) -> dict[str, Any]:
    """Return what the file holds: where the manifest is, and its tree with what went into it."""
    reading = read(asset, plain_context())
    return {
        "path": asset.name,
        "size": asset.size,
        "media": {"type": asset.media_type, "kind": asset.kind, **asset.measures},
        **tell(reading),
    }


def describe_raw(asset: Asset) -> dict[str, Any]:
    """Return the engine's own detailed report; raises `UnreadableError` where there is none."""
    return raw(asset, plain_context())


def tell(reading: Reading) -> dict[str, Any]:
    """Return what a reading found: where the manifest is, and its tree."""
    match reading:
        case Found():
            return {
                "manifest": reading.where,
                "manifests": len(reading.report.get("manifests") or {}),
                "engine_state": reading.report.get("validation_state", ""),
                "tree": _manifest(reading, reading.label, 0, set()),
            }
        case Absent():
            return {"manifest": "none", "note": "no C2PA manifest in the file or beside it"}
        case Unsupported():
            return {
                "manifest": "not checked",
                "note": "the C2PA engine cannot look inside this kind of file; none beside it",
            }
        case Unreadable(where, reason):
            return {"manifest": "unreadable", "note": f"{where}: {reason}"}
        case Remote(url, reason):
            return {"manifest": "remote", "note": reason, "url": url}


def _manifest(found: Found, label: str, depth: int, seen: set[str]) -> dict[str, Any]:
    manifest = (found.report.get("manifests") or {}).get(label)
    if manifest is None:
        return {"label": label, "note": "the engine could not read this manifest"}
    if label in seen or depth > MAX_DEPTH:
        return {"label": label, "note": "shown above"}
    seen.add(label)
    is_active = label == found.label
    node: dict[str, Any] = {
        "label": label,
        "title": manifest.get("title") or "",
        "claim_generator": _generators(manifest),
        "claim_version": manifest.get("claim_version", 1),
        "signature": dict(manifest.get("signature_info") or {}),
        "actions": [_action(action) for action in actions(manifest)],
        "redacted": told(manifest),
        "assertions": [
            {"label": str(a.get("label", "")), "data": a.get("data")}
            for a in manifest.get("assertions") or []
        ],
        "identities": [_identity(one) for one in read_identities(found.store, label)],
        "ingredients": [
            _ingredient(found, ingredient, depth, seen)
            for ingredient in manifest.get("ingredients") or []
        ],
    }
    if is_active:
        node["certificates"] = _certificates(found.signature)
        node["validation"] = [
            _code(kind, entry) for kind in _KINDS for entry in _once(found.codes(kind))
        ]
    return node


def _identity(read: IdentityAssertion | Malformed) -> dict[str, Any]:
    if isinstance(read, Malformed):
        return {"assertion": read.label, "note": read.reason}
    return {
        "assertion": read.label,
        "sig_type": read.sig_type,
        "roles": list(read.roles),
        "references": list(read.references),
        "problem": read.problem,
        "certificates": [_certificate("identity", certificate) for certificate in read.chain],
        "time": read.stamp.at.isoformat() if read.stamp else "",
        "issuer": read.issuer,
        "people": [dict(person) for person in read.people],
    }


def _ingredient(
    found: Found, ingredient: Mapping[str, Any], depth: int, seen: set[str]
) -> dict[str, Any]:
    results = (ingredient.get("validation_results") or {}).get("activeManifest") or {}
    recorded = [*(ingredient.get("validation_status") or []), *(results.get("failure") or [])]
    label = ingredient.get("active_manifest")
    return {
        "title": ingredient.get("title") or "",
        "relationship": ingredient.get("relationship") or "",
        "format": ingredient.get("format") or "",
        "recorded_failures": [_code("failure", entry) for entry in _once(recorded)],
        "manifest": _manifest(found, label, depth + 1, seen) if label else None,
    }


def _action(action: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("action", "digitalSourceType", "softwareAgent", "when", "description", "reason")
    return {key: action[key] for key in kept if key in action}


def _generators(manifest: Mapping[str, Any]) -> str:
    info = manifest.get("claim_generator_info") or []
    named = [f"{i.get('name', '')} {i.get('version', '')}".strip() for i in info if i]
    return ", ".join(name for name in named if name) or str(manifest.get("claim_generator") or "")


def _certificates(signature: Signature | None) -> list[dict[str, str]]:
    if signature is None:
        return []
    stamp = signature.stamp.chain if signature.stamp else ()
    return [
        *(_certificate("signer", certificate) for certificate in signature.chain),
        *(_certificate("time stamp", certificate) for certificate in stamp),
    ]


def _certificate(role: str, certificate: Certificate) -> dict[str, str]:
    parsed = certificate.parsed
    return {
        "role": role,
        "subject": parsed.subject.rfc4514_string(),
        "issuer": parsed.issuer.rfc4514_string(),
        "serial": f"{parsed.serial_number:x}",
        "not_before": parsed.not_valid_before_utc.isoformat(),
        "not_after": parsed.not_valid_after_utc.isoformat(),
    }


def _once(entries: list[Mapping[str, str]]) -> list[Mapping[str, str]]:
    # One line a code: a hash match for each of thirty assertions tells nothing more.
    return list({entry.get("code", ""): entry for entry in reversed(entries)}.values())[::-1]


def _code(kind: str, entry: Mapping[str, str]) -> dict[str, str]:
    code = entry.get("code", "")
    return {
        "kind": kind,
        "code": code,
        "meaning": meaning(code),
        "detail": entry.get("explanation") or "",
    }
