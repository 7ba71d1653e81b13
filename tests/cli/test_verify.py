"""`trustkit verify`: exit codes, options and what stands on which stream."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.command import AI, BROKEN, KEY, MEDIA, TRUST, Answer
from tests.conftest import Run
from tests.manifests import flip

TRUSTED = ("--trust", TRUST)
BAD_POLICY = "policy = 1\nname = 'x'\nunknown = 1\n"
NOTHING_MATCHED = 3
NOT_MEDIA = BROKEN / "not-a-picture.jpg"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, signed_folder: Path) -> Path:
    """A file for each exit code: 0.jpg, 10.jpg, 20.jpg, 30.jpg; 3-*.jpg matches none."""
    folder = tmp_path_factory.mktemp("shelf")
    shutil.copy(signed_folder / "scene.jpg", folder / "0.jpg")
    flip(Path(shutil.copy(signed_folder / "scene.jpg", folder / "10.jpg")))
    shutil.copy(signed_folder / "scene.jpg", folder / "20.jpg")
    with (folder / "20.jpg").open("r+b") as stream:
        data = stream.read()
        stream.seek(data.index(b"jumb"))
        stream.write(b"jumq")  # there is a manifest, and nobody can read it
    shutil.copy(NOT_MEDIA, folder / "30.jpg")
    return folder


def of(run: Run, shelf: Path, *names: int, more: tuple[object, ...] = ()) -> Answer:
    paths = [shelf / ("3-*.jpg" if name == NOTHING_MATCHED else f"{name}.jpg") for name in names]
    return run("verify", *paths, *TRUSTED, *more)


# Refused before anything is read.


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--no-such-option", MEDIA / "scene.jpg"),
        ("--format", "xml", MEDIA / "scene.jpg"),
        ("--fail-on", "fake", MEDIA / "scene.jpg"),
        ("--jobs", "0", MEDIA / "scene.jpg"),
        ("--files-from", "/nowhere.txt"),
    ],
)
def test_a_wrong_call_exits_2(quick: Run, arguments: tuple[object, ...]) -> None:
    answer = quick("verify", *arguments)
    assert answer.code == 2
    assert answer.stdout == ""
    assert "hint" in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--policy", "no-such-policy"),
        ("--trust", "no-such-list"),
        ("--trust", "/nowhere.pem"),
        ("--trust", "./no-such-list"),
        ("--tsa-trust", "/nowhere.pem"),
        ("--only", "no-such-collector"),
        ("--skip", "no-such-collector"),
        (
            "--skip",
            "manifest",
            "--skip",
            "metadata",
            "--skip",
            "watermark",
        ),  # nothing checked is nothing proved
    ],
)
def test_a_bad_policy_or_trust_list_exits_33(quick: Run, arguments: tuple[object, ...]) -> None:
    answer = quick("verify", MEDIA / "scene.jpg", *arguments)
    assert answer.code == 33, answer.stderr
    assert answer.stdout == ""


def test_a_policy_with_an_unknown_key_exits_33(quick: Run, tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(BAD_POLICY)
    answer = quick("verify", MEDIA / "scene.jpg", "--policy", tmp_path / "p.toml")
    assert answer.code == 33
    assert "unknown" in answer.stderr


@pytest.mark.parametrize("content", [b"", b"not PEM", b"\xff\xd8\xff"])
def test_a_trust_file_without_certificates_exits_33(
    quick: Run, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "list.pem").write_bytes(content)
    for option in ("--trust", "--tsa-trust"):
        answer = quick("verify", MEDIA / "scene.jpg", option, tmp_path / "list.pem")
        assert answer.code == 33


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "--format", "json"),
        ("verify", "--no-such-option", "-f", "json"),
        ("verify", "x.jpg", "--policy", "none", "-fjson"),
        ("verify", "x.jpg", "--format=json", "--fail-on", "fake"),
        ("no-such-command", "-f", "json"),
        ("trust", "show", "none", "--format=json"),
    ],
)
def test_json_is_one_document_on_stdout_even_for_a_wrong_call(
    run: Run, arguments: tuple[str, ...]
) -> None:
    answer = run(*arguments)
    document = answer.json()
    assert document["schema_version"] == "1.0"
    assert document["error"]["message"]
    assert document["summary"]["exit_code"] == answer.code
    assert answer.code in {2, 33}


# What the exit code says of the files.


@pytest.mark.parametrize("code", [10, 20, 30, 3, 0])
def test_each_file_has_its_exit_code(run: Run, shelf: Path, code: int) -> None:
    assert of(run, shelf, code).code == code


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ((0, 3, 20, 30, 10), 10),
        ((0, 3, 20, 30), 30),
        ((0, 3, 20), 20),
        ((0, 3), 3),
        ((3, 0), 3),
    ],
)
def test_where_files_differ_the_gravest_wins(
    quick: Run, shelf: Path, names: tuple[int, ...], code: int
) -> None:
    answer = of(quick, shelf, *names, more=("--format", "json"))
    assert answer.code == code
    assert answer.json()["summary"]["exit_code"] == code
    assert len(answer.json()["files"]) == len(names)


def test_exit_zero_changes_the_code_and_nothing_else(quick: Run, shelf: Path) -> None:
    answer = of(quick, shelf, 10, 30, more=("--exit-zero", "--format", "json"))
    assert answer.code == 0
    assert answer.json()["summary"]["exit_code"] == 0
    assert [file["verdict"] for file in answer.json()["files"]] == ["tampered", "error"]


def test_exit_zero_does_not_hide_a_bad_policy(quick: Run, shelf: Path) -> None:
    assert of(quick, shelf, 0, more=("--exit-zero", "--policy", "none")).code == 33


@pytest.mark.parametrize(
    ("words", "name", "code"),
    [
        ("tampered", 10, 10),
        ("declared_ai", 10, 0),
        ("declared_ai", 0, 10),
        ("trusted, declared_ai", 0, 10),
        ("inconclusive", 20, 10),
        ("error", 30, 10),
        ("tampered", 20, 0),
    ],
)
def test_fail_on_makes_its_words_the_only_failures(
    quick: Run, shelf: Path, words: str, name: int, code: int
) -> None:
    assert of(quick, shelf, name, more=("--fail-on", words)).code == code


# What stands where.


def test_text_is_two_lines_a_file_and_a_count(quick: Run, shelf: Path) -> None:
    lines = of(quick, shelf, 0, 10).stdout.splitlines()
    assert lines[0].split() == ["declared_ai", "accept", str(shelf / "0.jpg")]
    assert lines[2].split() == ["tampered", "reject", str(shelf / "10.jpg")]
    assert lines[4] == "2 files: 1 declared_ai, 1 tampered"


def test_table_names_every_file_and_verdict_in_plain_text(run: Run, shelf: Path) -> None:
    answer = of(run, shelf, 0, 10, 20, 30, more=("--format", "table"))
    for word in ("declared_ai", "tampered", "inconclusive", "error", "reject", "review"):
        assert word in answer.stdout
    assert "\x1b" not in answer.stdout


def test_json_lines_come_in_input_order(quick: Run, shelf: Path) -> None:
    rows = of(quick, shelf, 30, 0, 20, 10, more=("--format", "jsonl")).rows()
    assert [Path(row["path"]).stem for row in rows] == ["30", "0", "20", "10"]


def test_notes_go_to_stderr_and_quiet_drops_them(quick: Run, shelf: Path) -> None:
    loud = quick("verify", shelf / "0.jpg", "--format", "json")
    quiet = quick("verify", shelf / "0.jpg", "--format", "json", "--quiet")
    assert "trust list" in loud.stderr
    assert quiet.stderr == ""
    assert loud.json()["files"] == quiet.json()["files"]


def test_the_report_goes_to_a_file_when_asked(run: Run, shelf: Path, tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    answer = of(run, shelf, 10, more=("--format", "json", "-o", target))
    assert (answer.code, answer.stdout) == (10, "")
    assert json.loads(target.read_text())["summary"]["exit_code"] == 10


def test_a_report_that_cannot_be_written_is_said(quick: Run, shelf: Path) -> None:
    answer = of(quick, shelf, 0, more=("-o", "/nowhere/report.txt"))
    assert answer.code == 2
    assert "/nowhere/report.txt" in answer.stderr


def test_an_expectation_of_a_signature_by_an_unknown_hand_is_for_review(
    quick: Run, signed_folder: Path, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    quick("sign", MEDIA / "scene.jpg", "-o", photo, "--key", KEY, "--source-type", "digitalCapture")
    unknown = quick("verify", photo, "--format", "json")
    known = quick("verify", photo, *TRUSTED, "--format", "json")
    assert (unknown.code, unknown.json()["files"][0]["verdict"]) == (20, "valid_untrusted")
    assert (known.code, known.json()["files"][0]["verdict"]) == (0, "trusted")


ODD = ("no\n\x1b[2Jnewline", "\x1b[2Jcleared", "left\u202eright", "del\x7f", "ret\rurn")


def test_a_name_never_reaches_the_terminal_raw(quick: Run, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    calls: list[tuple[object, ...]] = []
    for name in ODD:
        good, bad = folder / f"{name}.jpg", folder / f"{name}.bad.jpg"
        shutil.copy(MEDIA / "scene.jpg", good)
        shutil.copy(NOT_MEDIA, bad)
        calls += [
            ("sign", good, bad, "-o", folder / "out", "--key", KEY, *AI),
            ("verify", good, "--trust", folder / f"{name}.pem"),
            ("verify", good, "--policy", name),
            ("trust", "show", name),
        ]
    one = ODD[0]
    calls += [
        ("verify", "-r", folder, folder / f"{one}.missing"),
        ("verify", "-r", folder, "-f", "table"),
        ("inspect", folder / f"{one}.bad.jpg"),
        ("inspect", folder / f"{one}.jpg"),
        ("policy", "explain", folder / f"{one}.jpg"),
    ]
    for arguments in calls:
        answer = quick(*arguments)
        for name in ODD:
            assert name not in answer.stdout + answer.stderr, arguments[:2]
