"""A registry's index: right while other processes add and forget, kept beside the database."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from trustkit.record import Code, Query, Record
from trustkit.stores.index_cache import WORTH
from trustkit.stores.sql import SqlStore

REGISTRY = {"registry": "0123456789abcdef" * 2}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/registry.db"


@pytest.fixture
def store(url: str):
    with SqlStore.create(url, REGISTRY) as made:
        yield made


def test_an_empty_registry_finds_nothing(store: SqlStore) -> None:
    assert store.near([_query(0)]) == []


def test_what_another_process_adds_is_found_and_what_it_forgets_is_not(
    store: SqlStore, url: str
) -> None:
    store.put([_record(0), _record(1)])
    assert _found(store, 0, 1, 2) == [0, 1]

    _elsewhere(url, "store.put([_record(2)]); print(store.forget(_record(0).id))")
    assert _found(store, 0, 1, 2) == [1, 2]

    _elsewhere(url, "store.put([_record(0)])")
    assert _found(store, 0, 1, 2) == [0, 1, 2]


def test_reserved_records_are_found_once_they_are_confirmed(store: SqlStore) -> None:
    store.put([_record(0)])
    store.reserve(_record(1), "out.jpg")
    assert _found(store, 0, 1) == [0]

    store.confirm([_record(1).id])
    assert _found(store, 0, 1) == [0, 1]


def test_processes_that_write_at_once_leave_nothing_out(store: SqlStore, url: str) -> None:
    script = _SCRIPT.format(
        tests=str(Path(__file__).parent), url=url,
        work="[store.put([_record(n)]) for n in range(start, start + 15)]",
    )  # fmt: skip
    writers = [
        subprocess.Popen([sys.executable, "-c", f"start = {start}\n{script}"])
        for start in (0, 1000)
    ]
    while any(writer.poll() is None for writer in writers):
        store.near([_query(0)])
        time.sleep(0.01)
    numbers = [*range(15), *range(1000, 1015)]

    assert [writer.returncode for writer in writers] == [0, 0]
    assert _found(store, *numbers) == numbers


def test_a_database_put_back_from_a_backup_is_read_anew(
    store: SqlStore, url: str, tmp_path: Path
) -> None:
    store.put([_record(0, many=WORTH)])
    file = tmp_path / "registry.db"
    with SqlStore(url) as other:
        other.database.sweep()
    shutil.copy(file, tmp_path / "backup.db")
    store.put([_record(1, many=WORTH)])
    assert _found(store, 0, 1) == [0, 1]
    assert (tmp_path / "registry.db.index/head.json").exists()
    store.close()
    for path in tmp_path.glob("registry.db*"):
        if path.is_file():
            path.unlink()
    shutil.copy(tmp_path / "backup.db", file)

    with SqlStore(url) as again:
        assert _found(again, 0, 1) == [0]
        again.put([_record(2)])  # as long as the other one was, and another
    with SqlStore(url) as again:
        assert _found(again, 0, 1, 2) == [0, 2]


def test_what_is_kept_never_outweighs_the_sql(store: SqlStore, url: str) -> None:
    store.put([_record(0, many=WORTH), _record(1)])
    assert _found(store, 0, 1) == [0, 1]
    store.database.write(
        lambda connection: connection.exec_driver_sql("DELETE FROM codes WHERE place = 0")
    )

    with SqlStore(url) as again:
        assert _found(again, 0, 1) == [1]


def test_when_and_of_what_a_code_was_taken_is_told_as_it_was_stored(store: SqlStore) -> None:
    codes = tuple(
        Code("x.1", bytes([n] * 32), n * 0.1, f"{n} of a view") for n in range(100)
    )  # fmt: skip
    record = replace(_record(0), codes=(*codes[:50], _record(0).codes[0], *codes[50:]))
    store.put([record])

    nears = store.near([Query(code, 0) for code in codes])

    assert [near.code for near in nears] == list(codes)


def test_what_is_forgotten_leaves_the_folder_at_once(
    store: SqlStore, url: str, tmp_path: Path
) -> None:
    store.put([_record(0, many=WORTH), _record(1)])
    assert _found(store, 1) == [1]
    folder = tmp_path / "registry.db.index"
    assert _holds(folder, _record(0))
    store.close()

    with SqlStore(url) as again:
        assert again.forget(_record(0).id)

    assert not _holds(folder, _record(0))
    with SqlStore(url) as again:
        assert _found(again, 0, 1) == [1]


def test_a_damaged_folder_changes_no_answer(store: SqlStore, url: str, tmp_path: Path) -> None:
    store.put([_record(0, many=WORTH)])
    assert _found(store, 0) == [0]
    for path in (tmp_path / "registry.db.index").glob("*.codes"):
        os.truncate(path, 1000)
    store.close()

    with SqlStore(url) as again:
        assert _found(again, 0) == [0]
    with SqlStore(url) as again:
        assert _found(again, 0) == [0]


def test_a_damaged_row_of_codes_is_told_in_a_sentence(store: SqlStore) -> None:
    from trustkit.stores import StoreError

    store.put([_record(0), _record(1)])
    store.database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE codes SET bits = x'00' WHERE place = 1"
        )
    )

    with pytest.raises(StoreError, match="place 1 of the log are damaged"):
        store.near([_query(0)])


def _found(store: SqlStore, *numbers: int) -> list[int]:
    """Return those of the records of these numbers that are found by their codes."""
    nears = store.near([_query(number) for number in numbers], 10_000)
    assert {near.distance for near in nears} <= {20}
    found = [
        numbers[near.query] for near in nears if near.record == _record(numbers[near.query]).id
    ]
    assert len(found) == len(nears)
    return found


def _query(number: int) -> Query:
    bits = bytearray(_record(number).codes[0].bits)
    for at in range(20):
        bits[at] ^= 1
    return Query(Code("pdq.1", bytes(bits)), 40)


def _record(number: int, many: int = 1) -> Record:
    rng = random.Random(number)
    codes = (
        Code("pdq.1", rng.randbytes(32)),
        *(Code("x.1", rng.randbytes(32)) for _ in range(many)),
    )
    return Record(
        id=f"{number + 1:016x}",
        created="2026-11-01T00:00:00Z",
        media_type="image/jpeg",
        kind="image",
        size=1,
        sha256=rng.randbytes(32).hex(),
        codes=codes,
    )


def _holds(folder: Path, record: Record) -> bool:
    bits = record.codes[0].bits[:8]
    return any(bits in path.read_bytes() for path in folder.glob("*.codes"))


_SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_index_of_a_registry import _record
from trustkit.stores.sql import SqlStore
with SqlStore({url!r}) as store:
    {work}
"""


def _elsewhere(url: str, work: str) -> None:
    script = _SCRIPT.format(tests=str(Path(__file__).parent), url=url, work=work)
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
