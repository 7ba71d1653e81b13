"""Which certificate may vouch for a name, and how the name in it was checked."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.trust import unfit

# CAWG Identity 1.3 section 8.2.3: document signing, and for the interim e-mail protection.
IDENTITY_EKUS = frozenset(
    use.dotted_string
    for use in (ExtendedKeyUsageOID.EMAIL_PROTECTION, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"))
)
# CA/Browser Forum S/MIME BR 7.1.6.1: how the name in the certificate was checked.
_VALIDATED = {
    f"2.23.140.1.5.{kind}.{policy}": f"{name} ({strictness})"
    for kind, name in (
        ("1", "mailbox only"),
        ("2", "organisation validated"),
        ("3", "sponsor validated"),
        ("4", "individual validated"),
    )
    for policy, strictness in (("1", "legacy"), ("2", "multipurpose"), ("3", "strict"))
}


@lru_cache(maxsize=1024)
def unfit_for_identity(leaf: Certificate) -> str:
    """Say why `leaf` may not vouch for a name, or return an empty text."""
    if why := unfit(leaf):
        return why.replace("signing claims", "signing at all")
    extended = leaf.extension(x509.ExtendedKeyUsage)
    if extended is None or not {use.dotted_string for use in extended} & IDENTITY_EKUS:
        return "it is neither for signing documents nor for e-mail"
    return ""


def validated(leaf: Certificate) -> str:
    """Return how the name was checked, by the policies of e-mail certificates, or nothing."""
    policies: Any = leaf.extension(x509.CertificatePolicies) or ()
    found = (_VALIDATED.get(p.policy_identifier.dotted_string, "") for p in policies)
    return next((name for name in found if name), "")
