"""Codes side by side, as many as memory holds, and the exact scan of a block of them with NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WORDS = 4  # of 64 bits: a code
BLOCK = 65_536  # rows of one look: 2 MiB of codes, which the next query finds in the cache
ROW_BYTES = 8 * WORDS + 4
_ROOM_FIRST, _ROOM_MOST = 1024, 2**18  # rows that room is made for at a time
_FEW = 24  # a block of which one row in so many is left is looked at row by row


class Columns:
    """Two columns of one algorithm, in the order of the log.

    `codes` (room, 4) uint64, as faiss reads them where they are; `numbers` (room,) uint32, whose
    code it is. The rows of a record are never parted. The first `rows` are filled and never
    change, so that a scan may run while others are added. `file` names the file that they are
    mapped from, and is empty in memory.
    """

    __slots__ = ("codes", "file", "numbers", "rows")

    def __init__(self, codes: Array, numbers: Array, rows: int, file: str = "") -> None:
        self.codes, self.numbers, self.rows, self.file = codes, numbers, rows, file

    @classmethod
    def empty(cls, room: int) -> Columns:
        """Return columns in memory; pages that nothing was written to cost none."""
        return cls(np.empty((room, WORDS), "<u8"), np.empty(room, "<u4"), 0)

    @classmethod
    def over(cls, content: Any, rows: int, file: str) -> Columns:
        """Return columns that lie one behind the other in `content`, `ROW_BYTES` a row."""
        codes = np.frombuffer(content, "<u8", WORDS * rows).reshape(rows, WORDS)
        return cls(codes, np.frombuffer(content, "<u4", rows, 8 * WORDS * rows), rows, file)

    @property
    def room(self) -> int:
        """Return the number of rows there is room for."""
        return len(self.codes)

    def fields(self) -> tuple[Array, Array]:
        """Return what is filled, in the order of the file."""
        return self.codes[: self.rows], self.numbers[: self.rows]

    def spans(self, numbers: Sequence[int] | Array) -> tuple[Array, Array]:
        """Return the rows, from and to, of the records of these numbers; alike: there are none."""
        mine = self.numbers[: self.rows]
        asked = np.asarray(numbers, mine.dtype)  # else NumPy would copy all to a wider type
        return np.searchsorted(mine, asked), np.searchsorted(mine, asked, "right")


def append(tail: Sequence[Columns], codes: Array, numbers: Array) -> tuple[Columns, ...]:
    """Return `tail` with rows behind it, new room where it is full.

    `codes` (rows, 4) uint64, `numbers` (rows,) ascending.
    """
    columns, done, many = list(tail), 0, len(numbers)
    while done < many:
        room = _room(columns)
        some = many - done
        if some > room:
            # Up to the record that would be parted.
            some = int(np.searchsorted(numbers[done:], numbers[done + room]))
        if not some:
            record = int(np.searchsorted(numbers[done:], numbers[done], "right"))
            had = columns[-1].room if columns and not columns[-1].file else 0
            columns.append(Columns.empty(max(min(max(2 * had, _ROOM_FIRST), _ROOM_MOST), record)))
            continue
        last = columns[-1]
        here, there = slice(last.rows, last.rows + some), slice(done, done + some)
        last.codes[here] = codes[there]
        last.numbers[here] = numbers[there]
        last.rows += some  # last, for whoever is scanning
        done += some
    return tuple(columns)


def _room(columns: Sequence[Columns]) -> int:
    return columns[-1].room - columns[-1].rows if columns and not columns[-1].file else 0


def until(columns: Columns, number: int) -> Columns:
    """Return `columns` up to the record of this number, as new ones where that is less."""
    rows = int(columns.spans([number])[1][0]) if number >= 0 else 0
    if rows == columns.rows:
        return columns
    less = Columns.empty(columns.room)
    less.rows = rows
    for mine, field in zip(less.fields(), columns.fields(), strict=True):
        mine[:] = field[:rows]
    return less


class Scan(Protocol):
    """A way to compare a block of codes with queries; it keeps room to do so, for one thread."""

    def block(self, queries: int) -> int:
        """Return how many rows to compare with so many queries at once."""

    def find(self, codes: Array, words: Array, within: Array) -> tuple[Array, Array, Array]:
        """Return queries, rows, and distances of every pair that is near enough.

        `codes` (n up to `block`, 4) uint64, `words` (queries, 4) uint64, `within` (queries,) the
        largest distance of each, 0 to 256.
        """


class NumpyScan:
    """Two words first: most codes are too far away by these alone, whatever the others say."""

    def __init__(self) -> None:
        self._words = np.empty((WORDS, BLOCK), "<u8")  # the block, word by word
        self._differ = np.empty((2, BLOCK), "<u8")
        self._counts = np.empty((2, BLOCK), np.uint8)
        self._distance = np.empty(BLOCK, np.uint8)
        self._near = np.empty(BLOCK, np.bool_)
        self._turned = 0  # words of the block that are there

    def block(self, queries: int) -> int:
        """Return how many rows there is room for."""
        return BLOCK

    def find(self, codes: Array, words: Array, within: Array) -> tuple[Array, Array, Array]:
        """Return queries, rows, distances; see `Scan`."""
        self._turned = 0
        found = [(n, *self._one(codes, word, int(within[n]))) for n, word in enumerate(words)]
        found = [one for one in found if len(one[1])]
        if not found:
            nothing = np.empty(0, np.intp)
            return nothing, nothing, nothing
        return (
            np.concatenate([np.full(len(rows), number) for number, rows, _ in found]),
            np.concatenate([rows for _, rows, _ in found]),
            np.concatenate([distances for _, _, distances in found]),
        )

    def _one(self, codes: Array, word: Array, within: int) -> tuple[Array, Array]:
        many = len(codes)
        differ, counts = self._differ[:, :many], self._counts[:, :many]
        distance, near = self._distance[:many], self._near[:many]
        # 256 does not fit a byte: it turns to 0, and is told from it in the end.
        bound = min(within, 255)
        np.bitwise_xor(self._turn(codes, 2)[:2], word[:2, None], out=differ)
        np.bitwise_count(differ, out=counts)
        np.add(counts[0], counts[1], out=distance)
        for third in (2, 3):
            np.less_equal(distance, bound, out=near)
            if np.count_nonzero(near) * _FEW <= many:
                return _exactly(codes, word, np.flatnonzero(near), within)
            np.bitwise_xor(self._turn(codes, third + 1)[third], word[third], out=differ[0])
            np.bitwise_count(differ[0], out=counts[0])
            np.add(distance, counts[0], out=distance)
        near = np.less_equal(distance, bound, out=near)
        return _exactly(codes, word, np.flatnonzero(near), within)

    def _turn(self, codes: Array, words: int) -> Array:
        """Return so many words of the codes, or more, (4, n): turned once for all queries."""
        for word in range(self._turned, words):
            self._words[word, : len(codes)] = codes[:, word]
        self._turned = max(self._turned, words)
        return self._words[:, : len(codes)]


def _exactly(codes: Array, word: Array, rows: Array, within: int) -> tuple[Array, Array]:
    distances = np.bitwise_count(codes[rows] ^ word).sum(1, np.uint16)
    near = distances <= within
    return rows[near], distances[near]


def blocks(columns: Columns, block: int) -> Iterator[tuple[int, Array]]:
    """Yield the first row and the codes (up to `block`, 4) of every block."""
    rows = columns.rows  # as many as there are now
    for begin in range(0, rows, block):
        yield begin, columns.codes[begin : min(begin + block, rows)]
