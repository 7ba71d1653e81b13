"""What a key of C2PA's signs with, how its signature is written, and whether one fits."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from trustkit.errors import PublishError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

MIN_RSA_BITS = 2048  # C2PA 2.4 section 14.5.1.1
KINDS = "use P-256, P-384, P-521, RSA of 2048 bits or more, or Ed25519"
RSA_ALGORITHMS = ("ps256", "ps384", "ps512")
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
# As `keys generate` makes them: the longer the key, the longer the hash.
_BY_LENGTH = ((4096, "ps512"), (3072, "ps384"), (0, "ps256"))
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}
_ED25519_BYTES = 64  # RFC 8032 section 5.1.6


def algorithm_of(key: PublicKeyTypes, name: str, asked: str = "") -> str:
    """Return which of `ALGORITHMS` the key called `name` signs with.

    `asked` picks one of the three for an RSA key, whose length would decide otherwise, and must
    be the only one possible for every other key. Raises `PublishError`.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        found: tuple[str, ...] = ("ed25519",)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise PublishError(f"{name} is on a curve C2PA does not allow", KINDS)
        found = (_CURVES[key.curve.name],)
    elif isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise PublishError(f"{name} is an RSA key of only {key.key_size} bits", KINDS)
        # An RSA key may sign with any of the three, so its length picks one.
        usual = next(algorithm for bits, algorithm in _BY_LENGTH if key.key_size >= bits)
        found = (usual, *RSA_ALGORITHMS)
    else:
        raise PublishError(f"{name} is a kind of key C2PA does not allow", KINDS)
    if asked and asked not in found:
        raise PublishError(
            f"{name} cannot sign with alg={asked}", f"leave alg out, or name {found[0]}"
        )
    return asked or found[0]


def hash_of(algorithm: str) -> hashes.HashAlgorithm:
    """Return the hash that es*, ps* sign with; Ed25519 has none of its own to be named."""
    return _HASHES[algorithm[2:]]()


def digest(algorithm: str, data: bytes) -> bytes:
    """Hash `data` as `algorithm` asks, for places that sign a digest."""
    made = hashes.Hash(hash_of(algorithm))
    made.update(data)
    return made.finalize()


def as_raw(key: PublicKeyTypes, signature: bytes) -> bytes:
    """Return an ECDSA signature in DER as r || s; whatever else it is stays as it is."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return signature
    width = (key.curve.key_size + 7) // 8
    if len(signature) == 2 * width and not _is_der(signature):
        return signature
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except (ValueError, OverflowError):
        return signature  # neither form: the check that follows says so


def _is_der(signature: bytes) -> bool:
    try:
        decode_dss_signature(signature)
    except ValueError:
        return False
    return True


def length_of(key: PublicKey) -> int:
    """Return how many bytes a signature by `key` has, as COSE wants it."""
    if isinstance(key, rsa.RSAPublicKey):
        return (key.key_size + 7) // 8
    if isinstance(key, ec.EllipticCurvePublicKey):
        return 2 * ((key.curve.key_size + 7) // 8)
    return _ED25519_BYTES


def fits(key: PublicKey, algorithm: str, signature: bytes, data: bytes) -> bool:
    """Tell whether `signature`, an ECDSA one as r || s, is one of `data` by `key`."""
    if len(signature) != length_of(key):
        return False
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif isinstance(key, rsa.RSAPublicKey):
            made = hash_of(algorithm)
            pss = padding.PSS(padding.MGF1(made), padding.PSS.DIGEST_LENGTH)
            key.verify(signature, data, pss, made)
        else:
            half = len(signature) // 2
            r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
            key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hash_of(algorithm)))
    except InvalidSignature:
        return False
    return True
