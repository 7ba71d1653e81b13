"""A record as rows, and rows as a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from trustkit.record import CODE_BYTES, Binding, Code, Record, canonical
from trustkit.stores import StoreError, bulk
from trustkit.stores.bulk import Row
from trustkit.stores.leaves import TAIL, is_id
from trustkit.stores.tables import BINDINGS, CODES, PERSONAL, RECORDS

CHUNK = 500  # values in one statement
Item = TypeVar("Item")
_PLAIN = (
    "id",
    "created",
    "media_type",
    "kind",
    "size",
    "sha256",
    "source_sha256",
    "order",
    "manifest",
    "manifest_id",
    "thumbnail",
)
_DETAILS = ("measures", "disclosure")

# Made once: to build a statement takes longer than to run it.
_ROWS: BindParameter[int] = bindparam("rows", expanding=True)
_PLACES: BindParameter[int] = bindparam("places", expanding=True)
_BY_ID = select(RECORDS).where(RECORDS.c.id.in_(bindparam("ids", expanding=True)))
_PERSONAL_OF = select(PERSONAL).where(PERSONAL.c.row.in_(_ROWS))
_BINDINGS_OF = (
    select(BINDINGS.c.row, BINDINGS.c.algorithm, BINDINGS.c.value)
    .where(BINDINGS.c.row.in_(_ROWS))
    .order_by(BINDINGS.c.row, BINDINGS.c.number)
)
_CODES_OF = (
    select(CODES.c.place, CODES.c.algorithm, CODES.c.bits, CODES.c.spots)
    .where(CODES.c.place.in_(_PLACES))
    .order_by(CODES.c.place, CODES.c.run)
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it is kept; `place` is none as long as it is reserved."""

    record: Record
    row: int
    place: int | None
    salt: bytes


@dataclass(slots=True)
class Rows:
    """What is to be inserted, by table."""

    records: list[Row] = field(default_factory=list)
    personal: list[Row] = field(default_factory=list)
    bindings: list[Row] = field(default_factory=list)
    codes: list[Row] = field(default_factory=list)

    def add(self, stored: Stored) -> None:
        """Take apart one more record."""
        record, row = stored.record, stored.row
        plain = {name: getattr(record, name) for name in _PLAIN}
        details = {name: canonical(getattr(record, name)).decode() for name in _DETAILS}
        self.records.append({"row": row, "place": stored.place, **plain, **details})
        content = canonical(record.personal).decode()
        self.personal.append({"row": row, "salt": stored.salt, "content": content})
        for number, one in enumerate(record.bindings):
            self.bindings.append(
                {
                    "row": row,
                    "number": number,
                    "algorithm": one.algorithm,
                    "value": one.value,
                    "tail": one.value[-TAIL:],
                }
            )
        place = waiting(row) if stored.place is None else stored.place
        for number, (algorithm, run) in enumerate(groupby(record.codes, _algorithm)):
            codes = list(run)
            self.codes.append(
                {
                    "place": place,
                    "run": number,
                    "algorithm": algorithm,
                    "bits": b"".join(code.bits for code in codes),
                    "spots": _spots(codes),
                }
            )

    def insert(self, connection: Connection) -> None:
        """Insert them all."""
        for table, rows in (
            (RECORDS, self.records),
            (PERSONAL, self.personal),
            (BINDINGS, self.bindings),
            (CODES, self.codes),
        ):
            bulk.add(connection, table, rows)


def waiting(row: int) -> int:
    """Return where the codes of a reserved record stand: below the places of the log."""
    return -1 - row


def fetch(connection: Connection, where: ColumnElement[bool], most: int = 0) -> list[Stored]:
    """Return the records of which something holds, in the order of the log, reserved ones last.

    `most` of them, where it is given; reserved ones must not be asked for then.
    """
    query = select(RECORDS).where(where)
    if most:
        query = query.order_by(RECORDS.c.place).limit(most)  # by its index, without sorting
    heads = connection.execute(query).mappings().all()
    heads = sorted(heads, key=_order)
    return [stored for part in chunks(heads) for stored in _whole(connection, part)]


def fetch_ids(connection: Connection, ids: Iterable[str]) -> dict[str, Stored]:
    """Return the records of these ids that are there."""
    found: dict[str, Stored] = {}
    for part in chunks([name for name in ids if is_id(name)]):
        heads = connection.execute(_BY_ID, {"ids": part}).mappings().all()
        if heads:
            found.update((one.record.id, one) for one in _whole(connection, heads))
    return found


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Cut a list into parts that fit into one statement."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def unpacked(algorithm: str, bits: bytes, spots: str) -> Iterator[Code]:
    """Yield the codes of a run."""
    where = json.loads(spots) if spots else [(0.0, "")] * (len(bits) // CODE_BYTES)
    for number, (at, view) in enumerate(where):
        start = number * CODE_BYTES
        yield Code(algorithm, bytes(bits[start : start + CODE_BYTES]), float(at), str(view))


def _whole(connection: Connection, heads: Sequence[RowMapping]) -> Iterator[Stored]:
    rows = [head["row"] for head in heads]
    places = [_place(head) for head in heads]
    of_rows, of_places = {"rows": rows}, {"places": places}
    personal = {
        row: (salt, content) for row, salt, content in connection.execute(_PERSONAL_OF, of_rows)
    }
    bindings: dict[int, list[Binding]] = {row: [] for row in rows}
    for row, algorithm, value in connection.execute(_BINDINGS_OF, of_rows):
        bindings[row].append(Binding(algorithm, value))
    codes: dict[int, list[Code]] = {place: [] for place in places}
    for place, algorithm, bits, spots in connection.execute(_CODES_OF, of_places):
        try:
            codes[place].extend(unpacked(algorithm, bits, spots))
        except (ValueError, TypeError) as error:
            name = next(head["id"] for head in heads if _place(head) == place)
            raise _damaged(name) from error
    for head in heads:
        salt, content = personal.get(head["row"], (b"", "{}"))
        plain: dict[str, Any] = {name: head[name] for name in _PLAIN}
        record = Record(
            **plain,
            measures=_details(head["id"], head["measures"]),
            disclosure=_details(head["id"], head["disclosure"]),
            bindings=tuple(bindings[head["row"]]),
            codes=tuple(codes[_place(head)]),
            personal=_details(head["id"], content),
        )
        yield Stored(record, head["row"], head["place"], bytes(salt))


def _details(record: str, content: str) -> dict[str, Any]:
    try:
        details = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(record) from error
    if not isinstance(details, dict):
        raise _damaged(record)
    return details


def _damaged(record: str) -> StoreError:
    return StoreError(
        f"the record {record} in the registry is damaged", "trustkit registry verify-log says more"
    )


def _order(head: RowMapping) -> tuple[bool, int]:
    is_reserved = head["place"] is None
    return is_reserved, head["row" if is_reserved else "place"]


def _place(head: RowMapping) -> int:
    place: int | None = head["place"]
    return waiting(head["row"]) if place is None else place


def _algorithm(code: Code) -> str:
    return code.algorithm


def _spots(codes: Sequence[Code]) -> str:
    if all(code.at == 0 and not code.view for code in codes):
        return ""
    return json.dumps([[code.at, code.view] for code in codes], separators=(",", ":"))
