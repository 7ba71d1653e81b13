"""The value of a soft binding, as somebody asks by it, to what the registry looks for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trustkit.errors import UsageError
from trustkit.record import CODE_BYTES, Code, Query

ISCC = "io.iscc.v0"  # entry 3 of the C2PA soft binding algorithm list
_IDS = {8, 4}  # bytes: a mark's whole payload, or the end that short sounds carry
_HEX = re.compile(r"(?:[0-9a-f]{8}|[0-9a-f]{16})")
# ISO 24138, header of an ISCC-UNIT: main type and subtype, version and length, 4 bits each.
_UNIT_HEAD, _UNIT_WORD = 2, 4
CONTENT_IMAGE = 0x21
_FEW_BITS = 8  # values from here on take more than 4 bits, and no unit in use has them
_MOST_UNITS = 32


@dataclass(frozen=True)
class Kinds:
    """What can be asked by: marks, and units of an ISCC.

    `units` gives for the first byte of a unit (main type and subtype) the algorithm of the codes
    that are stored, and the largest distance that is worth a look.
    """

    marks: Sequence[str]
    units: Mapping[int, tuple[str, int]]

    @property
    def all(self) -> tuple[str, ...]:
        """The names by which the Soft Binding Resolution API knows them."""
        return (*self.marks, ISCC)


def payloads(value: str) -> list[str]:
    """Return the payloads of a mark, lower-case hex, that a value can mean; the likeliest first.

    The standard's base64 of its bytes; base64 of its digits, or the digits themselves, as they
    stand in the manifests of engines that write text. Raises `UsageError` for anything else.
    """
    found = [value.lower()] if _HEX.fullmatch(value.lower()) else []
    raw = decoded(value) if not found else b""
    if len(raw) in _IDS:
        found.append(raw.hex())
    text = raw.decode("latin-1").lower()
    if _HEX.fullmatch(text):
        found.append(text)
    if not found:
        raise UsageError(
            "the value is no payload of this mark", "send base64 of its 8 bytes, or of 4 of a sound"
        )
    return found


def queries(value: str, kinds: Kinds) -> list[Query]:
    """Return what to look for by an `io.iscc.v0` value; raises `UsageError` where it is none."""
    found = []
    for head, version, body in _units(decoded(value)):
        name, within = kinds.units.get(head, ("", 0))
        if name and len(body) == CODE_BYTES and not version:
            found.append(Query(Code(name, body), within))
    if not found:
        raise UsageError(
            "no unit of the value can be looked for",
            "send the Content-Code of an image, 256 bits, version 0",
        )
    return found


def decoded(value: str) -> bytes:
    """Return the bytes of base64: either alphabet, padded or not; raises `UsageError`."""
    # A plus sign that was not escaped arrives as a space.
    text = value.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("the value is not base64", "encode it by RFC 4648") from error


def _units(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the units of an ISCC sequence: first byte, version, body."""
    at = count = 0
    while at < len(raw):
        count += 1
        head = raw[at : at + _UNIT_HEAD]
        if len(head) < _UNIT_HEAD or head[1] & 0x0F >= _FEW_BITS or count > _MOST_UNITS:
            raise UsageError("the value is no sequence of ISCC units", "see ISO 24138")
        size = ((head[1] & 0x0F) + 1) * _UNIT_WORD
        body = raw[at + _UNIT_HEAD : at + _UNIT_HEAD + size]
        if len(body) < size:
            raise UsageError("the last ISCC unit is cut off", "see ISO 24138")
        yield head[0], head[1] >> 4, body
        at += _UNIT_HEAD + size
