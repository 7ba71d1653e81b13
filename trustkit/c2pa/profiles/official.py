"""What the C2PA conformance programme, CAWG and time stamping ask beyond what signing needs.

Sources: C2PA Certificate Policy 0.2 (cert-profiles/claimSigningLeaf.al1, al2 and tsaLeaf), CAWG
identity assertion 1.2 (trust model for X.509 certificates), RFC 3161 section 2.3.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.profiles import OFFICIAL, Candidate, Profile, Rule, Severity
from trustkit.c2pa.profiles.leaf import extensions, is_critical, key_of
from trustkit.c2pa.profiles.usages import (
    CLAIM_SIGNING,
    DOCUMENTS,
    EMAIL,
    STAMPING,
    extended,
    named,
    usages,
)

POLICY = "1.3.6.1.4.1.62558.1.1"  # c2pa-certificate-policy
LEVEL = "1.3.6.1.4.1.62558.3"  # id-c2pa-al
RECORD = "1.3.6.1.4.1.62558.4"  # c2pa-cpl-record
LEVELS = {Profile.AL1: 10, Profile.AL2: 20}  # the last number of the level's own identifier
LEVEL_DER = bytes.fromhex("060a2b0601040183e85e03")  # OBJECT IDENTIFIER 1.3.6.1.4.1.62558.3.?
MAX_DAYS = {Profile.AL1: 366, Profile.AL2: 90, Profile.TSA: 4110}
_UTF8_36 = b"\x0c\x24"  # UTF8String of 36 bytes
CAWG_POLICIES = {
    "2.23.140.1.5.2.2", "2.23.140.1.5.2.3",  # organisation validated: multipurpose, strict
    "2.23.140.1.5.3.2", "2.23.140.1.5.3.3",  # sponsor validated
    "2.23.140.1.5.4.2", "2.23.140.1.5.4.3",  # individual validated
}  # fmt: skip
CAWG_UNTIL = datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC)


def policies(certificate: Certificate) -> tuple[str, ...]:
    """List the certificate policies as dotted numbers."""
    there = certificate.extension(x509.CertificatePolicies)
    return tuple(p.policy_identifier.dotted_string for p in there) if there else ()


def responders(certificate: Certificate) -> tuple[str, ...]:
    """List the OCSP addresses that the certificate names."""
    return _access(certificate, AuthorityInformationAccessOID.OCSP)


def assurance_level(certificate: Certificate) -> int | None:
    """Return the C2PA assurance level, 1 or 2, or None where none (that we know) is stated."""
    value = _raw(certificate, LEVEL)
    levels = {level: LEVEL_DER + bytes([number]) for level, number in ((1, 10), (2, 20))}
    return next((level for level, der in levels.items() if der in value), None)


def product_record(certificate: Certificate) -> str:
    """Return the UUID of the conforming product, or an empty text."""
    value = _raw(certificate, RECORD)
    try:
        return str(UUID(value.removeprefix(_UTF8_36).decode())) if value[:2] == _UTF8_36 else ""
    except ValueError:
        return ""


def _raw(certificate: Certificate, oid: str) -> bytes:
    for extension in extensions(certificate) or ():
        value = extension.value
        if extension.oid.dotted_string == oid and isinstance(value, x509.UnrecognizedExtension):
            return value.value
    return b""


def _access(certificate: Certificate, method: x509.ObjectIdentifier) -> tuple[str, ...]:
    there = certificate.extension(x509.AuthorityInformationAccess)
    return tuple(
        d.access_location.value
        for d in there or ()
        if d.access_method == method
        and isinstance(d.access_location, x509.UniformResourceIdentifier)
        and d.access_location.value.startswith(("http://", "https://"))
    )


def _subject(candidate: Candidate) -> str:
    wanted = {
        "C": NameOID.COUNTRY_NAME, "O": NameOID.ORGANIZATION_NAME, "CN": NameOID.COMMON_NAME,
    }  # fmt: skip
    subject = candidate.leaf.parsed.subject
    without = [word for word, oid in wanted.items() if not subject.get_attributes_for_oid(oid)]
    return f"its subject has no {' and no '.join(without)}" if without else ""


def _validity(candidate: Candidate) -> str:
    leaf, most = candidate.leaf.parsed, MAX_DAYS[candidate.profile]
    lasts = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return f"it is valid for {lasts.days} days" if lasts > timedelta(days=most) else ""


def _identifiers(candidate: Candidate) -> str:
    own = candidate.leaf.extension(x509.SubjectKeyIdentifier)
    issuer = candidate.leaf.extension(x509.AuthorityKeyIdentifier)
    without = [] if own else ["subject key identifier"]
    if issuer is None or issuer.key_identifier is None:
        without.append("key identifier of its authority")
    return f"it has no {' and no '.join(without)}" if without else ""


def _usage(candidate: Candidate) -> str:
    uses = usages(candidate.leaf) or ()
    critical = is_critical(candidate.leaf, ExtensionOID.KEY_USAGE)
    if critical and {"digitalSignature", "nonRepudiation"} <= set(uses):
        return ""
    return f"its key usage is {', '.join(uses) or 'none'}{'' if critical else ', not critical'}"


def _constraints(candidate: Candidate) -> str:
    critical = is_critical(candidate.leaf, ExtensionOID.BASIC_CONSTRAINTS)
    there = "no basic constraints" if critical is None else "basic constraints not marked critical"
    return "" if critical else f"it has {there}"


def _extended(candidate: Candidate) -> str:
    uses = extended(candidate.leaf)
    if CLAIM_SIGNING in uses and {EMAIL, DOCUMENTS} & set(uses):
        return ""
    return f"its extended key usage is {named(uses) or 'none'}"


def _policy(candidate: Candidate) -> str:
    there = policies(candidate.leaf)
    return "" if POLICY in there else _policies(there)


def _no_ocsp(candidate: Candidate) -> str:
    return "" if responders(candidate.leaf) else "it names no OCSP responder"


def _no_issuers(candidate: Candidate) -> str:
    where = _access(candidate.leaf, AuthorityInformationAccessOID.CA_ISSUERS)
    return "" if where else "it does not say where its issuer's certificate is"


def _level(candidate: Candidate) -> str:
    wanted = LEVELS[candidate.profile] // 10
    stated = assurance_level(candidate.leaf)
    if stated == wanted:
        return ""
    return f"it states assurance level {stated}" if stated else "it states no assurance level"


def _record(candidate: Candidate) -> str:
    there = product_record(candidate.leaf)
    return "" if there else "it names no record of the conforming products list"


def _identity_usage(candidate: Candidate) -> str:
    uses = extended(candidate.leaf)
    fine = {EMAIL, DOCUMENTS} & set(uses)
    return "" if fine else f"its extended key usage is {named(uses) or 'none'}"


def _identity_policy(candidate: Candidate) -> str:
    there = policies(candidate.leaf)
    if DOCUMENTS in extended(candidate.leaf) or CAWG_POLICIES & set(there):
        return ""
    return _policies(there)


def _policies(there: tuple[str, ...]) -> str:
    return (
        f"its certificate policies are {', '.join(there)}"
        if there
        else ("it states no certificate policy")
    )


def _interim(candidate: Candidate) -> str:
    if DOCUMENTS in extended(candidate.leaf):
        return ""
    if candidate.at > CAWG_UNTIL:
        return "it rests on the interim trust model, which ended on 2027-03-31"
    return "it rests on the interim trust model, which ends on 2027-03-31"


def _stamping_only(candidate: Candidate) -> str:
    uses = extended(candidate.leaf)
    return "" if uses == (STAMPING,) else f"its extended key usage is {named(uses) or 'none'}"


def _stamping_critical(candidate: Candidate) -> str:
    critical = is_critical(candidate.leaf, ExtensionOID.EXTENDED_KEY_USAGE)
    return "its extended key usage is not marked critical" if critical is False else ""


def _stamping_key(candidate: Candidate) -> str:
    is_eddsa = isinstance(key_of(candidate.leaf), ed25519.Ed25519PublicKey)
    return "its key is Ed25519" if is_eddsa else ""


def _stamping_status(candidate: Candidate) -> str:
    lists = candidate.leaf.extension(x509.CRLDistributionPoints)
    there = responders(candidate.leaf) or lists
    return "" if there else "it names neither an OCSP responder nor a revocation list"


R, D, A = Severity.REFUSED, Severity.DIFFERS, Severity.ADVICE
_AL = "C2PA Certificate Policy 0.2, claim signing leaf"
_CAWG = "CAWG identity assertion 1.2, trust model for X.509 certificates"
_TSA = "C2PA Certificate Policy 0.2, TSA leaf"
_IDENTITY, _STAMPS = frozenset({Profile.CAWG}), frozenset({Profile.TSA})
RULES = (
    Rule("al.subject", D, _AL, "ask for C, O and CN in the subject, as in the conforming products "
         "list", _subject, OFFICIAL),
    Rule("al.validity", D, _AL, "ask for at most 366 days at level 1, at most 90 at level 2",
         _validity, OFFICIAL),
    Rule("al.key_identifiers", D, _AL, "ask for subjectKeyIdentifier and authorityKeyIdentifier "
         "with a keyIdentifier", _identifiers, OFFICIAL),
    Rule("al.key_usage", D, _AL, "ask for keyUsage, critical, with digitalSignature and "
         "nonRepudiation", _usage, OFFICIAL),
    Rule("al.basic_constraints", D, _AL, "ask for basicConstraints, critical, with cA FALSE",
         _constraints, OFFICIAL),
    Rule("al.extended_usage", D, _AL, "ask for extendedKeyUsage c2pa-kp-claimSigning "
         "(1.3.6.1.4.1.62558.2.1) and emailProtection or documentSigning", _extended, OFFICIAL),
    Rule("al.policy", D, _AL, "ask for the certificate policy 1.3.6.1.4.1.62558.1.1", _policy,
         OFFICIAL),
    Rule("al.ocsp", D, _AL, "ask for authorityInfoAccess with an OCSP address over HTTP", _no_ocsp,
         OFFICIAL),
    Rule("al.ca_issuers", A, _AL, "ask for authorityInfoAccess with caIssuers", _no_issuers,
         OFFICIAL),
    Rule("al.level", D, _AL, "ask for the extension 1.3.6.1.4.1.62558.3 with the level: "
         "1.3.6.1.4.1.62558.3.10 for 1, 1.3.6.1.4.1.62558.3.20 for 2", _level, OFFICIAL),
    Rule("al.cpl_record", D, _AL, "ask for the extension 1.3.6.1.4.1.62558.4 with the UUID of your "
         "product's record", _record, OFFICIAL),
    Rule("cawg.extended_usage", D, _CAWG, "ask for extendedKeyUsage documentSigning "
         "(1.3.6.1.5.5.7.3.36), or emailProtection for the interim", _identity_usage, _IDENTITY),
    Rule("cawg.policy", D, f"{_CAWG}, interim additions", "ask for an S/MIME certificate, "
         "organisation, sponsor or individual validated, multipurpose or strict (2.23.140.1.5.2.2 "
         "and the like); mailbox validated and legacy ones are not accepted", _identity_policy,
         _IDENTITY),
    Rule("cawg.interim", A, f"{_CAWG}, interim additions", "sign with a time stamp until then, and "
         "ask for documentSigning for after", _interim, _IDENTITY),
    Rule("tsa.extended_usage", R, "RFC 3161 §2.3; C2PA 2.4 §14.4.2",
         "ask for extendedKeyUsage timeStamping and nothing beside it", _stamping_only, _STAMPS),
    Rule("tsa.not_critical", R, "RFC 3161 §2.3", "ask for extendedKeyUsage to be marked critical",
         _stamping_critical, _STAMPS),
    Rule("tsa.key", D, _TSA, "ask for an RSA or ECDSA key", _stamping_key, _STAMPS),
    Rule("tsa.validity", D, _TSA, "ask for at most 4110 days", _validity, _STAMPS),
    Rule("tsa.key_identifiers", D, _TSA, "ask for subjectKeyIdentifier and authorityKeyIdentifier "
         "with a keyIdentifier", _identifiers, _STAMPS),
    Rule("tsa.key_usage", D, _TSA, "ask for keyUsage, critical, with digitalSignature and "
         "nonRepudiation", _usage, _STAMPS),
    Rule("tsa.basic_constraints", D, _TSA, "ask for basicConstraints, critical, with cA FALSE",
         _constraints, _STAMPS),
    Rule("tsa.policy", D, _TSA, "ask for the certificate policy 1.3.6.1.4.1.62558.1.1", _policy,
         _STAMPS),
    Rule("tsa.status", D, _TSA, "ask for an OCSP address or a CRL distribution point",
         _stamping_status, _STAMPS),
)  # fmt: skip
