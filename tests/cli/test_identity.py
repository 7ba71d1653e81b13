"""A second key stands by what a manifest states, and is judged by lists of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, KEY, KEYS, MEDIA, TRUST, TSA_TRUST, Answer
from tests.conftest import Run
from tests.identities import IDENTITY_KEY, OTHER, assertion, forge, found, signed_again
from tests.manifests import codes, finding
from tests.tsa import LocalTsa
from trustkit.c2pa import write
from trustkit.c2pa.cose import labels
from trustkit.signers import ALGORITHMS

ROOT = OTHER / "root.pem"
WHO = ("--identity-key", IDENTITY_KEY, "--identity-role", "publisher")
FORMATS = ("scene.jpg", "scene.png", "scene.webp", "clip.mp4", "sound.mp3", "page.pdf")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    """Files with an identity, embedded or beside: read them, never write to them."""
    place = tmp_path_factory.mktemp("identity")
    media = [MEDIA / name for name in (*FORMATS, "clip.webm")]
    answer = quick("sign", *media, "-o", place, "--key", KEY, *AI, *WHO, "--no-soft-binding", "-q")
    assert answer.code == 0, answer.stderr
    return place


@pytest.fixture
def signed(folder: Path, tmp_path: Path) -> Path:
    """A copy of a signed picture, to be changed."""
    return Path(shutil.copy(folder / "scene.jpg", tmp_path))


def sign(quick: Run, out: Path, *options: object, media: str = "scene.jpg") -> Answer:
    common = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    return quick("sign", MEDIA / media, "-o", out, *common, *options)


def row(quick: Run, path: Path, *options: object) -> dict[str, Any]:
    common = ("--trust", TRUST, "--skip", "watermark", "--format", "jsonl")
    return quick("verify", path, *common, *options).rows()[0]


# Who is refused


@pytest.mark.parametrize(
    ("variant", "why"),
    [
        ("claimsigning-eku", "neither for signing documents nor for e-mail"),
        ("timestamping-eku", "time stamping"),
        ("content-commitment", "digital signatures"),
        ("ca-leaf", "CA's certificate"),
    ],
)
def test_a_certificate_that_may_not_vouch_for_a_name_is_refused(
    quick: Run, tmp_path: Path, variant: str, why: str
) -> None:
    out = tmp_path / "out.jpg"
    answer = sign(quick, out, "--identity-key", f"file:{KEYS / 'variants' / variant}")

    assert answer.code == 40, answer.stderr
    assert why in answer.stderr
    assert not out.exists()


def test_an_expired_certificate_is_refused(quick: Run, tmp_path: Path) -> None:
    answer = sign(quick, tmp_path / "out.jpg", "--identity-key", f"file:{KEYS}/variants/expired")

    assert answer.code == 40
    assert "expired" in answer.stderr
    assert not list(tmp_path.iterdir())


def test_a_key_of_another_certificate_is_refused(quick: Run, tmp_path: Path) -> None:
    wrong = f"file:{OTHER / 'key.pem'}?chain={KEYS / 'signer/es256/chain.pem'}"
    answer = sign(quick, tmp_path / "out.jpg", "--identity-key", wrong)

    assert answer.code == 40
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("role", ["cawg.king", "king of spain", "c2pa.creator"])
def test_an_unknown_role_is_refused(quick: Run, tmp_path: Path, role: str) -> None:
    out = tmp_path / "out.jpg"
    answer = sign(quick, out, "--identity-key", IDENTITY_KEY, "--identity-role", role)

    assert answer.code == 40
    assert "is no role" in answer.stderr
    assert not out.exists()


def test_a_role_without_anybody_to_play_it_is_refused(quick: Run, tmp_path: Path) -> None:
    answer = sign(quick, tmp_path / "out.jpg", "--identity-role", "cawg.creator")

    assert answer.code == 2
    assert "--identity-key" in answer.stderr


def test_what_does_not_hold_when_read_back_is_not_written(
    quick: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key signs something else than it was given, as a broken HSM would."""
    real = write.with_identity

    def faulty(claim: Any, identity: Any, *rest: Any) -> Any:
        class Faulty:
            algorithm, chain = identity.signer.algorithm, identity.signer.chain

            def sign(self, data: bytes) -> bytes:
                signature: bytes = identity.signer.sign(data + b"!")
                return signature

        return real(claim, write.Identity(Faulty(), identity.roles), *rest)

    monkeypatch.setattr(write, "with_identity", faulty)
    answer = sign(quick, tmp_path / "out.jpg", *WHO)

    assert answer.code == 40
    assert "the identity statement does not hold" in answer.stderr
    assert not list(tmp_path.iterdir())


