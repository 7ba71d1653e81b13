"""Records that no file stands behind: made by seed, put straight into the tables of a registry."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.record import Binding, Code, Record
from trustkit.stores.rows import Rows, Stored
from trustkit.stores.tables import METADATA

CODES, SPOTS = "iscc-image.0", "spots.1"
_SPOTS = 5  # codes of spots of a picture
_PART = 50_000
_MARK = "org.trustkit.tiles.1"


def record(rng: random.Random, *, spots: bool) -> Record:
    """Return a record as `mark` makes one of a picture."""
    name = rng.randbytes(8).hex()
    codes = [Code(CODES, rng.randbytes(32))]
    if spots:
        codes += [
            Code(SPOTS, rng.randbytes(32), view=f"{rng.random():.4f} {rng.random():.4f} 0.21 187")
            for _ in range(_SPOTS)
        ]
    return Record(
        id=name,
        created="2026-11-01T00:00:00.000Z",
        media_type="image/jpeg",
        kind="image",
        size=rng.randrange(10**5, 10**7),
        sha256=rng.randbytes(32).hex(),
        source_sha256=rng.randbytes(32).hex(),
        order=rng.randbytes(32).hex(),
        manifest=rng.randbytes(32).hex(),
        manifest_id=f"urn:c2pa:{rng.randbytes(18).hex()}",
        thumbnail=rng.randbytes(32).hex(),
        bindings=(Binding(_MARK, name),),
        codes=tuple(codes),
        measures={"width": 4000, "height": 3000},
        disclosure={"source_type": "trainedAlgorithmicMedia", "system": "Painter"},
        personal={"file_name": f"picture-{name}.jpg"},
    )


def fill(file: Path, records: int, *, spots: bool, lean: bool) -> int:
    """Put the rows of so many records into an empty registry; returns how many.

    Their leaves are random, and their ids ascend, as nobody would wait for them otherwise. `lean`
    leaves out what is personal, and all indices that may be left out but that of the marks.
    """
    if records <= 0:
        return 0
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        indices = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        for name, _ in indices:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        for begin in range(0, records, _PART):
            rows = _rows(begin, min(begin + _PART, records), records, spots=spots)
            for table, its in rows.items():
                if lean and table == "personal":
                    continue
                marks = ", ".join("?" * len(METADATA.tables[table].c))
                into = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608 - a name of ours
                connection.executemany(into, its)
        counts = {"places": records, "rows": records, "records": records,
                  f"codes {CODES}": records}  # fmt: skip
        if spots:
            counts[f"codes {SPOTS}"] = _SPOTS * records
        connection.executemany(
            "INSERT OR REPLACE INTO counters VALUES (?, ?)", list(counts.items())
        )
        for name, sql in indices:
            if not lean or name == "bindings_value":
                connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    return records


def _rows(begin: int, end: int, records: int, *, spots: bool) -> dict[str, Iterator[Any]]:
    """Return the rows of the records from `begin` to `end`, by table."""
    rng = np.random.default_rng(begin)
    model = Rows()
    model.add(Stored(record(random.Random(begin), spots=spots), 0, 0, bytes(16)))
    step = 2**64 // (records + 1)
    # Five hashes and the name of a manifest a record, as hex digits.
    digits = rng.bytes(178 * (end - begin)).hex()
    random_bits = rng.bytes(32 * 7 * (end - begin))
    numbers = range(begin, end)

    def hashes(n: int) -> tuple[str, ...]:
        at = 356 * (n - begin)
        return tuple(digits[at + 64 * k : at + 64 * k + 64] for k in range(5))

    def bits(n: int, first: int, many: int) -> bytes:
        at = 32 * (7 * (n - begin) + first)
        return random_bits[at : at + 32 * many]

    def heads() -> Iterator[tuple[Any, ...]]:
        one = model.records[0]
        for n in numbers:
            sha256, source, order, manifest, thumbnail = hashes(n)
            name = f"urn:c2pa:{digits[356 * (n - begin) + 320 : 356 * (n - begin) + 356]}"
            yield (
                n, f"{step * (n + 1):016x}", n, one["created"], one["media_type"], one["kind"],
                one["size"], sha256, source, order, manifest, name, thumbnail,
                one["measures"], one["disclosure"],
            )  # fmt: skip

    def codes() -> Iterator[tuple[Any, ...]]:
        for n in numbers:
            yield n, 0, CODES, bits(n, 0, 1), ""
            if spots:
                yield n, 1, SPOTS, bits(n, 1, _SPOTS), model.codes[1]["spots"]

    ids = [f"{step * (n + 1):016x}" for n in numbers]
    personal = model.personal[0]["content"]
    return {
        "records": heads(),
        "personal": ((n, random_bits[:16], personal) for n in numbers),
        "bindings": ((n, 0, _MARK, one, one[-8:]) for n, one in zip(numbers, ids, strict=True)),
        "codes": codes(),
        "log": ((n, "record", one, bits(n, 6, 1)) for n, one in zip(numbers, ids, strict=True)),
    }
