"""`trustkit trust`: named lists, whole or not at all, and never what was not added."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.command import KEYS, TRUST, TSA_TRUST
from tests.conftest import Run

LEAF = KEYS / "trust/test-leaf-only.pem"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where this test's lists are kept."""
    return tmp_path / "mine"


@pytest.fixture
def here(quick: Run, place: Path) -> Run:
    return partial(quick, env={"TRUSTKIT_HOME": str(place)})


def installed(here: Run) -> list[str]:
    return [entry["name"] for entry in here("trust", "list", "--format", "json").json()]


@pytest.mark.parametrize("content", [b"", b"not PEM", b"\xff\xd8\xff", None])
def test_a_file_without_certificates_is_refused(
    here: Run, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "list.pem"
    if content is not None:
        file.write_bytes(content)
    assert here("trust", "add", file).code == 33
    assert installed(here) == []


def test_one_bad_file_refuses_the_whole_list(here: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.pem").write_bytes(TRUST.read_bytes().replace(b"MII", b"MIX"))
    assert here("trust", "add", TRUST, tmp_path / "bad.pem", "--name", "house").code == 33
    assert here("trust", "add", TRUST, tmp_path / "gone.pem", "--name", "house").code == 33
    assert installed(here) == []


@pytest.mark.parametrize("name", ["..", "../evil", "a/b", ".hidden", "A b", "x" * 65, "-x"])
def test_a_name_that_could_lead_elsewhere_is_refused(here: Run, place: Path, name: str) -> None:
    assert here("trust", "add", TRUST, f"--name={name}").code in {33, 2}
    assert installed(here) == []
    assert not list(place.parent.rglob("list.pem"))


def test_a_name_that_is_taken_is_refused_and_kept(here: Run, place: Path) -> None:
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    before = (place / "trust/house/list.pem").read_bytes()
    answer = here("trust", "add", LEAF, "--name", "house")
    assert answer.code == 33
    assert "remove" in answer.stderr
    assert (place / "trust/house/list.pem").read_bytes() == before


@pytest.mark.parametrize("command", [("show", "none"), ("remove", "none"), ("remove", "..")])
def test_a_list_that_is_not_there_is_said(here: Run, command: tuple[str, str]) -> None:
    assert here("trust", *command).code == 33


def swap(folder: Path) -> None:
    shutil.copy(KEYS / "untrusted/root.pem", folder / "list.pem")


def cut(folder: Path) -> None:
    (folder / "list.pem").write_bytes((folder / "list.pem").read_bytes()[:-200])


def gone(folder: Path) -> None:
    (folder / "list.pem").unlink()


def empty(folder: Path) -> None:
    (folder / "about.json").write_text("")


def other_purpose(folder: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    (folder / "about.json").write_text(json.dumps({**about, "purpose": "everything"}))


def keyless(folder: Path) -> None:
    (folder / "about.json").write_text("{}")


@pytest.mark.parametrize("damage", [swap, cut, gone, empty, other_purpose, keyless])
def test_a_list_that_is_not_what_was_added_is_never_used(
    here: Run, place: Path, signed_folder: Path, damage: Callable[[Path], None]
) -> None:
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    damage(place / "trust/house")

    picture = signed_folder / "scene.jpg"
    for arguments in (
        ("trust", "list"),
        ("trust", "show", "house"),
        ("verify", picture),
        ("verify", picture, "--trust", "house"),
    ):
        answer = here(*arguments)
        assert answer.code == 33, arguments
        assert "house" in answer.stderr
        assert "trusted" not in answer.stdout
    assert here("trust", "remove", "house").code == 0
    assert installed(here) == []


def test_a_list_of_authorities_is_not_one_of_signers(here: Run, signed_folder: Path) -> None:
    assert here("trust", "add", TRUST, "--name", "stamps", "--tsa").code == 0
    picture = signed_folder / "scene.jpg"
    by_default = here("verify", picture, "--format", "json").json()
    by_name = here("verify", picture, "--trust", "stamps")
    assert by_default["files"][0]["axes"]["signer"] == "untrusted"
    assert by_name.code == 33
    assert "--tsa-trust" in by_name.stderr


def test_an_installed_list_counts_without_being_named(here: Run, signed_folder: Path) -> None:
    picture = signed_folder / "scene.jpg"
    assert here("trust", "add", TRUST, "--name", "house").code == 0
    by_default = here("verify", picture, "--format", "json").json()
    by_name = here("verify", picture, "--trust", "house", "--format", "json").json()
    assert by_default["files"] == by_name["files"]
    assert by_default["files"][0]["axes"]["signer"] == "trusted"
    (used,) = by_default["run"]["trust_lists"]
    assert (used["name"], used["purpose"], len(used["sha256"])) == ("house", "signers", 64)


def test_several_files_make_one_list(here: Run) -> None:
    assert here("trust", "add", TRUST, LEAF, "--name", "house").code == 0
    (about,) = here("trust", "list", "--format", "json").json()
    assert about["certificates"] == 2
    shown = here("trust", "show", "house").stdout
    assert "CA  " in shown
    assert "self" in shown


def test_lists_are_listed_with_purpose_and_sha256_and_can_be_removed(here: Run) -> None:
    assert "no trust list" in here("trust", "list").stdout
    here("trust", "add", TRUST, "--name", "house")
    here("trust", "add", TSA_TRUST, "--tsa")
    signers, stamps = here("trust", "list", "--format", "json").json()
    assert (signers["name"], signers["purpose"]) == ("house", "signers")
    assert (stamps["name"], stamps["purpose"]) == ("test-tsa", "timestamps")
    assert signers["sha256"][:16] in here("trust", "list").stdout
    assert here("trust", "remove", "house").code == 0
    assert installed(here) == ["test-tsa"]


def test_an_old_list_is_said_where_the_policy_sets_an_age(
    here: Run, place: Path, tmp_path: Path, signed_folder: Path
) -> None:
    here("trust", "add", TRUST, "--name", "house")
    about = place / "trust/house/about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "date": "2020-01-01"}))
    picture = signed_folder / "scene.jpg"
    strict = here("verify", picture, "--policy", "strict", "--format", "json").json()
    newsdesk = here("verify", picture, "--format", "json").json()
    assert "trust.list_old" in {f["code"] for f in strict["files"][0]["findings"]}
    assert strict["files"][0]["decision"] == "review"
    assert newsdesk["files"][0]["decision"] == "accept"
