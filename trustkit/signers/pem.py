"""Keys in PEM files: `file:DIR` (key.pem and chain.pem) or `file:KEY.pem?chain=CHAIN.pem`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import KINDS, algorithm_of, as_raw, hash_of
from trustkit.signers.chain import read_chain, refuse_expired
from trustkit.signers.uri import parse

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class FileSigner:
    """A private key in memory with its chain; its `repr` never shows the key."""

    algorithm: str
    chain: bytes
    _key: PrivateKey

    def __repr__(self) -> str:
        return f"FileSigner({self.algorithm})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        digest = hash_of(self.algorithm)
        if isinstance(self._key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return self._key.sign(data, pss, digest)
        return as_raw(self._key.public_key(), self._key.sign(data, ec.ECDSA(digest)))


def open_file_signer(location: str, passphrase: Passphrase) -> FileSigner:
    """Open the key that `location` (the URI after `file:`) names.

    Checks that key and certificate belong together and are valid today, so that a mistake is told
    here in words. Raises `PublishError`.
    """
    key_file, chain_file = key_files(location)
    chain = read_chain(chain_file)
    key = load_key(_read(key_file), key_file, passphrase)
    _check_pair(key, chain.leaf, key_file, chain_file)
    return FileSigner(algorithm_of(key.public_key(), str(key_file)), chain.pem, key)


def key_files(location: str) -> tuple[Path, Path]:
    """Return the files of key and chain that `location` names; raises `PublishError`."""
    uri = parse("file", location, ("chain",))
    place = Path(uri.place.removeprefix("//")).expanduser()
    if chain := uri.get("chain"):
        return place, Path(chain).expanduser()
    if place.is_dir():
        return place / "key.pem", place / "chain.pem"
    raise PublishError(
        f"no key folder {place}",
        "make one with `trustkit keys generate -o DIR`, or name file:KEY.pem?chain=CHAIN.pem",
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(
            f"the private key {path} cannot be read: {error.strerror}", "check the key's URI"
        ) from error


def load_key(pem: bytes, path: Path, passphrase: Passphrase) -> PrivateKey:
    """Return the key in `pem`, called `path` in what is said; raises `PublishError`."""
    secret = passphrase().encode() if b"ENCRYPTED" in pem else None
    try:
        key = serialization.load_pem_private_key(pem, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The library's own words may quote the input, so none of them are passed on.
        if secret is None:
            raise PublishError(f"{path} holds no readable private key", "it must be PEM") from error
        raise PublishError(f"the passphrase does not open {path}", "try again") from error
    if not isinstance(key, PrivateKey):
        raise PublishError(f"{path} holds a kind of key C2PA does not allow", KINDS)
    return key


def _check_pair(key: PrivateKey, leaf: x509.Certificate, key_file: Path, chain_file: Path) -> None:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise PublishError(
            f"{key_file} and the first certificate of {chain_file} do not belong together",
            "the chain must begin with the certificate of this key",
        )
    refuse_expired(leaf)
