"""Many rows inserted at once, as each database takes them fastest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ARRAY, Connection, Insert, Table, bindparam, func, insert, select
from sqlalchemy.dialects import sqlite

Row = dict[str, Any]
_BYTES = 4 * 2**20  # of text and codes in one statement, about: what is sent is held three times
_ROWS = 5000


def add(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, each of which has every column of `table`."""
    if connection.dialect.name == "sqlite":
        if rows:
            statement, names = _prepared(table)
            connection.exec_driver_sql(statement, list(map(itemgetter(*names), rows)))
        return
    # pg8000 sends a row at a time, and waits for its answer; so a column goes as one array.
    for part in _parts(rows):
        columns = {name: [row[name] for row in part] for name in part[0]}
        connection.execute(_unnested(table), columns)


@cache
def _prepared(table: Table) -> tuple[str, tuple[str, ...]]:
    """Return the statement for the driver and what fills it: nothing is left to do a row."""
    compiled = insert(table).compile(dialect=sqlite.dialect())
    return str(compiled), tuple(column.name for column in table.c)


@cache
def _unnested(table: Table) -> Insert:
    columns = list(table.c)
    arrays = [bindparam(column.name, type_=ARRAY(column.type)) for column in columns]
    rows = select(*(func.unnest(array) for array in arrays))
    return insert(table).from_select([column.name for column in columns], rows)


def _parts(rows: Sequence[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, (bytes, str)))
        if size > _BYTES or len(part) == _ROWS:
            yield part
            part, size = [], 0
    if part:
        yield part
