"""The keys that tests sign with: rebuilt alike, marked TEST ONLY, and good for what they say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from tests.tsa import OPENSSL, LocalTsa

KEYS = Path(__file__).resolve().parents[2] / "keys"
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")
TIME_STAMPERS = ("tsa", "tsa-untrusted")
PEM_FILES = sorted(path.relative_to(KEYS).as_posix() for path in KEYS.rglob("*.pem"))
WITHIN_VALIDITY = datetime(2030, 1, 1, tzinfo=UTC)
MESSAGE = b"the bytes that are stamped"


def certificates(path: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((KEYS / path).read_bytes())


def verify_chain(chain: list[x509.Certificate], root: str) -> None:
    """Raise VerificationError unless `chain` leads to `root`."""
    leaf, *intermediates = chain
    authorities = ExtensionPolicy.permit_all().require_present(
        x509.BasicConstraints, Criticality.CRITICAL, None
    )
    leaves = ExtensionPolicy.permit_all().require_present(
        x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _is_for_one_purpose
    )
    verifier = (
        PolicyBuilder()
        .store(Store(certificates(root)))
        .time(WITHIN_VALIDITY)
        .extension_policies(ca_policy=authorities, ee_policy=leaves)
        .build_client_verifier()
    )
    verifier.verify(leaf, intermediates)


def _is_for_one_purpose(
    _policy: Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage
) -> None:
    accepted = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.TIME_STAMPING)
    if len(usage) != 1 or usage[0] not in accepted:
        raise ValueError(f"unexpected extended key usage {usage}")


def openssl_ts(*arguments: str | Path) -> bool:
    """Return whether `openssl ts` succeeds."""
    done = subprocess.run([OPENSSL, "ts", *arguments], check=False, capture_output=True)
    return done.returncode == 0


def query(folder: Path, digest: str = "sha256") -> Path:
    """Return a time-stamp query for MESSAGE, as a file in `folder`."""
    message, question = folder / "message", folder / "query.tsq"
    message.write_bytes(MESSAGE)
    assert openssl_ts("-query", "-data", message, f"-{digest}", "-cert", "-out", question)
    return question


def ask(tsa: LocalTsa, question: bytes, timeout: float = 10.0) -> tuple[int, bytes]:
    """Return the status and the body of the authority's answer to `question`."""
    headers = {"Content-Type": "application/timestamp-query"}
    with closing(HTTPConnection(urlsplit(tsa.url).netloc, timeout=timeout)) as connection:
        connection.request("POST", "/", question, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def stamp(tsa: LocalTsa, folder: Path, digest: str = "sha256") -> None:
    """Leave a query and the authority's response to it in `folder`."""
    status, response = ask(tsa, query(folder, digest).read_bytes())
    assert status == 200
    (folder / "response.tsr").write_bytes(response)


def stamp_verifies(folder: Path, root: str) -> bool:
    """Return whether the response in `folder` answers its query, by the authorities of `root`."""
    answered = ("-queryfile", folder / "query.tsq", "-in", folder / "response.tsr")
    return openssl_ts("-verify", *answered, "-CAfile", KEYS / root)


def check(keys: Path) -> tuple[int, str]:
    """Return the exit code and the complaints of `make.py --check` on `keys`."""
    command = [sys.executable, str(keys / "make.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, done.stderr


def test_check_names_each_file_that_differs(tmp_path: Path) -> None:
    keys = Path(shutil.copytree(KEYS, tmp_path / "keys"))
    (keys / "signer/root.pem").write_bytes(b"TEST ONLY")
    (keys / "tsa/key.pem").unlink()
    (keys / "trust/stray.pem").write_text("TEST ONLY")
    complaints = [
        "keys/signer/root.pem: differs",
        "keys/trust/stray.pem: not made by make.py",
        "keys/tsa/key.pem: missing",
    ]
    assert check(keys) == (1, "\n".join(complaints) + "\n")


def test_rebuilding_gives_the_same_bytes() -> None:
    assert check(KEYS) == (0, "")


def test_there_are_keys_to_check() -> None:
    assert len(PEM_FILES) > 50


@pytest.mark.parametrize("path", PEM_FILES)
def test_every_pem_block_says_test_only(path: str) -> None:
    lines = (KEYS / path).read_text().splitlines()
    before_blocks = [lines[i - 1] for i, line in enumerate(lines) if line.startswith("-----BEGIN")]
    assert before_blocks
    assert all(line.startswith("TEST ONLY") for line in before_blocks)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_good_chain_leads_to_the_root(algorithm: str) -> None:
    verify_chain(certificates(f"signer/{algorithm}/chain.pem"), "signer/root.pem")


def test_untrusted_chain_leads_to_its_own_root() -> None:
    verify_chain(certificates("untrusted/chain.pem"), "untrusted/root.pem")


@pytest.mark.parametrize("name", TIME_STAMPERS)
def test_time_stamper_leads_to_its_own_root(name: str) -> None:
    verify_chain(certificates(f"{name}/cert.pem"), f"{name}/root.pem")


@pytest.mark.parametrize(
    "chain",
    [
        "untrusted/chain.pem",
        "tsa/cert.pem",
        "variants/self-signed/chain.pem",
        "variants/missing-intermediate/chain.pem",
        "variants/expired/chain.pem",
        "variants/not-yet-valid/chain.pem",
    ],
)
def test_bad_chain_does_not_lead_to_the_signer_root(chain: str) -> None:
    with pytest.raises(VerificationError):
        verify_chain(certificates(chain), "signer/root.pem")


@pytest.mark.parametrize("path", [path for path in PEM_FILES if path.endswith("key.pem")])
def test_key_belongs_to_its_certificate_unless_named_a_mismatch(path: str) -> None:
    folder = (KEYS / path).parent
    certificate_file = "cert.pem" if folder.name in TIME_STAMPERS else "chain.pem"
    certified = x509.load_pem_x509_certificate((folder / certificate_file).read_bytes())
    key = load_pem_private_key((KEYS / path).read_bytes(), password=None)
    der = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    belongs = key.public_key().public_bytes(*der) == certified.public_key().public_bytes(*der)
    assert belongs == (folder.name not in {"key-mismatch", "chain-reversed"})


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512"])
def test_stamp_verifies_by_its_own_root_only(tmp_path: Path, digest: str) -> None:
    with LocalTsa() as tsa:
        stamp(tsa, tmp_path, digest)
        assert tsa.count == 1
    assert stamp_verifies(tmp_path, "tsa/root.pem")
    assert not stamp_verifies(tmp_path, "tsa-untrusted/root.pem")


def test_stamp_of_the_untrusted_authority_is_not_the_trusted_ones(tmp_path: Path) -> None:
    with LocalTsa(KEYS / "tsa-untrusted") as tsa:
        stamp(tsa, tmp_path)
    assert stamp_verifies(tmp_path, "tsa-untrusted/root.pem")
    assert not stamp_verifies(tmp_path, "tsa/root.pem")


def test_stamp_does_not_verify_for_other_bytes(tmp_path: Path) -> None:
    with LocalTsa() as tsa:
        stamp(tsa, tmp_path)
    (tmp_path / "message").write_bytes(MESSAGE + b".")
    answered = ("-data", tmp_path / "message", "-in", tmp_path / "response.tsr")
    assert not openssl_ts("-verify", *answered, "-CAfile", KEYS / "tsa/root.pem")


def test_down_authority_refuses_the_connection() -> None:
    with LocalTsa.down() as tsa, pytest.raises(ConnectionRefusedError):
        ask(tsa, b"query")
    assert tsa.count == 0


def test_garbage_is_no_stamp(tmp_path: Path) -> None:
    with LocalTsa.garbage() as tsa:
        stamp(tsa, tmp_path)
    assert not stamp_verifies(tmp_path, "tsa/root.pem")


def test_status_500_reaches_the_client() -> None:
    with LocalTsa.status_500() as tsa:
        assert ask(tsa, b"query") == (500, b"")
        assert tsa.count == 1


def test_empty_query_is_refused() -> None:
    with LocalTsa() as tsa:
        assert ask(tsa, b"") == (413, b"")
        assert tsa.count == 0


def test_slow_authority_stamps_late(tmp_path: Path) -> None:
    started = time.monotonic()
    with LocalTsa.slow(0.3) as tsa:
        stamp(tsa, tmp_path)
    assert time.monotonic() - started >= 0.3
    assert stamp_verifies(tmp_path, "tsa/root.pem")


def test_leaving_does_not_wait_for_a_slow_answer() -> None:
    started = time.monotonic()
    with LocalTsa.slow(60) as tsa, pytest.raises(TimeoutError):
        ask(tsa, b"query", timeout=0.2)
    assert time.monotonic() - started < 10


def test_nobody_answers_after_the_block() -> None:
    with LocalTsa() as tsa:
        pass
    with pytest.raises(ConnectionRefusedError):
        ask(tsa, b"query")


def test_delay_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        LocalTsa.slow(3600)
