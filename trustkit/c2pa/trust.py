"""Which list vouches for a certificate. Lists of signers and of time-stamp authorities stay apart.

The engine pools them: a time-stamp root makes a signer trusted there, and a certificate for time
stamping may sign claims (docs/adr/0003). So the chain is judged here once more, and only what both
accept is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from trustkit.c2pa.certificates import Certificate, issued
from trustkit.c2pa.document import fingerprint
from trustkit.c2pa.published import Published, read_published

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
    IDENTITY = "identities"  # who may vouch for the name in a CAWG identity assertion


@dataclass(frozen=True)
class TrustList:
    """A named list. CA certificates are anchors; any other vouches for itself alone.

    `date` is the day on which the list was issued, or where it does not say so was added. `checked`
    is the day on which it was last fetched, found unchanged at its publisher, or added; `fetched`
    and `next_update` are UTC times, `frozen` a day, each empty where there is none. `digests` are
    SHA-256 of end-entity certificates known by nothing else; `entities` pairs the SHA-256 of
    certificates with the name of whom the list says they belong to.
    """

    name: str
    purpose: Purpose
    sha256: str
    date: str
    source: str
    certificates: tuple[Certificate, ...]
    digests: frozenset[str] = frozenset()
    entities: tuple[tuple[str, str], ...] = ()
    checked: str = ""
    issued: str = ""
    fetched: str = ""
    next_update: str = ""
    frozen: str = ""
    number: int | None = None

    @cached_property
    def anchors(self) -> tuple[Certificate, ...]:
        """The CA certificates, which vouch for what they issued."""
        return tuple(c for c in self.certificates if c.is_ca)

    @cached_property
    def allowed(self) -> frozenset[Certificate]:
        """The end-entity certificates, each for itself alone."""
        return frozenset(c for c in self.certificates if not c.is_ca)

    @cached_property
    def _entities(self) -> dict[str, str]:
        return dict(self.entities)

    def entity(self, certificate: Certificate) -> str:
        """Return whom the list says `certificate` belongs to, or an empty text."""
        return self._entities.get(fingerprint(certificate), "")

    @property
    def size(self) -> int:
        """How many certificates are in it, those known by their SHA-256 too."""
        return len(self.certificates) + len(self.digests)


@dataclass(frozen=True)
class Vouched:
    """The list that knows a certificate, the certificate in it, and whose the list says that is.

    `is_itself` says that the certificate itself is in the list, not one above it.
    """

    by: TrustList
    anchor: str
    entity: str = ""
    is_itself: bool = False

    @property
    def words(self) -> str:
        """The list as a sentence names it: frozen since when, and as whom it has the signer."""
        notes = [f"frozen on {self.by.frozen}"] if self.by.frozen else []
        notes += [f"as {self.entity}"] if self.entity and self.is_itself else []
        return f"list {self.by.name}" + (f" ({', '.join(notes)})" if notes else "")

    @property
    def facts(self) -> dict[str, object]:
        """The list as a finding's facts name it."""
        more = {"entity": self.entity, "frozen": self.by.frozen}
        known = {"name": self.by.name, "sha256": self.by.sha256, "date": self.by.date}
        return {**known, **{key: value for key, value in more.items() if value}}


def parse_lists(
    pem: bytes, name: str, purpose: Purpose, date: str, source: str
) -> tuple[TrustList, ...]:
    """Return what a PEM file of certificates (comments allowed) vouches for; one list, or two.

    A CA that is for time stamping only never vouches for a signer: in a list of signers (the
    interim list mixes them) it becomes a list of authorities of the same name.
    Raises `ConfigError` when there is no certificate or one cannot be read.
    """
    return by_purpose(read_published([pem], name), name, purpose, date, source)


def by_purpose(
    published: Published, name: str, purpose: Purpose, date: str, source: str, **dates: str
) -> tuple[TrustList, ...]:
    """Return `published` as list `name`, parted as `parse_lists` says."""
    found = published.certificates
    parts = {purpose: list(found)}
    if purpose is Purpose.SIGNERS:
        parts[Purpose.TIMESTAMPS] = [c for c in found if c.is_ca and c.is_for_stamping]
        parts[Purpose.SIGNERS] = [c for c in found if c not in parts[Purpose.TIMESTAMPS]]
    digests = {purpose: frozenset(published.digests)}
    return tuple(
        TrustList(
            name,
            part,
            published.sha256,
            published.issued[:10] or date,
            source,
            tuple(certificates),
            digests.get(part, frozenset()),
            published.entities,
            issued=published.issued,
            next_update=published.next_update,
            number=published.number,
            **{"checked": date, **dates},
        )
        for part, certificates in parts.items()
        if certificates or digests.get(part)
    )


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
        leaf = chain[0]
        if leaf in trust_list.allowed or (
            trust_list.digests and fingerprint(leaf) in trust_list.digests
        ):
            return Vouched(trust_list, leaf.name, trust_list.entity(leaf), is_itself=True)
        anchor = _path(leaf, chain[1:], trust_list.anchors, at)
        if anchor is not None:
            return Vouched(trust_list, anchor.name, trust_list.entity(anchor))
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
