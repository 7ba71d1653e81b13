"""A small reader of what the engine keeps to itself: the certificates inside a signature.

JUMBF (ISO/IEC 19566-5) holds boxes in boxes; the signature box holds COSE_Sign1 (RFC 9052), whose
headers hold the signer's chain and the time-stamp token (RFC 3161). Nothing is verified here: the
engine has verified this very store, and `trust` judges the certificates.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cbor2
from asn1crypto import cms, tsp

from trustkit.c2pa.certificates import Certificate, read_certificate

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
    """

    chain: tuple[Certificate, ...]
    stamp: Stamp | None
    padding_is_clean: bool
    is_plain: bool


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
        headers = {**dict(parts[1]), **dict(protected)}  # what is signed wins
        certificates = _chain(headers)
    except (cbor2.CBORDecodeError, ValueError, TypeError, RecursionError) as error:
        raise CoseError(f"the signature box cannot be read: {error}") from error
    is_plain = is_whole and parts[2] is None and set(parts[1]) <= _UNPROTECTED
    return Signature(certificates, _stamp(headers), _is_zero(headers), is_plain)


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


def _label(description: memoryview) -> str:
    # 16 bytes of type, one of toggles; bit 1 of these says that a label follows.
    if len(description) <= _LABEL_AT or not description[16] & 0x02:
        return ""
    return bytes(description[_LABEL_AT:]).split(b"\0", 1)[0].decode("utf-8", "replace")


def _chain(headers: Mapping[Any, Any]) -> tuple[Certificate, ...]:
    found = next((headers[key] for key in _X5CHAIN if key in headers), None)
    ders = [found] if isinstance(found, bytes) else found
    if not isinstance(ders, (list, tuple)) or not 0 < len(ders) <= _MAX_CHAIN:
        raise CoseError("the signature carries no certificate chain")
    return tuple(read_certificate(der) for der in ders)


def _stamp(headers: Mapping[Any, Any]) -> Stamp | None:
    # sigTst2 (C2PA 2.x) stamps the signature, sigTst (1.x) the claim; the engine checked which.
    container = headers.get("sigTst2") or headers.get("sigTst")
    try:
        token = container["tstTokens"][0]["val"] if container else None
        return _token(token) if token else None
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # unreadable: the engine's own code says so, and it then vouches for no time


def _token(der: bytes) -> Stamp:
    try:
        content = cms.ContentInfo.load(der, strict=True)
        signed = content["content"]
        info = signed["encap_content_info"]["content"].parsed
    except (ValueError, TypeError):  # C2PA 1.x stored the whole response
        signed = tsp.TimeStampResp.load(der)["time_stamp_token"]["content"]
        info = signed["encap_content_info"]["content"].parsed
    sid = signed["signer_infos"][0]["sid"].chosen
    chain = [choice.chosen for choice in signed["certificates"] or []]
    chain.sort(key=lambda c: not _is_signer(c, sid))
    at = info["gen_time"].native
    return Stamp(at.astimezone(UTC), tuple(read_certificate(c.dump()) for c in chain[:16]))


def _is_signer(certificate: Any, sid: Any) -> bool:
    if isinstance(sid, cms.IssuerAndSerialNumber):
        same_serial = certificate.serial_number == sid["serial_number"].native
        return bool(same_serial and certificate.issuer == sid["issuer"])
    return bool(certificate.key_identifier == sid.native)


def _is_zero(headers: Mapping[Any, Any]) -> bool:
    pads = [headers[key] for key in ("pad", "pad2") if key in headers]
    return all(isinstance(pad, bytes) and pad.count(0) == len(pad) for pad in pads)
