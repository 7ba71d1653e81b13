"""The nearest of what a scan finds, in memory that does not grow with what it finds."""

from __future__ import annotations

import numpy as np

from trustkit.stores.index_columns import WORDS, Array, Columns

_ROOM = 16_384  # pairs that are kept, beyond four times what is asked for, before they are sifted

FOUND = np.dtype([
    ("distance", "<u2"), ("query", "<u4"), ("number", "<u4"), ("which", "<u4"),
    ("words", "<u8", (WORDS,)),
])  # fmt: skip


class Nearest:
    """Keeps `most` of the pairs: by distance, then query, then place in the log."""

    def __init__(self, most: int, gone: frozenset[int]) -> None:
        self._most = most
        self._gone = np.array(sorted(gone), "<u4")
        self._found: list[Array] = []
        self._many = 0
        self.within = 8 * 8 * WORDS  # what is farther away than this can no longer be among them

    def add(self, columns: Columns, queries: Array, rows: Array, distances: Array) -> None:
        """Take pairs of a query's number and a row of `columns`."""
        numbers = columns.numbers[rows]
        if len(self._gone):
            there = ~np.isin(numbers, self._gone)
            queries, rows, numbers = queries[there], rows[there], numbers[there]
            distances = distances[there]
        found = np.empty(len(rows), FOUND)
        found["distance"], found["query"], found["number"] = distances, queries, numbers
        found["which"] = rows - columns.spans(numbers)[0]
        found["words"] = columns.codes[rows]
        self._found.append(found)
        self._many += len(found)
        if self._many > 4 * self._most + _ROOM:
            self._sift()

    def result(self) -> Array:
        """Return the nearest, as `FOUND`."""
        self._sift()
        return self._found[0]

    def _sift(self) -> None:
        found = np.concatenate([np.empty(0, FOUND), *self._found])
        # Stable: the codes of one record stay in its order.
        order = np.lexsort((found["number"], found["query"], found["distance"]))
        self._found = [found[order[: self._most]]]
        self._many = len(self._found[0])
        if self._many == self._most:
            self.within = int(self._found[0]["distance"][-1])
