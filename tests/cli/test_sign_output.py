"""Where `trustkit sign` writes, what it leaves alone, and what it answers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.command import AI, BROKEN, KEY, MEDIA
from tests.conftest import Run, Verify

PICTURE = MEDIA / "scene.jpg"
SIGN = ("--key", KEY, *AI)
ROW = {
    "path",
    "output",
    "sidecar",
    "manifest_id",
    "record",
    "timestamp",
    "soft_bindings",
    "warnings",
    "error",
}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return Path(shutil.copy(PICTURE, tmp_path / "in.jpg"))


def test_the_same_path_is_refused_without_in_place(quick: Run, original: Path) -> None:
    answer = quick("sign", original, "-o", original, *SIGN)
    assert answer.code == 40
    assert "--in-place" in answer.stderr
    assert original.read_bytes() == PICTURE.read_bytes()
    assert names(original.parent) == {"in.jpg"}


@pytest.mark.parametrize("link", ["symbolic", "hard", "dotted", "folder"])
def test_another_name_of_the_original_is_refused_too(quick: Run, original: Path, link: str) -> None:
    other = original.with_name("other.jpg")
    if link == "symbolic":
        other.symlink_to(original)
    elif link == "hard":
        other.hardlink_to(original)
    elif link == "dotted":
        other = original.parent / "." / original.parent.name / ".." / "in.jpg"
        (original.parent / original.parent.name).mkdir()
    else:
        other = original.parent
    answer = quick("sign", original, "-o", other, *SIGN)
    assert answer.code == 40, answer.stderr
    assert original.read_bytes() == PICTURE.read_bytes()


def test_with_in_place_the_original_is_replaced_by_the_signed_file(
    quick: Run, verify: Verify, original: Path
) -> None:
    original.chmod(0o640)
    answer = quick("sign", original, "--in-place", *SIGN)
    assert answer.code == 0, answer.stderr
    assert verify(original)["in.jpg"]["verdict"] == "declared_ai"
    assert names(original.parent) == {"in.jpg"}
    assert original.stat().st_mode & 0o777 == 0o640


def test_the_original_keeps_every_byte(quick: Run, original: Path) -> None:
    before = original.stat()
    assert quick("sign", original, "-o", original.with_name("out.jpg"), *SIGN).code == 0
    assert original.read_bytes() == PICTURE.read_bytes()
    assert original.stat().st_mtime_ns == before.st_mtime_ns


def test_no_output_takes_the_place_of_another_input(quick: Run, original: Path) -> None:
    other = original.parent / "there" / original.name
    other.parent.mkdir()
    before = (MEDIA / "scene-progressive.jpg").read_bytes()
    other.write_bytes(before)
    answer = quick("sign", original, other, "-o", other.parent, *SIGN, "-f", "jsonl")
    assert answer.code == 40
    assert "itself an input" in answer.rows()[0]["error"]["message"]
    assert other.read_bytes() == before
    assert names(other.parent) == {other.name}


def test_what_is_no_plain_file_is_never_replaced_by_one(quick: Run, original: Path) -> None:
    device = original.with_name("device")
    os.mkfifo(device)
    answer = quick("sign", original, "-o", device, *SIGN)
    assert answer.code == 40
    assert "not a plain file" in answer.stderr
    assert device.is_fifo()


def test_without_a_target_nothing_is_done(quick: Run, original: Path) -> None:
    assert quick("sign", original, *SIGN).code == 2
    assert names(original.parent) == {"in.jpg"}


def test_several_inputs_need_a_folder(quick: Run, original: Path) -> None:
    second = shutil.copy(PICTURE, original.with_name("second.jpg"))
    target = original.with_name("out.jpg")
    target.write_bytes(b"mine")
    answer = quick("sign", original, second, "-o", target, *SIGN)
    assert answer.code == 2
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["empty.jpg", "not-a-picture.jpg", "truncated.mp4"])
def test_what_nobody_can_show_is_not_signed(quick: Run, tmp_path: Path, name: str) -> None:
    answer = quick("sign", BROKEN / name, "-o", tmp_path / name, *SIGN)
    assert answer.code == 40, answer.stdout
    assert names(tmp_path) == set()


def test_one_bad_input_does_not_stop_the_others(quick: Run, verify: Verify, tmp_path: Path) -> None:
    bad, missing = BROKEN / "not-a-picture.jpg", tmp_path / "missing.png"
    out = tmp_path / "out"
    inputs = (PICTURE, bad, missing, MEDIA / "sound.wav")
    answer = quick("sign", *inputs, "-o", out, *SIGN, "--format", "jsonl")

    rows = answer.rows()

    assert answer.code == 40
    assert [row["path"] for row in rows] == [str(path) for path in inputs]
    assert [row["error"] is None for row in rows] == [True, False, False, True]
    assert names(out) == {"scene.jpg", "sound.wav"}
    assert {row["verdict"] for row in verify("-r", out).values()} == {"declared_ai"}


def test_two_inputs_of_one_name_do_not_overwrite_each_other(quick: Run, tmp_path: Path) -> None:
    for folder, source in (("a", "scene.jpg"), ("b", "scene-progressive.jpg")):
        (tmp_path / folder).mkdir()
        shutil.copy(MEDIA / source, tmp_path / folder / "one.jpg")
    inputs = (tmp_path / "a/one.jpg", tmp_path / "b/one.jpg")
    answer = quick("sign", *inputs, "-o", tmp_path / "out", *SIGN, "-f", "jsonl")
    outputs = [row["output"] for row in answer.rows() if row["error"] is None]
    assert len(outputs) == len(set(outputs))
    assert answer.code == (0 if len(outputs) == 2 else 40)


def test_a_missing_folder_for_the_output_is_said(quick: Run, tmp_path: Path) -> None:
    answer = quick("sign", PICTURE, "-o", tmp_path / "nowhere/out.jpg", *SIGN)
    assert answer.code == 40
    assert names(tmp_path) == set()


def test_json_lines_are_rows_of_the_contract(quick: Run, tmp_path: Path) -> None:
    inputs = (PICTURE, MEDIA / "scene.bmp", BROKEN / "empty.jpg")
    good, beside, bad = quick("sign", *inputs, "-o", tmp_path / "o", *SIGN, "-f", "jsonl").rows()

    assert set(good) == set(beside) == set(bad) == ROW
    assert good["output"] == str(tmp_path / "o/scene.jpg")
    assert (good["sidecar"], good["record"], good["error"]) == (None, None, None)
    assert good["manifest_id"].startswith("urn:c2pa:")
    assert all(isinstance(warning, str) for warning in good["warnings"])
    assert beside["sidecar"] == str(tmp_path / "o/scene.bmp.c2pa")
    assert (bad["output"], bad["manifest_id"]) == (None, None)
    assert set(bad["error"]) == {"code", "message", "hint"}


def test_json_is_one_document_with_the_same_rows(quick: Run, tmp_path: Path) -> None:
    document = quick("sign", PICTURE, BROKEN / "empty.jpg", "-o", tmp_path, *SIGN, "-f", "json")
    answer = document.json()
    assert answer["schema_version"] == "1.0"
    assert [set(row) for row in answer["files"]] == [ROW, ROW]


@pytest.mark.parametrize(
    "arguments",
    [
        ("sign",),
        ("sign", PICTURE),
        ("sign", PICTURE, "--no-such-option"),
        ("sign", PICTURE, "-o", "/tmp/never.jpg", "--key", KEY),
        ("sign", PICTURE, "-o", "/tmp/never.jpg", "--key", "file:/nowhere", *AI),
    ],
)
def test_json_is_one_document_even_for_a_wrong_call(quick: Run, arguments: tuple[object]) -> None:
    answer = quick(*arguments, "--format", "json")
    document = answer.json()
    assert document["error"]["message"]
    assert document["summary"]["exit_code"] == answer.code != 0


def test_standard_input_and_output_carry_the_file_and_nothing_else(
    run: Run, verify: Verify, tmp_path: Path
) -> None:
    answer = run("sign", "-", "-o", "-", *SIGN, stdin=PICTURE.read_bytes())
    assert answer.code == 0, answer.stderr
    (tmp_path / "out.jpg").write_bytes(answer.raw)
    assert verify(tmp_path / "out.jpg")["out.jpg"]["verdict"] == "declared_ai"


@pytest.mark.parametrize("more", [("--sidecar",), ("--remote", "https://a.example/m"), (PICTURE,)])
def test_standard_output_takes_one_file_with_its_manifest_inside(
    quick: Run, more: tuple[object, ...]
) -> None:
    answer = quick("sign", "-", "-o", "-", *SIGN, *more, stdin=PICTURE.read_bytes())
    assert answer.code == 2
    assert answer.raw == b""


def test_a_sidecar_that_nobody_asked_for_is_not_lost_on_standard_output(quick: Run) -> None:
    answer = quick("sign", MEDIA / "scene.bmp", "-o", "-", *SIGN)
    assert (answer.code, answer.raw) == (40, b"")
    assert "does not fit on standard output" in answer.stderr


def test_a_place_that_cannot_be_had_costs_its_own_file_alone(quick: Run, tmp_path: Path) -> None:
    within, out = tmp_path / "in", tmp_path / "out"
    (within / "sub").mkdir(parents=True)
    (within / "tail").mkdir()
    out.mkdir()
    (out / "sub").touch()  # where a folder should be
    for place in (within / "a.jpg", within / "sub/b.jpg", within / "tail/c.jpg"):
        place.write_bytes(PICTURE.read_bytes())
    answer = quick("sign", "-r", within, "-o", out, *SIGN, "-f", "jsonl")
    assert answer.code == 40
    assert [bool(row["error"]) for row in answer.rows()] == [False, True, False]
    assert (names(out), names(out / "tail")) == ({"a.jpg", "sub", "tail"}, {"c.jpg"})


def test_a_file_whose_name_is_not_utf_8_is_signed(run: Run, verify: Verify, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(bytes(tmp_path) + b"/odd-\xff.jpg"))
    try:
        shutil.copy(PICTURE, odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    answer = run("sign", odd, "-o", tmp_path / "out.jpg", *SIGN, "--reference", odd)
    assert answer.code == 0, answer.stderr
    assert verify(tmp_path / "out.jpg")["out.jpg"]["verdict"] == "declared_ai"


@pytest.mark.parametrize("name", ["n" * 300 + ".jpg", "n" * 300 + ".c2pa"])
def test_a_name_that_no_file_can_have_is_said(quick: Run, tmp_path: Path, name: str) -> None:
    read = quick("sign", tmp_path / name, "-o", tmp_path / "out.jpg", *SIGN)
    written = quick("sign", PICTURE, "-o", tmp_path / name, *SIGN)
    assert (read.code, written.code) == (40, 40)
    assert "too long" in read.stderr
    assert "too long" in written.stderr


def test_no_temporary_file_stays_behind(run: Run, tmp_path: Path) -> None:
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    env = {"TMPDIR": str(scratch)}
    inputs = (PICTURE, MEDIA / "clip-fragmented.mp4", MEDIA / "scene.bmp", BROKEN / "empty.jpg")
    run("sign", *inputs, "-o", out, *SIGN, env=env)
    run("sign", PICTURE, "-o", out / "beside.jpg", *SIGN, "--sidecar", env=env)
    run("sign", PICTURE, "-o", out / "no.jpg", *SIGN, "--tsa", "http://127.0.0.1:9/", env=env)
    run("sign", "-", "-o", "-", *SIGN, stdin=PICTURE.read_bytes(), env=env)
    run("verify", "-", stdin=PICTURE.read_bytes(), env=env)

    pictures = {"scene.jpg", "beside.jpg", "beside.jpg.c2pa"}
    assert names(out) == {*pictures, "clip-fragmented.mp4", "scene.bmp", "scene.bmp.c2pa"}
    assert names(scratch) == set()


def test_a_stale_sidecar_does_not_outlive_its_file(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    out = tmp_path / "scene.bmp"
    assert quick("sign", MEDIA / "scene.bmp", "-o", out, *SIGN).code == 0
    first = Path(f"{out}.c2pa").read_bytes()
    assert quick("sign", MEDIA / "scene.bmp", "-o", out, *SIGN).code == 0
    assert Path(f"{out}.c2pa").read_bytes() != first
    assert verify(out)["scene.bmp"]["axes"]["integrity"] == "intact"
