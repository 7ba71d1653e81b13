"""What a publisher says beside the actions: permitted uses, descriptive metadata, and people.

CAWG Training and Data Mining Assertion 1.1 and CAWG Metadata Assertion 1.1. Reading takes the
older `c2pa.training-mining` (C2PA 1.4 section 18.19) as well. Nothing here can make anybody keep
to a prohibition: it is stated, signed, and to be read by machines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from trustkit.c2pa.history import walk
from trustkit.c2pa.read import Found
from trustkit.c2pa.telling import finding
from trustkit.disclosure import (
    CONSENT_LABEL,
    EDITORIAL_LABEL,
    LICENCE_LABEL,
    MINING_USES,
    PERMISSIONS,
    Disclosure,
    Permission,
)
from trustkit.errors import PublishError
from trustkit.finding import Finding, Status

MINING_LABEL = "cawg.training-mining"
METADATA_LABEL = "cawg.metadata"
_MINING = re.compile(r"(cawg|c2pa)\.training-mining(__\d+)?", re.ASCII)
_PREFIXES = ("cawg.", "c2pa.")
_MAX_ENTRIES, _MAX_TEXT = 64, 512

MAX_METADATA = 64 * 1024  # bytes of JSON; the specification's own example has 1.5 KB
_MAX_DEPTH, _MAX_KEYS = 16, 2000
_KEYWORDS = {"@id", "@type", "@value", "@language", "@list", "@set"}  # JSON-LD 1.1 section 1.7
_NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)

# The vocabularies that pictures, films and documents are described with (IPTC Photo and Video
# Metadata, Exif, XMP part 2, PLUS, Creative Commons), by their addresses.
VOCABULARIES = {
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/2.32/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "cc": "http://creativecommons.org/ns#",
    "schema": "http://schema.org/",
}


def mining_assertion(permissions: Iterable[Permission]) -> dict[str, Any]:
    """Return the assertion that states `permissions`, each use once."""
    entries: dict[str, dict[str, str]] = {}
    for one in permissions:
        entry = {"use": one.permission}
        if one.info:
            entry["constraint_info"] = one.info
        entries[f"cawg.{one.use}"] = entry
    return {"label": MINING_LABEL, "created": True, "data": {"entries": entries}}


def metadata_assertion(text: str) -> dict[str, Any]:
    """Return the assertion with the metadata in `text` (see `checked_metadata`)."""
    # A JSON box, not CBOR: C2PA 2.4 section 18.18.1.
    return {"label": METADATA_LABEL, "created": True, "kind": "Json", "data": json.loads(text)}


def people(disclosure: Disclosure) -> Iterator[dict[str, Any]]:
    """Yield our assertions on who agreed, what is licensed, and what a person decided.

    They repeat what the publisher gave, and nothing else about anybody. Consent and editorial
    decisions are each an assertion of their own, so that they can be redacted by themselves.
    """
    consents = [_kept(asdict(one)) for one in disclosure.consents]
    if consents:
        yield _own(CONSENT_LABEL, {"consents": consents})
    licences = [_kept(asdict(one)) for one in disclosure.licences]
    if licences:
        yield _own(LICENCE_LABEL, {"licences": licences})
    # EU AI Act, Article 50(4): a person holds editorial responsibility.
    decided = {
        "label_exempt": disclosure.label_exempt,
        "review": disclosure.review,
        "reviewed_by": disclosure.reviewed_by,
    }
    if any(decided.values()):
        yield _own(EDITORIAL_LABEL, _kept(decided))


def _own(label: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": label, "created": True, "data": dict(data)}


def _kept(said: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in said.items() if value}


def checked_metadata(text: str) -> str:
    """Return `text`, JSON-LD, in one line; raises `PublishError` for what is not metadata.

    Every key must have a prefix that `@context` declares, with the address of a known vocabulary:
    nothing that would have to be fetched to be understood.
    """
    if len(text.encode()) > MAX_METADATA:
        raise _refused(f"it takes more than {MAX_METADATA:,} bytes")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise _refused("it is nested too deeply") from error
    except ValueError as error:
        raise _refused(f"it is not JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("@context"), dict):
        raise _refused('it has no "@context" with the addresses of its prefixes')
    prefixes = set(found["@context"])
    for prefix, address in found["@context"].items():
        if not _NAMES.fullmatch(prefix) or address not in VOCABULARIES.values():
            raise _refused(f"prefix {prefix!r} stands for no known vocabulary: {address!r}")
    said = {key: value for key, value in found.items() if key != "@context"}
    if not said:
        raise _refused("it says nothing")
    if sum(1 for _ in _keys(said, prefixes, 0)) > _MAX_KEYS:
        raise _refused(f"it has more than {_MAX_KEYS:,} keys")
    return json.dumps(found, ensure_ascii=False)


def _keys(value: Any, prefixes: set[str], depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        raise _refused("it is nested too deeply")
    if isinstance(value, list):
        for entry in value:
            yield from _keys(entry, prefixes, depth + 1)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        prefix, colon, name = key.partition(":")
        if key not in _KEYWORDS and not (colon and name and prefix in prefixes):
            raise _refused(f'{key!r} has no prefix that "@context" declares')
        yield key
        yield from _keys(inner, prefixes, depth + 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _refused(reason: str) -> PublishError:
    return PublishError(
        f"this is not metadata for a manifest: {reason}",
        f"JSON-LD with these prefixes: {', '.join(VOCABULARIES)} (docs/identity.md)",
    )


def training_mining(found: Found, *, is_intact: bool) -> Iterator[Finding]:
    """Yield what the newest manifest that speaks of training and mining says of it.

    It is the active one or a parent of it: an edit or a later time stamp says nothing new, and so
    takes nothing back. Nothing where all are silent.
    """
    for name, depth in walk(found.report, ("parentOf",)):
        said = list(_mining(found.report["manifests"][name]))
        if said:
            yield from (
                _said(label, entries, depth, is_intact=is_intact) for label, entries in said
            )
            return


def _said(label: str, entries: Mapping[str, Any], depth: int, *, is_intact: bool) -> Finding:
    uses = [row for key, value in entries.items() if (row := _use(key, value))][:_MAX_ENTRIES]
    facts = {"assertion": label, "uses": uses, "depth": depth}
    if not uses:
        says = "a statement on training and mining that cannot be read"
        return finding("manifest.training_mining", Status.INVALID, says, facts=facts)
    says = f"says of training and mining: {'; '.join(map(_words, uses))}"
    if depth:
        says = f"a parent {says}"
    if not is_intact:
        says = f"{says}, but the manifest is not shown to belong to this content"
    status = Status.PRESENT if is_intact else Status.INVALID
    return finding("manifest.training_mining", status, says, facts=facts)


def _mining(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for assertion in manifest.get("assertions") or []:
        label, data = assertion.get("label"), assertion.get("data")
        if isinstance(label, str) and _MINING.fullmatch(label):
            entries = data.get("entries") if isinstance(data, dict) else None
            yield label, entries if isinstance(entries, dict) else {}


def _use(key: object, value: object) -> dict[str, str] | None:
    if not isinstance(key, str) or not isinstance(value, dict):
        return None
    permission = value.get("use")
    if permission not in PERMISSIONS:
        return None
    use = next((key.removeprefix(p) for p in _PREFIXES if key.startswith(p)), key)
    row = {"use": use[:_MAX_TEXT], "permission": str(permission)}
    # Both spellings are about: the text of the specification has an s more than its schema.
    info = value.get("constraint_info") or value.get("constraints_info")
    if isinstance(info, str):
        row["constraint_info"] = info[:_MAX_TEXT]
    return row


def _words(row: Mapping[str, str]) -> str:
    info = row.get("constraint_info")
    name = row["use"] if row["use"] in MINING_USES else repr(row["use"])
    return f"{name} {row['permission']}" + (f" ({info})" if info else "")
