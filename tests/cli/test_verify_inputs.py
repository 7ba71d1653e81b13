"""What `trustkit verify` takes as input, and that its answer depends on that alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.command import BROKEN, MEDIA, TRUST
from tests.conftest import Run
from tests.manifests import flip

TRUSTED = ("--trust", TRUST)
NOT_MEDIA = BROKEN / "not-a-picture.jpg"
GOOD = ("scene.jpg", "scene.bmp", "sound.wav")


@pytest.fixture
def shelf(tmp_path: Path, signed_folder: Path) -> Path:
    folder = tmp_path / "shelf"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in (*GOOD, "scene.bmp.c2pa"):
        shutil.copy(signed_folder / name, folder)
    shutil.copy(signed_folder / "page.png", folder / "sub")
    shutil.copy(signed_folder / "page.png", folder / ".hidden")
    shutil.copy(signed_folder / "page.png", folder / ".hidden.png")
    return folder


def paths(quick: Run, *arguments: object, stdin: bytes = b"") -> list[str]:
    answer = quick("verify", *arguments, *TRUSTED, "-f", "jsonl", "-q", stdin=stdin)
    return [row["path"] for row in answer.rows()]


def test_a_folder_without_r_is_not_read(quick: Run, shelf: Path) -> None:
    answer = quick("verify", shelf)
    assert answer.code == 30
    assert "-r" in answer.stdout


def test_an_empty_folder_matches_nothing(quick: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert quick("verify", "-r", tmp_path / "empty").code == 3


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0"])
def test_an_empty_list_matches_nothing(quick: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list").write_bytes(content)
    assert quick("verify", "--files-from", tmp_path / "list").code == 3


@pytest.mark.parametrize("content", [b"", b"thirteen bytes"])
def test_standard_input_that_is_no_media_is_an_error(quick: Run, content: bytes) -> None:
    answer = quick("verify", "-", "--format", "json", stdin=content)
    assert answer.code == 30
    assert answer.json()["files"][0]["error"]["code"] == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(quick: Run, shelf: Path) -> None:
    (shelf / "scene.jpg").chmod(0)
    assert quick("verify", shelf / "scene.jpg").code == 30


def test_what_is_no_plain_file_is_an_error_and_does_not_hang(quick: Run, shelf: Path) -> None:
    os.mkfifo(shelf / "pipe.jpg")
    answer = quick("verify", shelf / "pipe.jpg", "/dev/null", "-f", "jsonl")
    assert answer.code == 30
    assert [row["verdict"] for row in answer.rows()] == ["error", "error"]


def test_unreadable_files_among_good_ones_take_nothing_from_them(quick: Run, shelf: Path) -> None:
    bad = (BROKEN / "empty.jpg", shelf / "missing.jpg", BROKEN / "not-a-picture.jpg")
    inputs = (shelf / "scene.jpg", *bad, shelf / "sound.wav")
    answer = quick("verify", *inputs, *TRUSTED, "--format", "json", "--jobs", "2")
    files = answer.json()["files"]
    words = [file["verdict"] for file in files]
    assert words == ["declared_ai", "error", "error", "error", "declared_ai"]
    assert all(file["error"]["hint"] for file in files[1:4])
    assert all(file["axes"]["integrity"] == "unreadable" for file in files[1:4])
    assert answer.json()["summary"]["by_verdict"] == {"declared_ai": 2, "error": 3}


def test_a_folder_is_read_sorted_without_hidden_files_and_sidecars(quick: Run, shelf: Path) -> None:
    expected = [str(shelf / name) for name in ("scene.bmp", "scene.jpg", "sound.wav")]
    assert paths(quick, "-r", shelf) == [*expected, str(shelf / "sub/page.png")]


def test_a_glob_is_expanded_sorted(quick: Run, shelf: Path) -> None:
    assert paths(quick, f"{shelf}/*.[jw]*") == [str(shelf / n) for n in ("scene.jpg", "sound.wav")]
    assert paths(quick, f"{shelf}/**/*.png") == [str(shelf / "sub/page.png")]


def test_a_name_with_glob_characters_means_that_file(quick: Run, shelf: Path) -> None:
    odd = shelf / "scene[1].jpg"
    (shelf / "scene.jpg").rename(odd)
    assert paths(quick, odd) == [str(odd)]


def test_a_file_named_twice_is_read_once(quick: Run, shelf: Path) -> None:
    one = shelf / "scene.jpg"
    assert paths(quick, one, one, f"{shelf}/*.jpg", "-r", shelf)[0] == str(one)
    assert len(paths(quick, one, one, f"{shelf}/scene.j*")) == 1


def test_naming_a_sidecar_means_its_file(quick: Run, shelf: Path) -> None:
    assert paths(quick, shelf / "scene.bmp.c2pa") == [str(shelf / "scene.bmp")]


def test_a_manifest_without_its_file_is_an_error(quick: Run, shelf: Path) -> None:
    (shelf / "scene.bmp").unlink()
    answer = quick("verify", shelf / "scene.bmp.c2pa", "-f", "json")
    assert answer.code == 30
    assert "manifest alone" in answer.json()["files"][0]["error"]["message"]


def test_standard_input_is_verified_like_a_file(quick: Run, shelf: Path) -> None:
    data = (shelf / "scene.jpg").read_bytes()
    answer = quick("verify", "-", *TRUSTED, "--format", "json", stdin=data)
    (file,) = answer.json()["files"]
    assert (file["path"], file["verdict"]) == ("-", "declared_ai")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_a_list_names_files_line_by_line_or_by_nul(
    quick: Run, shelf: Path, tmp_path: Path, separator: str
) -> None:
    wanted = [str(shelf / name) for name in ("sound.wav", "scene.jpg")]
    text = separator.join([*wanted, ""]).encode()
    (tmp_path / "list").write_bytes(text)
    assert paths(quick, "--files-from", tmp_path / "list") == wanted
    assert paths(quick, "--files-from", "-", stdin=text) == wanted


def test_a_list_by_nul_may_hold_names_with_line_ends(quick: Run, shelf: Path) -> None:
    odd = shelf / "two\nlines.jpg"
    (shelf / "scene.jpg").rename(odd)
    assert paths(quick, "--files-from", "-", stdin=f"{odd}\0".encode()) == [str(odd)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, signed_folder: Path) -> Path:
    """Every kind of file and of verdict in one folder."""
    folder = Path(shutil.copytree(signed_folder, tmp_path_factory.mktemp("many") / "all"))
    for name in ("scene.jpg", "clip.mp4", "sound.mp3"):
        flip(Path(shutil.copy(folder / name, folder / f"altered-{name}")))
    for path in (*BROKEN.iterdir(), MEDIA / "anim.gif"):
        shutil.copy(path, folder / f"plain-{path.name}")
    return folder


def report(quick: Run, folder: Path, jobs: int) -> dict[str, Any]:
    answer = quick("verify", "-r", folder, *TRUSTED, "-f", "json", "--jobs", str(jobs))
    document: dict[str, Any] = answer.json()
    return document


def test_the_report_is_the_same_for_any_number_of_jobs_and_every_time(
    quick: Run, many: Path
) -> None:
    first = report(quick, many, 1)
    for again in (report(quick, many, 1), report(quick, many, 2), report(quick, many, 4)):
        assert again.pop("run") != first["run"]
        assert again == {key: value for key, value in first.items() if key != "run"}


def test_the_report_obeys_the_published_schema(quick: Run, many: Path) -> None:
    whole, line = quick("schema").json(), quick("schema", "--file").json()
    jsonschema.Draft202012Validator.check_schema(whole)
    document = report(quick, many, 2)
    jsonschema.validate(document, whole)
    for file in document["files"]:
        jsonschema.validate(file, line)
    failure = quick("verify", "--format", "json").json()
    jsonschema.validate(failure, whole)
    assert {"declared_ai", "tampered", "error", "no_provenance"} <= {
        file["verdict"] for file in document["files"]
    }


def test_json_lines_are_the_files_of_the_document(quick: Run, many: Path) -> None:
    rows = quick("verify", "-r", many, *TRUSTED, "-f", "jsonl").rows()
    assert rows == report(quick, many, 1)["files"]


def test_timings_are_shown_only_when_asked_for(quick: Run, shelf: Path) -> None:
    plain = quick("verify", shelf / "scene.jpg", "-f", "jsonl").rows()[0]
    timed = quick("verify", shelf / "scene.jpg", "-f", "jsonl", "--timings").rows()[0]
    assert plain["timing_ms"] == {}
    assert timed["timing_ms"]["manifest"] > 0


def test_the_limit_of_the_policy_holds_for_files_and_standard_input(
    quick: Run, shelf: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "small.toml"
    policy.write_text('policy = 1\nname = "small"\n[limits]\nmax_bytes = "1KiB"\n')
    data = (shelf / "scene.jpg").read_bytes()
    inputs = (shelf / "scene.jpg", "-")
    answer = quick("verify", *inputs, "--policy", policy, "-f", "jsonl", stdin=data)
    assert answer.code == 30
    assert [row["verdict"] for row in answer.rows()] == ["error", "error"]
    assert all("1,024" in row["error"]["message"] for row in answer.rows())


@pytest.mark.parametrize("form", ["text", "table", "json", "jsonl"])
def test_a_name_that_is_no_text_gets_its_row(run: Run, tmp_path: Path, form: str) -> None:
    for source, name in ((MEDIA / "scene.jpg", b"odd-\xff.jpg"), (NOT_MEDIA, b"bad-\xff.jpg")):
        shutil.copy(source, os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    answer = run("verify", "-r", tmp_path, "--format", form, "-q")
    assert answer.code == 30, answer.stderr
    assert "odd-" in answer.stdout
    assert "bad-" in answer.stdout
    answer.raw.decode("utf-8")  # whoever reads it may rely on that


def test_only_one_json_document_comes_for_many_files(quick: Run, many: Path) -> None:
    text = quick("verify", "-r", many, "-f", "json").stdout
    assert json.JSONDecoder().raw_decode(text)[1] == len(text.rstrip())
