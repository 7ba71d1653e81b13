"""All rules over one chain, and the reading of chains as CAs deliver them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.profiles import (
    OFFICIAL,
    Candidate,
    Problem,
    Profile,
    Rule,
    Severity,
    chain,
    leaf,
    official,
    usages,
)
from trustkit.errors import ConfigError, PublishError

MAX_CHAIN = 2**20  # bytes; ten times the largest chain anyone has
MAX_CERTIFICATES = 32
# In the order of worth: what a person is told first when there is place for one sentence.
RULES: tuple[Rule, ...] = (*leaf.RULES, *usages.RULES, *chain.RULES, *official.RULES)
_BLOCK = re.compile(rb"-----BEGIN (CERTIFICATE|PKCS7)-----.+?-----END \1-----", re.DOTALL)
_BAD = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


def check(candidate: Candidate) -> tuple[Problem, ...]:
    """Return what `candidate` breaks of its profile, the worst first.

    Not checked: revocation, and whether anybody trusts the root.
    """
    found = [
        Problem(rule, has)
        for rule in RULES
        if candidate.profile in rule.profiles and (has := rule.broken(candidate))
    ]
    order = list(Severity)
    return tuple(sorted(found, key=lambda problem: order.index(problem.rule.severity)))


def refusal(candidate: Candidate) -> Problem | None:
    """Return the first reason why nobody should sign with `candidate`, or None."""
    worst = next(iter(check(candidate)), None)
    return worst if worst and worst.rule.severity is Severity.REFUSED else None


def accepted(pem: bytes, name: str, profile: Profile, task: str) -> tuple[Certificate, ...]:
    """Return the chain in `pem` if it may be signed with today; raises `PublishError` if not.

    `name` says which chain it is, `task` what it may then not do, like "sign claims". The engine
    says only "the certificate is invalid", or signs what others will not accept.
    """
    try:
        chain = read_chain(pem, name)
    except ConfigError as error:
        raise PublishError(error.message, error.hint) from error
    candidate = Candidate(chain, profile, datetime.now(UTC))
    if problem := refusal(candidate):
        raise PublishError(
            f"the certificate of {candidate.leaf.name} may not {task}: {problem.has}",
            f"{problem.rule.remedy} (rule {problem.rule.id}, see `trustkit keys check`)",
        )
    return chain


def unchecked(profile: Profile) -> tuple[str, ...]:
    """Say what no rule of `profile` looks at."""
    said = ["revocation: no OCSP responder and no revocation list is asked"]
    if profile in OFFICIAL:
        said.append("whether the subject is that of the record in the conforming products list")
    if profile is Profile.CAWG:
        said.append("whether the chain leads to Mozilla's e-mail roots, IPTC's list or C2PA's list")
    return tuple(said)


def read_chain(data: bytes, name: str) -> tuple[Certificate, ...]:
    """Return the certificates in `data`, in their order: PEM, DER or PKCS#7 (.p7b) as CAs send.

    Raises `ConfigError` when there is none, one cannot be read, or there are too many.
    """
    if len(data) > MAX_CHAIN:
        raise ConfigError(f"{name} is larger than {MAX_CHAIN:,} bytes", "is it a chain?")
    try:
        found = tuple(_certificates(data))
    except _BAD as error:
        raise ConfigError(
            f"{name} holds a certificate that cannot be read", "ask the CA for it again, in PEM"
        ) from error
    if not found:
        raise ConfigError(f"{name} holds no certificate", "give PEM, DER or PKCS#7")
    if len(found) > MAX_CERTIFICATES:
        raise ConfigError(
            f"{name} holds {len(found)} certificates", f"at most {MAX_CERTIFICATES} are a chain"
        )
    return found


def _certificates(data: bytes) -> Iterator[Certificate]:
    if b"-----BEGIN" not in data:
        yield from _from_der(data) if data.strip() else ()
        return
    for block in _BLOCK.finditer(data):
        load = _one if block[1] == b"CERTIFICATE" else pkcs7.load_pem_pkcs7_certificates
        yield from _bundle(load, block[0])


def _from_der(data: bytes) -> Iterator[Certificate]:
    try:
        yield read_certificate(data)
    except ValueError:
        yield from _bundle(pkcs7.load_der_pkcs7_certificates, data)


def _one(pem: bytes) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(pem)]


def _bundle(load: Callable[[bytes], list[x509.Certificate]], data: bytes) -> Iterator[Certificate]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about other people's serial numbers and encodings
        ders = [certificate.public_bytes(Encoding.DER) for certificate in load(data)]
    yield from map(read_certificate, ders)
