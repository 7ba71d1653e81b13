"""The folder beside a database is a cache: whatever happens to it, the answers stay the same."""

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

from trustkit.record import Code, Query
from trustkit.stores.index import Index, Run
from trustkit.stores.index_cache import WORTH

MANY = 500
SEED = 11


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "registry.db.index"


@pytest.mark.parametrize("damage", ["flip", "cut", "longer", "gone"])
def test_damaged_columns_count_as_nothing(folder: Path, damage: str) -> None:
    _keep(folder)
    (path,) = folder.glob("*.codes")
    content = path.read_bytes()
    if damage == "flip":
        path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    elif damage == "cut":
        path.write_bytes(content[:-1])
    elif damage == "longer":
        path.write_bytes(content + b"\0")
    else:
        path.unlink()

    _counts_as_nothing_and_is_built_again(folder)


@pytest.mark.parametrize(
    "head",
    [b"", b"{", b"[]", b"7", b"null", b'{"check": 1}', b"\xff" * 64, b"[" * 10**5,
     b"0" * 5 * 2**20],
)  # fmt: skip
def test_a_damaged_head_counts_as_nothing(folder: Path, head: bytes) -> None:
    _keep(folder)
    (folder / "head.json").write_bytes(head)

    _counts_as_nothing_and_is_built_again(folder)


@pytest.mark.parametrize("field", ["last", "stamp", "registry", "files"])
def test_a_head_with_another_word_counts_as_nothing(folder: Path, field: str) -> None:
    _keep(folder)
    head = json.loads((folder / "head.json").read_text())
    head[field] = {"last": 3, "stamp": "x", "registry": "other", "files": []}[field]
    (folder / "head.json").write_text(json.dumps(head))

    _counts_as_nothing_and_is_built_again(folder)


def test_a_file_outside_of_the_folder_is_never_opened(folder: Path, tmp_path: Path) -> None:
    import zlib

    from trustkit.record import canonical

    _keep(folder)
    (path,) = folder.glob("*.codes")
    (tmp_path / path.name).write_bytes(path.read_bytes())
    head = json.loads((folder / "head.json").read_text())
    head["files"][0]["file"] = f"../{path.name}"
    del head["check"]
    head["check"] = zlib.crc32(canonical(head))
    (folder / "head.json").write_bytes(canonical(head))

    assert Index.open(folder, "one").last == -1


def test_another_registrys_columns_count_as_nothing(folder: Path) -> None:
    _keep(folder)

    assert Index.open(folder, "two").last == -1


def test_a_folder_that_is_a_file_is_left_alone_and_the_index_works(folder: Path) -> None:
    folder.write_text("mine")
    index = Index.open(folder, "one")
    index.extend(_runs(), MANY - 1)

    assert not index.keep(least=0)
    _finds_all(index)
    assert folder.read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system for reading only")
def test_a_folder_for_reading_only_serves_as_it_is(folder: Path) -> None:
    _keep(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c",
         f'mount --bind "{folder}" "{folder}" && mount -o remount,ro,bind "{folder}" '
         f'&& exec "{sys.executable}" -c "$0"', _GROW_AND_KEEP.format(folder=str(folder))],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")

    assert done.stderr == ""
    assert done.stdout.split() == [str(MANY - 1), "False", str(MANY), str(MANY + 3)]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_kept_is_opened_again_as_it_was(folder: Path) -> None:
    _keep(folder, stamp="leaf 499")

    index = Index.open(folder, "one")

    assert (index.last, index.stamp) == (MANY - 1, "leaf 499")
    assert index.count("chroma.1") == 20
    hits = index.near([Query(Code("chroma.1", bytes(32)), 0)])
    assert [(hit.number, hit.which) for hit in hits][:5] == [
        (50, 0), (50, 1), (50, 2), (50, 3), (150, 0),
    ]  # fmt: skip
    _finds_all(index)


def test_the_folder_is_for_its_owner_alone(folder: Path) -> None:
    _keep(folder)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_few_codes_are_not_worth_a_file(folder: Path) -> None:
    index = Index.open(folder, "one")
    index.extend(_runs(), MANY - 1)

    assert not index.keep()
    assert not folder.exists()
    index.extend([(MANY, "pdq.1", random.Random(1).randbytes(32 * WORTH))], MANY)
    assert index.keep()
    assert Index.open(folder, "one").count("pdq.1") == MANY + WORTH


def test_an_index_that_grows_keeps_few_files(folder: Path) -> None:
    index = Index.open(folder, "one")
    for place in range(100):
        index.extend([(place, "pdq.1", bytes(32 * 50))], place)
        assert index.keep(least=0)
        assert len(list(folder.glob("*.codes"))) <= 7

    index = Index.open(folder, "one")
    assert index.count("pdq.1") == 5000
    hits = index.near([Query(Code("pdq.1", bytes(32)), 0)], 5000)
    assert [hit.number for hit in hits] == [place for place in range(100) for _ in range(50)]


