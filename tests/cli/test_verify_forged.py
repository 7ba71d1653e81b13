"""Signatures that two readers may read differently: what one checks must be what the other names.

The engine checks a signature by the first chain it meets, and a time stamp by any signer in it.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cbor2
import pytest
from asn1crypto import tsp
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.command import AI, KEY, KEYS, MEDIA, TRUST, TSA_TRUST
from tests.conftest import Run, Verify
from tests.manifests import codes
from tests.stamper import Stamper
from trustkit.c2pa.certificates import read_certificate
from trustkit.c2pa.cose import box, labels
from trustkit.c2pa.profiles.lint import read_chain

FORGER = KEYS / "untrusted"
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)

Headers = tuple[dict[Any, Any], dict[Any, Any]]  # protected, unprotected


def chain_of(folder: Path) -> list[bytes]:
    return [one.der for one in read_chain((folder / "chain.pem").read_bytes(), folder.name)]


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    """A picture of the forger's, with its manifest beside it."""
    out = tmp_path_factory.mktemp("forger") / "forged.jpg"
    key = f"file:{FORGER}/key.pem?chain={FORGER}/chain.pem"
    answer = quick("sign", MEDIA / "scene.jpg", "-o", out, "--key", key, *AI, "--sidecar", "-q")
    assert answer.code == 0, answer.stderr
    return out


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    out = tmp_path_factory.mktemp("genuine") / "a-genuine.jpg"
    assert quick("sign", MEDIA / "scene.jpg", "-o", out, "--key", KEY, *AI, "-q").code == 0
    return out


def forge(unsigned: Path, out: Path, headers: Callable[[bytes, bytes], Headers]) -> None:
    """Sign anew with the forger's key and these headers; `headers` is told what a stamp covers."""
    sidecar = Path(f"{unsigned}.c2pa")
    store = sidecar.read_bytes()
    label = labels(store, "c2pa")[-1]
    old = box(store, "c2pa", label, "c2pa.signature")
    claim = box(store, "c2pa", label, "c2pa.claim.v2")
    protected = cbor2.dumps(headers(b"", b"")[0])
    key = load_pem_private_key((FORGER / "key.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    over = cbor2.dumps(["Signature1", protected, b"", claim])
    r, s = utils.decode_dss_signature(key.sign(over, ec.ECDSA(SHA256())))
    signature = r.to_bytes(32) + s.to_bytes(32)
    _, loose = headers(protected, signature)
    shutil.copy(unsigned, out)
    new = padded(len(old), protected, loose, signature)
    Path(f"{out}.c2pa").write_bytes(store.replace(old, new))


def padded(size: int, protected: bytes, loose: Mapping[Any, Any], signature: bytes) -> bytes:
    for extra in ({}, {"pad2": bytes(10)}):
        for pad in range(size):
            headers = {**loose, **extra, "pad": bytes(pad)}
            made = cbor2.dumps(cbor2.CBORTag(18, [protected, headers, None, signature]))
            if len(made) == size:
                return made
    raise AssertionError("no padding fits")


OWN, OTHERS = chain_of(FORGER), chain_of(KEYS / "signer" / "es256")


@pytest.mark.parametrize(
    ("protected", "unprotected"),
    [
        ({1: -7, "x5chain": OWN, 33: OTHERS}, {}),
        ({1: -7, 33: OTHERS, "x5chain": OWN}, {}),
        ({1: -7, "x5chain": OWN}, {33: OTHERS}),
        ({1: -7, 33: OWN}, {33: OTHERS}),
        ({1: -7, 33: OTHERS}, {33: OWN}),
        ({1: -7}, {"x5chain": OWN, 33: OTHERS}),
    ],
    ids=["named first", "numbered first", "split", "both 33", "other first", "unprotected"],
)
def test_a_second_chain_in_a_signature_lends_nobody_its_name(
    protected: dict[Any, Any],
    unprotected: dict[Any, Any],
    genuine: Path,
    unsigned: Path,
    tmp_path: Path,
    verify: Verify,
) -> None:
    forged = tmp_path / "b-forged.jpg"
    forge(unsigned, forged, lambda _protected, _signature: (protected, unprotected))
    shutil.copy(genuine, tmp_path)
    # In one run, after a file whose chain the engine has accepted.
    rows = verify("-r", tmp_path, "--trust", TRUST)
    assert rows["a-genuine.jpg"]["verdict"] in {"trusted", "declared_ai"}
    assert rows["a-genuine.jpg"]["axes"]["signer"] == "trusted"
    assert rows["b-forged.jpg"]["axes"]["signer"] != "trusted"
    assert "manifest.trusted" not in codes(rows["b-forged.jpg"])


def stamp(data: bytes, keys: Path) -> Any:
    query = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": "sha256"},
                "hashed_message": hashlib.sha256(data).digest(),
            },
            "cert_req": True,
        }
    )
    reply = Stamper(keys).reply(query.dump(), LONG_AGO)
    return tsp.TimeStampResp.load(reply)["time_stamp_token"]


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def two_signers(data: bytes) -> bytes:
    """A token of one's own authority, with a known one named first, which has signed nothing."""
    own, known = stamp(data, KEYS / "tsa-untrusted"), stamp(data, KEYS / "tsa")
    signed, other = own["content"], known["content"]
    named = other["signer_infos"][0].copy()
    named["signature"] = b"\1" * 256
    certificates = [c.chosen.dump() for c in (*other["certificates"], *signed["certificates"])]
    body = der(
        0x30,
        signed["version"].dump(),
        signed["digest_algorithms"].dump(),
        signed["encap_content_info"].dump(),
        der(0xA0, *certificates),
        der(0x31, named.dump(force=True), signed["signer_infos"][0].dump()),
    )
    return der(0x30, own["content_type"].dump(), der(0xA0, body))


