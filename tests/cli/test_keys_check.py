"""`trustkit keys check`: every refusal of `trustkit sign` is explained before signing is tried."""

from __future__ import annotations

import base64
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.command import AI, KEYS, MEDIA, TRUST, TSA_TRUST, Answer
from tests.conftest import Run
from tests.tsa import OPENSSL

PICTURE = MEDIA / "scene.jpg"
VARIANTS = sorted(folder.name for folder in (KEYS / "variants").iterdir())
SECRET = "correct horse battery staple"
ENV = "TRUSTKIT_KEY_PASSPHRASE"
WITHIN = ("--at", "2026-02-01")  # when the short-lived variants are valid
MUTATIONS = 500

# The whole variant matrix: the rule each is told by, and how bad that is.
MATRIX = {
    "al1": None,
    "al2": None,
    "any-eku": ("eku.any", "refused"),
    "ca-leaf": ("ca.is_ca", "refused"),
    "cawg": None,
    "certsign-ku": ("ku.cert_sign", "refused"),
    "chain-reversed": ("chain.leaf_not_first", "refused"),
    "claimsigning-eku": ("eku.configured", "differs"),
    "codesigning-eku": ("eku.none_allowed", "refused"),
    "content-commitment": ("ku.no_signature", "refused"),
    "documentsigning-eku": ("eku.configured", "differs"),
    "email-and-any-eku": ("eku.any", "refused"),
    "email-and-timestamping-eku": ("eku.stamping", "refused"),
    "expired": ("time.expired", "refused"),
    "expired-issuer": ("time.issuer", "differs"),
    "issued-by-root": ("chain.no_issuer", "differs"),
    "key-mismatch": ("key.mismatch", "refused"),
    "ku-not-critical": ("ku.not_critical", "advice"),
    "missing-intermediate": ("chain.no_issuer", "differs"),
    "no-aki": ("aki.missing", "refused"),
    "no-basic-constraints": ("ca.missing", "advice"),
    "no-eku": ("eku.missing", "refused"),
    "no-ku": ("ku.missing", "refused"),
    "no-organisation": ("subject.organisation", "advice"),
    "no-ski": ("ski.missing", "advice"),
    "not-yet-valid": ("time.not_yet", "refused"),
    "ocsp-eku": ("eku.ocsp", "refused"),
    "outlives-issuer": ("time.outlives_issuer", "advice"),
    "root-appended": ("chain.root_included", "advice"),
    "rsa-1024": ("key.weak", "refused"),
    "secp256k1": ("key.weak", "refused"),
    "self-signed": ("chain.self_signed", "differs"),
    "serverauth-eku": ("eku.none_allowed", "refused"),
    "stray-certificate": ("chain.stray", "differs"),
    "timestamping-eku": ("eku.stamping", "refused"),
    "unknown-critical": ("extension.critical", "refused"),
    "wrong-issuer-key": ("chain.wrong_issuer", "differs"),
}
CODES = {"refused": 10, "differs": 20, "advice": 0}


def problems(answer: Answer) -> list[dict[str, Any]]:
    (file,) = answer.json()["files"]
    assert file["error"] is None, file
    found: list[dict[str, Any]] = file["problems"]
    return found


def rules(answer: Answer) -> list[str]:
    return [problem["rule"] for problem in problems(answer)]


def check(quick: Run, *arguments: object, **more: Any) -> Answer:
    return quick("keys", "check", *arguments, "-f", "json", **more)


def test_every_variant_is_in_the_matrix() -> None:
    assert sorted(MATRIX) == VARIANTS


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_sign_refuses_is_explained_before_and_nothing_else_is_refused(
    quick: Run, tmp_path: Path, variant: str
) -> None:
    folder = KEYS / "variants" / variant
    signing = quick(
        "sign", PICTURE, "-o", tmp_path / "out.jpg", "--key", f"file:{folder}", *AI,
        "--no-soft-binding", "-q",
    )  # fmt: skip
    told = check(quick, folder)
    refused = [p for p in problems(told) if p["severity"] == "refused"]

    assert signing.code in {0, 40}, signing.stderr
    assert bool(refused) == (signing.code == 40), (signing.stderr, problems(told))
    assert (told.code == 10) == bool(refused)


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_variant_is_told_by_its_rule(quick: Run, variant: str) -> None:
    answer = check(quick, KEYS / "variants" / variant, *WITHIN)
    expected = MATRIX[variant]
    if expected is None:
        assert problems(answer) == []
        assert answer.code == 0
        return
    rule, severity = expected
    first = problems(answer)[0]
    assert (first["rule"], first["severity"]) == (rule, severity)
    assert first["source"]
    assert first["remedy"]
    assert first["has"]
    assert answer.code == CODES[severity]


