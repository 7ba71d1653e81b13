"""Which statements of a history speak of places, people and devices: a preset, applied."""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

import cbor2
from cryptography import x509
from cryptography.x509.oid import NameOID

from trustkit.c2pa.certificates import read_certificate

PRESETS = ("personal",)
_MAX_DEPTH = 32  # of a statement's data; metadata in the wild has four levels
_SOURCE_TYPE = "*digitalsourcetype"
_AGGREGATED = "cawg.identity_claims_aggregation"
_X5CHAIN = (33, "x5chain")  # RFC 9360
_OF_A_PERSON = (NameOID.GIVEN_NAME, NameOID.SURNAME, NameOID.PSEUDONYM)


@dataclass(frozen=True, slots=True)
class Drop:
    """One entry: the label, what such a statement holds, who says so, and when it is taken out."""

    label: str
    holds: str
    source: str
    keys: tuple[str, ...] = ()
    when: str = ""


@cache
def preset(name: str) -> Mapping[str, Drop]:
    """Return the entries of the preset `name` by label."""
    text = (files("trustkit.c2pa.presets") / f"{name}.toml").read_text("utf-8")
    entries = {entry["label"]: entry for entry in tomllib.loads(text)["drop"]}
    found = {}
    for label, entry in entries.items():
        keys = entries[entry["like"]]["keys"] if "like" in entry else entry.get("keys", ())
        found[label] = Drop(
            label, entry["holds"], entry["source"], tuple(keys), entry.get("when", "")
        )
    return found


def holds(name: str, base: str, data: Any, *, thumbnails: bool) -> str:
    """Say what the statement `base` (a label without instance) holds that the preset takes out.

    Empty: the preset leaves it.
    """
    # Thumbnails of claim version 1 say their format in the label.
    stem = base.rpartition(".")[0] if base.startswith("c2pa.thumbnail.") else ""
    entries = preset(name)
    drop = entries.get(base) or entries.get(stem)
    if drop is None:
        return ""
    if drop.when == "thumbnails" and not thumbnails:
        return ""
    if drop.when == "person" and not _is_person(data):
        return ""
    if drop.keys and not any(_matches(key, drop.keys) for key in _keys(data)):
        return ""
    return drop.holds


def source_types(data: Any) -> set[str]:
    """Return the digital source types that a statement declares, wherever they stand in it."""
    return {
        str(value)
        for key, value in _items(data)
        if fnmatchcase(key.lower(), _SOURCE_TYPE) and value
    }


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def _keys(data: Any) -> Iterator[str]:
    return (key for key, _ in _items(data))


def _items(data: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(data, Mapping):
        for key, value in data.items():
            # The table of prefixes names fields' namespaces, not fields.
            if key != "@context":
                yield str(key), value
                yield from _items(value, depth + 1)
    elif isinstance(data, list):
        for value in data:
            yield from _items(value, depth + 1)


def _is_person(identity: Any) -> bool:
    # Aggregated claims are of people: names, social media accounts, affiliations. A certificate is
    # an organisation's when it names one, and nobody's given name. What cannot be read is personal.
    if not isinstance(identity, Mapping):
        return True
    payload = identity.get("signer_payload")
    if not isinstance(payload, Mapping) or payload.get("sig_type") == _AGGREGATED:
        return True
    try:
        subject = _leaf(identity.get("signature")).subject
    except (ValueError, TypeError, LookupError, RecursionError, binascii.Error):
        return True
    names = {attribute.oid for attribute in subject}
    return NameOID.ORGANIZATION_NAME not in names or bool(names & set(_OF_A_PERSON))


def _leaf(signature: Any) -> x509.Certificate:
    raw = base64.b64decode(signature) if isinstance(signature, str) else bytes(signature)
    sign1 = cbor2.loads(raw)
    parts = sign1.value if isinstance(sign1, cbor2.CBORTag) else sign1
    headers = {**dict(parts[1]), **dict(cbor2.loads(parts[0]))}
    chain = next(headers[key] for key in _X5CHAIN if key in headers)
    return read_certificate(chain if isinstance(chain, bytes) else chain[0]).parsed