def test_a_forgotten_records_codes_leave_the_folder(folder: Path) -> None:
    runs = _runs()
    _keep(folder)
    index = Index.open(folder, "one")
    index.remove(7)

    assert index.keep()
    assert not any(runs[7][2][:8] in path.read_bytes() for path in folder.iterdir())
    index = Index.open(folder, "one")
    assert index.count("pdq.1") == MANY - 1
    assert index.near([Query(Code("pdq.1", runs[7][2]), 30)]) == []
    _finds_all(index, but=7)


def test_the_last_record_forgotten_leaves_an_empty_index(folder: Path) -> None:
    index = Index.open(folder, "one")
    index.extend([(0, "pdq.1", bytes(320))], 0)
    assert index.keep(least=0)
    index.remove(0)
    assert index.keep()

    assert list(folder.glob("*.codes")) == []
    assert Index.open(folder, "one").last == 0
    assert Index.open(folder, "one").count("pdq.1") == 0


def test_of_two_that_grow_the_first_writes_and_both_are_right(folder: Path) -> None:
    _keep(folder)
    first, second = Index.open(folder, "one"), Index.open(folder, "one")
    extra = [(MANY, "pdq.1", b"\x01" * 32), (MANY + 1, "pdq.1", b"\x02" * 32)]
    second.extend(extra, MANY + 1)
    first.extend(extra[:1], MANY)

    assert first.keep(least=0)
    assert not second.keep(least=0)
    assert Index.open(folder, "one").last == MANY
    _finds_all(second)
    assert second.count("pdq.1") == MANY + 2


def test_columns_in_use_outlive_their_files(folder: Path) -> None:
    _keep(folder)
    reader = Index.open(folder, "one")
    writer = Index.open(folder, "one")
    writer.remove(0)
    assert writer.keep()

    _finds_all(reader)


def test_writers_that_are_killed_leave_a_cache_that_is_right_or_nothing(folder: Path) -> None:
    rng = random.Random(4)
    script = _GROW_FOR_EVER.format(folder=str(folder))
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as grown:
            assert grown.stdout
            grown.stdout.readline()  # it has written once
            time.sleep(rng.uniform(0, 0.15))
            os.kill(grown.pid, signal.SIGKILL)
        index = Index.open(folder, "one")
        assert index.last >= 0
        assert index.count("pdq.1") == 100 * (index.last + 1)
        names = {one["file"] for one in json.loads((folder / "head.json").read_text())["files"]}
        assert {path.name for path in folder.glob("*.codes")} >= names


_GROW_AND_KEEP = """
from pathlib import Path
from trustkit.stores.index import Index
index = Index.open(Path({folder!r}), "one")
print(index.last)
index.extend([(index.last + 1, "pdq.1", bytes(96))], index.last + 1)
count = index.count("pdq.1")
print(index.keep(least=0), count - 3, count)
"""

_GROW_FOR_EVER = """
import random
from pathlib import Path
from trustkit.stores.index import Index
index = Index.open(Path({folder!r}), "one")
while True:
    place = index.last + 1
    index.extend([(place, "pdq.1", random.Random(place).randbytes(3200))], place)
    index.keep(least=0)
    print(place, flush=True)
"""


def _runs() -> list[Run]:
    rng = random.Random(SEED)
    runs: list[Run] = []
    for place in range(MANY):
        runs.append((place, "pdq.1", rng.randbytes(32)))
        if place % 100 == 50:
            runs.append((place, "chroma.1", bytes(128)))
    return runs


def _keep(folder: Path, stamp: str = "") -> None:
    index = Index.open(folder, "one")
    index.extend([run for run in _runs() if stamp or run[1] == "pdq.1"], MANY - 1, stamp)
    assert index.keep(least=0)


def _finds_all(index: Index, but: int = -1) -> None:
    runs = [run for run in _runs() if run[1] == "pdq.1" and run[0] != but]
    hits = index.near([Query(Code("pdq.1", run[2]), 0) for run in runs], MANY)
    assert [hit.number for hit in hits] == [run[0] for run in runs]


def _counts_as_nothing_and_is_built_again(folder: Path) -> None:
    index = Index.open(folder, "one")
    assert (index.last, index.stamp, index.count("pdq.1")) == (-1, "", 0)

    index.extend([run for run in _runs() if run[1] == "pdq.1"], MANY - 1)
    _finds_all(index)
    assert index.keep(least=0)
    _finds_all(Index.open(folder, "one"))
