"""One document of a trust list, whatever it is written as, and how its pieces are read."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.errors import ConfigError

MAX_NAME = 300  # characters of the name of whom a certificate belongs to
AGAIN = "fetch the list again from its publisher"


class Kind(StrEnum):
    """What a list may be written as."""

    PEM = "PEM"
    LOTE = "list of trusted entities (ETSI TS 119 602)"
    IPTC = "IPTC list of verified publishers"


@dataclass
class Part:
    """What one document says, while it is being read."""

    kind: Kind
    certificates: list[Certificate] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    entities: dict[str, str] = field(default_factory=dict)
    issued: str = ""
    next_update: str = ""
    number: int | None = None
    notes: list[str] = field(default_factory=list)


def fingerprint(certificate: Certificate) -> str:
    """Return the SHA-256 of a certificate, in hex."""
    return hashlib.sha256(certificate.der).hexdigest()


def certificate_of(text: bytes | str, what: str) -> Certificate:
    """Return the certificate in Base64 `text`; raises `ConfigError` where it cannot be read."""
    raw = text.encode() if isinstance(text, str) else text
    try:
        return read_certificate(base64.b64decode(b"".join(raw.split()), validate=True))
    except (ValueError, binascii.Error) as error:
        raise ConfigError(f"{what} cannot be read", AGAIN) from error


def utc(text: str) -> str:
    """Return an ISO 8601 time as UTC to the second; raises `ValueError` where it is none."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return parsed.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
