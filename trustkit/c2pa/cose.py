"""A small reader of what the engine keeps to itself: the certificates inside a signature.

JUMBF (ISO/IEC 19566-5) holds boxes in boxes; the signature box holds COSE_Sign1 (RFC 9052), whose
headers hold the signer's chain and the time-stamp token (RFC 3161). The signature is not verified
here: the engine has verified this very store, and `trust` judges the certificates.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cbor2

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.tokens import TokenError, read_reply, read_token

_X5CHAIN = (33, "x5chain")  # RFC 9360; C2PA 1.x wrote the name
_SIGN1_PARTS = 4
_MAX_SIGNATURE = 2**20  # bytes; real ones are below 64 KiB
_MAX_CHAIN = 16
_UNPROTECTED = {"sigTst", "sigTst2", "rVals", "pad", "pad2", *_X5CHAIN}
_LABEL_AT = 17  # after the type and the toggles


@dataclass(frozen=True)
class Stamp:
    """A time-stamp token: when, and the certificates it carries (the stamping one first)."""

    at: datetime
    chain: tuple[Certificate, ...]


@dataclass(frozen=True)
class Signature:
    """What a COSE signature carries beside itself; `padding_is_clean` means all zero.

    `is_plain`: nothing stands in it but what C2PA names there, which no hash would notice.
    `statuses` are the OCSP responses stapled to it (`rVals`), as they are.
    """

    chain: tuple[Certificate, ...]
    stamp: Stamp | None
    padding_is_clean: bool
    is_plain: bool
    statuses: tuple[bytes, ...] = ()


class CoseError(ValueError):
    """The signature box is missing or not what C2PA asks."""


def read_signature(store: bytes, label: str) -> Signature:
    """Return the certificates of manifest `label` in a JUMBF `store`; raises `CoseError`."""
    box = _box(memoryview(store), "c2pa", label, "c2pa.signature")
    if len(box) > _MAX_SIGNATURE:
        raise CoseError("the signature box is too large")
    try:
        stream = io.BytesIO(box)
        sign1 = cbor2.load(stream)
        is_whole = stream.tell() == len(box)
        parts = sign1.value if isinstance(sign1, cbor2.CBORTag) else sign1
        if not isinstance(parts, (list, tuple)) or len(parts) != _SIGN1_PARTS:
            raise CoseError("the signature box holds no COSE_Sign1")
        protected: Any = cbor2.loads(parts[0]) if parts[0] else {}
        headers = dict(parts[1])
        certificates = tuple(read_certificate(der) for der in carried(dict(protected), headers))
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError) as error:
        raise CoseError(f"the signature box cannot be read: {error}") from error
    is_plain = is_whole and parts[2] is None and set(parts[1]) <= _UNPROTECTED
    is_clean = _is_zero(headers) and _is_zero(protected)
    return Signature(certificates, _stamp(headers), is_clean, is_plain, _statuses(headers))


def left_out(store: bytes, label: str) -> int:
    """Return how many bytes the data hash of manifest `label` leaves out beside the longest range.

    The longest is the manifest itself; raises `CoseError` where there is no readable data hash.
    """
    box = _box(memoryview(store), "c2pa", label, "c2pa.assertions", "c2pa.hash.data")
    try:
        lengths = sorted(int(r["length"]) for r in cbor2.loads(bytes(box))["exclusions"])
    except (cbor2.CBORDecodeError, LookupError, ValueError, TypeError, RecursionError) as error:
        raise CoseError("the data hash cannot be read") from error
    return sum(lengths[:-1])


def box(store: bytes, *path: str) -> bytes:
    """Return what is in the box that `path` leads to, label by label; raises `CoseError`."""
    return bytes(_box(memoryview(store), *path))


def alone(store: bytes, label: str) -> bytes:
    """Return a store that holds manifest `label` and no other, its bytes as they were.

    Raises `CoseError` where there is none.
    """
    for kind, content in _boxes(memoryview(store)):
        inner = list(_boxes(content)) if kind == b"jumb" else []
        if not inner or inner[0][0] != b"jumd" or _label(inner[0][1]) != "c2pa":
            continue
        for inside, manifest in inner[1:]:
            first = next(_boxes(manifest), None) if inside == b"jumb" else None
            if first and first[0] == b"jumd" and _label(first[1]) == label:
                both = _boxed(b"jumd", inner[0][1]) + _boxed(b"jumb", manifest)
                return _boxed(b"jumb", both)
    raise CoseError(f"there is no box {label}")


def labels(store: bytes, *path: str) -> list[str]:
    """List the labels of the boxes in the box that `path` leads to, in order, doubles too.

    Raises `CoseError` where there is no such box.
    """
    content = memoryview(store)
    for want in path:
        inside = list(_superboxes(content, want))
        if not inside:
            raise CoseError(f"there is no box {want}")
        content = inside[0]
    return [_label(description) for description in _descriptions(content)]


def _superboxes(data: memoryview, want: str) -> Iterator[memoryview]:
    for kind, content in _boxes(data):
        inner = list(_boxes(content)) if kind == b"jumb" else []
        if inner and inner[0][0] == b"jumd" and _label(inner[0][1]) == want:
            yield content[len(inner[0][1]) + 8 :]


def _descriptions(data: memoryview) -> Iterator[memoryview]:
    for kind, content in _boxes(data):
        first = next(_boxes(content), None) if kind == b"jumb" else None
        if first and first[0] == b"jumd":
            yield first[1]


def box_digest(store: bytes, *path: str) -> str:
    """Return the SHA-256, hex, of what the box at `path` holds; empty where there is none."""
    try:
        return hashlib.sha256(_box(memoryview(store), *path)).hexdigest()
    except CoseError:
        return ""


def _box(data: memoryview, *path: str) -> memoryview:
    # Superboxes carry their label in a leading description box; the content box comes after it.
    want, rest = path[0], path[1:]
    for kind, content in _boxes(data):
        if kind != b"jumb":
            continue
        inner = list(_boxes(content))
        if not inner or inner[0][0] != b"jumd" or _label(inner[0][1]) != want:
            continue
        if rest:
            start = len(inner[0][1]) + 8
            return _box(content[start:], *rest)
        if len(inner) > 1:
            return inner[1][1]
    raise CoseError(f"there is no box {want}")


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at, end = 0, len(data)
    while at + 8 <= end:
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1 and at + 16 <= end:  # a 64-bit size follows the type
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or end - at  # zero: to the end
        if size < head or at + size > end:
            raise CoseError("a box runs past its end")
        yield bytes(data[at + 4 : at + 8]), data[at + head : at + size]
        at += size


def _boxed(kind: bytes, content: bytes | memoryview) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + bytes(content)


def _label(description: memoryview) -> str:
    # 16 bytes of type, one of toggles; bit 1 of these says that a label follows.
    if len(description) <= _LABEL_AT or not description[16] & 0x02:
        return ""
    return bytes(description[_LABEL_AT:]).split(b"\0", 1)[0].decode("utf-8", "replace")


def carried(protected: Mapping[Any, Any], unprotected: Mapping[Any, Any]) -> Sequence[bytes]:
    """Return the certificates (DER) in the headers of a signature, that of the signer first.

    Raises `CoseError` where there is no chain, or more than one: of two the engine would check
    the signature by one, and the other could be anybody's.
    """
    found = [headers[key] for headers in (protected, unprotected) for key in _X5CHAIN
             if key in headers]  # fmt: skip
    if len(found) > 1:
        raise CoseError("the signature carries two certificate chains")
    ders = [found[0]] if found and isinstance(found[0], bytes) else next(iter(found), None)
    if not isinstance(ders, (list, tuple)) or not 0 < len(ders) <= _MAX_CHAIN:
        raise CoseError("the signature carries no certificate chain")
    return ders


def _stamp(headers: Mapping[Any, Any]) -> Stamp | None:
    # sigTst2 (C2PA 2.x) stamps the signature, sigTst (1.x) the claim. The engine checks one, from
    # the header that is not signed; of two nobody can say which, so neither gives a time.
    container, *others = [headers[key] for key in ("sigTst2", "sigTst") if key in headers] or [None]
    if others:
        return None
    try:
        token = container["tstTokens"][0]["val"] if container else None
        return _token(token) if token else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # unreadable: the engine's own code says so, and it then vouches for no time


def _token(der: bytes) -> Stamp:
    # Its signature is checked here once more: of several signers in a token the engine is content
    # with any, and the first could be an authority that is known, and has signed nothing.
    try:
        token = read_token(der)
    except TokenError:  # C2PA 1.x stored the whole response
        token = read_reply(der)
    return Stamp(token.at, tuple(read_certificate(one) for one in token.certificates))


def _statuses(headers: Mapping[Any, Any]) -> tuple[bytes, ...]:
    # C2PA 2.4 section 15.9: {"ocspVals": [bstr]}; what is not one is left out.
    stapled = headers.get("rVals")
    values = stapled.get("ocspVals") if isinstance(stapled, Mapping) else None
    if not isinstance(values, (list, tuple)):
        return ()
    return tuple(value for value in values[:_MAX_CHAIN] if isinstance(value, bytes))


def _is_zero(headers: Mapping[Any, Any]) -> bool:
    pads = [headers[key] for key in ("pad", "pad2") if key in headers]
    return all(isinstance(pad, bytes) and pad.count(0) == len(pad) for pad in pads)
