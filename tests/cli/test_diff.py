"""`trustkit diff`: what two files say of themselves, and where that differs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI as AI_TYPE
from tests.command import BROKEN, KEY, MEDIA, TRUST
from tests.conftest import Run
from tests.histories import author, exif, made
from tests.manifests import flip

SIGN = ("--key", KEY, "--no-soft-binding", "-q")
EDIT = (*SIGN, "--source-type", "humanEdits")


@pytest.fixture(scope="module")
def pair(quick: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A signed picture, and one made from it."""
    folder = tmp_path_factory.mktemp("pair")
    first, second = folder / "first.png", folder / "second.png"
    made_by = ("--system", "Painter", "--system-version", "1")
    assert quick("sign", MEDIA / "scene.png", "-o", first, *SIGN, *AI_TYPE, *made_by).code == 0
    assert quick("sign", first, "-o", second, *EDIT).code == 0
    return first, second


def differences(quick: Run, a: Path, b: Path) -> dict[str, Any]:
    answer = quick("diff", a, b, "--format", "json")
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = answer.json()
    return found


def parts(found: dict[str, Any], part: str) -> list[dict[str, Any]]:
    return [row for row in found["differences"] if row["part"] == part]


# Refusals


@pytest.mark.parametrize("place", [0, 1])
def test_a_file_that_cannot_be_read_is_named(quick: Run, place: int) -> None:
    names = [MEDIA / "scene.jpg", MEDIA / "scene.jpg"]
    names[place] = BROKEN / "not-a-picture.jpg"

    answer = quick("diff", *names)

    assert answer.code == 30
    assert "not-a-picture.jpg" in answer.stderr
    assert quick("diff", *names, "--format", "json").json()["error"]["code"] == "unreadable"


def test_a_file_that_is_not_there_is_named(quick: Run, tmp_path: Path) -> None:
    answer = quick("diff", tmp_path / "nothing.jpg", MEDIA / "scene.jpg")

    assert answer.code == 30
    assert "does not exist" in answer.stderr


def test_one_name_is_not_enough(quick: Run) -> None:
    assert quick("diff", MEDIA / "scene.jpg").code == 2


# The same


def test_a_copy_differs_in_nothing(quick: Run, pair: tuple[Path, Path], tmp_path: Path) -> None:
    copy = shutil.copy(pair[1], tmp_path / "copy.png")

    answer = quick("diff", pair[1], copy, "--exit-code")

    assert answer.code == 0
    assert "no difference" in answer.stdout
    assert "both have the same manifest" in answer.stdout
    found = differences(quick, pair[1], copy)
    assert found["same"] is True
    assert found["differences"] == []


# Different


def test_an_edit_is_told_from_its_parent(quick: Run, pair: tuple[Path, Path]) -> None:
    found = differences(quick, *pair)

    assert found["relation"]["kind"] == "a_to_b"
    assert {"part": "declares", "what": "humanEdits", "a": False, "b": True} in found["differences"]
    assert any(row["what"].startswith("parentOf: first.png") for row in parts(found, "ingredients"))
    assert parts(found, "history") == [
        {"part": "history", "what": found["b"]["active"]["label"], "a": False, "b": True}
    ]
    record = next(r for r in parts(found, "assertions") if r["what"] == "org.trustkit.disclosure")
    assert {"name": "system", "a": "Painter", "b": None} in record["fields"]


def test_the_two_names_can_be_swapped(quick: Run, pair: tuple[Path, Path]) -> None:
    forth, back = differences(quick, *pair), differences(quick, pair[1], pair[0])

    assert back["relation"]["kind"] == "b_to_a"
    assert len(forth["differences"]) == len(back["differences"])
    swapped = {(r["part"], str(r["what"]), str(r["b"]), str(r["a"])) for r in back["differences"]}
    assert swapped == {
        (r["part"], str(r["what"]), str(r["a"]), str(r["b"])) for r in forth["differences"]
    }


