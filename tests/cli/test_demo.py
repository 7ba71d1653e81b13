"""`trustkit demo`: every verdict that can be had today, and nothing touched outside its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import Answer
from tests.conftest import Run
from trustkit.policy import Word

SHOWN = {*Word} - {Word.RECOVERED, Word.LIKELY_AI}  # those two need a registry and a detector


@pytest.fixture(scope="module")
def shown(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Answer, Path]:
    scratch = tmp_path_factory.mktemp("scratch")
    return run("demo", env={"TMPDIR": str(scratch)}), scratch


def test_it_succeeds_in_silence_on_stderr(shown: tuple[Answer, Path]) -> None:
    assert shown[0].code == 0
    assert shown[0].stderr == ""


@pytest.mark.parametrize("word", sorted(SHOWN))
def test_it_shows_each_verdict(shown: tuple[Answer, Path], word: str) -> None:
    assert word in shown[0].stdout.split()


def test_it_says_how_laundering_was_refused(shown: tuple[Answer, Path]) -> None:
    assert "refused" in shown[0].stdout
    assert "the content is not what was signed" in shown[0].stdout


def test_it_writes_into_one_folder_of_its_own(shown: tuple[Answer, Path]) -> None:
    answer, scratch = shown
    (folder,) = scratch.iterdir()
    assert str(folder) in answer.stdout
    assert {"picture.jpg", "clip.mp4", "sound.wav", "laundered.jpg"} <= {
        path.name for path in folder.iterdir()
    }
    assert not [path for path in folder.rglob("*") if ".trustkit" in path.name]


def test_what_it_suggests_can_be_done(shown: tuple[Answer, Path], quick: Run) -> None:
    suggestion = shown[0].stdout.splitlines()[-1].removeprefix("Try: trustkit ")
    assert quick(*suggestion.split()).code == 0


def test_what_it_has_made_verifies_as_it_said(shown: tuple[Answer, Path], quick: Run) -> None:
    (folder,) = shown[1].iterdir()
    house = ("--trust", folder / "house-list.pem", "--format", "json")
    rows = quick("verify", folder / "photo.jpg", folder / "tampered.jpg", *house).json()["files"]
    assert [row["verdict"] for row in rows] == ["trusted", "tampered"]
