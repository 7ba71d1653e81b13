"""Many processes at one registry, and processes that are killed: nothing lost, doubled or torn."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stores.child import Child
from tests.stores.material import film, name, picture
from tests.stores.postgres import server
from trustkit.record import Query, Record
from trustkit.stores.sql import SqlStore

KILLS = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/registry.db" if request.param == "sqlite" else server().url()
    SqlStore.create(url, {}).close()
    return url


def record(number: int) -> Record:
    return film(number) if number % 2 else picture(number)


def check_whole(store: SqlStore) -> None:
    """The log has no gap and tells of every record, and every record is what the log says."""
    log = list(store.entries())
    assert [entry.place for entry in log] == list(range(len(log)))
    records = store.records(most=100_000)
    assert [entry.id for entry in log] == [one.id for one in records]
    assert store.count() == len(records)
    assert all(entry.leaf == store.leaf_of(entry.id) for entry in log[::7])
    for algorithm in ("pdq.1", "chroma.1"):
        stored = sum(code.algorithm == algorithm for one in records for code in one.codes)
        assert store.codes(algorithm) == stored


def test_four_processes_that_write_at_once_leave_every_record_in_a_log_without_gaps(
    url: str, tmp_path: Path
) -> None:
    writers = [Child("put", url, first, 50, tmp_path) for first in (0, 100, 200, 300)]
    for writer in writers:
        assert writer.end() == (0, "")
        assert len(writer.said) == 50
    with SqlStore(url) as store:
        assert store.count() == 200
        check_whole(store)
        for number in (0, 149, 233, 349):
            assert store.get(name(number)) == record(number)


def test_whoever_asks_while_others_write_finds_all_that_is_kept(url: str, tmp_path: Path) -> None:
    writers = [Child("put", url, first, 25, tmp_path) for first in (0, 100)]
    found = 0
    with SqlStore(url) as store:
        while any(writer.is_alive for writer in writers) or found < 50:
            log = list(store.entries())
            assert [entry.place for entry in log] == list(range(len(log)))
            for entry in log[found:]:
                kept = store.get(entry.id)
                assert kept is not None
                near = store.near([Query(kept.codes[0], 0)])
                assert entry.id in {one.record for one in near}
            found = len(log)
    for writer in writers:
        assert writer.end() == (0, "")


def test_threads_may_share_a_store(url: str) -> None:
    with SqlStore(url) as store:

        def work(first: int) -> None:
            for number in range(first, first + 10):
                assert store.put([record(number)]) == 1
                assert store.near([Query(record(number).codes[0], 0)])[0].record == name(number)
                assert store.get(name(number)) == record(number)

        with ThreadPoolExecutor(3) as threads:
            list(threads.map(work, (0, 20, 40)))
        assert store.count() == 30
        check_whole(store)


def test_a_process_killed_at_any_moment_leaves_what_it_was_told_is_kept_and_nothing_torn(
    url: str, tmp_path: Path
) -> None:
    chance = random.Random(5)
    for kill in range(KILLS if url.startswith("sqlite") else KILLS // 2):
        first = kill * 1000
        victim = Child("put", url, first, 1000, tmp_path)
        while not victim.said:
            assert victim.is_alive, victim.end()
            time.sleep(0.005)
        time.sleep(chance.random() * 0.2)
        victim.kill()
        with SqlStore(url) as store:
            kept = [one for one in store.records(most=100_000) if one.id in names(first)]
            waiting = [one for one, _ in store.reserved() if one.id in names(first)]
            said = {name(number) for number in victim.said}
            # What was said is there; at most one more was on its way.
            assert said <= {one.id for one in kept}
            assert len(said) <= len(kept) + len(waiting) <= len(said) + 1
            assert all(one == record(names(first)[one.id]) for one in (*kept, *waiting))
            check_whole(store)
            store.drop([one.id for one in waiting])


def names(first: int) -> dict[str, int]:
    return {name(number): number for number in range(first, first + 1000)}
