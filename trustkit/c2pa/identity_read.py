"""CAWG identity assertions as the store has them: who signed which statements. Nothing is judged.

CAWG Identity Assertion 1.3, sections 5 and 8. Untrusted bytes: whatever is wrong with one becomes
a `Malformed`, never an exception.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cbor2

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.cose import CoseError, box, carried, labels
from trustkit.tokens import Token, TokenError, read_token

LABEL = re.compile(r"cawg\.identity(__\d{1,4})?", re.ASCII)
X509 = "cawg.x509.cose"
AGGREGATED = "cawg.identity_claims_aggregation"
_CLAIMS = ("c2pa.claim.v2", "c2pa.claim")
_LISTS = ("created_assertions", "gathered_assertions", "assertions")  # the last in claims of 1.x
_HARD_BINDING = "c2pa.hash."
_ABSOLUTE = re.compile(r"/c2pa/([^/]+)/", re.ASCII)

MAX_IDENTITIES = 16  # in one manifest; two are the most seen
MAX_ASSERTION = 2**20  # bytes; real ones take 2 to 28 KB
_MAX_REFERENCES, _MAX_ROLES, _MAX_PEOPLE, _MAX_TEXT = 256, 16, 16, 256
_SIGN1_PARTS = 4
# Hostile bytes have many ways of not being what they say.
_UNREAD = (cbor2.CBORDecodeError, ValueError, TypeError, LookupError, RecursionError)


@dataclass(frozen=True)
class IdentityAssertion:
    """One identity assertion; `label` is its own, `references` those of what it stands by.

    `is_bound`: the hard binding is among them, and each is in the claim with the same hash; if
    not, `problem` says what is wrong. `people` are the names in an aggregated identity, which are
    somebody's word; `issuer` is whose.
    """

    label: str
    sig_type: str
    roles: tuple[str, ...]
    references: tuple[str, ...]
    is_bound: bool
    problem: str = ""
    chain: tuple[Certificate, ...] = ()
    stamp: Token | None = None
    stamp_problem: str = ""
    people: tuple[Mapping[str, str], ...] = ()
    issuer: str = ""


@dataclass(frozen=True)
class Malformed:
    """An identity assertion that cannot be read, and why."""

    label: str
    reason: str


def read_identities(store: bytes, manifest: str) -> list[IdentityAssertion | Malformed]:
    """List the identity assertions of `manifest` in a JUMBF `store`; empty where there is none."""
    try:
        found = [n for n in labels(store, "c2pa", manifest, "c2pa.assertions") if _is_one(n)]
    except CoseError as error:
        return [Malformed("cawg.identity", str(error))]
    once = list(dict.fromkeys(found))
    read = [_read(store, manifest, label, found.count(label)) for label in once[:MAX_IDENTITIES]]
    if len(once) > MAX_IDENTITIES:
        read.append(Malformed("cawg.identity", f"there are more than {MAX_IDENTITIES}"))
    return read


def stamped_part(protected: bytes, signature: bytes) -> bytes:
    """Return what a `sigTst2` token is over (C2PA 2.4 section 10.3.2.5, second version)."""
    # As claims are stamped too: the structure of RFC 8152, with the signature, itself CBOR.
    return cbor2.dumps(["CounterSignature", protected, b"", cbor2.dumps(signature)])


def _is_one(label: str) -> bool:
    return LABEL.fullmatch(label) is not None


def _read(store: bytes, manifest: str, label: str, times: int) -> IdentityAssertion | Malformed:
    if times > 1:
        # The engine would check one of them, and we might show the other.
        return Malformed(label, "its label is there more than once")
    try:
        return _parsed(store, manifest, label)
    except KeyError as error:
        return Malformed(label, f"it has no {str(error)[:_MAX_TEXT]}")
    except (CoseError, *_UNREAD) as error:
        return Malformed(label, f"it cannot be read: {str(error)[:_MAX_TEXT]}")


def _parsed(store: bytes, manifest: str, label: str) -> IdentityAssertion:
    content = box(store, "c2pa", manifest, "c2pa.assertions", label)
    if len(content) > MAX_ASSERTION:
        raise CoseError(f"it takes more than {MAX_ASSERTION:,} bytes")
    assertion = _map(_whole(content))
    payload = _map(assertion["signer_payload"])
    roles = _list(payload.get("role", []), _MAX_ROLES)
    references = [_map(entry) for entry in _list(payload["referenced_assertions"], _MAX_REFERENCES)]
    sig_type = _text(payload["sig_type"])
    problem = _unbound(references, _claimed(store, manifest), manifest)
    names = tuple(_short(_text(entry["url"])) for entry in references)
    value = IdentityAssertion(
        label, sig_type, tuple(_text(r) for r in roles), names, not problem, problem=problem
    )
    if sig_type == X509:
        return _with_certificate(value, _bytes(assertion["signature"]))
    if sig_type == AGGREGATED:
        return _with_people(value, _bytes(assertion["signature"]))
    return value


def _with_certificate(value: IdentityAssertion, signature: bytes) -> IdentityAssertion:
    protected, open_headers, payload, signed = _sign1(signature)
    if payload is not None:
        raise CoseError("its signature carries a payload of its own")
    ders = carried(_map(_whole(protected)), open_headers)
    chain = tuple(read_certificate(_bytes(der)) for der in ders)
    stamp, problem = _stamp(open_headers.get("sigTst2"), stamped_part(protected, _bytes(signed)))
    return replace(value, chain=chain, stamp=stamp, stamp_problem=problem)


def _stamp(container: Any, data: bytes) -> tuple[Token | None, str]:
    # The engine (c2pa-rs 0.91) never looks at this stamp, so it is checked here whole: the
    # token's own signature, and that it is over this very signature.
    if container is None:
        return None, ""
    try:
        token = read_token(_bytes(_map(container)["tstTokens"][0]["val"]))
    except (CoseError, TokenError, *_UNREAD) as error:
        return None, f"its time stamp cannot be read: {error}"
    if not token.covers(data):
        return None, "its time stamp is over something else"
    return token, ""


def _with_people(value: IdentityAssertion, signature: bytes) -> IdentityAssertion:
    _, _, payload, _ = _sign1(signature)
    credential = _map(json.loads(_bytes(payload)))
    subject = _map(credential["credentialSubject"])
    issuer = credential.get("issuer", "")
    issuer = issuer.get("id", "") if isinstance(issuer, dict) else issuer
    verified = _list(subject["verifiedIdentities"], _MAX_PEOPLE)
    return replace(value, people=tuple(map(_person, verified)), issuer=_text(issuer))


def _person(entry: Any) -> dict[str, str]:
    known = _map(entry)
    provider = known.get("provider")
    row = {
        name: known.get(key)
        for name, key in (("name", "name"), ("username", "username"), ("kind", "type"))
    }
    row["provider"] = provider.get("name") if isinstance(provider, dict) else None
    return {name: _text(value) for name, value in row.items() if isinstance(value, str)}


def _unbound(references: Sequence[Mapping[Any, Any]], claimed: Mapping[str, Any], own: str) -> str:
    """Say what keeps the references from holding, or return an empty text."""
    urls = [_text(entry["url"]) for entry in references]
    short = [_short(url) for url in urls]
    if len(set(urls)) != len(urls):
        return "it names a statement twice"
    if not any(label.startswith(_HARD_BINDING) for label in short):
        return "it does not name what binds the manifest to the content"
    for url, label, entry in zip(urls, short, references, strict=True):
        other = _ABSOLUTE.search(url)
        if other and other[1] != own:
            continue  # of an earlier manifest: the engine follows these
        if claimed.get(label) != _bytes(entry["hash"]):
            return f"{label[:_MAX_TEXT]} is not what it was signed over"
    return ""


def _claimed(store: bytes, manifest: str) -> dict[str, Any]:
    for name in _CLAIMS:
        try:
            claim = _map(_whole(box(store, "c2pa", manifest, name)))
        except CoseError:
            continue
        entries = [_map(e) for key in _LISTS for e in _list(claim.get(key, []), 2**16)]
        return {_short(_text(entry["url"])): entry["hash"] for entry in entries}
    raise CoseError("the manifest has no claim that can be read")


def _short(url: str) -> str:
    return url.rpartition("/")[2]


def _sign1(data: bytes) -> tuple[bytes, Mapping[Any, Any], Any, Any]:
    tagged = _whole(data)
    parts = tagged.value if isinstance(tagged, cbor2.CBORTag) else tagged
    if not isinstance(parts, (list, tuple)) or len(parts) != _SIGN1_PARTS:
        raise CoseError("its signature is no COSE_Sign1")
    return _bytes(parts[0]), _map(parts[1]), parts[2], parts[3]


def _whole(data: bytes) -> Any:
    stream = io.BytesIO(data)
    value = cbor2.load(stream)
    if stream.tell() != len(data):
        raise CoseError("there is more in it than it says")
    return value


def _map(value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise CoseError("a part of it is not a map")
    return value


def _list(value: Any, most: int) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise CoseError("a part of it is not a list, or too long")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise CoseError("a part of it is not bytes")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise CoseError("a part of it is not text")
    return value[:_MAX_TEXT]
