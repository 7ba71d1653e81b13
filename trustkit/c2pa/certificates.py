"""Certificates as signatures carry them, some with small faults that only strict parsers refuse."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

_T = TypeVar("_T", bound=x509.ExtensionType)
_PRINTABLE, _UTF8 = 0x13, 0x0C  # ASN.1 tags
_SHORT = 128  # a DER length below this takes one byte


@dataclass(frozen=True)
class Certificate:
    """One certificate: its DER as found, and what could be read of it."""

    der: bytes
    parsed: x509.Certificate = field(compare=False)
    tbs: bytes = field(compare=False)

    @cached_property
    def name(self) -> str:
        """The subject's common name, or all of the subject where there is none."""
        return _attribute(self.parsed.subject, x509.NameOID.COMMON_NAME) or (
            self.parsed.subject.rfc4514_string()
        )

    @cached_property
    def organisation(self) -> str:
        """The subject's organisation, or an empty text."""
        return _attribute(self.parsed.subject, x509.NameOID.ORGANIZATION_NAME)

    @cached_property
    def is_ca(self) -> bool:
        """Whether it may issue others (a version 1 root has no way to say so)."""
        constraints = self.extension(x509.BasicConstraints)
        if constraints is None:
            is_old = self.parsed.version is x509.Version.v1
            return is_old and self.parsed.issuer == self.parsed.subject
        return constraints.ca

    @cached_property
    def is_for_stamping(self) -> bool:
        """Whether it is for time stamping and nothing else (RFC 3161 section 2.3)."""
        extended = self.extension(x509.ExtendedKeyUsage)
        return extended is not None and list(extended) == [ExtendedKeyUsageOID.TIME_STAMPING]

    def is_valid_at(self, at: datetime) -> bool:
        """Tell whether `at` (aware) lies within its validity."""
        return self.parsed.not_valid_before_utc <= at <= self.parsed.not_valid_after_utc

    def extension(self, kind: type[_T]) -> _T | None:
        """Return an extension, or None where it is missing or cannot be parsed."""
        try:
            return self.parsed.extensions.get_extension_for_class(kind).value
        except (
            x509.ExtensionNotFound,
            x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType,  # all extensions are read, and no reader knows X.400
            ValueError,
        ):
            return None


@lru_cache(maxsize=1024)
def read_certificate(der: bytes) -> Certificate:
    """Return the certificate in `der`; raises `ValueError` where it cannot be read."""
    try:
        parsed = _load(der)
        return Certificate(der, parsed, parsed.tbs_certificate_bytes)
    except (ValueError, x509.InvalidVersion):
        # DigiCert's stamping certificates for Adobe of 2024 have "_" in a PrintableString. The
        # signature is over the bytes as they are: only the reading goes through a mended copy.
        try:
            loose = asn1.Certificate.load(der, strict=True)
            return Certificate(der, _load(_mend(der, loose)), loose["tbs_certificate"].dump())
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
            # The lenient parser has many ways of giving up on hostile bytes.
            raise ValueError("a certificate cannot be read") from error
        except x509.InvalidVersion as error:
            raise ValueError("a certificate is of no known version") from error


def _load(der: bytes) -> x509.Certificate:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # about serial numbers and the like, on other people's files
        parsed = x509.load_der_x509_certificate(der)
        # Parsed lazily, so asked for here: what is broken must show at this one place.
        _ = parsed.subject, parsed.issuer, parsed.serial_number, parsed.not_valid_before_utc
        _ = parsed.not_valid_after_utc
    return parsed


@lru_cache(maxsize=1024)
def issued(issuer: Certificate, certificate: Certificate) -> bool:
    """Tell whether `issuer`'s key signed `certificate`: a pure question, and a costly one."""
    signed = certificate.parsed
    try:
        key = issuer.parsed.public_key()
        if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            key.verify(signed.signature, certificate.tbs)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            how: Any = signed.signature_algorithm_parameters
            key.verify(signed.signature, certificate.tbs, how)
        elif isinstance(key, rsa.RSAPublicKey):
            padding: Any = signed.signature_algorithm_parameters
            digest: Any = signed.signature_hash_algorithm
            key.verify(signed.signature, certificate.tbs, padding, digest)
        else:
            return False
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _mend(der: bytes, loose: Any) -> bytes:
    for text in _printables(loose):
        tail = bytes([len(text)]) + text
        der = der.replace(bytes([_PRINTABLE]) + tail, bytes([_UTF8]) + tail)
    return der


def _printables(loose: Any) -> Iterator[bytes]:
    for name in (loose.subject, loose.issuer):
        for relative in name.chosen:
            for attribute in relative:
                value = attribute["value"].chosen
                if value.tag == _PRINTABLE and len(value.contents) < _SHORT:
                    yield bytes(value.contents)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""
