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


def paths(run: Run, *arguments: object, stdin: bytes = b"") -> list[str]:
    answer = run("verify", *arguments, *TRUSTED, "-f", "jsonl", "-q", stdin=stdin)
    return [row["path"] for row in answer.rows()]


def test_a_folder_without_r_is_not_read(run: Run, shelf: Path) -> None:
    answer = run("verify", shelf)
    assert answer.code == 30
    assert "-r" in answer.stdout


def test_an_empty_folder_matches_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("verify", "-r", tmp_path / "empty").code == 3


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\0"])
def test_an_empty_list_matches_nothing(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list").write_bytes(content)
    assert run("verify", "--files-from", tmp_path / "list").code == 3


@pytest.mark.parametrize("content", [b"", b"thirteen bytes"])
def test_standard_input_that_is_no_media_is_an_error(run: Run, content: bytes) -> None:
    answer = run("verify", "-", "--format", "json", stdin=content)
    assert answer.code == 30
    assert answer.json()["files"][0]["error"]["code"] == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(run: Run, shelf: Path) -> None:
    (shelf / "scene.jpg").chmod(0)
    assert run("verify", shelf / "scene.jpg").code == 30


def test_what_is_no_plain_file_is_an_error_and_does_not_hang(run: Run, shelf: Path) -> None:
    os.mkfifo(shelf / "pipe.jpg")
    answer = run("verify", shelf / "pipe.jpg", "/dev/null", "-f", "jsonl")
    assert answer.code == 30
    assert [row["verdict"] for row in answer.rows()] == ["error", "error"]


def test_unreadable_files_among_good_ones_take_nothing_from_them(run: Run, shelf: Path) -> None:
    bad = (BROKEN / "empty.jpg", shelf / "missing.jpg", BROKEN / "not-a-picture.jpg")
    inputs = (shelf / "scene.jpg", *bad, shelf / "sound.wav")
    answer = run("verify", *inputs, *TRUSTED, "--format", "json", "--jobs", "2")
    files = answer.json()["files"]
    words = [file["verdict"] for file in files]
    assert words == ["declared_ai", "error", "error", "error", "declared_ai"]
    assert all(file["error"]["hint"] for file in files[1:4])
    assert all(file["axes"]["integrity"] == "unreadable" for file in files[1:4])
    assert answer.json()["summary"]["by_verdict"] == {"declared_ai": 2, "error": 3}


def test_a_folder_is_read_sorted_without_hidden_files_and_sidecars(run: Run, shelf: Path) -> None:
    expected = [str(shelf / name) for name in ("scene.bmp", "scene.jpg", "sound.wav")]
    assert paths(run, "-r", shelf) == [*expected, str(shelf / "sub/page.png")]


def test_a_glob_is_expanded_sorted(run: Run, shelf: Path) -> None:
    assert paths(run, f"{shelf}/*.[jw]*") == [str(shelf / n) for n in ("scene.jpg", "sound.wav")]
    assert paths(run, f"{shelf}/**/*.png") == [str(shelf / "sub/page.png")]


def test_a_name_with_glob_characters_means_that_file(run: Run, shelf: Path) -> None:
    odd = shelf / "scene[1].jpg"
    (shelf / "scene.jpg").rename(odd)
    assert paths(run, odd) == [str(odd)]


def test_a_file_named_twice_is_read_once(run: Run, shelf: Path) -> None:
    one = shelf / "scene.jpg"
    assert paths(run, one, one, f"{shelf}/*.jpg", "-r", shelf)[0] == str(one)
    assert len(paths(run, one, one, f"{shelf}/scene.j*")) == 1


def test_naming_a_sidecar_means_its_file(run: Run, shelf: Path) -> None:
    assert paths(run, shelf / "scene.bmp.c2pa") == [str(shelf / "scene.bmp")]


def test_a_manifest_without_its_file_is_an_error(run: Run, shelf: Path) -> None:
    (shelf / "scene.bmp").unlink()
    answer = run("verify", shelf / "scene.bmp.c2pa", "-f", "json")
    assert answer.code == 30
    assert "manifest alone" in answer.json()["files"][0]["error"]["message"]


def test_standard_input_is_verified_like_a_file(run: Run, shelf: Path) -> None:
    data = (shelf / "scene.jpg").read_bytes()
    answer = run("verify", "-", *TRUSTED, "--format", "json", stdin=data)
    (file,) = answer.json()["files"]
    assert (file["path"], file["verdict"]) == ("-", "declared_ai")


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_a_list_names_files_line_by_line_or_by_nul(
    run: Run, shelf: Path, tmp_path: Path, separator: str
) -> None:
    wanted = [str(shelf / name) for name in ("sound.wav", "scene.jpg")]
    text = separator.join([*wanted, ""]).encode()
    (tmp_path / "list").write_bytes(text)
    assert paths(run, "--files-from", tmp_path / "list") == wanted
    assert paths(run, "--files-from", "-", stdin=text) == wanted


def test_a_list_by_nul_may_hold_names_with_line_ends(run: Run, shelf: Path) -> None:
    odd = shelf / "two\nlines.jpg"
    (shelf / "scene.jpg").rename(odd)
    assert paths(run, "--files-from", "-", stdin=f"{odd}\0".encode()) == [str(odd)]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, signed_folder: Path) -> Path:
    """Every kind of file and of verdict in one folder."""
    folder = Path(shutil.copytree(signed_folder, tmp_path_factory.mktemp("many") / "all"))
    for name in ("scene.jpg", "clip.mp4", "sound.mp3"):
        flip(Path(shutil.copy(folder / name, folder / f"altered-{name}")))
    for path in (*BROKEN.iterdir(), MEDIA / "anim.gif"):
        shutil.copy(path, folder / f"plain-{path.name}")
    return folder


