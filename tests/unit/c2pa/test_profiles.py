"""The rules for certificates: what `keys check` cannot easily be shown from outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.command import KEYS
from trustkit.c2pa.certificates import Certificate, read_certificate
from trustkit.c2pa.profiles import Candidate, Profile, Severity
from trustkit.c2pa.profiles.facts import facts
from trustkit.c2pa.profiles.leaf import weak_key
from trustkit.c2pa.profiles.lint import RULES, check, read_chain, refusal
from trustkit.c2pa.profiles.wanted import wanted
from trustkit.c2pa.trust import MAX_PATH, unfit
from trustkit.errors import ConfigError
from trustkit.signers.generate import new_key
from trustkit.signers.request import Subject, make_request

NOW = datetime(2026, 2, 1, tzinfo=UTC)
DOCS = Path(__file__).resolve().parents[3] / "docs/keys.md"
VARIANTS = sorted((KEYS / "variants").iterdir())


def load(folder: Path) -> tuple[Certificate, ...]:
    return read_chain((folder / "chain.pem").read_bytes(), folder.name)


def rules(chain: tuple[Certificate, ...], profile: Profile = Profile.C2PA) -> list[str]:
    return [problem.rule.id for problem in check(Candidate(chain, profile, NOW))]


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)])


def make(
    text: str,
    key: Any,
    issuer: str,
    by: Any,
    *extensions: tuple[x509.ExtensionType, bool],
    days: int = 90,
) -> Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(text))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=days - 1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return read_certificate(builder.sign(by, digest).public_bytes(Encoding.DER))


def usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
    return x509.KeyUsage(signs, False, False, False, False, certifies, certifies, False, False)


AUTHORITY = ((x509.BasicConstraints(True, None), True),
             (usage(signs=False, certifies=True), True))  # fmt: skip
SIGNER = ((x509.BasicConstraints(False, None), True),
          (usage(signs=True, certifies=False), True),
          (x509.ExtendedKeyUsage([Eku.EMAIL_PROTECTION]), False))  # fmt: skip


def curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def issued_by(key: Any) -> tuple[x509.ExtensionType, bool]:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False


def test_every_rule_has_an_id_of_its_own_a_source_and_a_remedy() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", rule.id), rule.id
        assert re.search(r"C2PA|RFC|CAWG|trustkit", rule.source), rule.id
        assert len(rule.remedy) > 15
        assert rule.profiles


def test_the_table_of_the_documents_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\w+) \| (.+?) \| (.+?) \|$", DOCS.read_text("utf-8"),
                      re.MULTILINE)  # fmt: skip
    assert rows == [(rule.id, rule.severity.value, rule.source, rule.remedy) for rule in RULES]


@pytest.mark.parametrize("folder", VARIANTS, ids=lambda folder: folder.name)
def test_whoever_reads_a_signature_and_these_rules_agree_on_who_may_sign(folder: Path) -> None:
    chain = load(folder)
    if unfit(chain[0]):
        assert refusal(Candidate(chain, Profile.C2PA, NOW))


@pytest.mark.parametrize("profile", Profile)
def test_no_profile_objects_to_what_is_asked_of_a_ca_by_it(profile: Profile) -> None:
    # What a CA adds of its own accord is not in a request: its identifiers, addresses and policies.
    added = {
        "al.level", "al.cpl_record", "al.ocsp", "al.ca_issuers", "cawg.policy", "cawg.interim",
        "tsa.status", "tsa.policy",
    }  # fmt: skip
    top, key = curve(), new_key("es256")
    subject = Subject("Example Press", "Desk", "DE", "desk@example.org")
    request = x509.load_pem_x509_csr(make_request(key, subject, wanted(profile)))
    root = make("root", top, "root", top, *AUTHORITY)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(name("root"))
        .public_key(request.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=60))
        .add_extension(issued_by(top)[0], False)
    )
    for extension in request.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    leaf = read_certificate(builder.sign(top, hashes.SHA256()).public_bytes(Encoding.DER))
    told = rules((leaf, root), profile)
    assert set(told) <= {*added, "chain.root_included"}, told


def test_a_key_no_verifier_takes_is_refused() -> None:
    top = curve()
    for key in (
        dsa.generate_private_key(2048),
        ed448.Ed448PrivateKey.generate(),
        rsa.generate_private_key(65537, 1024),  # noqa: S505  # weak on purpose
        ec.generate_private_key(ec.SECP224R1()),
    ):
        leaf = make("leaf", key, "root", top, *SIGNER, issued_by(top))
        assert "key.weak" in rules((leaf,)), key
        assert weak_key(leaf)
        assert facts(leaf)["key"]


def test_an_issuer_that_may_not_issue_is_told() -> None:
    top, middle, key = curve(), curve(), curve()
    leaf = make("leaf", key, "middle", middle, *SIGNER, issued_by(middle))
    for extensions, _why in (
        (SIGNER, "is no CA"),
        (((x509.BasicConstraints(True, None), True),
          (usage(signs=True, certifies=False), True)), "key usage"),
    ):  # fmt: skip
        issuer = make("middle", middle, "root", top, *extensions)
        assert "chain.issuer_unfit" in rules((leaf, issuer))
    good = make("middle", middle, "root", top, *AUTHORITY)
    assert rules((leaf, good)) == ["ski.missing"]


def test_a_path_longer_than_an_issuer_allows_is_told() -> None:
    top, upper, lower, key = curve(), curve(), curve(), curve()
    one = ((x509.BasicConstraints(True, 0), True), (usage(signs=False, certifies=True), True))
    chain = (
        make("leaf", key, "lower", lower, *SIGNER, issued_by(lower)),
        make("lower", lower, "upper", upper, *AUTHORITY),
        make("upper", upper, "root", top, *one),
    )
    assert "chain.issuer_unfit" in rules(chain)


def test_a_weak_issuer_is_told() -> None:
    top = curve()
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505  # on purpose
    leaf = make("leaf", curve(), "middle", weak, *SIGNER, issued_by(weak))
    issuer = make("middle", weak, "root", top, *AUTHORITY)
    assert "chain.issuer_weak" in rules((leaf, issuer))


def test_another_issuers_key_identifier_is_told() -> None:
    middle, top = curve(), curve()
    own = (x509.SubjectKeyIdentifier.from_public_key(middle.public_key()), False)
    issuer = make("middle", middle, "root", top, *AUTHORITY, own)
    assert "aki.other" in rules(
        (make("leaf", curve(), "middle", middle, *SIGNER, issued_by(top)), issuer)
    )
    assert "aki.other" not in rules(
        (make("leaf", curve(), "middle", middle, *SIGNER, issued_by(middle)), issuer)
    )


def test_a_chain_out_of_order_twice_or_too_long_is_told() -> None:
    keys = [curve() for _ in range(MAX_PATH + 1)]
    chain = [make("0", keys[0], "1", keys[1], *SIGNER, issued_by(keys[1]))]
    chain += [
        make(str(n), keys[n], str(n + 1), keys[n + 1], *AUTHORITY) for n in range(1, MAX_PATH)
    ]
    chain += [make(str(MAX_PATH), keys[-1], str(MAX_PATH), keys[-1], *AUTHORITY)]
    assert "chain.too_long" in rules(tuple(chain))
    assert "chain.too_long" not in rules(tuple(chain[:MAX_PATH]))
    assert "chain.order" in rules((chain[0], chain[2], chain[1]))
    assert "chain.stray" in rules((*chain[:3], chain[1]))


def test_a_certificate_that_says_the_same_thing_twice_is_refused() -> None:
    top = curve()
    leaf = make("leaf", curve(), "root", top, *SIGNER, issued_by(top))
    oid = bytes.fromhex("0603551d0f")  # keyUsage, put where extendedKeyUsage was
    twice = read_certificate(leaf.der.replace(bytes.fromhex("0603551d25"), oid))
    assert "extension.unreadable" in rules((twice,))
    assert facts(twice)["extended_key_usage"] == []


def test_a_name_that_nobody_can_read_any_more_is_refused_and_no_trace() -> None:
    # [3] in a subject alternative name is an X.400 address.
    names = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), bytes.fromhex("3004a3020500"))
    top = curve()
    leaf = make("leaf", curve(), "root", top, *SIGNER, issued_by(top), (names, False))
    assert not leaf.is_ca or leaf.extension(x509.BasicConstraints) is None
    assert "extension.unreadable" in rules((leaf,))
    assert facts(leaf)["key"] == "secp256r1"


def test_a_unique_identifier_is_refused() -> None:
    # Nothing builds these any more, so one is put into a certificate that stands already.
    changed = asn1.Certificate.load(load(KEYS / "signer/es256")[0].der)
    changed["tbs_certificate"]["issuer_unique_id"] = b"\x07"
    assert "certificate.unique_id" in rules((read_certificate(changed.dump(force=True)),))


def test_refusals_come_first_and_are_the_sentence() -> None:
    chain = load(KEYS / "variants/no-aki")
    problems = check(Candidate(chain, Profile.AL1, NOW))
    order = [problem.rule.severity for problem in problems]
    assert order == sorted(order, key=list(Severity).index)
    worst = refusal(Candidate(chain, Profile.AL1, NOW))
    assert worst is not None
    assert worst.rule.id == "aki.missing"


@pytest.mark.parametrize("data", [b"", b"   ", b"-----BEGIN CERTIFICATE-----", b"\x30\x80\x00\x00"])
def test_what_is_no_chain_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ConfigError) as refused:
        read_chain(data, "chain.pem")
    assert refused.value.hint


def test_facts_tell_what_the_official_profile_puts_in() -> None:
    told = facts(load(KEYS / "variants/al2")[0])
    assert told["assurance_level"] == 2
    assert told["product_record"] == "00000000-0000-0000-0000-000000000000"
    assert told["extended_key_usage"] == ["c2pa-kp-claimSigning", "emailProtection"]
    assert told["policies"] == ["1.3.6.1.4.1.62558.1.1"]
    assert told["ocsp"] == ["http://127.0.0.1/o"]
    assert told["key_usage"] == ["digitalSignature", "nonRepudiation"]
