"""A new key and the request for its certificate (PKCS #10, RFC 2986), for a CA to answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from trustkit.errors import PublishError
from trustkit.signers.algorithms import algorithm_of, hash_of
from trustkit.signers.pem import PrivateKey
from trustkit.signers.whole import PUBLIC, put, set_aside

Extension = tuple[x509.ExtensionType, bool]  # and whether it is critical
_MAX_NAME = 64  # characters, RFC 5280 appendix A.1: ub-common-name, ub-organization-name


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the certificate is to name."""

    organisation: str
    name: str = ""
    country: str = ""
    email: str = ""

    def check(self) -> None:
        """Raise `PublishError` for what no CA can put into a certificate."""
        for what, text in (("organisation", self.organisation), ("name", self.name)):
            if len(text) > _MAX_NAME or not text.isprintable():
                raise PublishError(
                    f"the {what} cannot be put into a certificate",
                    f"at most {_MAX_NAME} characters, all printable",
                )
        if not self.organisation.strip():
            raise PublishError("no organisation is named", "add --organisation NAME")
        if self.country and not (len(self.country) == 2 and self.country.isascii()):  # noqa: PLR2004
            raise PublishError(f"{self.country!r} is no country", "two letters, such as DE")
        if self.email and not (self.email.isascii() and "@" in self.email[1:-1]):
            raise PublishError(f"{self.email!r} is no e-mail address", "such as desk@example.org")

    @property
    def distinguished(self) -> x509.Name:
        """The subject as X.509 writes it; raises `PublishError`."""
        self.check()
        parts = [
            (NameOID.COUNTRY_NAME, self.country.upper()),
            (NameOID.ORGANIZATION_NAME, self.organisation),
            (NameOID.COMMON_NAME, self.name or self.organisation),
        ]
        try:
            return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts if text])
        except ValueError as error:
            raise PublishError(
                "the subject cannot be put into a certificate", "see `trustkit keys request --help`"
            ) from error


def make_request(key: PrivateKey, subject: Subject, wanted: Iterable[Extension]) -> bytes:
    """Return the request as PEM; `wanted` are the extensions to ask for.

    The CA decides: it may leave out or replace whatever is asked. Raises `PublishError`.
    """
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject.distinguished)
    for extension, critical in wanted:
        builder = builder.add_extension(extension, critical=critical)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(own, critical=False)
    if subject.email:
        address = x509.SubjectAlternativeName([x509.RFC822Name(subject.email)])
        builder = builder.add_extension(address, critical=False)
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey)
    digest = None if is_edwards else hash_of(algorithm_of(key.public_key(), "the key"))
    made = builder.sign(key, digest)  # type: ignore[arg-type]  # hash_of gives SHA-2 alone
    return made.public_bytes(serialization.Encoding.PEM)


def write_request(folder: Path, pem: bytes) -> None:
    """Put request.pem into `folder`; one that is there already is kept as request.1.pem or so."""
    path = folder / "request.pem"
    set_aside(path)
    put(path, pem, PUBLIC)


def requested_key(folder: Path) -> bytes | None:
    """Return the public key (DER) of request.pem in `folder`; None where there is no request.

    The request is signed by the key it is for. Raises `PublishError` when it is not, or not whole.
    """
    path = folder / "request.pem"
    try:
        request = x509.load_pem_x509_csr(path.read_bytes())
        is_sound = request.is_signature_valid
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PublishError(f"{path} cannot be read", "make a new request") from error
    if not is_sound:
        raise PublishError(f"{path} is not signed by its own key", "make a new request")
    return spki(request.public_key())


def spki(key: object) -> bytes:
    """Return a public key as DER, which two equal keys have in common."""
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    encoded: bytes = key.public_bytes(*form)  # type: ignore[attr-defined]  # every public key has it
    return encoded
