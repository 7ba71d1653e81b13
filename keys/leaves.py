"""The leaves that differ from the good es256 signer in one thing: what each is called, and how.

C2PA software accepts some of them all the same; `trustkit keys check` says which and why.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from certify import LEAF_YEARS, Profile, Validity
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID as Access
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import ObjectIdentifier
from derive import PrivateKey, ec_key, rsa_key

C2PA_CLAIM_SIGNING = ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
DOCUMENT_SIGNING = ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
ORGANISATION_VALIDATED = ObjectIdentifier("2.23.140.1.5.2.2")  # CA/B Forum S/MIME, multipurpose


def _policies(*policies: str) -> tuple[x509.ExtensionType, bool]:
    named = [x509.PolicyInformation(ObjectIdentifier(policy), None) for policy in policies]
    return x509.CertificatePolicies(named), False


def _official(level: str, days: int) -> Profile:
    """Follow the C2PA Certificate Policy 0.2 at an assurance level, 10 or 20 in its numbers."""
    ocsp = x509.AccessDescription(Access.OCSP, x509.UniformResourceIdentifier("http://127.0.0.1/o"))
    issuers = x509.AccessDescription(
        Access.CA_ISSUERS, x509.UniformResourceIdentifier("http://127.0.0.1/i")
    )
    arc = "1.3.6.1.4.1.62558"
    level_value = bytes.fromhex("060a2b0601040183e85e03") + bytes([int(level)])  # DER of an OID
    record = b"\x0c\x24" + b"00000000-0000-0000-0000-000000000000"  # DER of a UTF8String
    return Profile(
        extended_usages=(C2PA_CLAIM_SIGNING, Eku.EMAIL_PROTECTION),
        usage="digital_signature+content_commitment",
        validity=Validity(2026, 2026, days),
        more=(
            _policies(f"{arc}.1.1"),
            (x509.AuthorityInformationAccess([ocsp, issuers]), False),
            (x509.UnrecognizedExtension(ObjectIdentifier(f"{arc}.3"), level_value), False),
            (x509.UnrecognizedExtension(ObjectIdentifier(f"{arc}.4"), record), False),
        ),
    )


UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")

# Each differs from the good es256 signer in what its name says; C2PA accepts some all the same.
VARIANTS: dict[str, tuple[str, Profile]] = {
    "expired": ("a signer that expired in 2025", Profile(validity=Validity(2024, 2025))),
    "not-yet-valid": ("a signer not valid before 2046", Profile(validity=Validity(2046, 2048))),
    "timestamping-eku": ("a signer with EKU timeStamping only", Profile((Eku.TIME_STAMPING,))),
    "ocsp-eku": ("a signer with EKU OCSPSigning only", Profile((Eku.OCSP_SIGNING,))),
    "claimsigning-eku": (
        "a signer with EKU C2PA claimSigning only",
        Profile((C2PA_CLAIM_SIGNING,)),
    ),
    "documentsigning-eku": (
        "a signer with EKU documentSigning only",
        Profile((DOCUMENT_SIGNING,)),
    ),
    "no-eku": ("a signer without EKU", Profile(())),
    "any-eku": ("a signer with EKU anyExtendedKeyUsage", Profile((Eku.ANY_EXTENDED_KEY_USAGE,))),
    "content-commitment": (
        "a signer with key usage contentCommitment, not digitalSignature",
        Profile(usage="content_commitment"),
    ),
    "ca-leaf": ("a signer marked CA=true", Profile(is_authority=True)),
    "no-aki": ("a signer without authority key identifier", Profile(names_issuer_key=False)),
    "no-ku": ("a signer without key usage", Profile(usage="")),
    "no-ski": ("a signer without subject key identifier", Profile(names_own_key=False)),
    "no-basic-constraints": (
        "a signer without basic constraints",
        Profile(says_authority=False),
    ),
    "serverauth-eku": ("a signer with EKU serverAuth only", Profile((Eku.SERVER_AUTH,))),
    "codesigning-eku": ("a signer with EKU codeSigning only", Profile((Eku.CODE_SIGNING,))),
    "email-and-timestamping-eku": (
        "a signer with EKU emailProtection and timeStamping",
        Profile((Eku.EMAIL_PROTECTION, Eku.TIME_STAMPING)),
    ),
    "email-and-any-eku": (
        "a signer with EKU emailProtection and anyExtendedKeyUsage",
        Profile((Eku.EMAIL_PROTECTION, Eku.ANY_EXTENDED_KEY_USAGE)),
    ),
    "certsign-ku": (
        "a signer with key usage digitalSignature and keyCertSign",
        Profile(usage="digital_signature+key_cert_sign"),
    ),
    "ku-not-critical": (
        "a signer whose key usage is not critical",
        Profile(usage_critical=False),
    ),
    "unknown-critical": (
        "a signer with a critical extension that nobody knows",
        Profile(more=((UNKNOWN, True),)),
    ),
    "no-organisation": (
        "a signer that names no organisation",
        Profile(names_organisation=False),
    ),
    "outlives-issuer": (
        "a signer valid until 2060, longer than its issuer",
        Profile(validity=Validity(LEAF_YEARS.first, 2060)),
    ),
    "al1": ("a signer by the C2PA profile at assurance level 1", _official("10", 365)),
    "al2": ("a signer by the C2PA profile at assurance level 2", _official("20", 90)),
    "cawg": (
        "a signer by CAWG's interim model: S/MIME, organisation validated",
        Profile(more=(_policies(ORGANISATION_VALIDATED.dotted_string),)),
    ),
}

# Leaves of the good recipe with a key that C2PA does not allow.
KEY_VARIANTS: dict[str, tuple[str, Callable[[str], PrivateKey]]] = {
    "rsa-1024": ("a signer with an RSA key of 1024 bits", partial(rsa_key, 1024)),
    "secp256k1": ("a signer with a key on the curve secp256k1", partial(ec_key, ec.SECP256K1())),
}
