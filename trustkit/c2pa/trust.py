"""Which list vouches for a certificate. Lists of signers and of time-stamp authorities stay apart.

The engine pools them: a time-stamp root makes a signer trusted there, and a certificate for time
stamping may sign claims (docs/adr/0003). So the chain is judged here once more, and only what both
accept is trusted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from trustkit.c2pa.certificates import Certificate, issued, read_certificate
from trustkit.errors import ConfigError

MAX_PATH = 8  # certificates from leaf to anchor; real C2PA chains have two to four

# Who may sign a claim: C2PA 2.4 section 14.5.1, and Microsoft's own as the interim list has it.
CLAIM_SIGNING_EKUS = (
    "1.3.6.1.4.1.62558.2.1",  # C2PA claim signing
    "1.3.6.1.5.5.7.3.36",  # document signing
    "1.3.6.1.5.5.7.3.4",  # e-mail protection
    "1.3.6.1.4.1.311.76.59.1.9",  # Microsoft C2PA signing
)
_NEVER_WITH_CLAIMS = {
    ExtendedKeyUsageOID.TIME_STAMPING: "time stamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP signing",
}


class Purpose(StrEnum):
    """What the certificates of a list may vouch for."""

    SIGNERS = "signers"
    TIMESTAMPS = "timestamps"


@dataclass(frozen=True)
class TrustList:
    """A named list. CA certificates are anchors; any other vouches for itself alone."""

    name: str
    purpose: Purpose
    sha256: str
    date: str
    source: str
    certificates: tuple[Certificate, ...]

    @cached_property
    def anchors(self) -> tuple[Certificate, ...]:
        """The CA certificates, which vouch for what they issued."""
        return tuple(c for c in self.certificates if c.is_ca)

    @cached_property
    def allowed(self) -> frozenset[Certificate]:
        """The end-entity certificates, each for itself alone."""
        return frozenset(c for c in self.certificates if not c.is_ca)


@dataclass(frozen=True)
class Vouched:
    """The list that knows a certificate, and the name of the certificate in it."""

    by: TrustList
    anchor: str


_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def parse_lists(
    pem: bytes, name: str, purpose: Purpose, date: str, source: str
) -> tuple[TrustList, ...]:
    """Return what a PEM file of certificates (comments allowed) vouches for; one list, or two.

    A CA that is for time stamping only never vouches for a signer: in a list of signers (the
    interim list mixes them) it becomes a list of authorities of the same name.
    Raises `ConfigError` when there is no certificate or one cannot be read.
    """
    found = dict.fromkeys(_certificates(pem, name))
    if not found:
        raise ConfigError(f"trust list {name} holds no certificate", "it must be a PEM file")
    digest = hashlib.sha256(pem).hexdigest()
    parts = {Purpose.SIGNERS: list(found), Purpose.TIMESTAMPS: list[Certificate]()}
    if purpose is Purpose.TIMESTAMPS:
        parts = {Purpose.SIGNERS: [], Purpose.TIMESTAMPS: list(found)}
    else:
        parts[Purpose.TIMESTAMPS] = [c for c in found if c.is_ca and c.is_for_stamping]
        parts[Purpose.SIGNERS] = [c for c in found if c not in parts[Purpose.TIMESTAMPS]]
    return tuple(
        TrustList(name, part, digest, date, source, tuple(certificates))
        for part, certificates in parts.items()
        if certificates
    )


def _certificates(pem: bytes, name: str) -> Iterable[Certificate]:
    for number, block in enumerate(_PEM.findall(pem), 1):
        try:
            parsed = x509.load_pem_x509_certificate(block)
        except ValueError as error:
            raise ConfigError(
                f"certificate {number} of trust list {name} cannot be read",
                "fetch the list again from its publisher",
            ) from error
        yield read_certificate(parsed.public_bytes(Encoding.DER))


def pem(certificates: Iterable[Certificate]) -> str:
    """Return `certificates` as one PEM text, as the engine takes them."""
    return "".join(c.parsed.public_bytes(Encoding.PEM).decode() for c in certificates)


def vouch(
    chain: tuple[Certificate, ...], lists: Iterable[TrustList], at: datetime
) -> Vouched | None:
    """Return the first list with a valid path from `chain[0]` at the time `at`, or None.

    Checks signatures, CA flags, path lengths and the validity of each issuer. Not the leaf's own
    validity, not revocation, and not whether the leaf may sign claims: see `unfit`.
    """
    if not chain:
        return None
    for trust_list in lists:
        if chain[0] in trust_list.allowed:
            return Vouched(trust_list, chain[0].name)
        anchor = _path(chain[0], chain[1:], trust_list.anchors, at)
        if anchor is not None:
            return Vouched(trust_list, anchor.name)
    return None


def _path(
    leaf: Certificate,
    others: tuple[Certificate, ...],
    anchors: tuple[Certificate, ...],
    at: datetime,
) -> Certificate | None:
    # Breadth first, each certificate once: a hostile chain cannot make the search grow, and a
    # certificate is reached at its least depth, which is where path lengths are kindest.
    reached, left = [leaf], list(others)
    for depth in range(MAX_PATH - 1):
        for certificate in reached:
            for anchor in anchors:
                if _may_issue(anchor, certificate, at, depth):
                    return anchor
        reached = [o for o in left if any(_may_issue(o, c, at, depth) for c in reached)]
        left = [other for other in left if other not in reached]
    return None


def _may_issue(issuer: Certificate, certificate: Certificate, at: datetime, depth: int) -> bool:
    # `depth` counts the CA certificates below the issuer, which is what a path length limits.
    if issuer.parsed.subject != certificate.parsed.issuer or not issuer.is_ca:
        return False
    constraints = issuer.extension(x509.BasicConstraints)
    limit = constraints.path_length if constraints else None
    usage = issuer.extension(x509.KeyUsage)
    if (limit is not None and depth > limit) or (usage and not usage.key_cert_sign):
        return False
    return issuer.is_valid_at(at) and issued(issuer, certificate)


@lru_cache(maxsize=1024)
def unfit(leaf: Certificate) -> str:
    """Say why `leaf` may not sign claims, or return an empty text.

    C2PA 2.4 section 14.5.1: no CA, digitalSignature, an allowed extended key usage, and none of
    time stamping or OCSP signing beside it, both of which the engine lets pass.
    """
    if leaf.is_ca:
        return "it is a CA's certificate"
    usage = leaf.extension(x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        return "its key usage does not include digital signatures"
    extended = leaf.extension(x509.ExtendedKeyUsage)
    if extended is None:
        return "it states no extended key usage"
    uses = set(extended)
    if wrong := uses & set(_NEVER_WITH_CLAIMS):
        return f"it is for {' and '.join(sorted(_NEVER_WITH_CLAIMS[use] for use in wrong))}"
    if not {use.dotted_string for use in uses} & set(CLAIM_SIGNING_EKUS):
        return "its extended key usage does not allow signing claims"
    return ""
