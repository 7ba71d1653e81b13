"""Revocation lists (RFC 5280 section 5) that a user brings along, judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.revocation import (
    Answer,
    Moment,
    Refused,
    RefusedError,
    Statement,
    Why,
    Word,
    is_final,
    timely,
)
from trustkit.errors import ConfigError

MAX_LIST = 64 * 2**20  # bytes; the largest public ones have some 30 MiB
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", re.DOTALL)
_REMOVED = "removeFromCRL"
_READ = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.CRL_NUMBER,
    ExtensionOID.ISSUING_DISTRIBUTION_POINT,
}
# What cryptography raises on hostile bytes, some of it late: it parses when it is asked.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    InvalidSignature,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, eq=False)
class RevocationList:
    """A list as it was read; nothing of it is believed before it is judged for an issuer."""

    name: str
    parsed: x509.CertificateRevocationList


def read_lists(path: Path) -> tuple[RevocationList, ...]:
    """Return the lists in a file, DER or PEM (several); raises `ConfigError`."""
    try:
        with path.open("rb") as stream:  # a device states no size
            content = stream.read(MAX_LIST + 1)
    except OSError as error:
        raise ConfigError(
            f"revocation list {path} cannot be read: {error.strerror}", "check the name"
        ) from error
    if len(content) > MAX_LIST:
        raise ConfigError(f"revocation list {path} is larger than {MAX_LIST:,} bytes", "is it one?")
    return parse_lists(content, path.name)


def parse_lists(data: bytes, name: str) -> tuple[RevocationList, ...]:
    """Return the lists in `data`, DER or PEM (several); raises `ConfigError`."""
    blocks = _PEM.findall(data)
    try:
        if blocks:
            parsed = [x509.load_pem_x509_crl(block) for block in blocks]
        else:
            parsed = [x509.load_der_x509_crl(data)]
        for one in parsed:
            _ = one.issuer, one.last_update_utc, one.next_update_utc  # parsed when asked for
        return tuple(RevocationList(name, one) for one in parsed)
    except _UNREADABLE as error:
        raise ConfigError(
            f"{name} holds no revocation list that can be read",
            "fetch it again from the certificate's issuer (PEM or DER)",
        ) from error


def judge(
    crl: RevocationList, certificate: Certificate, issuer: Certificate, moment: Moment
) -> Answer:
    """Return what `crl` says of `certificate`, or why that does not count. Raises nothing."""
    source = f"revocation list {crl.name}"
    try:
        return _judged(crl, certificate, issuer, moment, source)
    except RefusedError as refused:
        return Refused(source, refused.reason, refused.why, was_asked=refused.why is not Why.NONE)
    except _UNREADABLE:
        return Refused(source, "a part of it cannot be read", was_asked=True)


# Of a list with 100,000 entries these two take 65 ms, and a batch asks the same ones each time.
@lru_cache(maxsize=256)
def _is_signed(crl: RevocationList, issuer: Certificate) -> bool:
    return crl.parsed.is_signature_valid(issuer.parsed.public_key())  # type: ignore[arg-type]


@lru_cache(maxsize=1024)
def _listed(crl: RevocationList, serial: int) -> x509.RevokedCertificate | None:
    return crl.parsed.get_revoked_certificate_by_serial_number(serial)


def _judged(
    asked: RevocationList,
    certificate: Certificate,
    issuer: Certificate,
    moment: Moment,
    source: str,
) -> Statement:
    crl = asked.parsed
    # (1) Of this issuer, by its own key.
    if crl.issuer != issuer.parsed.subject:
        raise RefusedError("it is of another issuer", Why.NONE)
    if not _is_signed(asked, issuer):
        raise RefusedError("the issuer's signature on it does not hold")
    usage = issuer.extension(x509.KeyUsage)
    if usage is not None and not usage.crl_sign:
        raise RefusedError("its issuer may not sign revocation lists")

    # (2) Whole, and about this certificate.
    for extension in crl.extensions:
        if extension.oid == ExtensionOID.DELTA_CRL_INDICATOR:
            raise RefusedError("it is a delta list, which is not read here; name the full list")
        if extension.critical and extension.oid not in _READ:
            raise RefusedError("it has a critical extension that is not read here")
    _refuse_out_of_scope(crl, certificate)

    # (3) Listed: for good, unless the entry is on hold or taken back.
    entry = _listed(asked, certificate.parsed.serial_number)
    reason, invalid_since = _entry(entry)
    since, until = crl.last_update_utc, crl.next_update_utc
    if entry is not None and reason != _REMOVED:
        end = timely(since, until, moment, is_final=is_final(Word.REVOKED, reason))
        return Statement(
            source,
            Word.REVOKED,
            issuer.name,
            since,
            end,
            entry.revocation_date_utc,
            reason,
            invalid_since,
            was_asked=True,
        )

    # (4) Not listed: says something only while the list holds.
    end = timely(since, until, moment)
    return Statement(source, Word.GOOD, issuer.name, since, end, was_asked=True)


def _entry(entry: x509.RevokedCertificate | None) -> tuple[str, datetime | None]:
    reason, invalid_since = "", None
    for extension in entry.extensions if entry is not None else ():
        value = extension.value
        if isinstance(value, x509.CRLReason):
            reason = value.reason.value
        elif isinstance(value, x509.InvalidityDate):
            invalid_since = value.invalidity_date_utc
        elif extension.critical:  # a certificate issuer, in an indirect list
            raise RefusedError("an entry has a critical extension that is not read here")
    return reason, invalid_since


def _refuse_out_of_scope(crl: x509.CertificateRevocationList, certificate: Certificate) -> None:
    # RFC 5280 section 5.2.5: a list may be of a part of what its issuer has issued.
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return
    if scope.indirect_crl:
        raise RefusedError("it is an indirect list, which is not read here")
    if scope.only_some_reasons:
        raise RefusedError("it is of some reasons for revocation only")
    only_others = scope.only_contains_user_certs if certificate.is_ca else False
    only_others = only_others or (scope.only_contains_ca_certs and not certificate.is_ca)
    if only_others or scope.only_contains_attribute_certs:
        raise RefusedError("it is of other kinds of certificates", Why.NONE)
    if scope.full_name is not None or scope.relative_name is not None:
        places = {name.value for name in scope.full_name or ()}
        if not places & set(_named_places(certificate)):
            raise RefusedError("it is of a part that this certificate does not name", Why.NONE)


def _named_places(certificate: Certificate) -> Iterator[object]:
    points = certificate.extension(x509.CRLDistributionPoints)
    for point in points or ():
        for name in point.full_name or ():
            yield name.value