# Who is believed


@pytest.mark.parametrize("name", [*FORMATS, "clip.webm"])
def test_every_format_carries_an_identity(quick: Run, folder: Path, name: str) -> None:
    seen = row(quick, folder / name, "--identity-trust", ROOT)

    assert seen["axes"]["identity"] == "trusted"
    assert (seen["axes"]["integrity"], seen["axes"]["signer"]) == ("intact", "trusted")
    facts = finding(seen, "identity.trusted")["facts"]
    assert facts["roles"] == ["cawg.publisher"]
    assert facts["is_bound"]
    assert any(label.startswith("c2pa.hash.") for label in facts["references"])
    assert {"c2pa.actions.v2", "org.trustkit.disclosure"} <= set(facts["references"])
    assert facts["list"]["name"] == "root.pem"
    assert re.fullmatch("[0-9a-f]{64}", facts["list"]["sha256"])
    assert facts["named"]["name"] == "trustkit TEST ONLY untrusted"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_signs_identities(quick: Run, tmp_path: Path, algorithm: str) -> None:
    out = tmp_path / "out.jpg"
    answer = sign(quick, out, "--identity-key", f"file:{KEYS / 'signer' / algorithm}")
    assert answer.code == 0, answer.stderr

    seen = row(quick, out, "--identity-trust", TRUST)
    assert seen["axes"]["identity"] == "trusted"
    assert finding(seen, "identity.trusted")["facts"]["roles"] == []


def test_the_lists_of_signers_vouch_for_no_identity(quick: Run, tmp_path: Path) -> None:
    """The same key signs the claim and the identity: the first is trusted, the second is not."""
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--identity-key", KEY).code == 0

    seen = row(quick, out, "--tsa-trust", TSA_TRUST)
    assert seen["axes"]["signer"] == "trusted"
    assert seen["axes"]["identity"] == "untrusted"
    assert "no list of identities is in use" in finding(seen, "identity.unknown")["summary"]
    assert seen["decision"] == row(quick, out, "--identity-trust", TRUST)["decision"]


def test_the_lists_of_identities_vouch_for_no_signer(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--identity-key", KEY).code == 0

    options = ("--trust", ROOT, "--identity-trust", TRUST)
    seen = quick("verify", out, "--skip", "watermark", "--format", "jsonl", *options).rows()[0]
    assert seen["axes"]["signer"] == "untrusted"
    assert seen["axes"]["identity"] == "trusted"


def test_whom_no_list_knows_is_shown_as_such(quick: Run, folder: Path) -> None:
    seen = row(quick, folder / "scene.jpg", "--identity-trust", TRUST)

    assert seen["axes"]["identity"] == "untrusted"
    assert "no list of identities in use (test-signers.pem) knows" in seen["summary"]
    assert "identity.trusted" not in codes(seen)


def test_a_file_without_one_says_nothing_of_identities(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out).code == 0

    seen = row(quick, out, "--identity-trust", ROOT)
    assert seen["axes"]["identity"] == "none"
    assert not [code for code in codes(seen) if code.startswith("identity.")]


# What does not hold


def test_a_changed_byte_in_the_identity_is_tampering_with_the_manifest(
    quick: Run, signed: Path
) -> None:
    signature = assertion(signed)["signature"]
    data = signed.read_bytes()
    assert data.count(signature) == 1
    at = data.index(signature) + len(signature) - 1
    signed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])

    seen = row(quick, signed, "--identity-trust", ROOT)
    assert seen["verdict"] == "tampered"
    assert seen["axes"]["identity"] == "broken"


