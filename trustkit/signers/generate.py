"""A test CA and one signing key under it. Nobody outside the house will trust it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trustkit.errors import PublishError
from trustkit.signers import ALGORITHMS
from trustkit.signers.pem import PrivateKey
from trustkit.signers.whole import PUBLIC, SECRET, put
from trustkit.signers.whole import folder as whole_folder

DAYS = 365  # the C2PA leaf profile allows 366 at most
_TEST_ONLY = b"TEST ONLY: made by `trustkit keys generate`; it proves nothing to anybody else.\n"
_PEM = serialization.Encoding.PEM
_RSA_BITS = {"ps256": 2048, "ps384": 3072, "ps512": 4096}
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "es256": ec.SECP256R1,
    "es384": ec.SECP384R1,
    "es512": ec.SECP521R1,
}
_HASH_OF: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def generate(
    folder: Path, algorithm: str, organisation: str, passphrase: str = "", days: int = DAYS
) -> None:
    """Write key.pem, chain.pem and root.pem into `folder`; the CA's own key is thrown away.

    The key is encrypted when there is a passphrase. Raises `PublishError` if the folder holds a
    key already or the algorithm is not C2PA's.
    """
    if algorithm not in ALGORITHMS:
        raise PublishError(f"no algorithm {algorithm!r} in C2PA", f"one of {', '.join(ALGORITHMS)}")
    refuse_taken(folder)
    root_key = ec.generate_private_key(ec.SECP384R1())
    root = _certificate(f"{organisation} Test Root", organisation, root_key, None, days, "es384")
    key = new_key(algorithm)
    leaf = _certificate(
        f"{organisation} Test Signer", organisation, key, (root, root_key), days, algorithm
    )
    with _filling(folder) as place:
        # The key last: a folder with a key in it is whole.
        put(place / "root.pem", _TEST_ONLY + root.public_bytes(_PEM), PUBLIC)
        put(place / "chain.pem", _TEST_ONLY + leaf.public_bytes(_PEM), PUBLIC)
        put(place / "key.pem", _TEST_ONLY + key_pem(key, passphrase), SECRET)


def refuse_taken(folder: Path) -> None:
    """Raise `PublishError` if `folder` holds any part of a key already."""
    taken = [name for name in ("key.pem", "chain.pem", "root.pem") if (folder / name).exists()]
    if taken:
        raise PublishError(f"{folder} already holds {taken[0]}", "name another folder")


def write_key(folder: Path, key: PrivateKey, passphrase: str, request: bytes) -> None:
    """Write key.pem and request.pem into `folder`, whole or not at all; raises `PublishError`."""
    refuse_taken(folder)
    with _filling(folder) as place:
        put(place / "request.pem", request, PUBLIC)
        put(place / "key.pem", key_pem(key, passphrase), SECRET)


@contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    if folder.is_dir():  # somebody's own, with other things in it
        yield folder
        return
    with whole_folder(folder) as fresh:
        yield fresh


def new_key(algorithm: str) -> PrivateKey:
    """Make a private key for one of `ALGORITHMS`."""
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in _CURVES:
        return ec.generate_private_key(_CURVES[algorithm]())
    return rsa.generate_private_key(65537, _RSA_BITS[algorithm])


def _certificate(
    name: str,
    organisation: str,
    key: PrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    days: int,
    algorithm: str,
) -> x509.Certificate:
    # What c2pa-rs demands of a leaf: v3, CA=false, KeyUsage digitalSignature, an allowed EKU, AKI.
    is_ca = issuer is None
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "TEST ONLY"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    signing_key = issuer[1] if issuer else key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=0 if is_ca else None), True)
        .add_extension(_key_usage(is_ca=is_ca), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), False
        )
    )
    if not is_ca:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, False)
    # The hash tells an RSA key which PS algorithm it is for; the CA's P-384 key takes any.
    digest = _HASH_OF.get(algorithm[2:], hashes.SHA384)()
    return builder.sign(signing_key, digest)


def _key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def key_pem(key: PrivateKey, passphrase: str) -> bytes:
    """Return `key` as PEM (PKCS #8), encrypted when there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, encryption)
