"""The index: every stored code in memory, so that the codes near a query are found exactly.

It holds what the SQL holds up to the place `last` of the log, and is told what came after. What
it finds is all there is within each distance: nothing is approximate.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from trustkit.record import CODE_BYTES, Query
from trustkit.stores import StoreError
from trustkit.stores.index_cache import WORTH, Cache, Head, Kept
from trustkit.stores.index_columns import (
    WORDS,
    Array,
    Columns,
    NumpyScan,
    Scan,
    append,
    blocks,
    until,
)
from trustkit.stores.index_nearest import Nearest

# A run of codes, as the SQL has it: the place of its record, the algorithm, 32 bytes a code.
Run = tuple[int, str, bytes]

_RUNS = 50_000  # turned into columns at a time
_PLACES = 2**32  # that a column can tell apart


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored code near a query.

    `number` is the place of its record; `which` tells which of the record's codes of the query's
    algorithm it is, from 0; `distance` how many bits differ.
    """

    number: int
    query: int
    which: int
    bits: bytes
    distance: int


class Index:
    """Columns of codes for each algorithm. Any number of threads may ask; `lock` is for who adds.

    Codes are added in the order of the log, and their numbers are places of it.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.lock = RLock()
        self._cache = cache
        self._columns: Kept = {}  # replaced, never changed: a scan goes on in the one it has
        self._gone: frozenset[int] = frozenset()
        self._fewer: dict[str, int] = {}  # codes of records that are gone
        self.last, self.stamp = -1, ""
        if cache and (kept := cache.read()):
            self._take(*kept)

    @classmethod
    def open(cls, folder: Path | None, registry: str = "") -> Index:
        """Return the index that was kept in `folder` for this registry, or an empty one.

        What is damaged, or another registry's, counts as nothing. Whoever opens it compares
        `stamp` with the log at the place `last`, calls `clear` where they differ, and adds what
        came since.
        """
        return cls(Cache(folder, registry) if folder else None)

    def clear(self) -> None:
        """Begin anew: what was held is not what the SQL holds."""
        with self.lock:
            self._columns = {}
            self._gone, self._fewer = frozenset(), {}
            self.last, self.stamp = -1, ""

    def extend(self, runs: Iterable[Run], last: int, stamp: str = "") -> None:
        """Add the runs of codes behind the place that was last until now, up to `last`.

        `stamp` is what the log says at `last`: its leaf, or whatever else is told again when the
        index is opened. Where `runs` raises, nothing was added.
        """
        with self.lock:
            before = self.last
            try:
                for batch in _batches(runs):
                    before = self._add(batch, before)
            except BaseException:
                self._cut()
                raise
            self.last, self.stamp = last, stamp

    def remove(self, number: int) -> None:
        """Let the codes of a record never match again; `keep` takes them out of the folder too."""
        with self.lock:
            if number in self._gone:
                return
            for algorithm, columns in self._columns.items():
                spans = (one.spans([number]) for one in columns)
                rows = sum(int(ends[0] - begins[0]) for begins, ends in spans)
                if rows:
                    self._fewer[algorithm] = self._fewer.get(algorithm, 0) + rows
                    self._gone |= {number}

    def count(self, algorithm: str) -> int:
        """Return how many codes of an algorithm there are."""
        with self.lock:
            held = sum(one.rows for one in self._columns.get(algorithm, ()))
            return held - self._fewer.get(algorithm, 0)

    def near(
        self, queries: Sequence[Query], most: int = 100, scan: Scan | None = None
    ) -> list[Hit]:
        """Return the codes within each query's distance, the nearest first, `most` at the most.

        Those as near as each other come in the order of the queries, then of the log. `scan` is
        how codes are compared; none: with faiss where it is installed, else with NumPy.
        """
        asked: dict[str, list[int]] = {}
        for number, query in enumerate(queries):
            asked.setdefault(query.code.algorithm, []).append(number)
        nearest = Nearest(most, self._gone)
        for algorithm, numbers in asked.items():
            columns = self._columns.get(algorithm, ())
            if columns and most > 0:
                some = [queries[number] for number in numbers]
                _search(columns, some, np.array(numbers), nearest, scan or _fastest())
        return [_hit(one) for one in nearest.result()]

    def keep(self, least: int = WORTH) -> bool:
        """Write to the folder what has grown by much, or what is gone; return whether it did.

        A folder that cannot be written, or that another process is writing, stays as it is: the
        next one to open it has more to read. Fewer than `least` new codes are not worth a file.
        """
        with self.lock:
            if self._cache is None:
                return False
            head = Head(self.last, self.stamp)
            kept = self._cache.write(head, self._columns, self._gone, least)
            if kept:
                self._take(*kept)
            return kept is not None

    def _take(self, head: Head, columns: Kept) -> None:
        self._columns = columns
        self._gone, self._fewer = frozenset(), {}
        self.last, self.stamp = head.last, head.stamp

    def _add(self, runs: Sequence[Run], before: int) -> int:
        places, algorithms, bits = zip(*runs, strict=True)
        numbers = np.fromiter(places, np.int64, len(runs))
        if numbers[0] <= before or (np.diff(numbers) < 0).any():
            raise ValueError(f"the codes from place {numbers[0]} on come too late, or twice")
        for algorithm in dict.fromkeys(algorithms):
            its = [one == algorithm for one in algorithms]
            codes, whose = _fields(numbers[its], list(compress(bits, its)))
            columns = append(self._columns.get(algorithm, ()), codes, whose)
            self._columns = {**self._columns, algorithm: columns}
        return int(places[-1])

    def _cut(self) -> None:
        """Take out what comes behind the last place."""
        columns = {}
        for algorithm, some in self._columns.items():
            files = tuple(one for one in some if one.file)
            memory = (until(one, self.last) for one in some if not one.file)
            columns[algorithm] = (*files, *(one for one in memory if one.rows))
        self._columns = columns


def _batches(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Yield many runs at a time, all of a record together."""
    runs, batch = iter(runs), list[Run]()
    while some := list(islice(runs, _RUNS)):
        batch += some
        last = len(batch) - 1
        while last and batch[last - 1][0] == batch[-1][0]:
            last -= 1
        if last:
            yield batch[:last]
            del batch[:last]
    if batch:
        yield batch