def report(run: Run, folder: Path, jobs: int) -> dict[str, Any]:
    answer = run("verify", "-r", folder, *TRUSTED, "-f", "json", "--jobs", str(jobs))
    document: dict[str, Any] = answer.json()
    return document


def test_the_report_is_the_same_for_any_number_of_jobs_and_every_time(run: Run, many: Path) -> None:
    first = report(run, many, 1)
    for again in (report(run, many, 1), report(run, many, 2), report(run, many, 4)):
        assert again.pop("run") != first["run"]
        assert again == {key: value for key, value in first.items() if key != "run"}


def test_the_report_obeys_the_published_schema(run: Run, many: Path) -> None:
    whole, line = run("schema").json(), run("schema", "--file").json()
    jsonschema.Draft202012Validator.check_schema(whole)
    document = report(run, many, 2)
    jsonschema.validate(document, whole)
    for file in document["files"]:
        jsonschema.validate(file, line)
    failure = run("verify", "--format", "json").json()
    jsonschema.validate(failure, whole)
    assert {"declared_ai", "tampered", "error", "no_provenance"} <= {
        file["verdict"] for file in document["files"]
    }


def test_json_lines_are_the_files_of_the_document(run: Run, many: Path) -> None:
    rows = run("verify", "-r", many, *TRUSTED, "-f", "jsonl").rows()
    assert rows == report(run, many, 1)["files"]


def test_timings_are_shown_only_when_asked_for(run: Run, shelf: Path) -> None:
    plain = run("verify", shelf / "scene.jpg", "-f", "jsonl").rows()[0]
    timed = run("verify", shelf / "scene.jpg", "-f", "jsonl", "--timings").rows()[0]
    assert plain["timing_ms"] == {}
    assert timed["timing_ms"]["manifest"] > 0


def test_the_limit_of_the_policy_holds_for_files_and_standard_input(
    run: Run, shelf: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "small.toml"
    policy.write_text('policy = 1\nname = "small"\n[limits]\nmax_bytes = "1KiB"\n')
    data = (shelf / "scene.jpg").read_bytes()
    inputs = (shelf / "scene.jpg", "-")
    answer = run("verify", *inputs, "--policy", policy, "-f", "jsonl", stdin=data)
    assert answer.code == 30
    assert [row["verdict"] for row in answer.rows()] == ["error", "error"]
    assert all("1,024" in row["error"]["message"] for row in answer.rows())


def test_only_one_json_document_comes_for_many_files(run: Run, many: Path) -> None:
    text = run("verify", "-r", many, "-f", "json").stdout
    assert json.JSONDecoder().raw_decode(text)[1] == len(text.rstrip())
