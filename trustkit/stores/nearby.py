"""Stored codes near a query, by an index that learns from the log what is new and what is gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from threading import Lock

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from trustkit.home import home
from trustkit.record import Code, Near, Query
from trustkit.stores import StoreError
from trustkit.stores.database import Database
from trustkit.stores.index import Index, Run
from trustkit.stores.rows import chunks, unpacked
from trustkit.stores.tables import CODES, LOG, RECORDS, SETTINGS

_PAGE = 20_000  # places of the log read at once
_ID = re.compile("[0-9a-f]{32}")  # of a registry

_AFTER: BindParameter[int] = bindparam("after")
_LAST: BindParameter[int] = bindparam("last")
_HEAD = select(func.max(LOG.c.place))
_LEAF = select(LOG.c.leaf).where(LOG.c.place == _LAST)
_RUNS = (
    select(CODES.c.place, CODES.c.algorithm, CODES.c.bits)
    .where(CODES.c.place > _AFTER, CODES.c.place <= _LAST)
    .order_by(CODES.c.place, CODES.c.run)
)
_PLACES: BindParameter[Sequence[int]] = bindparam("places", expanding=True)
_IDS = select(RECORDS.c.place, RECORDS.c.id).where(RECORDS.c.place.in_(_PLACES))
_CODES = (
    select(CODES.c.place, CODES.c.algorithm, CODES.c.bits, CODES.c.spots)
    .where(CODES.c.place.in_(_PLACES))
    .where(CODES.c.algorithm.in_(bindparam("algorithms", expanding=True)))
    .order_by(CODES.c.place, CODES.c.run)
)
_REGISTRY = select(SETTINGS.c.value).where(SETTINGS.c.key == "registry")
_FORGOTTEN = select(LOG.c.id).where(
    LOG.c.what == "forget", LOG.c.place > _AFTER, LOG.c.place <= _LAST
)
_ADDED = select(LOG.c.place).where(
    LOG.c.what == "record",
    LOG.c.place <= _AFTER,
    LOG.c.id.in_(bindparam("ids", expanding=True)),
)


class Nearby:
    """The index of a store; any number of threads may use it.

    Its columns are kept in a folder beside an SQLite file, else at home: a cache that may be
    missing, damaged or read-only.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened: Index | None = None
        self._opening = Lock()

    def near(self, queries: Sequence[Query], most: int) -> list[Near]:
        """Return the confirmed codes near the queries, the nearest first."""
        hits = self._index().near(queries, most)
        if not hits:
            return []
        numbers = sorted({hit.number for hit in hits})
        asked = {query.code.algorithm for query in queries}
        ids, codes = self._database.read(lambda connection: _told(connection, numbers, asked))
        nears = []
        for hit in hits:
            mine = codes.get((hit.number, queries[hit.query].code.algorithm), ())
            # The SQL has the last word: what it does not hold was forgotten since.
            if hit.which < len(mine) and mine[hit.which].bits == hit.bits and hit.number in ids:
                nears.append(Near(ids[hit.number], hit.query, mine[hit.which], hit.distance))
        return nears

    def forget(self) -> None:
        """Take what the log says is forgotten out of the folder too."""
        folder = self._folder()
        if self._opened or (folder and folder.exists()):
            self._index().keep()

    def _index(self) -> Index:
        """Return the index as the log is now."""
        with self._opening:
            if self._opened is None:
                self._opened = self._caught_up(Index.open(self._folder(), self._registry()))
            index = self._opened
        return index if self._database.read(_last) == index.last else self._caught_up(index)

    def _caught_up(self, index: Index) -> Index:
        with index.lock:
            self._database.read(lambda connection: _catch_up(connection, index))
            index.keep()
        return index

    def _registry(self) -> str:
        return self._database.read(lambda connection: connection.execute(_REGISTRY).scalar()) or ""

    def _folder(self) -> Path | None:
        file, registry = self._database.address.file, self._registry()
        if file:
            return file.with_name(f"{file.name}.index")
        return home() / "registries" / registry / "index" if _ID.fullmatch(registry) else None


def _last(connection: Connection) -> int:
    """Return the last place of the log, -1 where it is empty."""
    last: int | None = connection.execute(_HEAD).scalar()
    return -1 if last is None else last


def _catch_up(connection: Connection, index: Index) -> None:
    # The place first: what is committed by then is there to be read, however isolated we are.
    last = _last(connection)
    if index.stamp != _stamp(connection, index.last):
        index.clear()  # it knew another database: this one was put back from a backup
    if index.last == last:
        return
    # A log that is read from its beginning has no codes left of what it says is forgotten.
    after = {"after": index.last, "last": last}
    gone = connection.execute(_FORGOTTEN, after).scalars().all() if index.last >= 0 else ()
    for part in chunks(gone):
        for place in connection.execute(_ADDED, {"after": index.last, "ids": part}).scalars():
            index.remove(place)
    index.extend(_runs(connection, index.last, last), last, _stamp(connection, last))


def _runs(connection: Connection, after: int, last: int) -> Iterator[Run]:
    for begin in range(after, last, _PAGE):
        page = {"after": begin, "last": min(begin + _PAGE, last)}
        yield from connection.execute(_RUNS, page)


def _stamp(connection: Connection, place: int) -> str:
    leaf: bytes | None = connection.execute(_LEAF, {"last": place}).scalar()
    return bytes(leaf).hex() if leaf else ""


def _told(
    connection: Connection, places: Sequence[int], algorithms: Collection[str]
) -> tuple[dict[int, str], dict[tuple[int, str], list[Code]]]:
    """Return the ids of the records at these places, and their codes of these algorithms."""
    ids: dict[int, str] = {}
    codes: dict[tuple[int, str], list[Code]] = {}
    for part in chunks(places):
        for place, name in connection.execute(_IDS, {"places": part}):
            ids[place] = name
        its = {"places": part, "algorithms": list(algorithms)}
        for place, algorithm, bits, spots in connection.execute(_CODES, its):
            try:
                codes.setdefault((place, algorithm), []).extend(unpacked(algorithm, bits, spots))
            except (ValueError, TypeError, RecursionError) as error:
                raise StoreError(
                    f"the codes of the record {ids.get(place, place)} are damaged",
                    "trustkit registry verify-log says more",
                ) from error
    return ids, codes
