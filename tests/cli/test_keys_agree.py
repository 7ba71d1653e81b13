"""Certificates made by chance: `keys check`, `sign` and the engine tell the same of each."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.cli.test_verify_signers import sign_by_engine
from tests.command import AI, MEDIA
from tests.conftest import Run

PICTURE = MEDIA / "scene.jpg"
USES = (
    "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9", "2.5.29.37.0",
    "1.3.6.1.4.1.62558.2.1", "1.3.6.1.5.5.7.3.36", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3",
    "1.3.6.1.4.1.311.76.59.1.9", "1.3.6.1.4.1.311.10.3.12",
)  # fmt: skip
WHERE = [x509.UniformResourceIdentifier("http://127.0.0.1/")]
POINT = x509.DistributionPoint(WHERE, None, None, None)
# What else a certificate may have; any of them critical or not.
MORE: tuple[x509.ExtensionType, ...] = (
    x509.SubjectAlternativeName([x509.RFC822Name("desk@example.org")]),
    x509.IssuerAlternativeName([x509.RFC822Name("desk@example.org")]),
    x509.CertificatePolicies([x509.PolicyInformation(ObjectIdentifier("1.2.3"), None)]),
    x509.OCSPNoCheck(),
    x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00"),
    x509.NameConstraints([x509.DNSName("example.org")], None),
    x509.PolicyConstraints(0, None),
    x509.InhibitAnyPolicy(0),
    x509.CRLDistributionPoints([POINT]),
    x509.FreshestCRL([POINT]),
    x509.TLSFeature([x509.TLSFeatureType.status_request]),
)
# The engine signs with these; other verifiers refuse what comes of it, so trustkit does not sign.
OURS = {"ku.no_signature", "eku.stamping", "eku.ocsp", "extension.unreadable"}


@pytest.mark.parametrize("seed", range(40))
def test_any_certificate_is_refused_by_check_and_by_sign_or_by_neither(
    quick: Run, tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / "key"
    folder.mkdir()
    make(folder, random.Random(seed))

    options = ("--key", f"file:{folder}", *AI, "--no-soft-binding", "-q")
    signing = quick("sign", PICTURE, "-o", tmp_path / "ours.jpg", *options)
    told = quick("keys", "check", folder, "-f", "json").json()["files"][0]["problems"]
    refused = {problem["rule"] for problem in told if problem["severity"] == "refused"}

    assert bool(refused) == (signing.code == 40), (signing.stderr, told)
    assert "signing failed" not in signing.stderr  # the engine is never the first to object
    if not refused & OURS:
        by_engine = True
        try:
            sign_by_engine(PICTURE, tmp_path / "theirs.jpg", folder)
        except c2pa.C2paError:
            by_engine = False
        assert by_engine == (not refused), told


def make(folder: Path, choice: random.Random) -> None:
    """Write a key and a leaf that may be good or bad in many ways, mostly several."""
    top, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named("leaf"))
        .issuer_name(named("root"))
        .public_key(key.public_key())
        .serial_number(choice.getrandbits(60) + 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=60))
    )
    chosen = extensions(choice, top.public_key(), key.public_key())
    choice.shuffle(chosen)
    for extension, critical in chosen:
        builder = builder.add_extension(extension, critical)
    leaf = builder.sign(top, hashes.SHA256())
    (folder / "chain.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)


def extensions(
    choice: random.Random, issuer: Any, own: Any
) -> list[tuple[x509.ExtensionType, bool]]:
    def often(share: float) -> bool:
        return choice.random() < share

    found: list[tuple[x509.ExtensionType, bool]] = []
    if often(0.9):
        found.append((x509.BasicConstraints(ca=often(0.08), path_length=None), often(0.7)))
    if often(0.95):
        bits = [often(share) for share in (0.9, 0.3, 0.2, 0.2, 0.1, 0.06, 0.06)]
        found.append((x509.KeyUsage(*bits, encipher_only=False, decipher_only=False), often(0.8)))
    if often(0.95):
        uses = [USES[0]] if often(0.6) else []
        uses += choice.sample(USES, choice.choice((0, 0, 1, 2)) if uses else choice.randint(1, 2))
        usage = x509.ExtendedKeyUsage([ObjectIdentifier(use) for use in dict.fromkeys(uses)])
        found.append((usage, often(0.2)))
    if often(0.95):
        found.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), often(0.1)))
    if often(0.7):
        found.append((x509.SubjectKeyIdentifier.from_public_key(own), often(0.1)))
    found += [(extension, often(0.3)) for extension in MORE if often(0.1)]
    return found


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"TEST ONLY {text}")])
