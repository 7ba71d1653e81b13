"""One task in one process: whatever it does, the others are answered, in time."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.isolation import Limits, StartError, Worker, run

MIB = 2**20
LIMITS = Limits(20.0, 2048 * MIB)
HASTY = Limits(1.0, 2048 * MIB)


# What the workers do; they are imported by name in another process.


def obey(task: str) -> object:
    word, _, value = task.partition(" ")
    actions: dict[str, Callable[[], object]] = {
        "say": lambda: value,
        "pid": os.getpid,
        "sleep": lambda: time.sleep(float(value)),
        "hang": _hang,
        "die": lambda: os._exit(int(value)),
        "crash": lambda: os.kill(os.getpid(), int(value)),
        "hoard": lambda: len(bytes(int(value) * MIB)),
        "refuse": lambda: _raise(UnreadableError("I will not", "ask another")),
        "blunder": lambda: _raise(KeyError("oops")),
        "exit": lambda: _raise(SystemExit(3)),
        "large": lambda: "x" * (int(value) * MIB),
        "die-soon": lambda: threading.Timer(0.1, os._exit, [9]).start(),
    }
    return actions[word]()


def _hang() -> None:
    while True:
        time.sleep(60)


def _raise(error: BaseException) -> None:
    raise error


def opened() -> Callable[[str], object]:
    return obey


def refused() -> Callable[[str], object]:
    raise TrustkitError("no trust list", "add one")


def dies() -> Callable[[str], object]:
    os._exit(4)


def answers(*tasks: str, limits: Limits = LIMITS, jobs: int = 1) -> list[Any]:
    found = dict(run(list(tasks), opened, limits, jobs))
    assert sorted(found) == list(range(len(tasks)))
    return [found[number] for number in range(len(tasks))]


def test_a_task_that_hangs_is_ended_in_time_and_the_next_is_answered() -> None:
    start = time.monotonic()
    first, hung, after = answers("say a", "hang", "say b", limits=HASTY)
    assert (first, after) == ("a", "b")
    assert isinstance(hung, UnreadableError)
    assert "1 seconds" in hung.message
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("task", "word"),
    [("die 0", "exit 0"), ("die 3", "exit 3"), ("crash 9", "signal 9"), ("crash 11", "signal 11")],
)
def test_a_task_that_dies_is_reported_and_the_next_is_answered(task: str, word: str) -> None:
    dead, after = answers(task, "say b")
    assert isinstance(dead, UnreadableError)
    assert word in dead.message
    assert after == "b"


def test_a_task_that_hoards_memory_is_stopped_by_its_limit() -> None:
    limits = Limits(20.0, 600 * MIB)
    hoarder, after = answers("hoard 900", "say b", limits=limits)
    assert isinstance(hoarder, UnreadableError)
    assert "out of memory" in hoarder.message
    assert after == "b"
    assert answers("hoard 50", limits=limits) == [50 * MIB]


def test_a_refusal_is_an_answer_with_its_hint() -> None:
    (refusal,) = answers("refuse")
    assert isinstance(refusal, UnreadableError)
    assert (refusal.message, refusal.hint) == ("I will not", "ask another")


def test_a_bug_of_ours_is_said_and_the_run_goes_on() -> None:
    bug, after = answers("blunder", "say b")
    assert isinstance(bug, TrustkitError)
    assert bug.exit_code == 1
    assert "KeyError" in bug.message
    assert after == "b"


def test_a_task_that_asks_to_exit_is_reported() -> None:
    asked, after = answers("exit", "say b")
    assert isinstance(asked, TrustkitError)
    assert after == "b"


def test_a_worker_that_dies_while_nobody_waits_costs_no_answer() -> None:
    found = {}
    for number, answer in run(["die-soon", "say b", "say c"], opened, LIMITS, 1):
        found[number] = answer
        time.sleep(0.5)  # whoever takes the answers may be slow
    assert sorted(found) == [0, 1, 2]
    assert found[2] == "c"


def test_a_workshop_that_refuses_to_open_answers_every_task() -> None:
    found = dict(run(["say a", "say b"], refused, LIMITS, 2))
    assert {answer.message for answer in found.values()} == {"no trust list"}


def test_a_workshop_that_cannot_start_ends_the_run_with_an_error() -> None:
    with pytest.raises(StartError, match="exit 4"):
        list(run(["say a", "say b"], dies, LIMITS, 2))


def test_no_task_needs_no_worker() -> None:
    assert list(run([], opened, LIMITS, 4)) == []


def test_every_task_has_its_own_answer_however_many_jobs() -> None:
    tasks = [f"say {number}" for number in range(25)]
    assert answers(*tasks, jobs=3) == [str(number) for number in range(25)]


def test_a_worker_is_used_again_and_never_more_than_asked_for() -> None:
    assert len(set(answers(*["pid"] * 6, jobs=1))) == 1
    assert len(set(answers(*["pid"] * 6, jobs=2))) <= 2


def test_an_answer_of_many_megabytes_arrives_whole() -> None:
    assert len(answers("large 20")[0]) == 20 * MIB


def test_closing_the_run_ends_every_process() -> None:
    running = run(["say a", "hang", "hang"], opened, LIMITS, 3)
    next(running)
    running.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert multiprocessing.active_children() == []


def test_what_is_opened_may_carry_values_to_the_worker(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello")
    found = dict(run(["note"], partial(_reader, str(tmp_path)), LIMITS, 1))
    assert found == {0: "hello"}


def _reader(folder: str) -> Callable[[str], str]:
    return lambda name: Path(folder, name).read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="open files are counted otherwise there")
def test_a_process_that_could_not_be_started_is_started_for_the_next_task() -> None:
    import resource

    worker = Worker(opened, LIMITS)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Room for its pipe, and for nothing that starting takes.
    resource.setrlimit(resource.RLIMIT_NOFILE, (_room_for_two(), before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            worker.give("say one")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        worker.give("say two")
        assert worker.take() == "ready"
        assert worker.take() == "two"
    finally:
        worker.stop()


def _room_for_two() -> int:
    handles = [os.dup(0), os.dup(0)]
    for handle in handles:
        os.close(handle)
    return max(handles) + 1
