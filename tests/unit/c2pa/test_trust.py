"""Who vouches for whom: purposes apart, leaves for themselves, and hostile chains in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.command import KEYS, TRUST, TSA_TRUST
from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.trust import Purpose, TrustList, parse_lists, unfit, vouch
from trustkit.errors import ConfigError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LEAF_ONLY = KEYS / "trust/test-leaf-only.pem"
Made = tuple[Certificate, ec.EllipticCurvePrivateKey]
FIT = ("claimsigning-eku", "documentsigning-eku")
UNFIT = ("timestamping-eku", "ocsp-eku", "content-commitment", "ca-leaf", "no-eku", "any-eku")


def load(path: Path) -> tuple[Certificate, ...]:
    found = x509.load_pem_x509_certificates(path.read_bytes())
    return tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in found)


def signers(path: Path) -> tuple[TrustList, ...]:
    return from_file(path, Purpose.SIGNERS)


def of(*certificates: Certificate, purpose: Purpose = Purpose.SIGNERS) -> tuple[TrustList, ...]:
    pem = b"".join(c.parsed.public_bytes(Encoding.PEM) for c in certificates)
    return parse_lists(pem, "made", purpose, "2030-01-01", "")


def made(
    name: str,
    issuer: Made | None = None,
    *,
    ca: bool = True,
    length: int | None = None,
    cert_sign: bool = True,
    days: tuple[int, int] = (-100, 100),
) -> Made:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(not ca, *[False] * 4, ca and cert_sign, *[False] * 3)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].parsed.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length if ca else None), True)
        .add_extension(usage, True)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return read_certificate(built.public_bytes(Encoding.DER)), key


@pytest.mark.parametrize("variant", UNFIT)
def test_a_certificate_that_is_not_for_claims_is_unfit(variant: str) -> None:
    assert unfit(load(KEYS / "variants" / variant / "chain.pem")[0])


@pytest.mark.parametrize("variant", FIT)
def test_a_certificate_that_is_for_claims_is_fit(variant: str) -> None:
    assert unfit(load(KEYS / "variants" / variant / "chain.pem")[0]) == ""
    assert unfit(load(KEYS / "signer/es256/chain.pem")[0]) == ""


@pytest.mark.parametrize(
    "path",
    [
        "untrusted/chain.pem",
        "variants/self-signed/chain.pem",
        "variants/missing-intermediate/chain.pem",
        "tsa/cert.pem",
    ],
)
def test_nobody_vouches_for_a_chain_that_leads_nowhere(path: str) -> None:
    assert vouch(load(KEYS / path), signers(TRUST), NOW) is None


def test_nobody_vouches_for_nothing() -> None:
    assert vouch((), signers(TRUST), NOW) is None
    assert vouch(load(KEYS / "signer/es256/chain.pem"), (), NOW) is None


def test_a_list_of_authorities_holds_no_signers_and_the_other_way_round() -> None:
    assert {t.purpose for t in from_file(TSA_TRUST, Purpose.TIMESTAMPS)} == {Purpose.TIMESTAMPS}
    assert {t.purpose for t in signers(TRUST)} == {Purpose.SIGNERS}


def test_a_list_of_one_leaf_vouches_for_that_leaf_alone() -> None:
    lists = signers(LEAF_ONLY)
    assert vouch(load(KEYS / "signer/es256/chain.pem"), lists, NOW)
    for other in ("es384", "es512", "ps256", "ed25519"):
        assert vouch(load(KEYS / "signer" / other / "chain.pem"), lists, NOW) is None


def test_a_leaf_on_a_list_never_vouches_for_what_it_signed() -> None:
    root = made("Root")
    leaf = made("Leaf", root, ca=False)
    victim = made("Victim", leaf, ca=False)
    assert vouch((victim[0], leaf[0]), of(leaf[0]), NOW) is None
    assert vouch((victim[0], leaf[0]), of(root[0]), NOW) is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda root: made("Between", root, ca=False),  # a leaf that issues
        lambda root: made("Between", root, cert_sign=False),  # a CA that may not sign
        lambda root: made("Between", root, days=(-100, -1)),  # expired
        lambda root: made("Between", root, days=(1, 100)),  # not yet valid
        lambda _: made("Between"),  # of another root
    ],
)
def test_a_chain_through_who_may_not_issue_is_refused(forge: Callable[[Made], Made]) -> None:
    root = made("Root")
    between = forge(root)
    leaf = made("Leaf", between, ca=False)
    assert vouch((leaf[0], between[0]), of(root[0]), NOW) is None


def test_the_name_of_an_anchor_is_not_the_anchor() -> None:
    root, impostor = made("Root"), made("Root")
    leaf = made("Leaf", impostor, ca=False)
    assert vouch((leaf[0], impostor[0]), of(root[0]), NOW) is None


def test_a_path_length_is_kept() -> None:
    root = made("Root", length=0)
    between = made("Between", root)
    direct, below = made("Direct", root, ca=False), made("Below", between, ca=False)
    assert vouch((direct[0],), of(root[0]), NOW)
    assert vouch((below[0], between[0]), of(root[0]), NOW) is None


def test_an_anchor_that_has_expired_vouches_for_nobody() -> None:
    root = made("Root", days=(-100, -1))
    leaf = made("Leaf", root, ca=False)
    assert vouch((leaf[0],), of(root[0]), NOW) is None
    assert vouch((leaf[0],), of(root[0]), NOW - timedelta(days=50))


def test_a_chain_that_goes_in_circles_or_on_for_ever_ends() -> None:
    a = made("A")
    b = made("B", a)
    looped = made("A", b)
    leaf = made("Leaf", looped, ca=False)
    long = [made("0")]
    for number in range(1, 30):
        long.append(made(str(number), long[-1]))
    end = made("End", long[-1], ca=False)
    assert vouch((leaf[0], looped[0], b[0]), of(made("Other")[0]), NOW) is None
    assert vouch((end[0], *(c for c, _ in long)), of(long[0][0]), NOW) is None


def test_the_order_of_a_chain_does_not_matter() -> None:
    root = made("Root")
    one = made("One", root)
    two = made("Two", one)
    leaf = made("Leaf", two, ca=False)
    for others in ((one[0], two[0]), (two[0], one[0]), (root[0], two[0], one[0])):
        found = vouch((leaf[0], *others), of(root[0]), NOW)
        assert found is not None
        assert found.anchor == "Root"


def test_an_intermediate_may_be_the_anchor() -> None:
    intermediate = load(KEYS / "signer/intermediate.pem")[0]
    assert vouch(load(KEYS / "signer/es256/chain.pem"), of(intermediate), NOW)


def test_a_stamping_authority_in_a_list_of_signers_is_put_apart() -> None:
    authority = load(KEYS / "tsa/root.pem")[0]
    stamper = load(KEYS / "tsa/cert.pem")[0]
    lists = of(authority, stamper, load(KEYS / "signer/root.pem")[0])
    for trust_list in lists:
        if trust_list.purpose is Purpose.TIMESTAMPS:
            assert all(certificate.is_for_stamping for certificate in trust_list.certificates)


@pytest.mark.parametrize("pem", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_list_without_a_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(ConfigError, match="no certificate"):
        parse_lists(pem, "x", Purpose.SIGNERS, "2030-01-01", "")


def test_one_certificate_that_cannot_be_read_refuses_the_list() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(ConfigError, match="certificate 2"):
        parse_lists(TRUST.read_bytes() + broken, "x", Purpose.SIGNERS, "2030-01-01", "")