@pytest.mark.parametrize("variant", [v for v, told in MATRIX.items() if told])
def test_the_sentence_of_sign_is_that_of_check(quick: Run, tmp_path: Path, variant: str) -> None:
    folder = KEYS / "variants" / variant
    out = tmp_path / "out.jpg"
    signing = quick("sign", PICTURE, "-o", out, "--key", f"file:{folder}", *AI,
                    "--no-soft-binding")  # fmt: skip
    if "may not sign claims" in signing.stderr:
        assert problems(check(quick, folder))[0]["has"] in signing.stderr
    else:
        # Said by the opening of the key already, or not refused; never left to the engine.
        assert "signing failed" not in signing.stderr


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (KEYS / "no-such-file", 33),
        ("no-such-name", 33),
        ("file:/no/such/folder", 33),
        ("pkcs11:", 33),
        (MEDIA / "scene.jpg", 33),
        (KEYS / "signer/es256/key.pem", 33),
        (KEYS, 33),
        (f"file:{KEYS}/signer/es256/key.pem?chain={KEYS}/signer/es256/key.pem", 33),
        (f"file:{MEDIA}/scene.jpg?chain={KEYS}/signer/es256/chain.pem", 33),
        (f"file:{KEYS}/signer/es384/key.pem?chain={KEYS}/signer/es256/chain.pem", 10),
        (f"file:{KEYS}/signer/es256/key.pem?chain={KEYS}/signer/es256/chain.pem", 0),
        (f"file:{KEYS}/signer/es256", 0),
        (KEYS / "signer/es256/chain.pem", 0),
    ],
)
def test_what_cannot_be_read_is_said_and_is_33(quick: Run, target: object, code: int) -> None:
    answer = quick("keys", "check", target)
    assert answer.code == code, answer.stderr
    if code == 33:
        assert len(answer.stderr.splitlines()) == 2  # what happened, and what to do
        assert check(quick, target).json()["files"][0]["error"]["code"] == "configuration"


@pytest.mark.parametrize("at", ["soon", "2026", "2026-02-30", "2026-02-01T12:00:00", ""])
def test_a_time_that_is_none_is_a_usage_error(quick: Run, at: str) -> None:
    assert quick("keys", "check", KEYS / "signer/es256", "--at", at).code == 2


def test_the_worst_of_several_is_the_exit_code(quick: Run) -> None:
    fine, differs, refused = (KEYS / "signer/es256", KEYS / "variants/self-signed",
                              KEYS / "variants/no-aki")  # fmt: skip
    assert quick("keys", "check", fine, differs).code == 20
    assert quick("keys", "check", fine, differs, refused).code == 10
    answer = check(quick, fine, "no-such-file", refused)
    assert answer.code == answer.json()["exit_code"] == 33
    assert [file["error"] is None for file in answer.json()["files"]] == [True, False, True]


@pytest.mark.parametrize(
    ("variant", "profile", "broken"),
    [
        ("al1", "c2pa-al1", []),
        ("al2", "c2pa-al2", []),
        ("al1", "c2pa-al2", ["al.validity", "al.level"]),
        ("al2", "c2pa-al1", ["al.level"]),
        ("no-organisation", "c2pa-al1", None),
        ("cawg", "cawg", ["cawg.interim"]),
        ("no-ski", "cawg", ["cawg.policy", "ski.missing", "cawg.interim"]),
        ("documentsigning-eku", "cawg", ["eku.configured"]),
    ],
)
def test_the_profiles_of_others_are_held_to_when_asked(
    quick: Run, variant: str, profile: str, broken: list[str] | None
) -> None:
    answer = check(quick, KEYS / "variants" / variant, *WITHIN, "--profile", profile)
    if broken is None:
        assert set(rules(answer)) > {"al.subject", "al.validity", "al.extended_usage", "al.policy"}
        assert answer.code == 20
    else:
        assert rules(answer) == broken


def test_the_interim_of_cawg_ends(quick: Run) -> None:
    answer = check(quick, KEYS / "variants/cawg", "--profile", "cawg", "--at", "2027-04-01")
    assert "ended on 2027-03-31" in problems(answer)[0]["has"]


def test_a_time_stamping_authority_is_held_to_rfc_3161(quick: Run) -> None:
    signer = check(quick, KEYS / "signer/es256", "--profile", "tsa")
    loose = check(quick, KEYS / "variants/timestamping-eku", "--profile", "tsa")
    authority = check(quick, KEYS / "tsa", "--profile", "tsa")
    assert rules(signer)[:2] == ["tsa.extended_usage", "tsa.not_critical"]
    assert rules(loose)[0] == "tsa.not_critical"
    assert not [p for p in problems(authority) if p["severity"] == "refused"]
    assert signer.code == loose.code == 10


