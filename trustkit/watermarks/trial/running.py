"""How every trial runs: each file once, here or in workers, and what was seen put together."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import cv2

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.watermarks import Array, Mark, Search
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.kind import Kind
from trustkit.watermarks.trial.result import About, Cell, Failed, Marked, Outcome, Result, Unmarked

Progress = Callable[[int, int, str], None]  # how many are done, of how many, the last one's name
Item = tuple[str, Path]  # what to call a file, and where it is
_T = TypeVar("_T")


@runtime_checkable
class Looking(Protocol):
    """What an engine may offer beside `detect`: how near it came, even when it read nothing."""

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        """Return what `detect` returns, and the highest confidence of anything it tried."""


class Carrying(Protocol):
    """What carries a payload of so many bits."""

    @property
    def capacity(self) -> int:
        """The payload's size in bits."""


@dataclass(frozen=True)
class Work:
    """What is done to each file; with more than one job all of it must cross processes.

    `start` is called once in every process, before the first file.
    """

    kind: Kind
    attacked: Callable[[Item], Marked | Failed]
    given_up: Callable[[Item], Unmarked | Failed]
    start: Callable[[], None]


def random_payload(engine: Carrying, rng: Rng) -> bytes:
    """Return as many random bytes as the engine carries."""
    return rng.bytes(engine.capacity // 8)


def run_all(
    work: Work,
    marked: Sequence[Path],
    unmarked: Sequence[Path],
    *,
    engine: Mapping[str, str],
    seed: int,
    attacks: Sequence[About],
    jobs: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Do the work on every file, and return what was seen, in the order of the files."""
    tell = progress or (lambda _done, _total, _name: None)
    total = len(marked) + len(unmarked)
    seen: list[Marked | Failed] = []
    others: list[Unmarked | Failed] = []
    for one in _each(work.attacked, named(marked), work.start, jobs):
        seen.append(one)
        tell(len(seen), total, one.name)
    for other in _each(work.given_up, named(unmarked), work.start, jobs):
        others.append(other)
        tell(len(seen) + len(others), total, other.name)
    return Result(
        engine=engine,
        seed=seed,
        attacks=tuple(attacks),
        marked=tuple(m for m in seen if isinstance(m, Marked)),
        unmarked=tuple(u for u in others if isinstance(u, Unmarked)),
        failed=tuple(m for m in seen if isinstance(m, Failed)),
        unmarked_failed=tuple(u for u in others if isinstance(u, Failed)),
        kind=work.kind,
    )


def read_back(
    attack: str,
    detect: Callable[[], Mark | None],
    amount: float,
    payload: bytes,
    second: bytes | None = None,
) -> Cell:
    """Return the cell of an attacked copy of that amount, where `payload` was put."""
    reason, mark = "", None
    start = time.process_time()
    try:
        mark = detect()
    except TrustkitError as error:
        reason = error.message  # such as: too small to hold a mark
    took = time.process_time() - start
    return Cell(
        attack,
        judged(mark, payload, second),
        amount,
        took,
        mark.confidence if mark else None,
        mark.path if mark else "",
        reason,
    )


def judged(mark: Mark | None, payload: bytes, second: bytes | None = None) -> Outcome:
    """Return what it means to have read `mark` where `payload` was put."""
    if mark is None:
        return Outcome.UNREADABLE
    if mark.payload == payload:
        return Outcome.RECOVERED
    return Outcome.SECOND if mark.payload == second else Outcome.WRONG


def looked(engine: Any, array: Array, search: Search) -> tuple[Mark | None, float | None]:
    """Return the mark, and the highest confidence as far as the engine tells."""
    if isinstance(engine, Looking):
        return engine.look(array, search)
    mark = engine.detect(array, search)
    return mark, mark.confidence if mark else None


def named(paths: Sequence[Path]) -> list[Item]:
    """Return every path with what to call it: the file's name where no other has the same."""
    counts = Counter(path.name for path in paths)
    names = (path.name if counts[path.name] == 1 else str(path) for path in paths)
    # Not every name is UTF-8, and every report is.
    shown = (os.fsencode(name).decode("utf-8", "replace") for name in names)
    return list(zip(shown, paths, strict=True))


def digest(path: Path, name: str) -> str:
    """Return a file's SHA-256; raises `UnreadableError`."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read: {error.strerror}") from error


def _each(
    work: Callable[[Item], _T], items: Sequence[Item], start: Callable[[], None], jobs: int
) -> Iterator[_T]:
    if jobs <= 1 or len(items) <= 1:
        if items:
            start()
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(items)), context, _alone, (start,))
    try:
        yield from pool.map(work, items)
    except BrokenProcessPool as error:
        raise UnreadableError(
            "a worker of the trial ended before its time",
            "it may have run out of memory: try fewer jobs or smaller files",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _alone(start: Callable[[], None]) -> None:
    cv2.setNumThreads(1)  # one worker, one core
    start()
