"""What a registry keeps beside its records: what was signed, and what can be said of its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, or_, select

from trustkit.stores import Entry, StoreError
from trustkit.stores.database import Database
from trustkit.stores.merkle import HASH_BYTES, Frontier
from trustkit.stores.tables import CHECKPOINTS, LOG, PERSONAL, REASONS, RECORDS

_MOST = 10_000  # notes in one answer


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed checkpoint as the registry keeps it: what its row says, unchecked."""

    size: int
    note: str
    frontier: str


def kept(database: Database) -> Iterator[Kept]:
    """Yield the signed checkpoints, the smallest first."""
    after = -1
    while True:
        query = select(CHECKPOINTS).where(CHECKPOINTS.c.size > after)
        query = query.order_by(CHECKPOINTS.c.size).limit(_MOST)
        rows = _rows(database, query)
        yield from (Kept(*row) for row in rows)
        if len(rows) < _MOST:
            return
        after = rows[-1][0]


def last_kept(database: Database, most: int | None = None) -> Kept | None:
    """Return the largest signed checkpoint, or the largest of `most` entries at the most."""
    query = select(CHECKPOINTS).order_by(CHECKPOINTS.c.size.desc()).limit(1)
    if most is not None:
        query = query.where(CHECKPOINTS.c.size <= most)
    row = database.read(lambda connection: connection.execute(query).one_or_none())
    return Kept(*row) if row else None


def keep(database: Database, size: int, note: str, frontier: Frontier) -> None:
    """Keep a signed checkpoint; that of another process, of the same size, stays."""

    def work(connection: Connection) -> None:
        there = select(CHECKPOINTS.c.size).where(CHECKPOINTS.c.size == size)
        if connection.execute(there).one_or_none() is None:
            connection.execute(
                CHECKPOINTS.insert(),
                {"size": size, "note": note, "frontier": packed(frontier)},
            )

    database.write(work)


def _rows(database: Database, query: Select[Any]) -> Sequence[Any]:
    return database.read(lambda connection: connection.execute(query).all())


def packed(frontier: Frontier) -> str:
    """Return a frontier as it is kept."""
    return b"".join(frontier.hashes).hex()


def unpacked(size: int, text: str) -> Frontier | None:
    """Return a frontier that was kept; None for what cannot be one of that size."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    if len(raw) != HASH_BYTES * size.bit_count():
        return None
    parts = range(0, len(raw), HASH_BYTES)
    return Frontier(size, tuple(raw[start : start + HASH_BYTES] for start in parts))


def place_of(database: Database, record: str) -> int | None:
    """Return the place of a record in the log; None: there is no such record, or it is reserved."""
    query = select(RECORDS.c.place).where(RECORDS.c.id == record)
    place: int | None = database.read(lambda connection: connection.execute(query).scalar())
    return place


def logged(database: Database, record: str, before: int) -> Entry | None:
    """Return the last line before a place of the log that says that this record came."""
    query = select(LOG).where(LOG.c.id == record, LOG.c.what == "record", LOG.c.place < before)
    query = query.order_by(LOG.c.place.desc()).limit(1)
    row = database.read(lambda connection: connection.execute(query).one_or_none())
    return Entry(row.place, row.what, row.id, bytes(row.leaf)) if row else None


def salt_of(database: Database, record: str) -> bytes:
    """Return the salt of what is personal of a record."""
    query = select(PERSONAL.c.salt).join(RECORDS, RECORDS.c.row == PERSONAL.c.row)
    query = query.where(RECORDS.c.id == record)
    salt = database.read(lambda connection: connection.execute(query).scalar())
    if salt is None:
        raise StoreError(f"the record {record} is not whole: its salt is missing", "verify-log")
    return bytes(salt)


def others(database: Database, blob: str, record: str) -> int:
    """Return how many records beside this one name a blob."""
    query = select(func.count()).select_from(RECORDS)
    query = query.where(or_(RECORDS.c.manifest == blob, RECORDS.c.thumbnail == blob))
    query = query.where(RECORDS.c.id != record)
    return int(database.read(lambda connection: connection.execute(query).scalar_one()))


def mentioning(database: Database, text: str, most: int, *, personal: bool) -> list[str]:
    """Return the ids of confirmed records that mention `text`, the newest first.

    Looked at are what was declared, the manifest's name, the kind of media and the time; with
    `personal` also file name, names, places and serial numbers. The case of ASCII letters
    makes no difference.
    """
    looked_at = [RECORDS.c.disclosure, RECORDS.c.manifest_id, RECORDS.c.media_type,
                 RECORDS.c.created]  # fmt: skip
    query = select(RECORDS.c.id).where(RECORDS.c.place.is_not(None))
    if personal:
        query = query.join(PERSONAL, RECORDS.c.row == PERSONAL.c.row)
        looked_at.append(PERSONAL.c.content)
    query = query.where(or_(*(column.icontains(text, autoescape=True) for column in looked_at)))
    query = query.order_by(RECORDS.c.place.desc()).limit(most)
    return list(database.read(lambda connection: connection.execute(query).scalars().all()))


def blob_names(database: Database) -> Iterator[tuple[str, str, str]]:
    """Yield the records with the names of their blobs: id, manifest, thumbnail."""
    after = -1
    columns = (RECORDS.c.place, RECORDS.c.id, RECORDS.c.manifest, RECORDS.c.thumbnail)
    while True:
        query = select(*columns).where(RECORDS.c.place > after)
        query = query.order_by(RECORDS.c.place).limit(_MOST)
        rows = _rows(database, query)
        yield from ((name, manifest, thumbnail) for _, name, manifest, thumbnail in rows)
        if len(rows) < _MOST:
            return
        after = rows[-1][0]


def keep_reason(database: Database, record: str, reason: str) -> None:
    """Keep why a record is being forgotten."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    row = {"id": record, "time": time, "reason": reason}

    def work(connection: Connection) -> None:
        there = select(REASONS.c.id).where(REASONS.c.id == record, REASONS.c.time == time)
        if connection.execute(there).first() is None:
            connection.execute(REASONS.insert(), row)

    database.write(work)


def reasons(database: Database, record: str) -> list[tuple[str, str]]:
    """Return when and why a record was forgotten, as it was told."""
    query = select(REASONS.c.time, REASONS.c.reason).where(REASONS.c.id == record)
    return [(time, reason) for time, reason in _rows(database, query.order_by(REASONS.c.time))]
