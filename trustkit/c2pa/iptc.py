"""IPTC's list of verified news publishers as JSON, version 0.1 of its format.

https://iptc.org/verified-news-publishers-list/trust-list-format
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.document import MAX_NAME, Kind, Part, certificate_of, fingerprint, utc
from trustkit.c2pa.lote import first
from trustkit.errors import ConfigError

_SHA256_BYTES = 32
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class _Key(BaseModel):
    kty: str
    x5c: list[str] | None = Field(default=None, min_length=1)
    thumbprint: str | None = Field(default=None, alias="x5t#S256")


class _Keys(BaseModel):
    keys: list[_Key]


class _Entity(BaseModel):
    display_name: str = Field(min_length=1, max_length=MAX_NAME)
    contact: str = ""
    is_ca: bool = Field(alias="isCA")
    jwks: _Keys


class _List(BaseModel):
    version: str
    name: str
    last_updated: Annotated[str, AfterValidator(utc)]
    entities: list[_Entity] = Field(min_length=1)


def read_iptc(parsed: dict[str, Any], name: str) -> Part:
    """Return what the list says, expired certificates too: they vouch for old signatures.

    A thumbprint alone admits the end-entity certificate with that SHA-256. What cannot be used is
    noted. Raises `ConfigError` for a missing field, a wrong one, or what cannot be read.
    """
    try:
        found = _List.model_validate(parsed)
    except ValidationError as error:
        raise ConfigError(
            f"trust list {name} is no good IPTC list: {first(error)}",
            "fetch the list again from its publisher",
        ) from error
    part = Part(Kind.IPTC, issued=found.last_updated)
    if found.version != "0.1":
        part.notes.append(f"the list is of version {found.version} of its format; 0.1 is known")
    for entity in found.entities:
        if not entity.jwks.keys:
            part.notes.append(f"{entity.display_name} is listed without a certificate")
        for key in entity.jwks.keys:
            _add(part, entity, key, name)
    return part


def _add(part: Part, entity: _Entity, key: _Key, name: str) -> None:
    who = entity.display_name
    digest = _digest(key.thumbprint, f"the thumbprint of {who} in trust list {name}")
    if key.x5c is None:
        if not digest:
            part.notes.append(f"a key of {who} has neither certificate nor thumbprint: not usable")
        elif entity.is_ca:
            # To vouch for what it issued, an anchor's key has to be there.
            part.notes.append(f"{who} is a CA known by its thumbprint only: not usable")
        else:
            part.digests.append(digest)
            part.entities[digest] = who
        return
    certificate = _certificate(key.x5c[0], f"the certificate of {who} in trust list {name}")
    if digest and digest != fingerprint(certificate):
        raise ConfigError(
            f"the thumbprint of {who} in trust list {name} is not that of its certificate",
            "fetch the list again from its publisher",
        )
    if certificate.is_ca and not entity.is_ca:
        # Taken as an anchor it would vouch for more than the list says.
        part.notes.append(f"{who} is listed as an end entity, but is a CA: not usable")
        return
    if entity.is_ca and not certificate.is_ca:
        part.notes.append(f"{who} is listed as a CA, but is none: it vouches for itself alone")
    part.certificates.append(certificate)
    part.entities[fingerprint(certificate)] = who


def _certificate(text: str, what: str) -> Certificate:
    # RFC 7517 asks for the bare Base64 of the certificate, IPTC's page for PEM.
    return certificate_of(text.replace(_BEGIN, "").replace(_END, ""), what)


def _digest(thumbprint: str | None, what: str) -> str:
    # RFC 7517 section 4.9: the SHA-256 of the DER, in Base64 for URLs without padding.
    if thumbprint is None:
        return ""
    try:
        raw = base64.b64decode(f"{thumbprint.rstrip('=')}=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) != _SHA256_BYTES:
        raise ConfigError(f"{what} is no SHA-256", "fetch the list again from its publisher")
    return raw.hex()
