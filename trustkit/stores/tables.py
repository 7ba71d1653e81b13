"""The tables of a registry, as the migrations make them.

records     what is public of a record; `place` is its place in the log (none: reserved)
personal    what is not, and the salt of its hash: a table of its own, for rights of its own
bindings    its marks; `tail` holds the last 8 digits, which is all that a short sound's mark has
codes       its fingerprint, a row for each run of codes of one algorithm
reserved    where its file was to be put
log         the append-only log
counters    `places` (the next place, and the lock on it), `rows`, `records`, `codes ALGORITHM`
checkpoints what was signed of the log, and what to go on from: see checkpoints.py
reasons     why and when a record was forgotten, as it was told; not part of the log
settings    what is kept of the registry as a whole
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy import Index as TableIndex
from sqlalchemy.types import TypeEngine

SCHEMA = "first"  # the newest migration
SCHEMA_TABLE = "trustkit_schema"  # where Alembic keeps which one a database is at
METADATA = MetaData()

# In SQLite only INTEGER names the row itself, which spares an index.
_NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str, kind: TypeEngine[int] = _NUMBER) -> Column[int]:
    return Column(name, kind, primary_key=True, autoincrement=False)


RECORDS = Table(
    "records",
    METADATA,
    _key("row"),
    Column("id", Text, nullable=False, unique=True),
    Column("place", _NUMBER, nullable=True, unique=True),
    Column("created", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size", _NUMBER, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("source_sha256", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("manifest", Text, nullable=False),
    Column("manifest_id", Text, nullable=False),
    Column("thumbnail", Text, nullable=False),
    Column("measures", Text, nullable=False),
    Column("disclosure", Text, nullable=False),
    TableIndex("records_sha256", "sha256"),
    TableIndex("records_source", "source_sha256", "order"),
    TableIndex("records_manifest_id", "manifest_id"),
)

PERSONAL = Table(
    "personal",
    METADATA,
    _key("row"),
    Column("salt", LargeBinary, nullable=False),
    Column("content", Text, nullable=False),
)

BINDINGS = Table(
    "bindings",
    METADATA,
    _key("row"),
    _key("number"),
    Column("algorithm", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("tail", Text, nullable=False),
    TableIndex("bindings_value", "value"),
    TableIndex("bindings_tail", "tail"),
    sqlite_with_rowid=False,
)

# `place` is the record's, so that what is new in the log is new here at the end of the table.
# Reserved records have no place, and their codes stand below zero: see `rows.waiting`.
CODES = Table(
    "codes",
    METADATA,
    _key("place"),
    _key("run"),
    Column("algorithm", Text, nullable=False),
    Column("bits", LargeBinary, nullable=False),  # 32 bytes a code
    Column("spots", Text, nullable=False),  # JSON, [at, view] a code; empty: second 0, the whole
    sqlite_with_rowid=False,
)

RESERVED = Table(
    "reserved",
    METADATA,
    _key("row"),
    Column("output", Text, nullable=False),  # a JSON string: a path may be no Unicode
)

LOG = Table(
    "log",
    METADATA,
    _key("place"),
    Column("what", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    TableIndex("log_id", "id"),
)

CHECKPOINTS = Table(
    "checkpoints",
    METADATA,
    _key("size"),
    Column("note", Text, nullable=False),
    Column("frontier", Text, nullable=False),  # hex, one after the other
)

REASONS = Table(
    "reasons",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("time", Text, primary_key=True),
    Column("reason", Text, nullable=False),
)

COUNTERS = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("number", _NUMBER, nullable=False),
)

SETTINGS = Table(
    "settings",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
