"""What processes do that tests start: they write to a registry, and may be killed meanwhile.

Each notes in a file the number of a record once the store said that it is kept, and how it ended.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stores.material import film, name, picture
from trustkit.errors import TrustkitError
from trustkit.stores.sql import SqlStore

Note = Callable[[int], Any]
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.stores.child"])  # a start costs milliseconds, not a second


class Child:
    """A process that does `work` from the record `first` on; `kill` it, or wait for its `end`."""

    def __init__(self, work: str, url: str, first: int, many: int, notes: Path) -> None:
        self._notes = notes / f"{work}-{first}"
        self._notes.touch()
        arguments = (work, url, first, many, str(self._notes))
        self._process = CONTEXT.Process(target=_run, args=arguments)
        self._process.start()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def said(self) -> list[int]:
        """The numbers that it noted; half a line was not noted."""
        lines = self._notes.read_text().splitlines(keepends=True)
        return [int(line) for line in lines if line[0].isdigit() and line.endswith("\n")]

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def end(self) -> tuple[int, str]:
        """Return its exit code, and what it noted of an error."""
        self._process.join(120)
        assert self._process.exitcode is not None, "it hangs"
        lines = self._notes.read_text().splitlines()
        return self._process.exitcode, "\n".join(x for x in lines if not x[:1].isdigit())


def _run(work: str, url: str, first: int, many: int, notes: str) -> None:
    with Path(notes).open("a", buffering=1) as stream:
        try:
            WORK[work](url, first, many, lambda number: stream.write(f"{number}\n"))
        except TrustkitError as error:
            stream.write(f"{error.message}\n{error.hint}\n")
            sys.exit(error.exit_code)


def put(url: str, first: int, many: int, note: Note) -> None:
    """Put one record after the other, every third of them by way of a reservation."""
    with SqlStore(url) as store:
        for number in range(first, first + many):
            record = film(number) if number % 2 else picture(number)
            if number % 3:
                assert store.put([record]) == 1
            else:
                store.reserve(record, f"{number}.jpg")
                store.confirm([name(number)])
            note(number)


def fill(url: str, first: int, many: int, note: Note) -> None:
    """Put batches until it cannot go on."""
    with SqlStore(url) as store:
        for start in range(first, first + many, 100):
            store.put([film(number) for number in range(start, start + 100)])
            note(start)


def limited(url: str, first: int, many: int, note: Note) -> None:
    """Fill, while no file may grow beyond 2 MiB: a full disk for those who are not root."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**21, 2**21))
    fill(url, first, many, note)


def humble(url: str, first: int, many: int, note: Note) -> None:
    """Put as somebody else."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    put(url, first, many, note)


WORK = {"put": put, "fill": fill, "limited": limited, "humble": humble}
