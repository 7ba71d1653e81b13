"""Verification workers for many clients: so many at once, a few waiting, the others told when."""

from __future__ import annotations

import asyncio
import math
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from threading import Event
from typing import Any

from trustkit.errors import TrustkitError, UnreachableError
from trustkit.isolation import Limits, Work, Worker
from trustkit.service.work import Ready

_TICK = 0.25  # seconds after which a thread that waits looks whether all is to end
_FIRST_GUESS = 0.5  # seconds a task takes, before one was measured
_WEIGHT = 0.1  # of the newest in the running mean
_LONGEST = 60  # seconds that a client is asked to wait


class BusyError(UnreachableError):
    """As many uploads are in hand as may be; `after` are the seconds in which to ask again."""

    def __init__(self, after: int, who: str = "all workers are busy") -> None:
        super().__init__(who, f"ask again in {after} seconds")
        self.after = after


class EndingError(UnreachableError):
    """The service is about to end."""


class Pool:
    """`workers` processes, each with one upload at a time; at most `in_hand` uploads in all."""

    def __init__(
        self, opened: Callable[[], Work], limits: Limits, workers: int, in_hand: int
    ) -> None:
        self._threads = ThreadPoolExecutor(workers, "verify")
        self._workers = [Worker(opened, limits) for _ in range(workers)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._most = in_hand
        self._ending = Event()
        self._mean = _FIRST_GUESS
        self.in_hand = 0
        self.is_ready = False
        self.failure: TrustkitError | None = None

    async def start(self) -> None:
        """Start every worker; `failure` says afterwards why there are none."""
        try:
            await asyncio.gather(*(self.ask(Ready()) for _ in self._workers))
        except TrustkitError as error:
            self.failure = error
        else:
            self.is_ready = True

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places for uploads; raises `BusyError` where all are taken."""
        if self._ending.is_set():
            raise EndingError("the service is about to end", "ask again in a minute")
        if self.in_hand >= self._most:
            rounds = self.in_hand / len(self._workers)
            raise BusyError(min(_LONGEST, max(1, math.ceil(rounds * self._mean))))
        self.in_hand += 1
        try:
            yield
        finally:
            self.in_hand -= 1

    async def ask(self, task: object, is_gone: asyncio.Future[Any] | None = None) -> Any:
        """Return a worker's answer; raises what it raises.

        Where `is_gone` is done first, the client is, and a task that still waits is dropped; then
        `EndingError` is raised.
        """
        loop = asyncio.get_running_loop()
        future: Future[Any] = self._threads.submit(self._answer, task)
        answer = asyncio.wrap_future(future, loop=loop)
        if is_gone is not None:
            await asyncio.wait({answer, is_gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and future.cancel():
                raise EndingError("the client has gone", "")
        return await answer

    def stop(self) -> None:
        """End all processes, and what they are at."""
        self._ending.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.stop()

    def _answer(self, task: object) -> Any:
        worker = self._idle.get()
        started = time.monotonic()
        try:
            worker.give(task)
            while True:
                if self._ending.is_set():
                    worker.stop()
                    raise EndingError("the service is about to end", "ask again in a minute")
                if worker.pipe and wait([worker.pipe], min(worker.left, _TICK)):
                    answer = worker.take()
                    if not isinstance(answer, str):  # a fresh process says that it is there
                        return answer
                elif worker.left <= 0:
                    raise worker.overrun()
        finally:
            self._mean += _WEIGHT * (time.monotonic() - started - self._mean)
            self._idle.put(worker)
