"""Records in SQL: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, and_, delete, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from trustkit.record import Near, Query, Record
from trustkit.stores import Entry, StoreError, founding, writing
from trustkit.stores.database import PATIENCE, Database
from trustkit.stores.leaves import TAIL, check_same, is_id, is_keepable, record_leaf, settled
from trustkit.stores.nearby import Nearby
from trustkit.stores.places import CONFIRMED, Places, codes_of
from trustkit.stores.rows import chunks, fetch, fetch_ids
from trustkit.stores.tables import BINDINGS, COUNTERS, LOG, RECORDS, RESERVED, SETTINGS
from trustkit.stores.url import read_url

_LINES = 10_000  # of the log, read at once


class SqlStore:
    """A registry's records in a database; any number of threads and processes may use it.

    `patience`: seconds to wait while another process writes.
    """

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.address = read_url(url)
        self.database = Database(self.address, patience)
        self._nearby = Nearby(self.database)
        try:
            founding.check(self.database)
        except BaseException:
            self.database.close()
            raise

    @classmethod
    def create(cls, url: str, settings: Mapping[str, str]) -> Self:
        """Make a registry and open it; raises `StoreError` where there is one already."""
        founding.create(read_url(url), settings)
        return cls(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqlStore({self.address.shown!r})"

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    @property
    def settings(self) -> Mapping[str, str]:
        """What is kept of the registry as a whole, as it is now."""
        rows = self.database.read(lambda connection: connection.execute(select(SETTINGS)).all())
        return {row.key: row.value for row in rows}

    def set(self, key: str, value: str) -> None:
        """Keep a setting."""

        def work(connection: Connection) -> None:
            Places(connection)  # for its lock: two may set the same
            connection.execute(delete(SETTINGS).where(SETTINGS.c.key == key))
            connection.execute(SETTINGS.insert(), {"key": key, "value": value})

        self.database.write(work)

    def reserve(self, record: Record, output: str) -> None:
        """Keep a record whose file is about to be put in place."""
        new = settled(record)
        self.database.write(lambda connection: writing.reserve(connection, new, output))

    def reserved(self) -> list[tuple[Record, str]]:
        """Return what is reserved, in the order it came."""

        def work(connection: Connection) -> list[tuple[Record, str]]:
            outputs = {one.row: one.output for one in connection.execute(select(RESERVED))}
            found = fetch(connection, RECORDS.c.place.is_(None))
            return [(one.record, json.loads(outputs.get(one.row, '""'))) for one in found]

        return self.database.read(work)

    def confirm(self, ids: Sequence[str]) -> None:
        """Append reserved records to the log."""
        self.database.write(lambda connection: writing.confirm(connection, ids))

    def drop(self, ids: Sequence[str]) -> None:
        """Take back what is reserved."""
        self.database.write(lambda connection: writing.drop(connection, ids))

    def put(self, records: Sequence[Record]) -> int:
        """Add records to the log at once; returns how many are new."""
        fresh: dict[str, Record] = {}
        for record in map(settled, records):
            check_same(fresh.setdefault(record.id, record), record)
        tried: set[str] = set()
        return self.database.write(lambda connection: writing.put(connection, fresh, tried))

    def get(self, record: str) -> Record | None:
        """Return the record of this id."""
        there = self.database.read(lambda connection: fetch_ids(connection, [record]))
        return there[record].record if record in there else None

    def bound(self, algorithm: str, value: str) -> list[Record]:
        """Return the records with this mark, or whose mark ends with it."""
        if not is_keepable(algorithm, value):
            return []
        agrees = BINDINGS.c.value == value
        if len(value) >= TAIL:
            has_tail = BINDINGS.c.tail == value[-TAIL:]
            agrees = or_(agrees, has_tail & BINDINGS.c.value.endswith(value, autoescape=True))

        def work(connection: Connection) -> list[Record]:
            which = select(BINDINGS.c.row).where(BINDINGS.c.algorithm == algorithm, agrees)
            rows = connection.execute(which.distinct()).scalars().all()
            found = (fetch(connection, RECORDS.c.row.in_(part)) for part in chunks(rows))
            return [one.record for part in found for one in part]

        return self.database.read(work)

    def hashed(self, sha256: str) -> list[Record]:
        """Return the records of the file with this hash."""
        which = or_(RECORDS.c.sha256 == sha256, RECORDS.c.source_sha256 == sha256)
        return self._those(which) if sha256 and is_keepable(sha256) else []

    def named(self, manifest_id: str) -> list[Record]:
        """Return the confirmed records of the file with this active manifest."""
        which = and_(RECORDS.c.manifest_id == manifest_id, RECORDS.c.place.is_not(None))
        return self._those(which) if manifest_id and is_keepable(manifest_id) else []

    def ordered(self, source_sha256: str, order: str) -> list[Record]:
        """Return the records made of this source by this order."""
        if not is_keepable(source_sha256, order):
            return []
        return self._those(and_(RECORDS.c.source_sha256 == source_sha256, RECORDS.c.order == order))

    def near(self, queries: Sequence[Query], most: int = 100) -> list[Near]:
        """Return the stored codes near the queries, the nearest first."""
        return self._nearby.near(queries, most) if queries and most > 0 else []

    def codes(self, algorithm: str) -> int:
        """Return how many codes of an algorithm are stored."""
        return self._counter(codes_of(algorithm)) if is_keepable(algorithm) else 0

    def records(self, after: str = "", most: int = 1000) -> list[Record]:
        """Return confirmed records in the order of the log."""

        def work(connection: Connection) -> list[Record]:
            start = _place_of(connection, after) if after else -1
            found = fetch(connection, RECORDS.c.place > start, most)
            return [one.record for one in found]

        return self.database.read(work) if most > 0 else []

    def count(self) -> int:
        """Return the number of confirmed records."""
        return self._counter(CONFIRMED)

    def forget(self, record: str) -> bool:
        """Take a record out; the log keeps its hash and says so."""
        if not is_id(record):
            return False
        seen: list[int] = []
        done = self.database.write(lambda connection: writing.forget(connection, record, seen))
        if done:
            self.database.sweep()
            self._nearby.forget()
        return done

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Yield the log from a place on."""
        after = max(start, 0) - 1
        while True:
            page = self.database.read(partial(_lines, after=after))
            yield from page
            if len(page) < _LINES:
                return
            after = page[-1].place

    def leaf_of(self, record: str) -> bytes | None:
        """Return the leaf of a confirmed record, computed of what is stored now."""
        there = self.database.read(lambda connection: fetch_ids(connection, [record])).get(record)
        return record_leaf(there.record, there.salt) if there and there.place is not None else None

    def _those(self, which: ColumnElement[bool]) -> list[Record]:
        found = self.database.read(lambda connection: fetch(connection, which))
        return [one.record for one in found]

    def _counter(self, name: str) -> int:
        which = select(COUNTERS.c.number).where(COUNTERS.c.name == name)
        return self.database.read(lambda connection: connection.execute(which).scalar()) or 0


def _lines(connection: Connection, after: int) -> list[Entry]:
    lines = select(LOG).where(LOG.c.place > after).order_by(LOG.c.place).limit(_LINES)
    return [Entry(e.place, e.what, e.id, bytes(e.leaf)) for e in connection.execute(lines)]


def _place_of(connection: Connection, record: str) -> int:
    place = None
    if is_id(record):
        there = select(RECORDS.c.place).where(RECORDS.c.id == record)
        place = connection.execute(there).scalar()
        if place is None:  # it may be forgotten since, while somebody reads page after page
            gone = select(func.max(LOG.c.place)).where(LOG.c.id == record, LOG.c.what == "record")
            place = connection.execute(gone).scalar()
    if place is None:
        raise StoreError("there is no such record to go on after", "name one that was there")
    return int(place)
