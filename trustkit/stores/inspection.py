"""A registry's tables seen as they are, whatever somebody did to them: for its audit."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.exc import DBAPIError

from trustkit.record import CODE_BYTES
from trustkit.stores import StoreError
from trustkit.stores.database import Database
from trustkit.stores.leaves import TAIL, record_leaf
from trustkit.stores.places import CONFIRMED, PLACES, ROWS, codes_of
from trustkit.stores.rows import fetch, waiting
from trustkit.stores.tables import (
    BINDINGS,
    CODES,
    COUNTERS,
    LOG,
    PERSONAL,
    RECORDS,
    RESERVED,
)

_PAGE = 500  # records read at once
_MOST = 20  # rows of one kind that are told of
# What reading a row gives that somebody wrote into past us.
_DAMAGE = (StoreError, ValueError, TypeError, AttributeError, LookupError, RecursionError,
           DBAPIError)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A record as it is stored: its place, id and leaf; or what is the matter with it."""

    place: int
    id: str
    leaf: bytes = b""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a record is."""

    place: int
    row: int
    id: str


def stored_lines(database: Database) -> Iterator[Line]:
    """Yield what is stored, in the order of places, each computed of what stands there now."""
    after = -1
    while True:
        heads = select(RECORDS.c.place, RECORDS.c.row, RECORDS.c.id)
        heads = heads.where(RECORDS.c.place > after).order_by(RECORDS.c.place).limit(_PAGE)
        page = database.read(partial(_page, query=heads))
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].place


def _page(connection: Connection, query: Select[Any]) -> list[Line]:
    heads = [Head(*row) for row in connection.execute(query)]
    try:
        return _lines(connection, heads)
    except _DAMAGE:
        return [_alone(connection, head) for head in heads]


def _alone(connection: Connection, head: Head) -> Line:
    """Read one record: where one of a page cannot be read, all are read alone."""
    try:
        return _lines(connection, [head])[0]
    except _DAMAGE as error:
        if isinstance(error, DBAPIError) and _is_of_the_database(error):
            raise
        return Line(head.place, head.id, trouble=f"it cannot be read ({type(error).__name__})")


def _is_of_the_database(error: DBAPIError) -> bool:
    # In SQLite any column holds anything, and Python fails to decode it: that has no number.
    return not isinstance(error.orig, sqlite3.Error) or bool(
        getattr(error.orig, "sqlite_errorcode", 0)
    )


def _lines(connection: Connection, heads: Sequence[Head]) -> list[Line]:
    rows = [head.row for head in heads]
    whole = {one.row: one for one in fetch(connection, RECORDS.c.row.in_(rows))}
    troubles = _troubles(connection, [head.place for head in heads], rows)
    lines = []
    for head in heads:
        stored = whole[head.row]
        leaf = record_leaf(stored.record, stored.salt)
        lines.append(Line(head.place, head.id, leaf, troubles.get(head.row, "")))
    return lines


def _troubles(connection: Connection, places: Sequence[int], rows: Sequence[int]) -> dict[int, str]:
    """Return what is the matter with rows that a record is read from, but not all of it."""
    found: dict[int, str] = {}
    numbers: dict[int, list[int]] = defaultdict(list)
    marks = select(BINDINGS).where(BINDINGS.c.row.in_(rows)).order_by(BINDINGS.c.number)
    for row, number, _, value, tail in connection.execute(marks):
        numbers[row].append(number)
        if tail != str(value)[-TAIL:]:
            found[row] = "the end of a mark that is looked up is not that of the mark"
    runs: dict[int, list[int]] = defaultdict(list)
    at = dict(zip(places, rows, strict=True))
    codes = select(CODES).where(CODES.c.place.in_(places)).order_by(CODES.c.run)
    for place, run, _, bits, spots in connection.execute(codes):
        runs[at[place]].append(run)
        if not _fits(bits, spots):
            found[at[place]] = "its codes are not as many as it says"
    for counted in (numbers, runs):
        for row, those in counted.items():
            if those != list(range(len(those))):
                found[row] = "its marks or codes are not numbered one after the other"
    return found


def _fits(bits: Any, spots: Any) -> bool:
    try:
        codes, rest = divmod(len(bits), CODE_BYTES)
        return not rest and (not spots or len(json.loads(spots)) == codes)
    except (TypeError, ValueError, RecursionError):
        return False


def loose_ends(database: Database) -> list[str]:
    """Return sentences of what the tables say twice, and not the same."""
    return database.read(lambda connection: [*_orphans(connection), *_miscounted(connection)])


def _orphans(connection: Connection) -> Iterator[str]:
    """Rows that belong to no record, and reserved records without the row that says so."""
    there = select(RECORDS.c.row)
    for table in (PERSONAL, BINDINGS, RESERVED):
        lost = select(table.c.row).where(table.c.row.not_in(there)).distinct().limit(_MOST)
        for row in connection.execute(lost).scalars():
            yield f"row {row} of the table {table.name} belongs to no record"
    placed = select(RECORDS.c.place).where(RECORDS.c.place.is_not(None))
    reserved = select(RECORDS.c.row).where(RECORDS.c.place.is_(None))
    waits = select(waiting(0) - RECORDS.c.row).where(RECORDS.c.place.is_(None))  # `rows.waiting`
    lost = select(CODES.c.place).where(CODES.c.place.not_in(placed), CODES.c.place.not_in(waits))
    for place in connection.execute(lost.distinct().limit(_MOST)).scalars():
        yield f"the codes at place {place} belong to no record"
    marked = select(RESERVED.c.row)
    doubt = select(RECORDS.c.id).where(RECORDS.c.place.is_(None), RECORDS.c.row.not_in(marked))
    for name in connection.execute(doubt.limit(_MOST)).scalars():
        yield f"the record {name!r} has no place in the log, and is not reserved either"
    also = select(RESERVED.c.row).where(RESERVED.c.row.in_(there), RESERVED.c.row.not_in(reserved))
    for row in connection.execute(also.limit(_MOST)).scalars():
        yield f"row {row} of the table reserved is of a record that is in the log"


def _miscounted(connection: Connection) -> Iterator[str]:
    told: dict[str, Any] = {row.name: row.number for row in connection.execute(select(COUNTERS))}
    rows = connection.execute(select(func.max(RECORDS.c.row))).scalar()
    if rows is not None and told.get(ROWS, 0) <= rows:
        yield f"the counter {ROWS} is behind the rows that are there"
    counted = {
        PLACES: connection.execute(select(func.count()).select_from(LOG)).scalar_one(),
        CONFIRMED: connection.execute(
            select(func.count()).where(RECORDS.c.place.is_not(None))
        ).scalar_one(),
    }
    bits = select(CODES.c.algorithm, func.sum(func.length(CODES.c.bits)))
    for algorithm, length in connection.execute(
        bits.where(CODES.c.place >= 0).group_by(CODES.c.algorithm)
    ):
        counted[codes_of(algorithm)] = int(length) // CODE_BYTES
    for name in sorted(counted.keys() | told.keys() - {ROWS}):
        there = counted.get(name, 0)
        if there != told.get(name, 0):
            yield f"the counter {name} says {told.get(name)!r}, and there are {there}"
