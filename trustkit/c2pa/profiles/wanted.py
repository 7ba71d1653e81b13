"""What to ask a CA for, profile by profile: the extensions of a certificate request."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ObjectIdentifier

from trustkit.c2pa.profiles import OFFICIAL, Profile
from trustkit.c2pa.profiles.official import POLICY
from trustkit.c2pa.profiles.usages import CLAIM_SIGNING, EMAIL, STAMPING

_USAGES = {
    Profile.C2PA: (EMAIL,),
    Profile.AL1: (CLAIM_SIGNING, EMAIL),
    Profile.AL2: (CLAIM_SIGNING, EMAIL),
    Profile.CAWG: (EMAIL,),
    Profile.TSA: (STAMPING,),
}


def wanted(profile: Profile) -> list[tuple[x509.ExtensionType, bool]]:
    """List the extensions to request, and whether each is to be critical.

    Assurance level and conforming product are the CA's to state, so they are not asked for here;
    neither are S/MIME policies.
    """
    uses = [ObjectIdentifier(use) for use in _USAGES[profile]]
    asked: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(with_commitment=profile in OFFICIAL | {Profile.TSA}), True),
        (x509.ExtendedKeyUsage(uses), profile is Profile.TSA),  # RFC 3161 section 2.3
    ]
    if profile in OFFICIAL:
        policy = x509.PolicyInformation(ObjectIdentifier(POLICY), None)
        asked.append((x509.CertificatePolicies([policy]), False))
    return asked


def _key_usage(*, with_commitment: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=with_commitment,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