def stamped_with(token: Callable[[bytes], bytes]) -> Callable[[bytes, bytes], Headers]:
    def headers(protected: bytes, signature: bytes) -> Headers:
        over = cbor2.dumps(["CounterSignature", protected, b"", cbor2.dumps(signature)])
        return {1: -7, 33: OWN}, {"sigTst2": {"tstTokens": [{"val": token(over)}]}}

    return headers


def test_the_stamp_of_a_known_authority_is_relied_on(
    unsigned: Path, tmp_path: Path, verify: Verify
) -> None:
    headers = stamped_with(lambda over: bytes(stamp(over, KEYS / "tsa").dump()))
    forge(unsigned, tmp_path / "x.jpg", headers)
    row = verify(tmp_path / "x.jpg", "--trust", TRUST, "--tsa-trust", TSA_TRUST)["x.jpg"]
    assert codes(row)["manifest.timestamp"] == "present"


def test_a_known_authority_named_first_in_another_ones_stamp_gives_no_time(
    unsigned: Path, tmp_path: Path, verify: Verify
) -> None:
    forge(unsigned, tmp_path / "x.jpg", stamped_with(two_signers))
    row = verify(tmp_path / "x.jpg", "--trust", TRUST, "--tsa-trust", TSA_TRUST)["x.jpg"]
    assert codes(row)["manifest.timestamp"] == "skipped"


def test_a_stamp_in_the_signed_header_or_beside_another_gives_no_time(
    unsigned: Path, tmp_path: Path, verify: Verify
) -> None:
    good = {"tstTokens": [{"val": stamp(b"something else", KEYS / "tsa").dump()}]}

    def headers(protected: bytes, signature: bytes) -> Headers:
        signed, loose = stamped_with(
            lambda over: bytes(stamp(over, KEYS / "tsa-untrusted").dump())
        )(protected, signature)
        return {**signed, "sigTst2": good}, loose

    forge(unsigned, tmp_path / "signed.jpg", headers)
    row = verify(tmp_path / "signed.jpg", "--trust", TRUST, "--tsa-trust", TSA_TRUST)["signed.jpg"]
    assert codes(row).get("manifest.timestamp") != "present"


def test_the_chains_of_these_tests_are_two() -> None:
    assert read_certificate(OWN[0]).name != read_certificate(OTHERS[0]).name
