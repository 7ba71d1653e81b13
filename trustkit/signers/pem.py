"""Keys in PEM files: `file:DIR` (key.pem and chain.pem) or `file:KEY.pem?chain=CHAIN.pem`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from trustkit.errors import PublishError
from trustkit.signers import Passphrase

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

MIN_RSA_BITS = 2048  # C2PA 2.4 section 14.5.1.1
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# As `keys generate` makes them: the longer the key, the longer the hash.
_BY_LENGTH = ((4096, "ps512"), (3072, "ps384"), (0, "ps256"))
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


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
        digest = _HASHES[self.algorithm[2:]]()
        if isinstance(self._key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
            return self._key.sign(data, pss, digest)
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(digest)))
        width = (self._key.curve.key_size + 7) // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")


def open_file_signer(location: str, passphrase: Passphrase) -> FileSigner:
    """Open the key that `location` (the URI after `file:`) names.

    Checks that key and certificate belong together and are valid today, so that a mistake is told
    here in words. Raises `PublishError`.
    """
    key_file, chain_file = _files(location)
    chain = _read(chain_file, "certificate chain")
    key = _load_key(_read(key_file, "private key"), key_file, passphrase)
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError) as error:
        raise PublishError(
            f"{chain_file} holds no readable certificate",
            "it must begin with the signer's own certificate, in PEM",
        ) from error
    _check_pair(key, leaf, key_file, chain_file)
    return FileSigner(_algorithm(key, key_file), chain, key)


def _files(location: str) -> tuple[Path, Path]:
    path, _, query = location.partition("?")
    place = Path(unquote(path.removeprefix("//"))).expanduser()
    chain = parse_qs(query).get("chain")
    if chain:
        return place, Path(chain[0]).expanduser()
    if place.is_dir():
        return place / "key.pem", place / "chain.pem"
    raise PublishError(
        f"no key folder {place}",
        "make one with `trustkit keys generate -o DIR`, or name file:KEY.pem?chain=CHAIN.pem",
    )


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PublishError(
            f"the {what} {path} cannot be read: {error.strerror}", "check the key's URI"
        ) from error


def _load_key(pem: bytes, path: Path, passphrase: Passphrase) -> PrivateKey:
    secret = passphrase().encode() if b"ENCRYPTED" in pem else None
    try:
        key = serialization.load_pem_private_key(pem, secret)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The library's own words may quote the input, so none of them are passed on.
        if secret is None:
            raise PublishError(f"{path} holds no readable private key", "it must be PEM") from error
        raise PublishError(f"the passphrase does not open {path}", "try again") from error
    if not isinstance(key, PrivateKey):
        raise PublishError(f"{path} holds a kind of key C2PA does not allow", _KINDS)
    return key


_KINDS = "use P-256, P-384, P-521, RSA of 2048 bits or more, or Ed25519"


def _algorithm(key: PrivateKey, path: Path) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in _CURVES:
            raise PublishError(f"{path} is on a curve C2PA does not allow", _KINDS)
        return _CURVES[key.curve.name]
    if key.key_size < MIN_RSA_BITS:
        raise PublishError(f"{path} is an RSA key of only {key.key_size} bits", _KINDS)
    # An RSA key may sign with any of the three, so its length picks one.
    return next(name for bits, name in _BY_LENGTH if key.key_size >= bits)


def _check_pair(key: PrivateKey, leaf: x509.Certificate, key_file: Path, chain_file: Path) -> None:
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise PublishError(
            f"{key_file} and the first certificate of {chain_file} do not belong together",
            "the chain must begin with the certificate of this key",
        )
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