def test_the_same_chain_in_every_form_a_ca_sends_is_judged_alike(
    quick: Run, tmp_path: Path
) -> None:
    pem = (KEYS / "signer/es256/chain.pem").read_bytes()
    chain = x509.load_pem_x509_certificates(pem)
    forms = {
        "chain.pem": pem,
        "notes.pem": b"Subject: somebody\nBag Attributes\n" + pem + b"\ntrailing words\n",
        "windows.pem": pem.replace(b"\n", b"\r\n"),
        "chain.p7b": pkcs7.serialize_certificates(chain, Encoding.DER),
        "chain.p7.pem": pkcs7.serialize_certificates(chain, Encoding.PEM),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        answer = check(quick, tmp_path / name)
        assert answer.code in {0, 10}, (name, answer.stdout)
        told = set(rules(answer))
        assert told <= {"chain.leaf_not_first"}, name  # PKCS #7 is a set: the order is not kept
    leaf = tmp_path / "leaf.der"
    leaf.write_bytes(chain[0].public_bytes(Encoding.DER))
    assert rules(check(quick, leaf)) == ["chain.no_issuer"]


def test_a_sha_1_signature_is_refused(quick: Run, tmp_path: Path) -> None:
    key, request, made = (tmp_path / name for name in ("key.pem", "request.pem", "chain.pem"))
    subject = ("-subj", "/O=TEST ONLY/CN=TEST ONLY")
    for command in (
        ("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, *subject),
        ("x509", "-req", "-sha1", "-in", request, "-signkey", key, "-out", made),
    ):
        subprocess.run([OPENSSL, *command], check=True, capture_output=True)
    told = rules(check(quick, tmp_path))
    assert "signature.algorithm" in told
    assert "certificate.version" in told or "eku.missing" in told


def test_an_encrypted_key_is_not_tried_without_its_passphrase(quick: Run, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert quick("keys", "generate", "-o", folder, "--encrypt", env={ENV: SECRET}).code == 0
    words = tmp_path / "passphrase"
    words.write_text(f"{SECRET}\n")

    shut = check(quick, folder)
    wrong = check(quick, folder, env={ENV: "wrong"})
    by_variable = check(quick, folder, env={ENV: SECRET})
    by_file = check(quick, folder, "--passphrase-file", words)

    keys = [a.json()["files"][0]["key"] for a in (shut, wrong, by_variable, by_file)]
    assert keys == ["not_checked", "not_checked", "belongs", "belongs"]
    assert "no passphrase was given" in str(shut.json()["files"][0]["not_checked"])
    assert all(a.code == 0 for a in (shut, wrong, by_variable, by_file))
    assert SECRET not in "".join(a.stdout + a.stderr for a in (shut, wrong, by_variable, by_file))
    assert quick("keys", "check", folder, "--passphrase-file", tmp_path / "none").code == 40


@pytest.mark.parametrize(
    ("chain", "key", "rule", "code"),
    [
        ("signer/es256", "belongs", None, 0),
        ("signer/es384", "mismatch", "key.mismatch", 10),
        ("variants/expired", "mismatch", "key.mismatch", 10),
    ],
)
def test_a_key_elsewhere_is_tried_with_one_signature(
    quick: Run, tmp_path: Path, chain: str, key: str, rule: str | None, code: int
) -> None:
    program = tmp_path / "press-signer"
    program.write_text(f"""#!{sys.executable}
import sys
from trustkit.signers.pem import open_file_signer
signer = open_file_signer({str(KEYS / "signer/es256")!r}, str)
sys.stdout.buffer.write(signer.sign(sys.stdin.buffer.read()))
""")
    program.chmod(0o700)
    answer = check(quick, f"cmd:{program}?chain={KEYS / chain / 'chain.pem'}")
    assert answer.code == code, answer.stdout + answer.stderr
    assert answer.json()["files"][0]["key"] == key
    assert rule is None or rules(answer)[0] == rule


def test_a_key_elsewhere_that_gives_no_signature_is_not_checked(quick: Run, tmp_path: Path) -> None:
    program = tmp_path / "broken-signer"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o700)
    answer = check(quick, f"cmd:{program}?chain={KEYS}/signer/es256/chain.pem")
    assert answer.json()["files"][0]["key"] == "not_checked"
    assert "whether the key belongs" in answer.json()["files"][0]["not_checked"][0]


def test_who_knows_the_chain_is_said(quick: Run, tmp_path: Path) -> None:
    home = {"TRUSTKIT_HOME": str(tmp_path)}
    nobody = check(quick, KEYS / "variants/issued-by-root", env=home)
    assert quick("trust", "add", TRUST, "--name", "house", env=home).code == 0
    assert quick("trust", "add", TSA_TRUST, "--name", "clocks", "--tsa", env=home).code == 0

    known = check(quick, KEYS / "variants/issued-by-root", env=home)
    authority = check(quick, KEYS / "tsa", "--profile", "tsa", env=home)

    assert rules(nobody) == ["chain.no_issuer"]
    assert rules(known) == []
    assert known.json()["files"][0]["known_to"].startswith("house ")
    assert authority.json()["files"][0]["known_to"].startswith("clocks ")


def test_no_part_of_a_key_is_ever_shown(quick: Run) -> None:
    folder = KEYS / "signer/es256"
    lines = [line for line in (folder / "key.pem").read_text().splitlines() if len(line) > 40]
    said = ""
    for target in (folder, f"file:{folder}", folder / "key.pem", KEYS / "variants/key-mismatch"):
        for form in ("text", "json"):
            answer = quick("keys", "check", target, "-f", form, env={"TRUSTKIT_LOG": "debug"})
            said += answer.stdout + answer.stderr
    assert lines
    assert not any(line in said for line in lines)


def test_a_chain_with_too_many_certificates_or_bytes_is_not_read(
    quick: Run, tmp_path: Path
) -> None:
    pem = (KEYS / "signer/es256/chain.pem").read_bytes()
    (tmp_path / "many.pem").write_bytes(pem * 40)
    (tmp_path / "large.pem").write_bytes(pem + b"#" * 2**20)
    assert quick("keys", "check", tmp_path / "many.pem").code == 33
    assert quick("keys", "check", tmp_path / "large.pem").code == 33


def test_hostile_chains_give_an_answer_and_never_a_trace(quick: Run, tmp_path: Path) -> None:
    choice = random.Random(20261126)
    sources = [KEYS / "signer" / a / "chain.pem" for a in ("es256", "ps256", "ed25519")]
    sources += [KEYS / "variants" / v / "chain.pem" for v in ("al1", "cawg", "root-appended")]
    seen = dict.fromkeys((0, 10, 20, 33), 0)
    for number in range(MUTATIONS):
        pem = choice.choice(sources).read_bytes()
        file = tmp_path / f"{number}.pem"
        if number % 4 == 0:
            file.write_bytes(mutated(pem, choice))
        else:  # a whole PEM around a broken certificate gets further
            ders = [c.public_bytes(Encoding.DER) for c in x509.load_pem_x509_certificates(pem)]
            at = choice.randrange(len(ders))
            ders[at] = mutated(ders[at], choice)
            file.write_bytes(ders[at] if number % 4 == 1 else b"".join(map(armoured, ders)))
        profile = choice.choice(["c2pa", "c2pa-al1", "c2pa-al2", "cawg", "tsa"])
        answer = quick("keys", "check", file, "--profile", profile, "-f", "json")
        assert answer.code in seen, (number, answer.stderr)
        assert answer.json()["exit_code"] == answer.code
        seen[answer.code] += 1
        file.unlink()
    assert seen[33] > 50  # many do break
    assert sum(count for code, count in seen.items() if code != 33) > 100  # and many are read


def mutated(data: bytes, choice: random.Random) -> bytes:
    changed = bytearray(data)
    if choice.random() < 0.5:  # one flipped bit, most of which leave it readable
        changed[choice.randrange(len(changed))] ^= 1 << choice.randrange(8)
        return bytes(changed)
    for _ in range(choice.randint(1, 3)):
        at = choice.randrange(len(changed))
        match choice.randrange(5):
            case 0:
                changed[at] ^= 1 << choice.randrange(8)
            case 1:
                changed[at] = choice.choice((0, 1, 0x7F, 0x80, 0xFF, 0x30, 0x06))
            case 2:
                del changed[at : at + choice.randint(1, 8)]
            case 3:
                changed[at:at] = changed[: choice.randint(1, 16)]
            case _:
                changed[at : at + 2] = choice.randbytes(2)
    return bytes(changed) or b"\0"


def armoured(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def test_a_certificate_that_ends_soon_is_told_in_time(quick: Run, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert quick("keys", "generate", "-o", folder, "--days", "10").code == 0
    assert rules(check(quick, folder)) == ["time.soon"]
