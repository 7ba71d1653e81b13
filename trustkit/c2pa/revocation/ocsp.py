"""OCSP responses (RFC 6960) judged: who says it, of which certificate, and for how long.

`cryptography` reads them and verifies nothing, so section 3.2 and 4.2.2 of the RFC are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from trustkit.c2pa.certificates import Certificate, issued, read_certificate
from trustkit.c2pa.revocation import (
    CLOCK_SKEW,
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

MAX_RESPONSE = 2**16  # bytes; real ones have 0.3 to 3 KiB
_MAX_SINGLES = 16
_MAX_CERTIFICATES = 8
_IDENTIFYING = (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512)
_SIGNING = (hashes.SHA256, hashes.SHA384, hashes.SHA512)  # nothing that can be forged today
_WORDS = {
    ocsp.OCSPCertStatus.GOOD: Word.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Word.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Word.UNKNOWN,
}
_REFUSALS = {
    ocsp.OCSPResponseStatus.MALFORMED_REQUEST: "the responder did not understand the question",
    ocsp.OCSPResponseStatus.INTERNAL_ERROR: "the responder has an internal error",
    ocsp.OCSPResponseStatus.TRY_LATER: "the responder says: try later",
    ocsp.OCSPResponseStatus.SIG_REQUIRED: "the responder answers signed questions only",
    ocsp.OCSPResponseStatus.UNAUTHORIZED: "the responder does not answer about this certificate",
}
# What cryptography raises on hostile bytes, some of it late: it parses when it is asked.
_UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def question(certificate: Certificate, issuer: Certificate, nonce: bytes) -> bytes:
    """Return the request about `certificate`, in DER, named with SHA-1 as every responder reads it.

    The hash only says which certificate is meant (RFC 5019 section 2.1.1); it protects nothing.
    """
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate.parsed, issuer.parsed, hashes.SHA1()  # noqa: S303  # as above
    )  # fmt: skip
    extended = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return extended.build().public_bytes(Encoding.DER)


def judge(
    der: bytes,
    certificate: Certificate,
    issuer: Certificate,
    moment: Moment,
    source: str,
    nonce: bytes | None = None,
) -> Answer:
    """Return what `der` says of `certificate`, or why that does not count. Raises nothing.

    With a `nonce` the response answers a question just asked: it must be current, and carry no
    other nonce. Most responders send prepared answers, without any (RFC 6960 section 4.4.1).
    """
    was_asked = nonce is not None
    try:
        return _judged(der, certificate, issuer, moment, source, nonce)
    except RefusedError as refused:
        return Refused(source, refused.reason, refused.why, was_asked)
    except _UNREADABLE:
        return Refused(source, "it cannot be read", Why.UNSOUND, was_asked)


def _judged(
    der: bytes,
    certificate: Certificate,
    issuer: Certificate,
    moment: Moment,
    source: str,
    nonce: bytes | None,
) -> Statement:
    # (1) A response, and an answer in it.
    if len(der) > MAX_RESPONSE:
        raise RefusedError(f"it is larger than {MAX_RESPONSE:,} bytes")
    response = ocsp.load_der_ocsp_response(der)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise RefusedError(_REFUSALS[response.response_status])

    # (2) Of this certificate, by name and key of its issuer (section 4.1.1).
    single = _about(response, certificate, issuer)

    # (3) From someone who may speak for the issuer (section 4.2.2.2).
    by, notes = _signer(response, issuer)

    # (4) Nothing in it that we would have to understand and do not.
    _refuse_critical(response, nonce)

    # (5) Of the time that counts (section 4.2.2.1).
    if response.produced_at_utc > moment.now + CLOCK_SKEW:
        raise RefusedError(f"it is from the future ({response.produced_at_utc:%Y-%m-%d})", Why.OLD)
    says = _WORDS[single.certificate_status]
    reason = single.revocation_reason.value if single.revocation_reason else ""
    since = single.this_update_utc
    until = timely(
        since,
        single.next_update_utc,
        moment,
        is_final=is_final(says, reason),
        must_be_current=nonce is not None,
    )
    return Statement(
        source,
        says,
        by,
        since,
        until,
        single.revocation_time_utc,
        reason,
        _invalid_since(response),
        notes,
        was_asked=nonce is not None,
    )


def _about(
    response: ocsp.OCSPResponse, certificate: Certificate, issuer: Certificate
) -> ocsp.OCSPSingleResponse:
    for number, single in enumerate(response.responses):
        if number >= _MAX_SINGLES:
            break
        algorithm = single.hash_algorithm
        if not isinstance(algorithm, _IDENTIFYING):
            continue
        wanted = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(certificate.parsed, issuer.parsed, algorithm)
            .build()
        )
        if single.serial_number != wanted.serial_number:
            continue
        if (single.issuer_name_hash, single.issuer_key_hash) == (
            wanted.issuer_name_hash,
            wanted.issuer_key_hash,
        ):
            return single
    raise RefusedError("it is about another certificate", Why.NONE)


def _signer(response: ocsp.OCSPResponse, issuer: Certificate) -> tuple[str, tuple[str, ...]]:
    refusal = "it names a signer that is neither the issuer nor in it"
    if _is_named(response, issuer):
        if _has_signed(issuer, response):
            return issuer.name, ()
        refusal = "the issuer's signature on it does not hold"
    for certificate in _certificates(response):
        if certificate == issuer or not _is_named(response, certificate):
            continue
        refusal = _unappointed(certificate, issuer, response.produced_at_utc)
        if not refusal and _has_signed(certificate, response):
            return certificate.name, _notes(certificate)
        refusal = refusal or "its signature does not hold"
    raise RefusedError(refusal)


def _certificates(response: ocsp.OCSPResponse) -> Iterator[Certificate]:
    for certificate in response.certificates[:_MAX_CERTIFICATES]:
        yield read_certificate(certificate.public_bytes(Encoding.DER))


def _is_named(response: ocsp.OCSPResponse, certificate: Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == certificate.parsed.subject
    key = x509.SubjectKeyIdentifier.from_public_key(certificate.parsed.public_key())
    return response.responder_key_hash == key.digest  # both are SHA-1 of the key's bits


def _unappointed(signer: Certificate, issuer: Certificate, at: datetime) -> str:
    # Issued directly by the same issuer, for this purpose: then it may speak for it.
    if signer.parsed.issuer != issuer.parsed.subject or not issued(issuer, signer):
        return f"its signer {signer.name} was not appointed by the certificate's issuer"
    extended = signer.extension(x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.OCSP_SIGNING not in extended:
        return f"its signer {signer.name} is not meant to sign statuses"
    if not signer.is_valid_at(at):
        return f"its signer {signer.name} was not valid when it was made"
    usage = signer.extension(x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        return f"its signer {signer.name} is not meant to sign"
    return ""


def _notes(signer: Certificate) -> tuple[str, ...]:
    if signer.extension(x509.OCSPNoCheck) is not None:  # section 4.2.2.2.1
        return ()
    return (f"whether the responder's own certificate ({signer.name}) was revoked was not checked",)


def _has_signed(signer: Certificate, response: ocsp.OCSPResponse) -> bool:
    try:
        key = signer.parsed.public_key()
        signature, signed = response.signature, response.tbs_response_bytes
        if isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)):
            key.verify(signature, signed)
            return True
        digest: Any = response.signature_hash_algorithm
        if not isinstance(digest, _SIGNING):
            return False
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(digest))
            return True
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), digest)
            return True
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return False


def _refuse_critical(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            if nonce is not None and extension.value.nonce != nonce:
                raise RefusedError("it answers another question than was asked")
        elif extension.critical:
            raise RefusedError("it has a critical extension that is not read here")


def _invalid_since(response: ocsp.OCSPResponse) -> datetime | None:
    # cryptography gives the extensions of a single response only where there is just one.
    if sum(1 for _ in response.responses) != 1:
        return None
    found = None
    for extension in response.single_extensions:
        if isinstance(extension.value, x509.InvalidityDate):
            found = extension.value.invalidity_date_utc
        elif extension.critical and not isinstance(extension.value, x509.CRLReason):
            raise RefusedError("it has a critical extension that is not read here")
    return found
