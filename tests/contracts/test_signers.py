"""What every signer keeps to, whichever place its key is kept in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.command import KEYS
from trustkit import plugins
from trustkit.errors import PublishError
from trustkit.signers import ALGORITHMS, Signer
from trustkit.toolbox import open_signer

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
# For each backend: how to name the test key of an algorithm, and a key that is not there.
URIS: dict[str, tuple[Callable[[str], str], str]] = {
    "file": (lambda algorithm: f"file:{KEYS / 'signer' / algorithm}", "file:/no/such/folder"),
}

backends = pytest.mark.parametrize("backend", plugins.names("signers"))
algorithms = pytest.mark.parametrize("algorithm", ALGORITHMS)


def signer(backend: str, algorithm: str) -> Signer:
    return open_signer(URIS[backend][0](algorithm), str)


def check(made: Signer, signature: bytes, data: bytes) -> None:
    key = x509.load_pem_x509_certificates(made.chain)[0].public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
        return
    digest = HASHES[made.algorithm[2:]]
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH)
        key.verify(signature, data, pss, digest)
        return
    assert isinstance(key, ec.EllipticCurvePublicKey)
    half = len(signature) // 2
    assert half == (key.curve.key_size + 7) // 8, "r and s, each as wide as the curve"
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(digest))


@backends
def test_a_key_that_is_not_there_is_one_clear_refusal(backend: str) -> None:
    with pytest.raises(PublishError) as refused:
        open_signer(URIS[backend][1], str)

    assert refused.value.hint
    assert refused.value.exit_code == 40


@backends
@algorithms
def test_a_signature_fits_what_was_signed_and_nothing_else(backend: str, algorithm: str) -> None:
    made = signer(backend, algorithm)
    for data in (b"", b"a claim", bytes(2**20)):
        signature = made.sign(data)
        check(made, signature, data)
        with pytest.raises(InvalidSignature):
            check(made, signature, data + b"!")


@backends
@algorithms
def test_the_algorithm_is_the_keys_own(backend: str, algorithm: str) -> None:
    assert signer(backend, algorithm).algorithm == algorithm


@backends
def test_a_signer_never_shows_its_key(backend: str) -> None:
    shown = repr(signer(backend, "es256")) + str(signer(backend, "es256"))

    assert "PRIVATE" not in shown
    assert len(shown) < 200


def test_every_backend_is_in_this_suite() -> None:
    assert sorted(URIS) == plugins.names("signers")


def test_a_scheme_nobody_serves_names_those_that_are() -> None:
    with pytest.raises(PublishError) as refused:
        open_signer("nokms:key", str)

    assert "file:" in refused.value.hint


def test_keys_of_the_repository_say_that_they_are_for_tests() -> None:
    for pem in Path(KEYS).rglob("*.pem"):
        assert "TEST ONLY" in pem.read_text(), pem
