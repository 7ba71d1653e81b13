"""One untrusted file in one worker process, with limits on its time and memory.

A worker that hangs is killed, one that dies is replaced, and either way its file gets a report.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from trustkit.errors import TrustkitError, UnreadableError

_log = logging.getLogger(__name__)

# Spawn, never fork: the engine keeps state that does not survive a fork.
_SPAWN = multiprocessing.get_context("spawn")
_START_SECONDS = 60.0  # to import and load trust lists on a busy machine
_READY = "ready"

Work = Callable[[Any], Any]


class StartError(TrustkitError):
    """No worker process could be started."""

    code, exit_code = "unreadable", 30


@dataclass(frozen=True)
class Limits:
    """What one task may take: seconds, and bytes of address space of its worker."""

    seconds: float
    memory: int


@dataclass
class Worker:
    """A process that answers one task at a time. `opened` makes its work function, over there."""

    opened: Callable[[], Work]
    limits: Limits
    _process: Any = field(default=None, init=False)
    _pipe: Connection | None = field(default=None, init=False)
    _deadline: float = field(default=0.0, init=False)
    _started: bool = field(default=False, init=False)

    def give(self, task: object) -> None:
        """Hand over a task, starting the process where there is none."""
        if self._process is None:
            self._start()
        try:
            self._send(task)
        except OSError:  # it died while it was idle: nobody's task is lost
            self._reap()
            self._start()
            self._send(task)
        # A fresh process may take its time to import; the task's own time begins when it is ready.
        self._deadline = time.monotonic() + self.limits.seconds + self._grace()

    def _send(self, task: object) -> None:
        assert self._pipe is not None  # noqa: S101  # only called after `_start`
        self._pipe.send(task)

    def _grace(self) -> float:
        return 0.0 if self._started else _START_SECONDS

    @property
    def pipe(self) -> Connection | None:
        """What becomes readable when there is an answer."""
        return self._pipe

    @property
    def left(self) -> float:
        """Seconds until the task at hand is over its time."""
        return max(0.0, self._deadline - time.monotonic())

    def take(self) -> Any:
        """Return the answer; raises what the work raised, or `UnreadableError` if it died."""
        assert self._pipe is not None  # noqa: S101  # only called after `give`
        try:
            answer = self._pipe.recv()
            if answer == _READY:
                self._started = True
                self._deadline = time.monotonic() + self.limits.seconds
                return _READY
        except (EOFError, OSError) as error:
            was_ready, code = self._started, self._reap()
            if not was_ready:
                # No file is to blame, and the next process would fare no better: the run ends.
                raise StartError(
                    f"a worker process could not start ({_ending(code)})",
                    "raise limits.max_memory in the policy, or see TRUSTKIT_LOG=debug",
                ) from error
            raise UnreadableError(
                f"reading this file ended its worker process ({_ending(code)})",
                "the file is damaged or hostile, or limits.max_memory is too small for it",
            ) from error
        if isinstance(answer, TrustkitError):
            raise answer
        return answer

    def overrun(self) -> UnreadableError:
        """Kill the process, whose task took too long, and return the error to report."""
        self.stop()
        return UnreadableError(
            f"reading this file took more than {self.limits.seconds:g} seconds",
            "raise limits.max_seconds_per_file in the policy",
        )

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def _start(self) -> None:
        here, there = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=_serve, args=(there, self.opened, self.limits.memory), daemon=True
        )
        try:
            process.start()
        except BaseException:  # too many files or processes just now: the next task may fare better
            here.close()
            raise
        finally:
            there.close()
        self._process, self._pipe, self._started = process, here, False

    def _reap(self) -> int | None:
        self._process.join(5)
        code: int | None = self._process.exitcode
        if self._pipe is not None:
            self._pipe.close()
        self._process, self._pipe, self._started = None, None, False
        return code


def run(
    tasks: list[Any], opened: Callable[[], Work], limits: Limits, jobs: int
) -> Iterator[tuple[int, Any]]:
    """Yield (number, answer) for each task as it is done; a `TrustkitError` is an answer too.

    At most `jobs` processes run at once. Closing the iterator ends them all.
    """
    workers = [Worker(opened, limits) for _ in range(min(jobs, len(tasks)))]
    queue = list(range(len(tasks)))[::-1]
    at_hand: dict[int, tuple[Worker, int]] = {}

    def feed(worker: Worker) -> None:
        if queue:
            number = queue.pop()
            worker.give(tasks[number])
            at_hand[id(worker)] = worker, number

    try:
        for worker in workers:
            feed(worker)
        while at_hand:
            for worker, answer in _answers([worker for worker, _ in at_hand.values()]):
                _, number = at_hand.pop(id(worker))
                feed(worker)  # before the answer is looked at, so that no process waits for us
                yield number, answer
    finally:
        for worker in workers:
            worker.stop()


def _answers(busy: list[Worker]) -> Iterator[tuple[Worker, Any]]:
    ready = wait([w.pipe for w in busy if w.pipe], timeout=min(w.left for w in busy))
    for worker in busy:
        if worker.pipe in ready:
            try:
                answer = worker.take()
            except StartError:
                raise
            except TrustkitError as error:
                answer = error
            if not (isinstance(answer, str) and answer == _READY):
                yield worker, answer
        elif worker.left <= 0:
            yield worker, worker.overrun()


def _serve(pipe: Connection, opened: Callable[[], Work], memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    _hush()
    _limit(memory)
    try:
        work = opened()
    except TrustkitError as error:
        work = _always(error)
    try:
        pipe.send(_READY)
    except OSError:
        return  # the parent is gone already
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return  # the parent is gone
        try:
            answer: object = work(task)
        except TrustkitError as error:
            answer = error
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)
        except Exception as error:  # noqa: BLE001  # a bug of ours: this file's report says so, the run goes on
            _log.exception("a task failed")
            answer = TrustkitError(
                f"internal error: {type(error).__name__}: {error}",
                "this is a bug: please report it",
            )
        try:
            pipe.send(answer)
        except OSError:
            return  # the parent is gone meanwhile


_OUT_OF_MEMORY = 77


def _hush() -> None:
    # What decoders have to say of other people's files is in the report, not on our stderr.
    warnings.simplefilter("ignore")
    if not os.environ.get("TRUSTKIT_LOG"):
        logging.getLogger().addHandler(logging.NullHandler())


def _always(error: TrustkitError) -> Work:
    def fail(_task: object) -> object:
        raise error

    return fail


def _limit(memory: int) -> None:
    if sys.platform == "win32":
        return  # there is no such limit there; docs/limits.md says so
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold the file's content
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")


def _ending(code: int | None) -> str:
    if code == _OUT_OF_MEMORY:
        return "out of memory"
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit {code}"
