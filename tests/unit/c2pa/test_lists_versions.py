"""Versions of a list on disk: whole at every moment, whoever writes and however it ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.trustlists import lote, pem, some
from trustkit.c2pa.lists import ListFolder, arrive
from trustkit.c2pa.shelf import KEPT
from trustkit.c2pa.trust import Purpose
from trustkit.errors import ConfigError

# Replaces a list by one of six and one of seven in turn, without end, from two files.
WRITER = """
import sys
from pathlib import Path
from trustkit.c2pa.lists import ListFolder, arrive
from trustkit.c2pa.trust import Purpose
folder = ListFolder(Path(sys.argv[1]))
lists = [arrive("c2pa", Purpose.SIGNERS, [Path(f).read_bytes()], [f]) for f in sys.argv[2:]]
print("go", flush=True)
while True:
    for found in lists:
        folder.replace("c2pa", found)
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for count in (6, 7):
        (tmp_path / f"{count}.pem").write_bytes(pem(some(count)))
    return [str(tmp_path / f"{count}.pem") for count in (6, 7)]


@pytest.fixture
def folder(tmp_path: Path) -> ListFolder:
    return ListFolder(tmp_path / "trust")


def put(folder: ListFolder, *documents: bytes, name: str = "c2pa") -> None:
    folder.replace(name, arrive(name, Purpose.SIGNERS, documents, ["here"] * len(documents)))


def writer(folder: ListFolder, files: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder.path), *files], stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"go\n"
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout
    process.stdout.close()


def sizes(folder: ListFolder) -> set[int]:
    return {trust_list.size for trust_list in folder.load("c2pa")}


def test_killed_while_it_writes_the_list_is_whole(folder: ListFolder, files: list[str]) -> None:
    chance, seen = random.Random(3), set()
    put(folder, pem(some(6)))
    for _ in range(10):
        process = writer(folder, files)
        time.sleep(chance.uniform(0.002, 0.06))
        stop(process)
        seen |= sizes(folder)
    assert seen <= {6, 7}
    put(folder, pem(some(6)))
    names = {path.name for path in (folder.path / "c2pa").iterdir()}
    assert not [name for name in names if name.startswith(".")]


def test_two_writers_and_a_reader_do_each_other_no_harm(
    folder: ListFolder, files: list[str]
) -> None:
    put(folder, pem(some(6)))
    processes = [writer(folder, files) for _ in range(2)]
    try:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert sizes(folder) <= {6, 7}
            assert all(process.poll() is None for process in processes)
    finally:
        for process in processes:
            stop(process)
    assert sizes(folder) <= {6, 7}


def test_no_more_versions_are_kept_than_said_and_what_goes_is_deleted(folder: ListFolder) -> None:
    for count in range(1, KEPT + 4):
        put(folder, pem(some(count)), lote(some(count)))
    history = folder.history("c2pa")
    assert [entry["certificates"] for entry in history] == list(range(KEPT + 3, 2, -1))
    files = {about["file"] for entry in history for about in entry["documents"]}
    there = {path.name for path in (folder.path / "c2pa").iterdir()}
    assert there == {*files, "about.json"}


def test_going_back_twice_is_where_one_was(folder: ListFolder) -> None:
    put(folder, pem(some(6)))
    with pytest.raises(ConfigError, match="no earlier version"):
        folder.back("c2pa")
    put(folder, pem(some(7)))
    assert folder.back("c2pa")[0].size == 6
    assert folder.back("c2pa")[0].size == 7


def test_a_half_made_list_is_none_and_does_not_stand_in_the_way(folder: ListFolder) -> None:
    (folder.path / "c2pa").mkdir(parents=True)
    (folder.path / "c2pa/.new-abc").write_bytes(b"half")
    (folder.path / ".adding-xyz").mkdir()
    (folder.path / ".adding-xyz/about.json").write_text("{}")
    assert folder.names() == []
    put(folder, pem(some(6)))
    assert folder.names() == ["c2pa"]
    assert not (folder.path / "c2pa/.new-abc").exists()


def test_a_damaged_list_is_not_written_over(folder: ListFolder) -> None:
    put(folder, pem(some(6)))
    about = folder.path / "c2pa/about.json"
    about.write_text(json.dumps({})[:-1])
    with pytest.raises(ConfigError, match="cannot be stored"):
        put(folder, pem(some(7)))
    assert about.read_text() == "{"


def test_a_folder_nobody_may_write_to_is_said(folder: ListFolder) -> None:
    folder.path.parent.mkdir(exist_ok=True)
    folder.path.write_text("a file in its place")
    with pytest.raises(ConfigError, match="cannot be stored"):
        put(folder, pem(some(6)))