def test_a_changed_picture_leaves_no_identity_standing(quick: Run, signed: Path) -> None:
    data = bytearray(signed.read_bytes())
    data[-100] ^= 1
    signed.write_bytes(data)

    seen = row(quick, signed, "--identity-trust", ROOT)
    assert seen["verdict"] == "tampered"
    assert seen["axes"]["identity"] == "broken"
    assert "not shown to belong to this content" in finding(seen, "identity.broken")["summary"]


def _other_hash(value: dict[str, Any]) -> None:
    reference = value["signer_payload"]["referenced_assertions"][0]
    reference["hash"] = bytes(len(reference["hash"]))
    value["signature"] = signed_again(value["signer_payload"])


def _no_binding(value: dict[str, Any]) -> None:
    payload = value["signer_payload"]
    references = payload["referenced_assertions"]
    payload["referenced_assertions"] = [r for r in references if "c2pa.hash." not in r["url"]]
    value["signature"] = signed_again(payload)


def _twice(value: dict[str, Any]) -> None:
    # In the room that the padding leaves.
    payload = value["signer_payload"]
    payload["referenced_assertions"].append(payload["referenced_assertions"][0])
    value["signature"] = signed_again(payload)


def _unknown_statement(value: dict[str, Any]) -> None:
    reference = value["signer_payload"]["referenced_assertions"][0]
    reference["url"] = "self#jumbf=c2pa.assertions/org.example.no"
    value["signature"] = signed_again(value["signer_payload"])


def _other_signature(value: dict[str, Any]) -> None:
    value["signature"] = signed_again({**value["signer_payload"], "role": ["cawg.creator"]})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_other_hash, "does not hold"),
        (_no_binding, "does not hold"),
        (_twice, "does not hold"),
        (_unknown_statement, "does not hold"),
        (_other_signature, "does not hold"),
    ],
)
def test_an_identity_over_something_else_is_broken_and_the_file_is_not(
    quick: Run, signed: Path, change: Any, why: str
) -> None:
    seen = row(quick, forge(signed, change), "--identity-trust", ROOT)

    print(finding(seen, "identity.broken")["summary"])
    assert (seen["axes"]["integrity"], seen["axes"]["signer"]) == ("intact", "trusted")
    assert seen["verdict"] == "declared_ai"
    assert seen["axes"]["identity"] == "broken"
    assert why in finding(seen, "identity.broken")["summary"]
    assert "identity.trusted" not in codes(seen)


def test_an_untouched_identity_survives_the_forge(quick: Run, signed: Path) -> None:
    seen = row(quick, forge(signed, lambda _: None), "--identity-trust", ROOT)

    assert (seen["axes"]["integrity"], seen["axes"]["identity"]) == ("intact", "trusted")


def test_an_unreadable_identity_is_a_finding(quick: Run, signed: Path) -> None:
    def garbled(value: dict[str, Any]) -> bytes:
        return b"\xa1" + b"\x80" * (len_before - 1)

    len_before = len(_content(signed))
    seen = row(quick, forge(signed, garbled), "--identity-trust", ROOT)

    assert seen["axes"]["identity"] == "broken"
    assert seen["verdict"] != "tampered"


def _content(path: Path) -> bytes:
    from trustkit.c2pa.cose import box

    reading = found(path)
    return box(reading.store, "c2pa", reading.label, "c2pa.assertions", "cawg.identity")


# Time


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    """A key whose certificate holds for a day."""
    place = tmp_path_factory.mktemp("short") / "key"
    assert quick("keys", "generate", "-o", place, "--days", 1).code == 0
    return place


@pytest.fixture
def tsa() -> Iterator[LocalTsa]:
    with LocalTsa() as running:
        yield running


LATER = ("--validation-time", "2040-01-01T00:00:00Z")


