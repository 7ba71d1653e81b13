"""A SoftHSM token that holds every key of `keys/signer`, with their certificates.

SoftHSM reads its set-up once in a process, so there is one token a process, made when first asked
for. The keys are put there by processes of their own: whoever logs in, logs in for all.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.command import KEYS
from trustkit.signers import ALGORITHMS

PIN = "Kx7-4711-pin"
SO_PIN = "Kx7-0815-so"
LABEL = "trustkit test"
_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/opt/homebrew/lib/softhsm/libsofthsm2.so")  # fmt: skip
MODULE = next((path for path in _PLACES if Path(path).exists()), "")
UTIL = shutil.which("softhsm2-util")
_LOAD = """
import os, sys
import pkcs11
from pkcs11 import Attribute as A, CertificateType, ObjectClass
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
with token.open(user_pin=os.environ["PIN"], rw=True) as session:
    for line in sys.stdin:
        label, identifier, der, subject, issuer, serial = line.split(",")
        session.create_object({
            A.CLASS: ObjectClass.CERTIFICATE, A.CERTIFICATE_TYPE: CertificateType.X_509,
            A.TOKEN: True, A.PRIVATE: False, A.LABEL: label, A.ID: bytes.fromhex(identifier),
            A.VALUE: bytes.fromhex(der), A.SUBJECT: bytes.fromhex(subject),
            A.ISSUER: bytes.fromhex(issuer), A.SERIAL_NUMBER: bytes.fromhex(serial),
        })
"""


@dataclass(frozen=True)
class Token:
    """A token in a folder of its own."""

    folder: Path
    label: str = LABEL

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to see it."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def uri(self, algorithm: str, query: str = "") -> str:
        """Name the key of an algorithm."""
        token = self.label.replace(" ", "%20")
        return f"pkcs11:token={token};object={algorithm}?module-path={MODULE}{query}"


def make(folder: Path, label: str = LABEL, *, pin: str = PIN) -> Token:
    """Make a token without keys; skips the test where there is no SoftHSM."""
    if not (MODULE and UTIL):
        pytest.skip("SoftHSM is not installed: apt install softhsm2")
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokens").mkdir(exist_ok=True)
    settings = f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
    (folder / "softhsm2.conf").write_text(settings)
    made = Token(folder, label)
    util(made, "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", SO_PIN)
    return made


def put_key(token: Token, algorithm: str, *, label: str = "", identifier: str = "") -> None:
    """Put the test key of an algorithm on a token."""
    names = ("--label", label or algorithm, "--id", identifier or identifier_of(algorithm))
    key = KEYS / "signer" / algorithm / "key.pem"
    util(token, "--import", str(key), "--token", token.label, "--pin", PIN, *names)


def put_certificates(token: Token, algorithms: tuple[str, ...], *, issuer: bool = True) -> None:
    """Put the leaves of algorithms on a token, with their id and label, and who issued them."""
    lines = []
    for algorithm in algorithms:
        pem = (KEYS / "signer" / algorithm / "chain.pem").read_bytes()
        leaf, above = x509.load_pem_x509_certificates(pem)[:2]
        lines.append(_line(algorithm, identifier_of(algorithm), leaf))
    if issuer:
        lines.append(_line("issuer", "ff", above))
    subprocess.run(
        [sys.executable, "-c", _LOAD, MODULE, token.label], input="\n".join(lines), text=True,
        env={**os.environ, **token.env, "PIN": PIN}, check=True, capture_output=True,
    )  # fmt: skip


def identifier_of(algorithm: str) -> str:
    """Return the id, in hex, that the key and the certificate of an algorithm have."""
    return f"a{ALGORITHMS.index(algorithm)}"


def _line(label: str, identifier: str, certificate: x509.Certificate) -> str:
    serial = certificate.serial_number.to_bytes(20, "big").lstrip(b"\0")
    parts = (
        certificate.public_bytes(Encoding.DER), certificate.subject.public_bytes(),
        certificate.issuer.public_bytes(), b"\x02" + bytes([len(serial)]) + serial,
    )  # fmt: skip
    return ",".join((label, identifier, *(part.hex() for part in parts)))


def util(token: Token, *words: str) -> None:
    """Run softhsm2-util on a token."""
    assert UTIL
    subprocess.run([UTIL, *words], env={**os.environ, **token.env}, check=True, capture_output=True)


@cache
def full_token() -> Token:
    """Return this process's token with every key and certificate; made when first asked for."""
    folder = Path(tempfile.mkdtemp(prefix="trustkit-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    token = make(folder)
    for algorithm in ALGORITHMS:
        put_key(token, algorithm)
    put_certificates(token, ALGORITHMS)
    os.environ.update(token.env)
    return token
