"""`trustkit policy`: what a policy says, whether it is good, and how it decides."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from tests.command import BROKEN, MEDIA, TRUST
from tests.conftest import Run
from tests.manifests import flip
from trustkit.policies import shipped

HOUSE = """\
policy = 1
name = "house"

[[case]]
decision = "reject"
when.any = ["manifest.content_changed"]
why = "altered"

[[case]]
decision = "review"
when.none = ["manifest.trusted"]
why = "nobody we know"

[[case]]
decision = "review"
when.all = ["manifest.intact"]
why = "never reached for a stranger"
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    path = tmp_path / "house.toml"
    path.write_text(HOUSE)
    return path


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_policy_that_is_not_there_exits_33_and_names_those_that_are(
    quick: Run, command: str
) -> None:
    answer = quick("policy", command, "no-such-policy")
    assert answer.code == 33
    assert all(name in answer.stderr for name in shipped())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("colour = 1", "unknown key colour"),
        ('[trust]\nlists = ["no-such-list"]', "no-such-list"),
        ('[trust]\nlists = ["./gone.pem"]', "gone.pem"),
        ('[[case]]\ndecision = "reject"\nwhen.any = ["manifest.contents"]', "manifest.contents"),
    ],
)
def test_check_says_what_is_wrong(quick: Run, tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f'policy = 1\nname = "wrong"\n{line}\n')
    answer = quick("policy", "check", path)
    assert answer.code == 33
    assert told in answer.stderr


@pytest.mark.parametrize("value", ["[" * 30_000, "9" * 5000])
def test_what_no_reader_of_toml_takes_is_told(quick: Run, tmp_path: Path, value: str) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(f"policy = {value}\n")
    answer = quick("policy", "check", path)
    assert answer.code == 33
    assert "deep.toml" in answer.stderr


def test_an_endless_policy_is_not_read_to_its_end(quick: Run) -> None:
    answer = quick("policy", "check", "/dev/zero")

    assert answer.code == 33
    assert "larger than" in answer.stderr


def test_explain_of_an_unreadable_file_exits_30(quick: Run) -> None:
    for file in (BROKEN / "not-a-picture.jpg", BROKEN / "empty.jpg", "/nowhere.jpg"):
        assert quick("policy", "explain", file).code == 30


def test_explain_with_a_bad_policy_exits_33(quick: Run) -> None:
    answer = quick("policy", "explain", MEDIA / "scene.jpg", "--policy", "none")
    assert answer.code == 33


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_policy_is_good_and_shown_as_it_is_written(quick: Run, name: str) -> None:
    assert quick("policy", "check", name).code == 0
    shown = quick("policy", "show", name)
    assert tomllib.loads(shown.stdout)["name"] == name


def test_list_names_every_shipped_policy_and_the_default(quick: Run) -> None:
    lines = quick("policy", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == shipped()
    assert [line.split()[0] for line in lines if "(default)" in line] == ["newsdesk"]


def test_explain_marks_the_case_that_decides_and_those_that_come_too_late(
    quick: Run, house: Path, signed_folder: Path
) -> None:
    answer = quick("policy", "explain", signed_folder / "scene.jpg", "--policy", house)
    cases = [line.strip() for line in answer.stdout.splitlines() if line.startswith("  case")]
    assert answer.code == 20
    assert [line.split(maxsplit=3)[3] for line in cases] == [
        "does not hold",
        "decides",
        "holds, later (manifest.intact)",
    ]
    assert answer.stdout.splitlines()[-1] == "decision: review: nobody we know"


@pytest.mark.parametrize("altered", [False, True])
def test_explain_comes_to_the_same_decision_as_verify(
    quick: Run, signed_folder: Path, tmp_path: Path, altered: bool
) -> None:
    picture = Path(shutil.copy(signed_folder / "scene.jpg", tmp_path))
    if altered:
        flip(picture)
    explained = quick("policy", "explain", picture, "--trust", TRUST)
    verified = quick("verify", picture, "--trust", TRUST, "--format", "json")
    (file,) = verified.json()["files"]
    assert explained.code == verified.code
    assert explained.stdout.startswith(f"{file['verdict']}: ")
    assert f"decision: {file['decision']}: {file['why']}" in explained.stdout
    assert all(finding["code"] in explained.stdout for finding in file["findings"])
