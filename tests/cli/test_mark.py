"""`trustkit mark`: the whole chain, its refusals first."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import AI, KEY, MEDIA, TRUST, Answer
from tests.conftest import Run
from trustkit.mark.audit import first_break
from trustkit.stores.registry import Registry, init_registry, open_registry

SCENE = MEDIA / "scene.jpg"


@pytest.fixture
def registry(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    init_registry(url).close()
    return url


@pytest.fixture
def opened(registry: str) -> Iterator[Registry]:
    with open_registry(registry) as one:
        yield one


@pytest.fixture
def mark(quick: Run, registry: str) -> Run:
    def call(*arguments: object, **more: object) -> Answer:
        options = ("--key", KEY, *AI, "--registry", registry, "-q", "--format", "jsonl")
        return quick("mark", *arguments, *options, **more)

    return call


def published(registry: Registry) -> int:
    return len(list(registry.records()))


def test_an_output_must_be_named(mark: Run, opened: Registry):
    answer = mark(SCENE)
    assert answer.code == 2
    assert "where to?" in answer.stderr
    assert mark(SCENE, "-o", "-").code == 2
    assert published(opened) == 0


def test_an_original_is_never_touched(mark: Run, opened: Registry, tmp_path: Path):
    mine = tmp_path / "mine.jpg"
    shutil.copy(SCENE, mine)
    for output in (mine, tmp_path):
        answer = mark(mine, "-o", output)
        assert answer.code == 40
        assert "original" in answer.stderr
    assert mine.read_bytes() == SCENE.read_bytes()
    assert published(opened) == 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sound.wav", "less than 3 seconds"),
        ("noise.png", "less than 128 pixels"),
        ("page.pdf", "no engine puts marks in application/pdf"),
    ],
)
def test_a_file_that_would_not_hold_its_mark_is_named_and_not_written(
    mark: Run, opened: Registry, tmp_path: Path, name: str, why: str
):
    answer = mark(MEDIA / name, SCENE, "-o", tmp_path / "out")
    assert answer.code == 40
    rows = {Path(row["path"]).name: row for row in answer.rows()}
    assert why in rows[name]["error"]["message"]
    assert rows[name]["output"] is None
    assert rows["scene.jpg"]["record"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["scene.jpg"]
    assert published(opened) == 1


def test_a_registry_that_is_not_there_is_said_before_anything_is_done(quick: Run, tmp_path: Path):
    answer = quick(
        "mark", SCENE, "-o", tmp_path / "out/", "--key", KEY, *AI,
        "--registry", f"sqlite:///{tmp_path / 'none.db'}",
    )  # fmt: skip
    assert answer.code == 30
    assert "there is no registry" in answer.stderr
    assert not (tmp_path / "none.db").exists()
    assert not (tmp_path / "out").exists()


def test_a_second_call_into_the_same_folder_is_refused(mark: Run, tmp_path: Path):
    import fcntl

    out = tmp_path / "out"
    out.mkdir()
    descriptor = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        answer = mark(SCENE, "-o", out)
    finally:
        os.close(descriptor)
    assert answer.code == 40
    assert "another `trustkit mark`" in answer.stderr


def test_a_marked_file_is_signed_recorded_and_found_again(
    mark: Run, quick: Run, opened: Registry, tmp_path: Path
):
    [row] = mark(SCENE, "-o", tmp_path / "out/").rows()
    output = Path(row["output"])
    record = opened.store.get(row["record"])
    assert record is not None
    assert record.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    assert record.source_sha256 == hashlib.sha256(SCENE.read_bytes()).hexdigest()
    assert record.manifest_id == row["manifest_id"]
    assert record.personal["file_name"] == "scene.jpg"
    assert record.codes
    assert opened.blobs.get(record.manifest).startswith(b"\0\0")
    assert opened.blobs.get(record.thumbnail).startswith(b"\xff\xd8")

    verified = quick(
        "verify", output, "--trust", TRUST, "-f", "jsonl", "--registry", "none"
    ).rows()[0]
    codes = {finding["code"]: finding for finding in verified["findings"]}
    assert verified["axes"]["integrity"] == "intact"
    assert codes["watermark.bound"]["status"] == "present"
    assert codes["watermark.present"]["facts"]["payload"] == row["record"]
    assert verified["disclosure"]["id"] == row["record"]


def test_the_same_command_keeps_what_it_has_done(mark: Run, opened: Registry, tmp_path: Path):
    out = tmp_path / "out/"
    [first] = mark(SCENE, "-o", f"{out}/").rows()
    before = Path(first["output"]).stat().st_mtime_ns
    [second] = mark(SCENE, "-o", f"{out}/").rows()
    assert (second["kept"], second["record"]) == (True, first["record"])
    assert Path(first["output"]).stat().st_mtime_ns == before
    # Another order is other work; so is an output that is not what was published.
    [third] = mark(SCENE, "-o", f"{out}/", "--system", "Painter").rows()
    assert not third["kept"]
    Path(third["output"]).write_bytes(SCENE.read_bytes())
    [fourth] = mark(SCENE, "-o", f"{out}/", "--system", "Painter").rows()
    assert not fourth["kept"]
    assert published(opened) == 3


def test_each_file_of_a_batch_has_a_record_of_its_own(mark: Run, opened: Registry, tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        shutil.copy(SCENE, tmp_path / f"in/{number}.jpg")
    answer = mark(tmp_path / "in", "-r", "-o", tmp_path / "out", "--jobs", 2)
    assert answer.code == 0, answer.stderr
    assert len({row["record"] for row in answer.rows()}) == 3
    assert len({row["manifest_id"] for row in answer.rows()}) == 3
    assert published(opened) == 3
    assert not (tmp_path / "out/.trustkit-mark").exists()


def test_an_incoming_manifest_becomes_the_parent(
    mark: Run, quick: Run, signed_folder: Path, tmp_path: Path
):
    [row] = mark(signed_folder / "scene.jpg", "-o", tmp_path / "out/").rows()
    told = quick("inspect", row["output"], "-f", "json").json()
    assert json.dumps(told).count("parentOf") == 1


def test_a_broken_parent_is_not_laundered(
    mark: Run, opened: Registry, signed_folder: Path, tmp_path: Path
):
    broken = tmp_path / "broken.jpg"
    data = bytearray((signed_folder / "scene.jpg").read_bytes())
    data[-200] ^= 1
    broken.write_bytes(data)
    answer = mark(broken, "-o", tmp_path / "out/")
    assert answer.code == 40
    assert "does not hold" in answer.stderr
    assert published(opened) == 0


def test_a_sidecar_goes_with_its_file_and_its_record(mark: Run, opened: Registry, tmp_path: Path):
    [row] = mark(MEDIA / "scene.bmp", "-o", tmp_path / "out/").rows()
    record = opened.store.get(row["record"])
    assert record is not None
    assert opened.blobs.get(record.manifest) == Path(row["sidecar"]).read_bytes()


def test_an_output_that_lost_its_sidecar_is_not_kept(mark: Run, tmp_path: Path):
    command = (MEDIA / "scene.bmp", "-o", tmp_path / "out/", "--no-watermark")
    [row] = mark(*command).rows()
    sidecar = Path(row["sidecar"])
    sidecar.unlink()
    [row] = mark(*command).rows()
    assert not row["kept"]
    assert sidecar.is_file()
    [row] = mark(*command).rows()
    assert row["kept"]


def test_names_that_are_no_utf8_are_marked_and_written_down(mark: Run, tmp_path: Path):
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd\xff.jpg"))
    shutil.copy(SCENE, source)
    log, out = tmp_path / "audit.jsonl", tmp_path / "out"
    out.mkdir()
    command = (source, "-o", out, "--no-watermark", "--audit", log)
    assert mark(*command, "--title", "odd\udcff").code == 0
    assert (out / source.name).is_file()
    assert first_break(log) is None


def test_the_outputs_in_an_input_folder_are_no_inputs_of_the_next_call(mark: Run, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(SCENE, folder)
    command = (folder, "-r", "-o", folder / "out", "--no-watermark")
    assert [row["kept"] for row in mark(*command).rows()] == [False]
    assert [row["kept"] for row in mark(*command).rows()] == [True]
    assert [path.name for path in (folder / "out").iterdir()] == ["scene.jpg"]


def test_only_a_plain_file_is_replaced_and_nothing_beside_it_touched(mark: Run, tmp_path: Path):
    (tmp_path / "out" / "scene.jpg").mkdir(parents=True)
    beside = tmp_path / "out" / "scene.jpg.c2pa"
    beside.write_text("mine")
    answer = mark(SCENE, "-o", tmp_path / "out/", "--no-watermark")
    assert answer.code == 40
    assert "not a plain file" in answer.stderr
    assert beside.read_text() == "mine"


def test_what_stands_in_the_place_of_an_output_need_not_be_media(mark: Run, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scene.jpg").write_bytes(b"")
    answer = mark(SCENE, "-o", tmp_path / "out/", "--no-watermark")
    assert answer.code == 0, answer.stderr


def test_the_audit_log_tells_what_was_published_and_shows_a_change(mark: Run, tmp_path: Path):
    log = tmp_path / "audit.jsonl"
    for name in ("scene.jpg", "scene.png"):
        assert mark(MEDIA / name, "-o", tmp_path / "out/", "--audit", log).code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["publishing", "published"] * 2
    assert lines[0]["record"] == lines[1]["record"]
    assert first_break(log) is None
    # Changed, dropped, moved, torn.
    whole = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([whole[0].replace(b"scene", b"seen_"), *whole[1:]]))
    assert first_break(log) == 2
    log.write_bytes(b"".join([whole[0], *whole[2:]]))
    assert first_break(log) == 2
    log.write_bytes(b"".join(whole)[:-30])
    assert mark(MEDIA / "page.png", "-o", tmp_path / "out/", "--audit", log).code == 0
    assert first_break(log) is None


@pytest.mark.parametrize("text", ["buy milk\n", "no end of line"])
def test_a_file_that_is_no_audit_log_is_left_as_it_is(mark: Run, tmp_path: Path, text: str):
    notes = tmp_path / "notes.txt"
    notes.write_text(text)
    answer = mark(SCENE, "-o", tmp_path / "out/", "--audit", notes)
    assert answer.code == 33
    assert notes.read_text() == text


def test_a_log_that_was_torn_in_its_first_line_goes_on(mark: Run, tmp_path: Path):
    log = tmp_path / "audit.jsonl"
    log.write_text('{"at":"2026-11-26T06:30:00.000Z","disc')
    assert mark(SCENE, "-o", tmp_path / "out/", "--no-watermark", "--audit", log).code == 0
    assert first_break(log) is None
    assert len(log.read_text().splitlines()) == 3


def test_without_a_watermark_it_is_signed_and_recorded(mark: Run, opened: Registry, tmp_path: Path):
    [row] = mark(MEDIA / "sound.wav", "-o", tmp_path / "out/", "--no-watermark").rows()
    assert row["watermark"] is None
    record = opened.store.get(row["record"])
    assert record is not None
    assert not [one for one in record.bindings if one.algorithm.startswith("org.trustkit")]
