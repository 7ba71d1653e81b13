"""What every signer keeps to, whichever place its key is kept in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.command import KEYS
from tests.signers.places import ENV, LACKING, Place, needed, pairs, places
from tests.signers.services import SECRETS, Services, serving
from tests.signers.softhsm import PIN
from trustkit import plugins
from trustkit.errors import PublishError
from trustkit.signers import ALGORITHMS, Signer
from trustkit.toolbox import open_signer

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
LIMITS = {"awskms": range(1, 4097), "gcpkms": range(64 * 1024 + 1)}  # of Ed25519, in bytes

backends = pytest.mark.parametrize("backend", plugins.names("signers"))
every = pytest.mark.parametrize(("backend", "algorithm"), pairs())


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with serving() as running:
        yield running


@pytest.fixture
def place(backend: str, services: Services, monkeypatch: pytest.MonkeyPatch) -> Place:
    needed(backend)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    return places(services)[backend]


def opened(place: Place, uri: str) -> Signer:
    return open_signer(uri, lambda: place.secret)


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
def test_a_key_that_is_not_there_is_one_clear_refusal(place: Place) -> None:
    with pytest.raises(PublishError) as refused:
        opened(place, place.missing())

    print(f"\n{refused.value.message} | {refused.value.hint}")
    assert refused.value.hint
    assert refused.value.exit_code == 40
    assert not any(secret in str(refused.value) for secret in (*SECRETS, PIN))


@backends
def test_a_chain_that_is_not_there_is_one_clear_refusal(place: Place, tmp_path: Path) -> None:
    uri = place.uri("es256")
    gone = f"chain={tmp_path}/gone.pem"
    chain = KEYS / "signer/es256/chain.pem"
    if "chain=" in uri:
        uri = uri.replace(f"chain={chain}", gone)
    else:
        uri += f"&{gone}" if "?" in uri else f"/key.pem?{gone}"

    with pytest.raises(PublishError, match=r"gone\.pem") as refused:
        opened(place, uri)

    assert refused.value.hint


@backends
def test_the_chain_of_another_key_is_refused_before_anything_is_signed(
    place: Place, tmp_path: Path
) -> None:
    uri = place.uri("es256")
    chain, other = KEYS / "signer/es256/chain.pem", KEYS / "variants/key-mismatch/chain.pem"
    if "chain=" in uri:
        uri = uri.replace(f"chain={chain}", f"chain={other}")
    else:
        uri += f"&chain={other}" if "?" in uri else f"/key.pem?chain={other}"

    with pytest.raises(PublishError, match="do not belong together") as refused:
        opened(place, uri)

    assert refused.value.hint


@backends
@pytest.mark.parametrize("variant", ["expired", "not-yet-valid"])
def test_a_certificate_that_is_not_valid_today_is_refused(place: Place, variant: str) -> None:
    uri = place.uri("es256")
    chain, other = KEYS / "signer/es256/chain.pem", KEYS / f"variants/{variant}/chain.pem"
    if uri.startswith("file:"):
        uri = f"file:{other.parent}"
    elif "chain=" in uri:
        uri = uri.replace(f"chain={chain}", f"chain={other}")
    else:
        uri += f"&chain={other}"

    with pytest.raises(PublishError, match=r"the certificate (expired|is not valid before)"):
        opened(place, uri)


@every
def test_a_signature_fits_what_was_signed_and_nothing_else(
    backend: str, algorithm: str, place: Place
) -> None:
    made = opened(place, place.uri(algorithm))
    for data in (b"", b"a claim", bytes(4096), bytes(4097), bytes(2**20)):
        if algorithm == "ed25519" and len(data) not in LIMITS.get(backend, range(2**30)):
            with pytest.raises(PublishError, match=r"Ed25519"):
                made.sign(data)
            continue
        signature = made.sign(data)
        check(made, signature, data)
        with pytest.raises(InvalidSignature):
            check(made, signature, data + b"!")


@every
def test_the_algorithm_is_the_keys_own(algorithm: str, place: Place) -> None:
    assert opened(place, place.uri(algorithm)).algorithm == algorithm


@backends
def test_the_chain_begins_with_the_leaf_and_goes_on_with_its_issuer(place: Place) -> None:
    chain = x509.load_pem_x509_certificates(opened(place, place.uri("es256")).chain)
    expected = (KEYS / "signer/es256/chain.pem").read_bytes()

    assert chain == x509.load_pem_x509_certificates(expected)


@backends
def test_a_signer_never_shows_its_key(place: Place) -> None:
    made = opened(place, place.uri("es256"))
    shown = repr(made) + str(made)

    assert "PRIVATE" not in shown
    assert not any(secret in shown for secret in (*SECRETS, PIN))
    assert len(shown) < 400


@pytest.mark.parametrize(("backend", "algorithm"), [
    (backend, algorithm) for backend, lacking in LACKING.items() for algorithm in lacking
])  # fmt: skip
def test_an_algorithm_that_a_vendor_lacks_is_said(place: Place, algorithm: str) -> None:
    with pytest.raises(PublishError) as refused:
        opened(place, place.uri(algorithm))

    assert refused.value.hint


@backends
def test_an_rsa_key_signs_with_the_algorithm_asked_for(backend: str, place: Place) -> None:
    if backend == "file":
        pytest.skip("a key file's algorithm is given by its length")
    made = opened(place, f"{place.uri('ps256')}&alg=ps512")

    assert made.algorithm == "ps512"
    check(made, made.sign(b"a claim"), b"a claim")
    with pytest.raises(PublishError, match="cannot sign with alg=es384"):
        opened(place, f"{place.uri('es256')}&alg=es384")


@pytest.mark.parametrize(
    ("backend", "module"),
    [
        ("pkcs11", "pkcs11"),
        ("awskms", "boto3"),
        ("azure", "azure.identity"),
        ("gcpkms", "google.auth"),
    ],
)
def test_a_backend_whose_extra_is_missing_says_what_to_install(
    backend: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"trustkit.signers.{backend}", raising=False)

    with pytest.raises(PublishError, match=f"{backend} needs") as refused:
        open_signer(f"{backend}:anything", str)

    assert refused.value.hint == f"pip install 'trustkit[{backend}]'"


def test_every_backend_is_in_this_suite() -> None:
    assert sorted({backend for backend, _ in pairs()}) == plugins.names("signers")
    covered = set(pairs()) | {(b, a) for b, lacking in LACKING.items() for a in lacking}
    assert covered == {(b, a) for b in plugins.names("signers") for a in ALGORITHMS}


def test_a_scheme_nobody_serves_names_those_that_are() -> None:
    with pytest.raises(PublishError) as refused:
        open_signer("nokms:key", str)

    assert "file:" in refused.value.hint


def test_keys_of_the_repository_say_that_they_are_for_tests() -> None:
    for pem in Path(KEYS).rglob("*.pem"):
        assert "TEST ONLY" in pem.read_text(), pem
