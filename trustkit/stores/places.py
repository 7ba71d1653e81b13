"""The next place in the log: who holds it, in a transaction that writes, writes alone."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Connection, bindparam, select, update

from trustkit.record import Record
from trustkit.stores import bulk
from trustkit.stores.bulk import Row
from trustkit.stores.tables import COUNTERS, LOG

PLACES = "places"  # the next place; its row is the lock
ROWS = "rows"  # the next row of a record
CONFIRMED = "records"  # how many are confirmed


def codes_of(algorithm: str) -> str:
    """Return the name of the counter of an algorithm's codes."""
    return f"codes {algorithm}"


class Places:
    """Gives places in the order of commits, without gaps: no two transactions hold it at once.

    SQLite's BEGIN IMMEDIATE lets one writer in, PostgreSQL's FOR UPDATE waits for the row.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        lock = select(COUNTERS.c.number).where(COUNTERS.c.name == PLACES).with_for_update()
        connection.execute(lock).one()
        counters = connection.execute(select(COUNTERS)).all()
        self._before = Counter({one.name: one.number for one in counters})
        self._now = Counter(self._before)
        self._lines: list[Row] = []

    @property
    def next(self) -> int:
        """The place that comes next."""
        return self._now[PLACES]

    def row(self) -> int:
        """Return a number for a new record's rows."""
        self._now[ROWS] += 1
        return self._now[ROWS] - 1

    def append(self, what: str, record: Record, leaf: bytes) -> int:
        """Add a line to the log, and return its place."""
        place = self._now[PLACES]
        self._lines.append({"place": place, "what": what, "id": record.id, "leaf": leaf})
        step = 1 if what == "record" else -1
        self._now[PLACES] += 1
        self._now[CONFIRMED] += step
        for code in record.codes:
            self._now[codes_of(code.algorithm)] += step
        return place

    def write(self) -> None:
        """Write the lines and the counters; to be called once, at the end."""
        bulk.add(self._connection, LOG, self._lines)
        changed = [n for n, number in self._now.items() if number != self._before[n]]
        new = [{"name": n, "number": self._now[n]} for n in changed if n not in self._before]
        old = [{"named": n, "to": self._now[n]} for n in changed if n in self._before]
        if new:
            self._connection.execute(COUNTERS.insert(), new)
        if old:
            which = COUNTERS.c.name == bindparam("named")
            changes = update(COUNTERS).where(which).values(number=bindparam("to"))
            self._connection.execute(changes, old)
