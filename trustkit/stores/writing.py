"""What changes records: each function is the work of one transaction, which may be done twice.

A connection can be lost when the server has kept everything, and could not say so. Then the same
work is done again, and must neither add anything nor give another answer.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.sql.elements import BindParameter

from trustkit.record import Record
from trustkit.stores import StoreError
from trustkit.stores.leaves import SALT_BYTES, check_same, forget_leaf, record_leaf
from trustkit.stores.places import Places
from trustkit.stores.rows import Rows, Stored, chunks, fetch_ids, waiting
from trustkit.stores.tables import BINDINGS, CODES, LOG, PERSONAL, RECORDS, RESERVED

_AT: BindParameter[int] = bindparam("at")
_WAITED: BindParameter[int] = bindparam("waited")
_TO: BindParameter[int] = bindparam("to")
_PLACE_RECORDS = update(RECORDS).where(RECORDS.c.row == _AT).values(place=_TO)
_PLACE_CODES = update(CODES).where(CODES.c.place == _WAITED).values(place=_TO)
_END_WAITING = delete(RESERVED).where(RESERVED.c.row == _AT)


def reserve(connection: Connection, new: Record, output: str) -> None:
    """Keep a settled record without a place."""
    places = Places(connection)
    there = fetch_ids(connection, [new.id]).get(new.id)
    where = json.dumps(output)
    if there is not None:
        check_same(there.record, new)
        if there.place is None:
            which = RESERVED.c.row == there.row
            connection.execute(update(RESERVED).where(which).values(output=where))
        return
    stored = Stored(new, places.row(), None, secrets.token_bytes(SALT_BYTES))
    rows = Rows()
    rows.add(stored)
    rows.insert(connection)
    connection.execute(RESERVED.insert(), {"row": stored.row, "output": where})
    places.write()


def confirm(connection: Connection, ids: Sequence[str]) -> None:
    """Give reserved records their places."""
    places = Places(connection)
    there = fetch_ids(connection, ids)
    if missing := [name for name in ids if name not in there]:
        raise StoreError(f"no record {missing[0]} is reserved", "nothing was changed")
    chosen = (there[name] for name in dict.fromkeys(ids))
    _place(connection, places, [one for one in chosen if one.place is None])
    places.write()


def drop(connection: Connection, ids: Sequence[str]) -> None:
    """Delete those that are reserved."""
    Places(connection)
    there = fetch_ids(connection, ids).values()
    _delete(connection, [one for one in there if one.place is None])


def put(connection: Connection, fresh: Mapping[str, Record], tried: set[str]) -> int:
    """Add settled records, by their ids; return how many are new.

    `tried` is filled with what was new at a first try, and counts as new at a second one.
    """
    places = Places(connection)
    there = fetch_ids(connection, fresh)
    for name, one in there.items():
        check_same(one.record, fresh[name])
    reserved = [one for one in there.values() if one.place is None]
    rows = Rows()
    for name, record in fresh.items():
        if name not in there:
            salt = secrets.token_bytes(SALT_BYTES)
            place = places.append("record", record, record_leaf(record, salt))
            rows.add(Stored(record, places.row(), place, salt))
    rows.insert(connection)
    _place(connection, places, reserved)
    places.write()
    tried.update(fresh.keys() - there.keys(), (one.record.id for one in reserved))
    return len(tried)


def forget(connection: Connection, record: str, seen: list[int]) -> bool:
    """Delete a record, and say so in the log; return whether there was one.

    `seen` is given the next place of each try: behind that of the first stands what it did.
    """
    places = Places(connection)
    seen.append(places.next)
    there = fetch_ids(connection, [record]).get(record)
    if there is None:
        line = (LOG.c.place >= seen[0], LOG.c.what == "forget", LOG.c.id == record)
        return connection.execute(select(LOG.c.place).where(*line)).first() is not None
    if there.place is not None:
        old = select(LOG.c.leaf).where(LOG.c.place == there.place)
        leaf = bytes(connection.execute(old).scalar_one())
        places.append("forget", there.record, forget_leaf(record, leaf))
    _delete(connection, [there])
    places.write()
    return True


def _place(connection: Connection, places: Places, chosen: Sequence[Stored]) -> None:
    moves = []
    for one in chosen:
        place = places.append("record", one.record, record_leaf(one.record, one.salt))
        moves.append({"at": one.row, "waited": waiting(one.row), "to": place})
    for statement in (_PLACE_RECORDS, _PLACE_CODES, _END_WAITING) if moves else ():
        connection.execute(statement, moves)


def _delete(connection: Connection, chosen: Sequence[Stored]) -> None:
    for part in chunks(chosen):
        rows = [one.row for one in part]
        of_codes = [waiting(one.row) if one.place is None else one.place for one in part]
        connection.execute(delete(CODES).where(CODES.c.place.in_(of_codes)))
        for table in (RECORDS, PERSONAL, BINDINGS, RESERVED):
            connection.execute(delete(table).where(table.c.row.in_(rows)))
