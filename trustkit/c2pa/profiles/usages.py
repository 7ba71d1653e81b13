"""What a certificate is for: key usage and extended key usage, where verifiers disagree most."""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import CLAIMS, OFFICIAL, Candidate, Rule, Severity
from trustkit.c2pa.profiles.leaf import is_critical
from trustkit.c2pa.trust import CLAIM_SIGNING_EKUS

EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION.dotted_string
STAMPING = ExtendedKeyUsageOID.TIME_STAMPING.dotted_string
OCSP = ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
CLAIM_SIGNING = "1.3.6.1.4.1.62558.2.1"
DOCUMENTS = "1.3.6.1.5.5.7.3.36"  # RFC 9336
NAMES = {
    EMAIL: "emailProtection", STAMPING: "timeStamping", OCSP: "OCSPSigning",
    ANY: "anyExtendedKeyUsage", CLAIM_SIGNING: "c2pa-kp-claimSigning",
    DOCUMENTS: "documentSigning", "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth", "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.4.1.311.76.59.1.9": "Microsoft C2PA signing",
}  # fmt: skip


def extended(certificate: Certificate) -> tuple[str, ...]:
    """List the extended key usages as dotted numbers; none where there is no such extension."""
    there = certificate.extension(x509.ExtendedKeyUsage)
    return tuple(use.dotted_string for use in there) if there else ()


def named(uses: tuple[str, ...]) -> str:
    """Name extended key usages for people."""
    return ", ".join(NAMES.get(use, use) for use in uses)


def usages(certificate: Certificate) -> tuple[str, ...] | None:
    """List the key usages as RFC 5280 calls them; None where there is no such extension."""
    there = certificate.extension(x509.KeyUsage)
    if there is None:
        return None
    names = {
        "digital_signature": "digitalSignature", "content_commitment": "nonRepudiation",
        "key_encipherment": "keyEncipherment", "data_encipherment": "dataEncipherment",
        "key_agreement": "keyAgreement", "key_cert_sign": "keyCertSign", "crl_sign": "cRLSign",
    }  # fmt: skip
    return tuple(word for attribute, word in names.items() if getattr(there, attribute))


def _no_usage(candidate: Candidate) -> str:
    return "it states no key usage" if usages(candidate.leaf) is None else ""


def _no_signing(candidate: Candidate) -> str:
    uses = usages(candidate.leaf)
    if uses is None or "digitalSignature" in uses:
        return ""
    stated = f" ({', '.join(uses)})" if uses else ""
    return f"its key usage does not include digital signatures{stated}"


def _signs_certificates(candidate: Candidate) -> str:
    uses = usages(candidate.leaf) or ()
    is_wrong = "keyCertSign" in uses and not candidate.leaf.is_ca
    return "its key usage includes signing certificates, and it is no CA's" if is_wrong else ""


def _not_critical(candidate: Candidate) -> str:
    critical = is_critical(candidate.leaf, ExtensionOID.KEY_USAGE)
    return "its key usage is not marked critical" if critical is False else ""


def _no_extended(candidate: Candidate) -> str:
    there = candidate.leaf.extension(x509.ExtendedKeyUsage)
    return "it states no extended key usage" if there is None else ""


def _any(candidate: Candidate) -> str:
    wrong = ANY in extended(candidate.leaf)
    return "its extended key usage does not allow signing claims: it has 'any'" if wrong else ""


def _stamping(candidate: Candidate) -> str:
    return _for_other(candidate, STAMPING, "time stamping")


def _ocsp(candidate: Candidate) -> str:
    return _for_other(candidate, OCSP, "OCSP signing")


def _for_other(candidate: Candidate, use: str, words: str) -> str:
    uses = extended(candidate.leaf)
    if use not in uses:
        return ""
    return f"it is for {words}" if len(uses) == 1 else f"it is for {words} too ({named(uses)})"


def _none_allowed(candidate: Candidate) -> str:
    uses = extended(candidate.leaf)
    if not uses or set(uses) & {*CLAIM_SIGNING_EKUS, ANY, STAMPING, OCSP}:
        return ""
    return f"its extended key usage does not allow signing claims: it has {named(uses)}"


def _needs_configuration(candidate: Candidate) -> str:
    uses = set(extended(candidate.leaf))
    if EMAIL in uses or not uses & set(CLAIM_SIGNING_EKUS):
        return ""
    return f"its only extended key usage for claims is {named(extended(candidate.leaf))}"


_ASK = (
    "ask for extendedKeyUsage emailProtection (1.3.6.1.5.5.7.3.4), or c2pa-kp-claimSigning "
    "(1.3.6.1.4.1.62558.2.1) beside emailProtection or documentSigning"
)
R, D, A = Severity.REFUSED, Severity.DIFFERS, Severity.ADVICE
RULES = (
    Rule("ku.missing", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.2.1.3",
         "ask for keyUsage, critical, with digitalSignature", _no_usage),
    Rule("ku.no_signature", R, "C2PA 2.4 §14.5.1.1; c2pa-rs signs with nonRepudiation alone, "
         "encypher-c2pa and trustkit refuse it",
         "ask for keyUsage digitalSignature, alone or beside nonRepudiation", _no_signing),
    Rule("ku.cert_sign", R, "C2PA 2.4 §14.5.1.1; RFC 5280 §4.2.1.9",
         "ask for keyUsage without keyCertSign", _signs_certificates),
    Rule("ku.not_critical", A, "RFC 5280 §4.2.1.3",
         "ask for keyUsage to be marked critical", _not_critical, CLAIMS - OFFICIAL),
    Rule("eku.missing", R, "C2PA 2.4 §14.5.1.1", _ASK, _no_extended),
    Rule("eku.any", R, "C2PA 2.4 §14.5.1.1",
         "ask for extendedKeyUsage without anyExtendedKeyUsage, and with emailProtection", _any),
    Rule("eku.stamping", R, "C2PA 2.4 §14.5.1.1; c2pa-rs signs with timeStamping alone, "
         "encypher-c2pa and trustkit refuse it",
         "ask for a certificate of its own for signing claims, without timeStamping", _stamping),
    Rule("eku.ocsp", R, "C2PA 2.4 §14.5.1.1; c2pa-rs signs with OCSPSigning alone, "
         "encypher-c2pa and trustkit refuse it",
         "ask for a certificate of its own for signing claims, without OCSPSigning", _ocsp),
    Rule("eku.none_allowed", R, "C2PA 2.4 §14.5.1.1", _ASK, _none_allowed),
    Rule("eku.configured", D, "C2PA 2.4 §14.4.1; c2pa-rs accepts it only where the verifier's "
         "trust_config names this usage",
         "ask for emailProtection beside it: every verifier we tried accepts that by itself",
         _needs_configuration, CLAIMS - OFFICIAL),
)  # fmt: skip