def test_brothers_have_their_parent_in_common(
    quick: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.png"
    assert quick("sign", pair[0], "-o", other, *EDIT).code == 0

    found = differences(quick, pair[1], other)

    assert found["relation"]["kind"] == "common"
    assert differences(quick, pair[0], pair[1])["a"]["active"]["label"] in found["relation"]["says"]


def test_strangers_have_nothing_in_common(quick: Run, tmp_path: Path) -> None:
    made(tmp_path / "one.jpg", [exif("1N")])
    made(tmp_path / "two.jpg", [author("Anna")])

    found = differences(quick, tmp_path / "one.jpg", tmp_path / "two.jpg")

    assert found["relation"]["kind"] == "none"
    rows = {(r["what"], r["a"], r["b"]) for r in parts(found, "assertions")}
    assert ("stds.exif", True, False) in rows
    assert ("stds.schema-org.CreativeWork", False, True) in rows


def test_what_a_redaction_took_out_is_seen(quick: Run, tmp_path: Path) -> None:
    made(tmp_path / "photo.jpg", [exif("1N")])
    out = tmp_path / "out.jpg"
    options = ("--preset", "personal", "--reason", "c2pa.PII.present", "--key", KEY, "-q")
    assert quick("redact", tmp_path / "photo.jpg", "-o", out, *options).code == 0

    found = differences(quick, tmp_path / "photo.jpg", out)

    # The statement is gone from the manifest below, whose signature is the same nevertheless.
    assert found["relation"]["kind"] == "a_to_b"
    assert [row["b"] for row in parts(found, "redacted")] == [True]


def test_a_changed_copy_has_the_same_manifest_that_does_not_hold_any_more(
    quick: Run, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    changed = flip(Path(shutil.copy(pair[0], tmp_path / "changed.png")), 0.4)

    found = differences(quick, pair[0], changed)

    assert found["relation"]["kind"] == "same_manifest"
    assert [r["what"] for r in parts(found, "manifest")] == ["does not hold"]
    answer = quick("diff", pair[0], changed, "--exit-code")
    assert answer.code == 10
    assert "does not hold: nothing | the content is not what was signed" in answer.stdout


def test_files_without_a_manifest_are_compared_as_files(quick: Run) -> None:
    answer = quick("diff", MEDIA / "scene.jpg", MEDIA / "scene-alpha.png")

    assert answer.code == 0
    assert "manifest: none" in answer.stdout
    assert "type: image/jpeg | image/png" in answer.stdout
    assert "no manifest that could be read" in answer.stdout


# Untrusted input


def test_names_from_the_file_do_not_reach_the_terminal(quick: Run, tmp_path: Path) -> None:
    made(tmp_path / "one.jpg", [{"label": "org.example.\x1b[31mred", "data": {"a\x07": "\x1b[2J"}}])
    made(tmp_path / "two.jpg", [{"label": "org.example.\x1b[31mred", "data": {"a\x07": "b"}}])

    shown = quick("diff", tmp_path / "one.jpg", tmp_path / "two.jpg").stdout

    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_manifest_with_a_thousand_statements_gives_a_page_not_a_book(
    quick: Run, tmp_path: Path
) -> None:
    data = {str(n): "x" * 1000 for n in range(200)}
    many = [
        {"label": f"org.example.n{n}", "data": data if n == 0 else {"n": n}} for n in range(400)
    ]
    made(tmp_path / "many.jpg", many)

    answer = quick("diff", tmp_path / "many.jpg", MEDIA / "scene.jpg")

    assert answer.code == 0
    assert len(answer.stdout) < 100_000


def test_nothing_that_is_compared_is_judged(quick: Run, pair: tuple[Path, Path]) -> None:
    # The verdict is verify's: an untrusted and a trusted file may say the very same.
    shown = quick("diff", *pair).stdout

    assert TRUST.name not in shown
    assert "trusted" not in shown.replace("untrusted", "")
