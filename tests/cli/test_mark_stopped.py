"""`trustkit mark` stopped anywhere: nothing lost, nothing doubled, and the same command goes on."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.command import AI, COMMAND, KEY, MEDIA, TRUST, environment
from tests.conftest import Run
from trustkit.mark.putting import WORK, put, where, work_folder
from trustkit.record import Record
from trustkit.stores.memory import MemoryStore
from trustkit.stores.registry import init_registry, open_registry

KILLS = 20
NAMES = ("scene.jpg", "scene.png", "scene.bmp", "page.png", "scene.tif", "scene-alpha.png")


@pytest.fixture
def registry(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    init_registry(url).close()
    return url


def words(registry: str, out: Path, *inputs: Path) -> list[str]:
    options = ("--key", KEY, *AI, "--registry", registry, "-q")
    return ["mark", *map(str, inputs), "-o", str(out), *options]


def consistent(registry: str, out: Path) -> int:
    """Check what must hold at every moment; returns how many records there are."""
    with open_registry(registry) as opened:
        outputs = [p for p in out.iterdir() if p.name != WORK and p.suffix != ".c2pa"]
        hashes = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in outputs}
        for name, sha256 in hashes.items():
            assert opened.store.hashed(sha256), f"{name} has no record"
        records = list(opened.records())
        for record in records:
            assert record.sha256 in hashes.values(), f"record {record.id} has no output"
            assert opened.blobs.get(record.manifest)
        assert max(Counter(record.source_sha256 for record in records).values(), default=1) == 1
        assert len(hashes) <= len(NAMES)
        return len(records)


def test_killed_at_twenty_random_moments(registry: str, run: Run, home: Path, tmp_path: Path):
    rng = random.Random(20261126)
    inputs = [tmp_path / "in" / name for name in NAMES]
    inputs[0].parent.mkdir()
    for path in inputs:
        shutil.copy(MEDIA / path.name, path)
    out = tmp_path / "out"
    out.mkdir()
    command = [COMMAND, *words(registry, out, *inputs), "--jobs", "2"]
    stopped = 0
    while stopped < KILLS:
        started = subprocess.Popen(
            command, env=environment(home), start_new_session=True, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            # From the first imports to the last record.
            started.wait(rng.uniform(0.2, 6.0))
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            stopped += 1
        done = consistent(registry, out)
        if done == len(NAMES):  # all there: begin anew, so that every step is stopped
            for path in out.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            Path(registry.removeprefix("sqlite:///")).unlink()
            for side in ("-wal", "-shm"):
                Path(registry.removeprefix("sqlite:///") + side).unlink(missing_ok=True)
            init_registry(registry).close()

    answer = run(*words(registry, out, *inputs))
    assert answer.code == 0, answer.stderr
    assert consistent(registry, out) == len(NAMES)
    with open_registry(registry) as opened:
        assert not opened.store.reserved()
    assert sorted(p.name for p in out.iterdir() if p.suffix != ".c2pa") == sorted(NAMES)
    verified = run("verify", *out.glob("*.[jpbt]*[!a]"), "--trust", TRUST, "--skip", "watermark",
                   "--registry", "none", "-f", "jsonl")  # fmt: skip
    assert {row["axes"]["integrity"] for row in verified.rows()} == {"intact"}
    assert len(verified.rows()) == len(NAMES)


def test_what_was_renamed_but_not_confirmed_is_confirmed(registry: str, quick: Run, tmp_path: Path):
    out = tmp_path / "out"
    assert quick(*words(registry, out, MEDIA / "scene.bmp", MEDIA / "scene.jpg")).code == 0
    # As a kill between the rename and the log leaves it, and before the sidecar was in place.
    with open_registry(registry) as opened:
        first, second = opened.records()
    file = registry.removeprefix("sqlite:///")
    Path(file).unlink()
    init_registry(registry).close()
    with open_registry(registry) as opened:
        opened.store.reserve(first, where(out / "scene.bmp"))
        opened.store.reserve(second, where(out / "gone.jpg"))
    beside = out / "scene.bmp.c2pa"
    manifest = beside.read_bytes()
    beside.unlink()
    answer = quick(*words(registry, out, MEDIA / "scene.bmp", MEDIA / "scene.bmp"))
    assert beside.read_bytes() == manifest
    with open_registry(registry) as opened:
        assert [record.id for record in opened.records()] == [first.id]
        assert not opened.store.reserved()
    assert answer.stdout.startswith("kept")


def test_a_record_that_another_command_is_at_is_left_alone(
    registry: str, quick: Run, tmp_path: Path
):
    inner = tmp_path / "out" / "inner"
    inner.mkdir(parents=True)
    assert quick(*words(registry, inner, MEDIA / "scene.jpg"), "--no-watermark").code == 0
    with open_registry(registry) as opened:
        [record] = opened.records()
        coming = replace(record, id="1" * 16)
        opened.store.reserve(coming, where(inner / "coming.jpg"))
    outer = words(registry, tmp_path / "out", MEDIA / "scene.png")
    with work_folder(inner):
        assert quick(*outer, "--no-watermark").code == 0
        with open_registry(registry) as opened:
            assert [one.id for one, _ in opened.store.reserved()] == [coming.id]
    assert quick(*outer, "--no-watermark").code == 0
    with open_registry(registry) as opened:
        assert not opened.store.reserved()


def test_a_record_that_was_taken_back_meanwhile_is_in_the_log_with_its_output(
    registry: str, tmp_path: Path
):
    fresh = tmp_path / "fresh.jpg"
    shutil.copy(MEDIA / "scene.jpg", fresh)
    sha256 = hashlib.sha256(fresh.read_bytes()).hexdigest()
    record = Record("1" * 16, "2026-11-26T06:30:00.000Z", "image/jpeg", "image", 1, sha256)

    class Hasty(MemoryStore):
        def reserve(self, record: Record, output: str) -> None:
            super().reserve(record, output)
            self.drop([record.id])

    with Hasty() as store:
        put(store, record, fresh, tmp_path / "out.jpg", fresh)
        assert [one.id for one in store.records()] == [record.id]


def test_what_is_kept_is_confirmed_whatever_its_machine_was_called(
    registry: str, quick: Run, tmp_path: Path
):
    out = tmp_path / "out"
    command = (*words(registry, out, MEDIA / "scene.jpg"), "--no-watermark")
    assert quick(*command).code == 0
    with open_registry(registry) as opened:
        [record] = opened.records()
    Path(registry.removeprefix("sqlite:///")).unlink()
    init_registry(registry).close()
    with open_registry(registry) as opened:
        opened.store.reserve(record, f"another:{out / 'scene.jpg'}")
    assert quick(*command).stdout.startswith("kept")
    with open_registry(registry) as opened:
        assert [one.id for one in opened.records()] == [record.id]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def fill(place: Path, left: int) -> None:
    free = os.statvfs(place)
    with (place / "ballast").open("wb") as stream:
        stream.write(bytes(free.f_bavail * free.f_frsize - left))


def test_a_full_disk_of_the_outputs_leaves_nothing_half_written(
    registry: str, quick: Run, small_disk: Path
):
    out = small_disk / "out"
    out.mkdir()
    for left in (0, 20_000, 60_000, 120_000):
        fill(small_disk, left)
        answer = quick(*words(registry, out, MEDIA / "scene.bmp"))
        assert answer.code == 40, answer.stderr
        assert "No space left" in answer.stderr
        assert not list(out.iterdir())
        assert consistent(registry, out) == 0
        (small_disk / "ballast").unlink()
    with open_registry(registry) as opened:
        assert not opened.store.reserved()
    assert quick(*words(registry, out, MEDIA / "scene.bmp")).code == 0
    assert consistent(registry, out) == 1


def test_a_full_disk_of_the_registry_is_said_and_nothing_is_written(
    quick: Run, small_disk: Path, tmp_path: Path
):
    registry = f"sqlite:///{small_disk / 'registry.db'}"
    init_registry(registry).close()
    out = tmp_path / "out"
    out.mkdir()
    fill(small_disk, 0)
    answer = quick(*words(registry, out, MEDIA / "scene.jpg", MEDIA / "scene.png"))
    assert answer.code in {30, 40}, answer.stderr
    assert "room on it" in answer.stderr
    assert not list(out.iterdir())
    (small_disk / "ballast").unlink()
    assert quick(*words(registry, out, MEDIA / "scene.jpg", MEDIA / "scene.png")).code == 0
    assert consistent(registry, out) == 2


def test_a_locked_registry_is_waited_for_and_then_said(registry: str, quick: Run, tmp_path: Path):
    out = tmp_path / "out"
    file = registry.removeprefix("sqlite:///")
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            held.set()
            free.wait(120)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        started = time.monotonic()
        answer = quick(*words(registry, out, MEDIA / "scene.jpg", MEDIA / "scene.png"))
        took = time.monotonic() - started
    finally:
        free.set()
        thread.join()
    assert answer.code in {30, 40}, answer.stderr
    assert "locked" in answer.stderr or "busy" in answer.stderr
    assert took < 90
    assert not [p for p in out.iterdir() if p.name != WORK]
    assert quick(*words(registry, out, MEDIA / "scene.jpg", MEDIA / "scene.png")).code == 0
    assert consistent(registry, out) == 2
