"""The keys `trustkit sign` takes and refuses, and the time stamps it asks for."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.command import AI, KEY, KEYS, MEDIA, TSA_TRUST
from tests.conftest import Run, Verify
from tests.manifests import codes, detailed, finding
from tests.tsa import LocalTsa
from trustkit.signers import ALGORITHMS

PICTURE = MEDIA / "scene.jpg"
SECRET = "correct horse battery staple"
ENV = "TRUSTKIT_KEY_PASSPHRASE"
REFUSED = (
    "key-mismatch",
    "expired",
    "not-yet-valid",
    "timestamping-eku",
    "ocsp-eku",
    "content-commitment",
    "ca-leaf",
    "no-eku",
    "any-eku",
    "no-aki",
)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jpg"


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    folder = tmp_path_factory.mktemp("encrypted") / "key"
    made = quick("keys", "generate", "-o", folder, "--encrypt", env={ENV: SECRET})
    assert made.code == 0, made.stderr
    assert SECRET not in made.stdout + made.stderr
    return folder


def key_lines(key: Path) -> list[str]:
    """Return the lines of a PEM key that hold the key itself."""
    return [line for line in key.read_text().splitlines() if len(line) > 40 and " " not in line]


@pytest.mark.parametrize("variant", REFUSED)
def test_a_key_that_may_not_sign_is_refused_and_nothing_written(
    quick: Run, output: Path, variant: str
) -> None:
    folder = KEYS / "variants" / variant
    answer = quick("sign", PICTURE, "-o", output, "--key", f"file:{folder}", *AI)
    assert answer.code == 40, answer.stderr
    assert list(output.parent.iterdir()) == []
    assert len(answer.stderr.splitlines()) == 2  # what happened, and what to do
    assert not any(line in answer.stderr for line in key_lines(folder / "key.pem"))


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ("key-mismatch", "do not belong together"),
        ("expired", "expired on 2025"),
        ("not-yet-valid", "not valid before"),
        ("timestamping-eku", "time stamping"),
        ("ocsp-eku", "OCSP signing"),
        ("content-commitment", "digital signatures"),
        ("ca-leaf", "CA"),
        ("no-eku", "no extended key usage"),
        ("no-aki", "authority key identifier"),
    ],
)
def test_the_refusal_names_the_rule(quick: Run, output: Path, variant: str, word: str) -> None:
    answer = quick(
        "sign", PICTURE, "-o", output, "--key", f"file:{KEYS / 'variants' / variant}", *AI
    )
    assert word in answer.stderr


@pytest.mark.parametrize(
    "uri",
    [
        "keys/signer/es256",
        "file:",
        "file:/nowhere",
        "vault:secret/press",
        "file:/nowhere/key.pem?chain=/nowhere/chain.pem",
        f"file:{KEYS}/signer/es256/chain.pem?chain={KEYS}/signer/es256/chain.pem",
        f"file:{KEYS}/signer/es256/key.pem?chain={KEYS}/signer/es256/key.pem",
        f"file:{MEDIA}/scene.jpg?chain={KEYS}/signer/es256/chain.pem",
        f"file:{KEYS}/signer/es256/key.pem?chain={KEYS}/signer/es384/chain.pem",
    ],
)
def test_a_uri_that_names_no_key_is_refused(quick: Run, output: Path, uri: str) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", uri, *AI)
    assert answer.code == 40, answer.stderr
    assert not output.exists()
    assert not any(line in answer.stderr for line in key_lines(KEYS / "signer/es256/key.pem"))


def test_no_key_is_a_usage_error(quick: Run, output: Path) -> None:
    answer = quick("sign", PICTURE, "-o", output, *AI)
    assert answer.code == 2
    assert not output.exists()


@pytest.mark.parametrize("given", [None, "", "wrong", SECRET.upper()])
def test_an_encrypted_key_stays_shut_without_its_passphrase(
    quick: Run, encrypted: Path, output: Path, given: str | None
) -> None:
    env = {} if given is None else {ENV: given}
    answer = quick("sign", PICTURE, "-o", output, "--key", f"file:{encrypted}", *AI, env=env)
    assert answer.code == 40
    assert not output.exists()
    assert not given or given not in answer.stdout + answer.stderr


def test_a_passphrase_that_is_no_text_is_refused(quick: Run, encrypted: Path, output: Path) -> None:
    env = {ENV: os.fsdecode(b"\xff\xfe")}
    answer = quick("sign", PICTURE, "-o", output, "--key", f"file:{encrypted}", *AI, env=env)
    assert answer.code == 40
    assert f"the variable {ENV} is no UTF-8 text" in answer.stderr
    assert not output.exists()


@pytest.mark.parametrize("content", [None, b"wrong\n", b"\xff\xfe"])
def test_a_passphrase_file_that_does_not_open_the_key_is_refused(
    quick: Run, encrypted: Path, output: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "passphrase"
    if content is not None:
        file.write_bytes(content)
    key = ("--key", f"file:{encrypted}", "--passphrase-file", file)
    answer = quick("sign", PICTURE, "-o", output, *key, *AI)
    assert answer.code == 40
    assert not output.exists()


def test_an_encrypted_key_opens_by_file_and_by_environment_and_is_never_shown(
    run: Run, encrypted: Path, tmp_path: Path
) -> None:
    file = tmp_path / "passphrase"
    file.write_text(f"{SECRET}\n")
    key = ("--key", f"file:{encrypted}")
    by_file = ("-o", tmp_path / "a.jpg", *key, "--passphrase-file", file, "-f", "json")
    by_variable = ("-o", tmp_path / "b.jpg", *key)

    answers = [run("sign", PICTURE, *by_file, *AI)]
    answers += [run("sign", PICTURE, *by_variable, *AI, env={ENV: SECRET, "TRUSTKIT_LOG": "debug"})]

    assert [answer.code for answer in answers] == [0, 0]
    said = "".join(answer.stdout + answer.stderr for answer in answers)
    written = (tmp_path / "a.jpg").read_bytes() + (tmp_path / "b.jpg").read_bytes()
    assert SECRET not in said
    assert SECRET.encode() not in written
    assert not any(line in said for line in key_lines(encrypted / "key.pem"))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_of_c2pa_signs(
    quick: Run, verify: Verify, output: Path, algorithm: str
) -> None:
    folder = KEYS / "signer" / algorithm
    answer = quick("sign", PICTURE, "-o", output, "--key", f"file:{folder}", *AI)
    assert answer.code == 0, answer.stderr
    assert detailed(output)["signature"]["alg"].lower() == algorithm
    assert verify(output)["out.jpg"]["axes"]["signer"] == "trusted"


def test_key_and_chain_may_be_named_apart(quick: Run, output: Path) -> None:
    folder = KEYS / "signer/es384"
    uri = f"file:{folder}/key.pem?chain={folder}/chain.pem"
    assert quick("sign", PICTURE, "-o", output, "--key", uri, *AI).code == 0


def test_a_plus_in_the_name_of_a_chain_is_a_plus(quick: Run, output: Path, tmp_path: Path) -> None:
    place = tmp_path / "desk+wire"
    shutil.copytree(KEYS / "signer/es256", place)
    uri = f"file:{place / 'key.pem'}?chain={place / 'chain.pem'}"
    answer = quick("sign", PICTURE, "-o", output, "--key", uri, *AI)
    assert answer.code == 0, answer.stderr


def test_an_option_that_file_keys_do_not_have_is_refused(quick: Run, output: Path) -> None:
    uri = f"file:{KEYS / 'es256' / 'key.pem'}?chian={KEYS / 'es256' / 'chain.pem'}"
    answer = quick("sign", PICTURE, "-o", output, "--key", uri, *AI)
    assert answer.code == 40
    assert "no option 'chian'" in answer.stderr
    assert not output.exists()


def test_generate_never_overwrites_a_key(quick: Run, tmp_path: Path) -> None:
    folder = tmp_path / "key"
    assert quick("keys", "generate", "-o", folder).code == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = quick("keys", "generate", "-o", folder)
    assert again.code == 40
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["chain.pem", "root.pem"])
def test_generate_keeps_whatever_part_of_a_key_is_there(
    quick: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    assert quick("keys", "generate", "-o", tmp_path).code == 40
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_generate_refuses_to_encrypt_without_a_passphrase(quick: Run, tmp_path: Path) -> None:
    for env in ({}, {ENV: ""}):
        answer = quick("keys", "generate", "-o", tmp_path / "key", "--encrypt", env=env)
        assert answer.code == 2
        assert not (tmp_path / "key").exists()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_generated_key_signs_and_is_trusted_with_its_root_alone(
    quick: Run, verify: Verify, output: Path, tmp_path: Path, algorithm: str
) -> None:
    folder = tmp_path / "key"
    assert quick("keys", "generate", "-o", folder, "--algorithm", algorithm).code == 0
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    assert (folder / "key.pem").read_text().startswith("TEST ONLY")
    signing = quick("sign", PICTURE, "-o", output, "--key", f"file:{folder}", *AI)
    assert signing.code == 0, signing.stderr
    assert detailed(output)["signature"]["alg"].lower() == algorithm
    assert verify(output, trust=folder / "root.pem")["out.jpg"]["axes"]["signer"] == "trusted"


@pytest.mark.parametrize("fault", ["down", "garbage", "status_500"])
def test_without_the_stamp_that_was_asked_for_nothing_is_written(
    quick: Run, output: Path, fault: str
) -> None:
    with getattr(LocalTsa, fault)() as tsa:
        answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--tsa", tsa.url)
    assert answer.code == 40
    assert list(output.parent.iterdir()) == []
    assert "time-stamp authority" in answer.stderr
    assert tsa.url in answer.stderr


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1/", "http://"])
def test_an_address_that_is_no_authority_is_refused(quick: Run, output: Path, url: str) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--tsa", url)
    assert answer.code in {2, 40}
    assert not output.exists()


def test_a_stamp_counts_with_its_own_list_only(quick: Run, verify: Verify, output: Path) -> None:
    with LocalTsa() as tsa:
        answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    assert "no time stamp" not in answer.stderr

    without = verify(output)["out.jpg"]
    with_list = verify(output, "--tsa-trust", TSA_TRUST)["out.jpg"]

    assert "manifest.timestamp" not in codes(without)
    assert codes(without)["manifest.timestamp_unknown"] == "present"
    assert codes(with_list)["manifest.timestamp"] == "present"
    assert finding(with_list, "manifest.timestamp")["facts"]["list"]["name"] == TSA_TRUST.name
    assert with_list["axes"]["signer"] == without["axes"]["signer"] == "trusted"


def test_the_stamp_of_an_unknown_authority_is_not_relied_on(
    quick: Run, verify: Verify, output: Path
) -> None:
    with LocalTsa(KEYS / "tsa-untrusted") as tsa:
        answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI, "--tsa", tsa.url)
    assert answer.code == 0, answer.stderr
    row = verify(output, "--tsa-trust", TSA_TRUST)["out.jpg"]
    assert codes(row)["manifest.timestamp_unknown"] == "present"
    assert "manifest.timestamp" not in codes(row)


def test_without_a_stamp_signing_says_what_that_means(quick: Run, output: Path) -> None:
    answer = quick("sign", PICTURE, "-o", output, "--key", KEY, *AI)
    assert "no time stamp" in answer.stderr
