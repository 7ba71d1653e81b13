"""A store in memory: for tests, and for a registry that need not outlive its process."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from threading import RLock
from types import TracebackType
from typing import Self

from trustkit.record import Near, Query, Record
from trustkit.stores import Entry, StoreError
from trustkit.stores.leaves import (
    SALT_BYTES,
    TAIL,
    check_same,
    forget_leaf,
    record_leaf,
    settled,
)


@dataclass(frozen=True, slots=True)
class _Held:
    record: Record
    salt: bytes
    place: int | None = None  # none: reserved
    output: str = ""


class MemoryStore:
    """A store in this process alone; any number of threads may use it."""

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._settings = dict(settings or {})
        self._held: dict[str, _Held] = {}
        self._log: list[Entry] = []
        self._lock = RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def settings(self) -> Mapping[str, str]:
        """What is kept of the registry as a whole."""
        return dict(self._settings)

    def set(self, key: str, value: str) -> None:
        """Keep a setting."""
        self._settings[key] = value

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def reserve(self, record: Record, output: str) -> None:
        """Keep a record whose file is about to be put in place."""
        new = settled(record)
        with self._lock:
            there = self._held.get(new.id)
            if there is None:
                self._held[new.id] = _Held(new, secrets.token_bytes(SALT_BYTES), output=output)
            else:
                check_same(there.record, new)
                if there.place is None:
                    self._held[new.id] = replace(there, output=output)

    def reserved(self) -> list[tuple[Record, str]]:
        """Return what is reserved, in the order it came."""
        with self._lock:
            return [(one.record, one.output) for one in self._held.values() if one.place is None]

    def confirm(self, ids: Sequence[str]) -> None:
        """Append reserved records to the log."""
        with self._lock:
            for name in ids:
                if name not in self._held:
                    raise StoreError(f"no record {name} is reserved", "nothing was changed")
            for name in ids:
                self._append(self._held[name])

    def drop(self, ids: Sequence[str]) -> None:
        """Take back what is reserved."""
        with self._lock:
            for name in ids:
                if name in self._held and self._held[name].place is None:
                    del self._held[name]

    def put(self, records: Sequence[Record]) -> int:
        """Add records to the log at once; returns how many are new."""
        new = [settled(record) for record in records]
        with self._lock:
            seen: dict[str, Record] = {}
            for record in new:
                there = self._held.get(record.id)
                check_same(there.record if there else seen.get(record.id, record), record)
                seen[record.id] = record
            before = len(self._log)
            for record in seen.values():
                fresh = _Held(record, secrets.token_bytes(SALT_BYTES))
                self._append(self._held.get(record.id, fresh))
            return len(self._log) - before

    def get(self, record: str) -> Record | None:
        """Return the record of this id."""
        with self._lock:
            held = self._held.get(record)
            return held.record if held else None

    def bound(self, algorithm: str, value: str) -> list[Record]:
        """Return the records with this mark, or whose mark ends with it."""

        def agrees(stored: str) -> bool:
            return stored == value or (len(value) >= TAIL and stored.endswith(value))

        return self._those(
            lambda record: any(
                one.algorithm == algorithm and agrees(one.value) for one in record.bindings
            )
        )

    def hashed(self, sha256: str) -> list[Record]:
        """Return the records of the file with this hash."""
        return self._those(
            lambda record: bool(sha256) and sha256 in {record.sha256, record.source_sha256}
        )

    def named(self, manifest_id: str) -> list[Record]:
        """Return the confirmed records of the file with this active manifest."""
        there = [record for record in self._confirmed() if record.manifest_id == manifest_id]
        return there if manifest_id else []

    def ordered(self, source_sha256: str, order: str) -> list[Record]:
        """Return the records made of this source by this order."""
        return self._those(
            lambda record: (record.source_sha256, record.order) == (source_sha256, order)
        )

    def near(self, queries: Sequence[Query], most: int = 100) -> list[Near]:
        """Return the stored codes near the queries, the nearest first."""
        found = []
        for number, query in enumerate(queries):
            asked = int.from_bytes(query.code.bits)
            for record in self._confirmed():
                for code in record.codes:
                    if code.algorithm != query.code.algorithm:
                        continue
                    distance = (asked ^ int.from_bytes(code.bits)).bit_count()
                    if distance <= query.within:
                        found.append(Near(record.id, number, code, distance))
        return sorted(found, key=lambda one: one.distance)[:most]

    def codes(self, algorithm: str) -> int:
        """Return how many codes of an algorithm are stored."""
        return sum(
            code.algorithm == algorithm for record in self._confirmed() for code in record.codes
        )

    def records(self, after: str = "", most: int = 1000) -> list[Record]:
        """Return confirmed records in the order of the log."""
        with self._lock:
            start = -1
            if after:
                places = [e.place for e in self._log if (e.id, e.what) == (after, "record")]
                if not places:
                    raise StoreError(
                        "there is no such record to go on after", "name one that was there"
                    )
                start = places[-1]
            here = {held.place: held.record for held in self._held.values()}
            later = (e.place for e in self._log if e.place > start and e.place in here)
            return [here[place] for place in islice(later, most)]

    def count(self) -> int:
        """Return the number of confirmed records."""
        return len(self._confirmed())

    def forget(self, record: str) -> bool:
        """Take a record out; the log keeps its hash and says so."""
        with self._lock:
            held = self._held.pop(record, None)
            if held is None:
                return False
            if held.place is not None:
                leaf = forget_leaf(record, self._log[held.place].leaf)
                self._log.append(Entry(len(self._log), "forget", record, leaf))
            return True

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Yield the log from a place on."""
        yield from tuple(self._log[max(start, 0) :])

    def leaf_of(self, record: str) -> bytes | None:
        """Return the leaf of a confirmed record, computed of what is stored now."""
        with self._lock:
            held = self._held.get(record)
            if held is None or held.place is None:
                return None
            return record_leaf(held.record, held.salt)

    def _append(self, held: _Held) -> None:
        if held.place is None:
            place = len(self._log)
            leaf = record_leaf(held.record, held.salt)
            self._log.append(Entry(place, "record", held.record.id, leaf))
            # At the end, so that the order of what is held is that of the log.
            self._held.pop(held.record.id, None)
            self._held[held.record.id] = replace(held, place=place, output="")

    def _confirmed(self) -> list[Record]:
        with self._lock:
            return [held.record for held in self._held.values() if held.place is not None]

    def _those(self, wanted: Callable[[Record], bool]) -> list[Record]:
        with self._lock:
            return [held.record for held in self._held.values() if wanted(held.record)]
