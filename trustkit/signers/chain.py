"""The certificates that go with a key: read, and looked at before anything is signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustkit.errors import PublishError

MAX_CHAIN_BYTES = 2**20  # a chain has some kilobytes


@dataclass(frozen=True)
class Chain:
    """The leaf's certificate, then its issuers, as PEM; `name` is what to call them in a text."""

    name: str
    pem: bytes
    leaf: x509.Certificate

    @property
    def key(self) -> PublicKeyTypes:
        """The public key of the leaf; raises `PublishError` where it is of an unknown kind."""
        try:
            return self.leaf.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise PublishError(
                f"the key in the first certificate of {self.name} is of an unknown kind",
                "use P-256, P-384, P-521, RSA of 2048 bits or more, or Ed25519",
            ) from error


def read_chain(path: Path) -> Chain:
    """Read a PEM file of certificates; raises `PublishError`."""
    try:
        with path.open("rb") as stream:
            pem = stream.read(MAX_CHAIN_BYTES + 1)
    except OSError as error:
        raise PublishError(
            f"the certificate chain {path} cannot be read: {error.strerror}",
            "check the key's URI",
        ) from error
    return parse_chain(pem, str(path))


def parse_chain(pem: bytes, name: str) -> Chain:
    """Make a chain of PEM bytes; raises `PublishError` where no certificate can be read."""
    try:
        certificates = x509.load_pem_x509_certificates(pem) if len(pem) <= MAX_CHAIN_BYTES else []
        return Chain(name, pem, certificates[0])
    except (ValueError, IndexError) as error:
        raise PublishError(
            f"{name} holds no readable certificate",
            "it must begin with the signer's own certificate, in PEM",
        ) from error


def chain_of(certificates: list[x509.Certificate], name: str) -> Chain:
    """Make a chain of certificates, the leaf first."""
    form = serialization.Encoding.PEM
    pem = b"".join(certificate.public_bytes(form) for certificate in certificates)
    return Chain(name, pem, certificates[0])


def refuse_expired(leaf: x509.Certificate) -> None:
    """Raise `PublishError` where the certificate is not valid today."""
    now = datetime.now(UTC)
    if now < leaf.not_valid_before_utc:
        raise PublishError(
            f"the certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}",
            "wait, or check this machine's clock",
        )
    if now > leaf.not_valid_after_utc:
        raise PublishError(
            f"the certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d}",
            "ask your CA for a new one",
        )
