"""What the signer's own certificate must be: its form, its key, its signature, its identifiers."""

from __future__ import annotations

import warnings
from typing import Any

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import CLAIMS, EVERY, OFFICIAL, Candidate, Profile, Rule, Severity

MIN_RSA_BITS = 2048  # C2PA 2.4 section 14.5.1.1
MAX_SERIAL_BITS = 159  # 20 octets, the first bit of which is the sign
MIN_EXPONENT = 3  # and odd: RFC 8017 section 3.1
CURVES = ("secp256r1", "secp384r1", "secp521r1")
_KINDS = "ask for a key on P-256, P-384 or P-521, RSA of 2048 bits or more, or Ed25519"
_SIGNED_WITH = {  # C2PA 2.4 section 14.5.1.1, as c2pa-rs holds to it
    "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4",
    "1.2.840.113549.1.1.10", "1.3.101.112",
}  # fmt: skip
_PSS = "1.2.840.113549.1.1.10"
_SHA2 = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
# Those that c2pa-rs reads; it refuses a certificate with any other that is critical.
_KNOWN = {f"2.5.29.{n}" for n in (14, 15, 17, 19, 30, 31, 32, 33, 35, 36, 37, 54)} | {
    "1.3.6.1.5.5.7.1.1",
    "2.16.840.1.113730.1.1",
}


def extensions(certificate: Certificate) -> tuple[x509.Extension[Any], ...] | None:
    """Return all extensions, or None where one of them cannot be read or is there twice."""
    try:
        return tuple(certificate.parsed.extensions)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return None


def is_critical(certificate: Certificate, oid: x509.ObjectIdentifier) -> bool | None:
    """Tell whether the extension `oid` is critical; None when it is not there."""
    return next((e.critical for e in extensions(certificate) or () if e.oid == oid), None)


