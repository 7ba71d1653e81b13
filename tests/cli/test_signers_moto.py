"""AWS KMS as moto serves it: a key made there, certified here, signing through the command.

With RAW alone: moto 5.2.5 hashes a DIGEST once more, which AWS does not (getmoto/moto#10202). So
claims of more than 4096 bytes are tested against tests/signers/services.py.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.command import MEDIA, PATIENCE, Answer
from tests.conftest import Run, Verify
from tests.signers.certify import certify
from tests.signers.services import AWS_ENV

boto3 = pytest.importorskip("boto3", reason="pip install 'trustkit[awskms]'")
for part in ("moto", "flask", "flask_cors"):
    pytest.importorskip(part, reason="pip install 'moto[kms]' flask flask-cors")

REGION = "eu-central-1"
SPECS = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    log = (tmp_path_factory.mktemp("moto") / "log").open("wb")
    with log, subprocess.Popen(words, stdout=log, stderr=log) as server:
        try:
            until = time.monotonic() + PATIENCE
            while True:
                assert server.poll() is None
                assert time.monotonic() < until
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def sign(quick: Run, url: str, spec: str, tmp_path: Path) -> Answer:
    """Make a key, certify it, and sign with it."""
    session = boto3.session.Session("x", "y", region_name=REGION)
    kms = session.client("kms", endpoint_url=url)
    key = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["KeyId"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    certify(public, tmp_path)
    uri = f"awskms:{key}?chain={tmp_path}/chain.pem&region={REGION}&endpoint={url}"
    words = ("--key", uri, "--source-type", "digitalCapture", "--no-soft-binding", "-q")
    return quick("sign", MEDIA / "scene.jpg", "-o", tmp_path / "out.jpg", *words, env=AWS_ENV)


@pytest.mark.parametrize("spec", SPECS)
def test_a_key_made_in_kms_signs_and_is_trusted(
    spec: str, url: str, quick: Run, verify: Verify, tmp_path: Path
) -> None:
    answer = sign(quick, url, spec, tmp_path)

    assert (answer.code, answer.stderr) == (0, "")
    row = verify(tmp_path / "out.jpg", trust=tmp_path / "root.pem")["out.jpg"]
    assert row["verdict"] == "trusted"


def test_a_signature_in_a_form_that_c2pa_does_not_read_is_not_written(
    url: str, quick: Run, tmp_path: Path
) -> None:
    # moto salts PSS as long as the key allows; AWS, and RFC 8230 section 2, as long as the hash.
    answer = sign(quick, url, "RSA_2048", tmp_path)

    assert answer.code == 40
    assert "its signature does not fit" in answer.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_a_key_that_kms_has_not_is_said(url: str, quick: Run, tmp_path: Path) -> None:
    certify(ec.generate_private_key(ec.SECP256R1()).public_key(), tmp_path)
    uri = f"awskms:alias/nobody?chain={tmp_path}/chain.pem&region={REGION}&endpoint={url}"

    answer = quick(
        "sign", MEDIA / "scene.jpg", "-o", tmp_path / "out.jpg", "--key", uri,
        "--source-type", "digitalCapture", env=AWS_ENV,
    )  # fmt: skip

    assert answer.code == 40
    assert "AWS KMS has no key alias/nobody" in answer.stderr
    assert not (tmp_path / "out.jpg").exists()