def test_an_expired_identity_without_a_stamp_is_expired(
    quick: Run, short: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--identity-key", f"file:{short}").code == 0
    trust = ("--identity-trust", short / "root.pem")

    assert row(quick, out, *trust)["axes"]["identity"] == "trusted"
    later = row(quick, out, *trust, *LATER)
    assert later["axes"]["identity"] == "expired"
    assert (later["axes"]["integrity"], later["axes"]["signer"]) == ("intact", "trusted")


def test_a_trusted_stamp_keeps_an_expired_identity(
    quick: Run, short: Path, tmp_path: Path, tsa: LocalTsa
) -> None:
    out = tmp_path / "out.jpg"
    answer = sign(quick, out, "--identity-key", f"file:{short}", "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    trust = ("--identity-trust", short / "root.pem")

    later = row(quick, out, *trust, *LATER, "--tsa-trust", TSA_TRUST)
    assert later["axes"]["identity"] == "trusted"
    facts = finding(later, "identity.trusted")["facts"]
    assert facts["stamp"] == "its own"
    assert facts["signed_at"].startswith("20")
    # The same stamp from an authority that no list in use knows changes nothing.
    unknown = row(quick, out, *trust, *LATER, "--tsa-trust", KEYS / "tsa-untrusted/root.pem")
    assert unknown["axes"]["identity"] == "expired"


def test_no_stamp_no_identity_when_the_authority_is_down(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    with LocalTsa.down() as down:
        answer = sign(quick, out, *WHO, "--tsa", down.url)

    assert answer.code == 40
    assert not out.exists()


# Around it


def test_secrets_are_asked_apart(quick: Run, tmp_path: Path) -> None:
    """Two encrypted keys have two passphrases, and neither is ever shown."""
    claim, identity = tmp_path / "claim", tmp_path / "identity"
    for place, secret in ((claim, "one-secret"), (identity, "two-secret")):
        env = {"TRUSTKIT_KEY_PASSPHRASE": secret}
        assert quick("keys", "generate", "-o", place, "--encrypt", env=env).code == 0
    options = ("--key", f"file:{claim}", "--identity-key", f"file:{identity}", *AI)
    env = {"TRUSTKIT_KEY_PASSPHRASE": "one-secret", "TRUSTKIT_LOG": "debug"}
    out = tmp_path / "out.jpg"
    common = ("sign", MEDIA / "scene.jpg", "-o", out, "--no-soft-binding", *options)

    refused = quick(*common, env=env)
    assert refused.code == 40
    assert "TRUSTKIT_IDENTITY_PASSPHRASE" in refused.stderr
    done = quick(*common, env={**env, "TRUSTKIT_IDENTITY_PASSPHRASE": "two-secret"})
    assert done.code == 0, done.stderr
    for text in (refused.stdout, refused.stderr, done.stdout, done.stderr):
        assert "-secret" not in text


def test_an_earlier_identity_stays_with_the_earlier_manifest(
    quick: Run, signed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again.jpg"
    common = ("--key", KEY, "--source-type", "humanEdits", "--no-soft-binding", "-q")
    assert quick("sign", signed, "-o", out, *common).code == 0

    assert row(quick, out, "--identity-trust", ROOT)["axes"]["identity"] == "none"
    shown = quick("inspect", out).stdout
    assert "identity: cawg.publisher, cawg.x509.cose" in shown


def test_inspect_shows_who_stands_by_it(quick: Run, folder: Path) -> None:
    text = quick("inspect", folder / "scene.jpg").stdout
    node = quick("inspect", folder / "scene.jpg", "--format", "json").json()["tree"]

    assert "identity: cawg.publisher, cawg.x509.cose, over c2pa.actions.v2" in text
    assert node["identities"][0]["roles"] == ["cawg.publisher"]
    assert node["identities"][0]["certificates"][0]["role"] == "identity"


def test_a_template_names_the_identity(quick: Run, tmp_path: Path) -> None:
    house = tmp_path / "house.toml"
    house.write_text(
        f'template = 1\nidentity_key = "{IDENTITY_KEY}"\nidentity_roles = ["cawg.creator"]\n'
    )
    out = tmp_path / "out.jpg"
    assert sign(quick, out, "--template", house).code == 0

    facts = finding(row(quick, out, "--identity-trust", ROOT), "identity.trusted")["facts"]
    assert facts["roles"] == ["cawg.creator"]


def test_the_store_has_one_identity_and_no_more(folder: Path) -> None:
    reading = found(folder / "scene.jpg")

    named = labels(reading.store, "c2pa", reading.label, "c2pa.assertions")
    assert named.count("cawg.identity") == 1
