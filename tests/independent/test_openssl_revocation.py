"""Revocation against OpenSSL: its responder and its lists are read, and it agrees about ours."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.ocsp import (
    GOOD,
    LOOPBACK,
    NO_CHECK,
    OCSP_SIGNING,
    House,
    Identity,
    Said,
    eku,
    house,
    issue,
    utc_now,
)
from trustkit.c2pa.certificates import read_certificate
from trustkit.c2pa.revocation import Answer, Moment, Refused, Statement, Word, crl, ocsp
from trustkit.c2pa.revocation.asking import Asker

OPENSSL = "/usr/bin/openssl"


def write(folder: Path, name: str, one: Identity) -> tuple[str, str]:
    key = one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.pem").write_bytes(one.pem)
    (folder / f"{name}.key").write_bytes(key)
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


def index(folder: Path, one: Identity, revoked: str) -> str:
    """Write OpenSSL's database of issued certificates: `revoked` is a time and reason, or empty."""
    until = f"{one.certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
    serial = f"{one.certificate.serial_number:X}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    subject = "/C=ZZ/O=trustkit TEST ONLY/CN=ocsp signer"
    row = f"{'R' if revoked else 'V'}\t{until}\t{revoked}\t{serial}\tunknown\t{subject}\n"
    (folder / "index.txt").write_text(row)
    (folder / "index.txt.attr").write_text("unique_subject = no\n")
    return str(folder / "index.txt")


@contextmanager
def responding(
    folder: Path, port: int, of: House, signer: Identity, revoked: str
) -> Iterator[None]:
    issuer, _ = write(folder, "issuer", of.issuer)
    by, key = write(folder, "signer", signer)
    command = [OPENSSL, "ocsp", "-index", index(folder, of.leaf, revoked), "-port", str(port)]
    command += ["-CA", issuer, "-rsigner", by, "-rkey", key, "-nmin", "30", "-timeout", "5"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        # Not tried out by connecting: a client that leaves without a word ends this responder.
        assert process.stderr is not None
        assert b"waiting" in process.stderr.readline()
        yield
    finally:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def asked(folder: Path, revoked: str, *, delegated: bool = False) -> Answer:
    port = free_port()
    of = house(f"http://{LOOPBACK}:{port}/")
    signer = issue("delegate", of.issuer, eku(OCSP_SIGNING), NO_CHECK) if delegated else of.issuer
    with responding(folder, port, of, signer, revoked):
        leaf, issuer = read_certificate(of.leaf.der), read_certificate(of.issuer.der)
        return Asker((LOOPBACK,))(leaf, issuer, Moment(utc_now(), utc_now()))


@pytest.mark.parametrize("delegated", [False, True])
def test_openssls_responder_is_understood(tmp_path: Path, *, delegated: bool) -> None:
    answer = asked(tmp_path, "", delegated=delegated)
    assert isinstance(answer, Statement), answer
    assert answer.says is Word.GOOD


def test_openssls_revocation_is_told_with_time_and_reason(tmp_path: Path) -> None:
    answer = asked(tmp_path, "260301120000Z,keyCompromise")
    assert isinstance(answer, Statement), answer
    assert (answer.says, answer.reason) == (Word.REVOKED, "keyCompromise")
    assert answer.revoked_at is not None
    assert answer.revoked_at.isoformat() == "2026-03-01T12:00:00+00:00"


def test_openssls_list_is_understood(tmp_path: Path) -> None:
    of = house()
    issuer, key = write(tmp_path, "issuer", of.issuer)
    config = tmp_path / "ca.cnf"
    database = index(tmp_path, of.leaf, "260301120000Z,superseded")
    config.write_text(f"[ca]\ndefault_ca = x\n[x]\ndatabase = {database}\ndefault_md = sha256\n")
    out = tmp_path / "x.crl"
    command = [OPENSSL, "ca", "-gencrl", "-config", str(config), "-keyfile", key, "-cert", issuer]
    subprocess.run([*command, "-crldays", "7", "-out", str(out)], check=True, capture_output=True)
    (one,) = crl.read_lists(out)
    leaf, by = read_certificate(of.leaf.der), read_certificate(of.issuer.der)
    answer = crl.judge(one, leaf, by, Moment(utc_now(), utc_now()))
    assert isinstance(answer, Statement), answer
    assert (answer.says, answer.reason) == (Word.REVOKED, "superseded")


@pytest.mark.parametrize("which", ["issuer", "delegate", "stranger", "not appointed", "no purpose"])
def test_openssl_and_we_agree_whose_status_counts(tmp_path: Path, which: str) -> None:
    of, others = house(), house()
    signer = {
        "issuer": of.issuer,
        "delegate": issue("delegate", of.issuer, eku(OCSP_SIGNING), NO_CHECK),
        "stranger": others.issuer,
        "not appointed": issue("delegate", others.issuer, eku(OCSP_SIGNING), NO_CHECK),
        "no purpose": issue("delegate", of.issuer),
    }[which]
    said: Said = replace(GOOD, signer=signer, certificates=(signer,))
    der = of.response(said)
    (tmp_path / "response").write_bytes(der)
    root, _ = write(tmp_path, "root", of.root)
    issuer, _ = write(tmp_path, "issuer", of.issuer)
    leaf, _ = write(tmp_path, "leaf", of.leaf)
    command = [OPENSSL, "ocsp", "-respin", str(tmp_path / "response"), "-CAfile", root]
    command += ["-issuer", issuer, "-cert", leaf, "-verify_other", issuer, "-no_nonce"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    theirs = "Response verify OK" in done.stderr + done.stdout
    ours = ocsp.judge(
        der, read_certificate(of.leaf.der), read_certificate(of.issuer.der),
        Moment(utc_now(), utc_now()), "test",
    )  # fmt: skip
    assert isinstance(ours, Statement) is theirs is (which in {"issuer", "delegate"}), (
        done.stderr, ours,
    )  # fmt: skip
    assert isinstance(ours, Statement | Refused)
