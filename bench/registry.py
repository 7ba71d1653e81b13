"""The registry: look-up by id, mark, hash and code, beside faiss alone; ingest, reopening, disk.

`TRUSTKIT_BENCH_RECORDS=10000,1000000 python -m bench.run registry` chooses the sizes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from bench.fill import CODES, SPOTS, fill, record
from bench.measure import Child, Figure, child, tell
from trustkit.record import Code, Query
from trustkit.stores.index import Index
from trustkit.stores.index_columns import NumpyScan
from trustkit.stores.index_faiss import FaissScan
from trustkit.stores.sql import SqlStore

SIZES = "10000,1000000,10000000"
INGEST, BATCH = 10_000, 1000  # records put through the store, at the end, so many at a time
MOST = 2_000_000  # records that are all there; with more, there is a code a record: see `fill`
WITHIN = {CODES: 72, SPOTS: 72}  # as trustkit.fingerprints asks
FLIPPED = 20  # bits of a stored code, in a copy
RATIO, INGEST_LEAST = 1.3, 3000
RATIO_FROM = 100_000  # codes: with fewer, what is left is the time of asking the SQL for names
POINTS, ROUNDS = 500, 21  # look-ups by key, and by code
SECONDS = 30.0  # enough of one kind of look-up, though at least three
faiss: Any = import_module("faiss")


def main() -> None:
    for size in os.environ.get("TRUSTKIT_BENCH_RECORDS", SIZES).split(","):
        with tempfile.TemporaryDirectory() as name:
            _of(int(size), Path(name))


def _of(records: int, folder: Path) -> None:
    url, cache = f"sqlite:///{folder}/registry.db", folder / "registry.db.index"
    spots = records <= MOST
    SqlStore.create(url, {"registry": "0" * 32}).close()
    filled = fill(folder / "registry.db", records - INGEST, spots=spots, lean=not spots)
    wall, cpu = _ingest(url, records, spots=spots)
    figures = [
        Figure(f"ingest, batches of {BATCH}", wall, "rec/s", INGEST_LEAST, is_floor=True),
        Figure(f"ingest, batches of {BATCH}, a CPU second", cpu, "rec/s"),
    ]
    told = folder / "told.json"
    size = sum(path.stat().st_size for path in folder.glob("registry.db*") if path.is_file())
    opening: dict[str, list[tuple[float, float, Child]]] = {"from the SQL": [], "as kept": []}
    for kind, times in (("from the SQL", 1 if records >= MOST // 2 else 3), ("as kept", 3)):
        for _ in range(times):
            if kind == "from the SQL":
                shutil.rmtree(cache, ignore_errors=True)
            took = child([sys.executable, "-m", "bench.registry", "open", url, str(told)])
            seconds, processor = json.loads(told.read_text())
            opening[kind].append((seconds, processor, took))
    for kind, all_took in opening.items():
        figures += [
            Figure(f"reopened and asked, codes {kind}", tuple(t[0] for t in all_took), "s"),
            Figure("  of it CPU", tuple(t[1] for t in all_took), "s"),
            Figure("  peak memory", tuple(t[2].peak / 2**20 for t in all_took), "MB"),
        ]
    columns = sum(path.stat().st_size for path in cache.glob("*.codes")) if cache.exists() else 0
    took = child([sys.executable, "-m", "bench.registry", "faiss", str(cache)])
    figures += [
        Figure("faiss IndexBinaryFlat alone, its peak memory", (took.peak / 2**20,), "MB"),
        Figure("on disk, a record", (size / records,), "bytes"),
        Figure("on disk, a record, columns kept", (columns / records,), "bytes"),
    ]
    figures += _lookups(url, records, spots=spots)
    notes = (
        f"{records:,} records, each with a mark, one code of the whole picture"
        + (", five of spots" if spots else "; nothing personal, no index of hashes"),
        f"{filled:,} of them put straight into the tables, {records - filled:,} by the store"
        if filled
        else "all put by the store",
        "look-ups in CPU time, of one thread; SQLite; CPU is what counts on a shared machine",
    )
    tell(f"registry-{records}", figures, *notes)


def _ingest(url: str, records: int, *, spots: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    walls, cpus = [], []
    with SqlStore(url) as store:
        rng = random.Random(records)
        for _ in range(min(INGEST, records) // BATCH):
            batch = [record(rng, spots=spots) for _ in range(BATCH)]
            wall, cpu = time.perf_counter(), time.process_time()
            store.put(batch)
            walls.append(BATCH / (time.perf_counter() - wall))
            cpus.append(BATCH / (time.process_time() - cpu))
        store.database.sweep()
    return tuple(walls), tuple(cpus)


def _lookups(url: str, records: int, *, spots: bool) -> list[Figure]:
    with SqlStore(url) as store:
        rng = random.Random(1)
        found = store.records(most=POINTS)
        rng.shuffle(found)
        marks = [one.bindings[0] for one in found]
        figures = [
            *_both("by id", [_timed(store.get, one.id) for one in found]),
            *_both("by mark", [_timed(store.bound, one.algorithm, one.value) for one in marks]),
        ]
        if spots:  # else there is no index of hashes
            hashes = [_timed(store.hashed, one.sha256) for one in found]
            figures += _both("by hash of the file", hashes)
        wanted = [one for one in found if one.codes]
        store.near(_queries(rng, wanted[:1], CODES, 1))
        index = Index.open(Path(f"{url.removeprefix('sqlite:///')}.index"), "0" * 32)
        if index.last < 0:  # few codes are not worth a file
            index = store._nearby._index()
        for algorithm, many in ((CODES, 1), (CODES, 8), *([(SPOTS, 96)] if spots else [])):
            flat = _flat(index, algorithm)
            asked = [_queries(rng, wanted, algorithm, many) for _ in range(ROUNDS)]
            figures += _beside(store, index, flat, asked, f"by {many} codes of {flat.ntotal:,}")
            del flat
    return figures


def _beside(
    store: SqlStore, index: Index, flat: Any, asked: Sequence[Sequence[Query]], what: str
) -> list[Figure]:
    """Return the figures of the store, of the index either way, and of faiss alone, by turns."""
    ways: dict[str, Callable[[Sequence[Query]], object]] = {
        "store": store.near,
        "NumPy": lambda queries: index.near(queries, scan=NumpyScan()),
        "faiss": lambda queries: index.near(queries, scan=FaissScan()),
        "alone": lambda queries: flat.range_search(_rows(queries), queries[0].within + 1),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    begin = time.perf_counter()
    for number, queries in enumerate(asked):
        for way in list(ways)[:: 1 if number % 2 else -1]:
            times[way].append(_timed(ways[way], queries))
        if time.perf_counter() - begin > SECONDS and number >= 2:
            break
    bound = RATIO if flat.ntotal >= RATIO_FROM else None
    return [
        *_both(f"{what}, store", times["store"]),
        Figure("  index with NumPy", _ms(times["NumPy"]), "ms"),
        Figure("  index with faiss", _ms(times["faiss"]), "ms"),
        Figure("  faiss IndexBinaryFlat alone", _ms(times["alone"]), "ms"),
        Figure("  store, with the extra [index] / faiss alone",
               _ratio(times["store"], times["alone"]), "x", bound),
        Figure("  NumPy / faiss alone", _ratio(times["NumPy"], times["alone"]), "x", bound),
    ]  # fmt: skip


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(ours, theirs, strict=True))


def _both(what: str, seconds: Sequence[float]) -> list[Figure]:
    last = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return [Figure(what, _ms(seconds), "ms"), Figure("  99 % within", _ms([last]), "ms")]


def _ms(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(1000 * one for one in seconds)


def _timed(work: Callable[..., object], *asked: object) -> float:
    begin = time.process_time()
    work(*asked)
    return time.process_time() - begin


def _queries(rng: random.Random, wanted: Sequence[Any], algorithm: str, many: int) -> list[Query]:
    """Return queries of which one is a stored code with some bits flipped, the others are new."""
    codes = [code for code in rng.choice(wanted).codes if code.algorithm == algorithm]
    number = int.from_bytes(codes[0].bits)
    for bit in rng.sample(range(256), FLIPPED):
        number ^= 1 << bit
    asked = [number.to_bytes(32), *(rng.randbytes(32) for _ in range(many - 1))]
    return [Query(Code(algorithm, bits), WITHIN[algorithm]) for bits in asked]


def _rows(queries: Sequence[Query]) -> Any:
    return np.frombuffer(b"".join(q.code.bits for q in queries), np.uint8).reshape(-1, 32)


def _flat(index: Index, algorithm: str) -> Any:
    """Return faiss alone, with the codes that the index has of an algorithm."""
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexBinaryFlat(256)
    for one in index._columns[algorithm]:
        flat.add(one.codes[: one.rows].view(np.uint8))
    return flat


def _open(url: str, told: str) -> None:
    """In a process of its own: open the registry and ask for one code."""
    wall, cpu = time.perf_counter(), time.process_time()
    with SqlStore(url) as store:
        store.near([Query(Code(CODES, bytes(32)), 64)])
        took = [time.perf_counter() - wall, time.process_time() - cpu]
    Path(told).write_text(json.dumps(took))


def _hold(folder: str) -> None:
    """In a process of its own: hold in faiss what is kept in the folder."""
    index = Index.open(Path(folder), "0" * 32)
    flats = [faiss.IndexBinaryFlat(256) for _ in index._columns]
    for flat, columns in zip(flats, index._columns.values(), strict=True):
        for one in columns:
            flat.add(one.codes[: one.rows].view(np.uint8))


if __name__ == "__main__":
    if sys.argv[1:2] == ["open"]:
        _open(*sys.argv[2:])
    elif sys.argv[1:2] == ["faiss"]:
        _hold(*sys.argv[2:])
    else:
        main()
