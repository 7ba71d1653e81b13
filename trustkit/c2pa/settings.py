"""The engine's settings, written in one place, each key checked: it takes a typo in silence."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from functools import cache

from c2pa import Context

from trustkit.c2pa.trust import CLAIM_SIGNING_EKUS, Purpose, TrustList, pem

# Every key we may set. `verify_timestamp_trust` and `verify_trust` are not among them: switched
# off, the first lets anyone's own clock revive an expired key (docs/adr/0003).
_ALLOWED = {
    "verify": {"remote_manifest_fetch", "ocsp_fetch", "verify_after_sign"},
    "core": {"allowed_network_hosts", "merkle_tree_chunk_size_in_kb", "merkle_tree_max_proofs"},
    "builder": {"thumbnail", "actions", "created_assertion_labels", "auto_timestamp_assertion"},
    "trust": {"trust_config", "anchors"},
}
_KINDS = {Purpose.SIGNERS: "manifest", Purpose.TIMESTAMPS: "tsa", Purpose.IDENTITY: "cawg"}


def open_context(
    lists: Iterable[TrustList] = (), extra: Mapping[str, Mapping[str, object]] | None = None
) -> Context:
    """Return an engine context that fetches nothing and knows `lists`, with `extra` settings."""
    settings: dict[str, dict[str, object]] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        "core": {"allowed_network_hosts": []},
        "trust": {
            "trust_config": "\n".join(CLAIM_SIGNING_EKUS),
            "anchors": [_anchor(trust_list) for trust_list in lists],
        },
    }
    for section, values in (extra or {}).items():
        settings.setdefault(section, {}).update(values)
    return Context.from_json(json.dumps(checked(settings)))


@cache
def plain_context() -> Context:
    """Return the context that knows no list, which is one for the whole process."""
    return open_context()


def checked(settings: Mapping[str, Mapping[str, object]]) -> Mapping[str, Mapping[str, object]]:
    """Return `settings` unchanged; raises `ValueError` for a key that is not ours to set."""
    for section, values in settings.items():
        unknown = set(values) - _ALLOWED.get(section, set())
        if unknown:
            raise ValueError(f"engine settings {section}: {', '.join(sorted(unknown))}")
    return settings


def _hashes(digests: Iterable[str]) -> str:
    # Certificates known by their SHA-256 alone: the engine takes it in Base64, one a line.
    return "".join(f"{base64.b64encode(bytes.fromhex(d)).decode()}\n" for d in sorted(digests))


def _anchor(trust_list: TrustList) -> dict[str, object]:
    return {
        "trust_kind": _KINDS[trust_list.purpose],
        "trust_uri": trust_list.name,
        "trust_anchors": pem(trust_list.anchors),
        "allowed_list": pem(trust_list.allowed) + _hashes(trust_list.digests),
    }