def _fields(places: Array, bits: Sequence[bytes]) -> tuple[Array, Array]:
    """Return codes (rows, 4) and numbers (rows,) of runs."""
    counts = np.fromiter(map(len, bits), np.intp, len(bits))
    if (broken := counts % CODE_BYTES > 0).any():
        raise StoreError(
            f"the codes of the record at place {places[broken][0]} of the log are damaged",
            "trustkit registry verify-log says more",
        )
    if places[-1] >= _PLACES:
        raise StoreError(f"the index holds no log of more than {_PLACES:,} entries")
    codes = np.frombuffer(b"".join(bits), "<u8").reshape(-1, WORDS)
    return codes, np.repeat(places.astype("<u4"), counts // CODE_BYTES)


def _search(
    columns: Sequence[Columns],
    queries: Sequence[Query],
    numbers: Array,
    nearest: Nearest,
    scan: Scan,
) -> None:
    """Look through columns block by block, each block for all queries while it is in the cache."""
    words = np.frombuffer(b"".join(query.code.bits for query in queries), "<u8")
    words = words.reshape(len(queries), WORDS)
    within = np.array([query.within for query in queries])
    for one in columns:
        for begin, codes in blocks(one, scan.block(len(queries))):
            found, rows, distances = scan.find(codes, words, np.minimum(within, nearest.within))
            if len(rows):
                nearest.add(one, numbers[found], rows + begin, distances)


def _hit(found: Any) -> Hit:
    number, query, which = int(found["number"]), int(found["query"]), int(found["which"])
    return Hit(number, query, which, found["words"].tobytes(), int(found["distance"]))


def _fastest() -> Scan:
    if importlib.util.find_spec("faiss"):
        from trustkit.stores.index_faiss import FaissScan

        return FaissScan()
    return NumpyScan()