def serial_of(certificate: Certificate) -> int:
    """Return the serial number, were it even negative."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that number is told in our own words
        return certificate.parsed.serial_number


def key_of(certificate: Certificate) -> Any:
    """Return the public key, or None where it cannot be read."""
    try:
        return certificate.parsed.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def key_name(certificate: Certificate) -> str:
    """Name the kind of key in words."""
    key = key_of(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA of {key.key_size} bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    return "unreadable" if key is None else type(key).__name__.strip("_").removesuffix("PublicKey")


def weak_key(certificate: Certificate) -> str:
    """Say what is wrong with the key, or return an empty text."""
    key = key_of(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            return f"its RSA key has only {key.key_size} bits"
        exponent = key.public_numbers().e
        return (
            "" if exponent >= MIN_EXPONENT and exponent % 2 else f"its RSA exponent is {exponent}"
        )
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "" if key.curve.name in CURVES else f"its key is on the curve {key.curve.name}"
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ""
    return f"its key is of a kind C2PA does not allow ({key_name(certificate)})"


def weak_signature(certificate: Certificate) -> str:
    """Say what is wrong with the algorithm it was signed with, or return an empty text."""
    oid = certificate.parsed.signature_algorithm_oid
    if oid.dotted_string not in _SIGNED_WITH:
        return f"it was signed with {_algorithm_name(oid)}"
    if oid.dotted_string != _PSS:
        return ""
    try:
        digest = certificate.parsed.signature_hash_algorithm
        how = certificate.parsed.signature_algorithm_parameters
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "it was signed with RSA-PSS whose parameters cannot be read"
    mask = how.mgf._algorithm if isinstance(how, padding.PSS) else None  # no public name for it
    same = type(mask) is type(digest)
    return "" if isinstance(digest, _SHA2) and same else "it was signed with RSA-PSS without SHA-2"


def _algorithm_name(oid: x509.ObjectIdentifier) -> str:
    return oid.dotted_string if oid._name == "Unknown OID" else oid._name


def _version(candidate: Candidate) -> str:
    version = candidate.leaf.parsed.version
    return "" if version is x509.Version.v3 else "it is not of version 3"


def _serial(candidate: Candidate) -> str:
    serial = serial_of(candidate.leaf)
    if 0 < serial < 1 << MAX_SERIAL_BITS:
        return ""
    return "its serial number is not positive" if serial <= 0 else "its serial number is too long"


def _unique_id(candidate: Candidate) -> str:
    try:
        tbs = asn1.Certificate.load(candidate.leaf.der)["tbs_certificate"]
        has = [n for n in ("issuer", "subject") if tbs[f"{n}_unique_id"].native is not None]
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError):
        return ""  # what the strict parser has read stands
    return f"it has a unique identifier of its {' and '.join(has)}" if has else ""


def _unreadable(candidate: Candidate) -> str:
    is_fine = extensions(candidate.leaf) is not None
    return "" if is_fine else "an extension of it is there twice or cannot be read"


def _unknown(candidate: Candidate) -> str:
    unknown = [
        e.oid.dotted_string
        for e in extensions(candidate.leaf) or ()
        if e.critical and e.oid.dotted_string not in _KNOWN
    ]
    return f"it has a critical extension nobody knows ({', '.join(unknown)})" if unknown else ""


def _is_ca(candidate: Candidate) -> str:
    return "it is a CA's certificate" if candidate.leaf.is_ca else ""


def _constraints(candidate: Candidate) -> str:
    there = candidate.leaf.extension(x509.BasicConstraints) or candidate.leaf.is_ca
    return "" if there else "it does not say whether it is a CA's"


def _no_aki(candidate: Candidate) -> str:
    there = candidate.leaf.extension(x509.AuthorityKeyIdentifier)
    return "" if there else "it has no authority key identifier"


def _other_aki(candidate: Candidate) -> str:
    if len(candidate.path) == 1:
        return ""
    named = candidate.leaf.extension(x509.AuthorityKeyIdentifier)
    issuer = candidate.path[1].extension(x509.SubjectKeyIdentifier)
    if named is None or issuer is None or named.key_identifier in {None, issuer.digest}:
        return ""
    return "its authority key identifier is not that of its issuer's key"


def _no_ski(candidate: Candidate) -> str:
    there = candidate.leaf.extension(x509.SubjectKeyIdentifier)
    return "" if there else "it has no subject key identifier"


def _nobody(candidate: Candidate) -> str:
    named = candidate.leaf.parsed.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return "" if named else "its subject names no organisation"


def _pair(candidate: Candidate) -> str:
    return "it is not the certificate of the key beside it" if candidate.belongs is False else ""


R, D, A = Severity.REFUSED, Severity.DIFFERS, Severity.ADVICE
_WISHED = CLAIMS - OFFICIAL  # the official profiles say it more strictly
RULES = (
    Rule("key.mismatch", R, "C2PA 2.4 §13.2",
         "put the chain that was issued for this very key beside it", _pair, EVERY),
    Rule("extension.unreadable", R, "RFC 5280 §4.2",
         "ask for the certificate to be issued again, each extension once and in DER", _unreadable,
         EVERY),
    Rule("certificate.version", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.1.2.1",
         "ask for an X.509 version 3 certificate", _version, EVERY),
    Rule("certificate.serial", A, "RFC 5280 §4.1.2.2",
         "ask for a positive serial number of at most 20 octets", _serial, EVERY),
    Rule("certificate.unique_id", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.1.2.8",
         "ask for a certificate without issuerUniqueID and subjectUniqueID", _unique_id, EVERY),
    Rule("ca.is_ca", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.2.1.9",
         "ask for an end-entity certificate: basicConstraints with cA FALSE", _is_ca, EVERY),
    Rule("key.weak", R, "C2PA 2.4 §14.5.1.1", _KINDS, lambda c: weak_key(c.leaf), EVERY),
    Rule("signature.algorithm", R, "C2PA 2.4 §14.5.1.1",
         "ask for a certificate signed with SHA-256, SHA-384 or SHA-512 by an RSA or ECDSA key, "
         "or with Ed25519", lambda c: weak_signature(c.leaf), EVERY),
    Rule("extension.critical", R, "RFC 5280 §4.2; c2pa-rs certificate profile",
         "ask for that extension to be left out, or not marked critical", _unknown, EVERY),
    Rule("aki.missing", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.2.1.1",
         "ask for an authorityKeyIdentifier with the key identifier of the issuing CA", _no_aki),
    Rule("aki.other", D, "RFC 5280 §4.2.1.1",
         "ask for an authorityKeyIdentifier equal to the issuer's subjectKeyIdentifier",
         _other_aki, EVERY),
    Rule("ski.missing", A, "RFC 5280 §4.2.1.2; C2PA Certificate Policy 0.2",
         "ask for a subjectKeyIdentifier", _no_ski, _WISHED),
    Rule("ca.missing", A, "RFC 5280 §4.2.1.9; C2PA Certificate Policy 0.2",
         "ask for basicConstraints, critical, with cA FALSE", _constraints, _WISHED),
    Rule("subject.organisation", A, "C2PA Certificate Policy 0.2",
         "ask for your organisation's name (O) in the subject: it is what people are shown",
         _nobody, _WISHED | {Profile.TSA}),
)  # fmt: skip
