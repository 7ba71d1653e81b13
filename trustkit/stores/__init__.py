"""Stores: where records are kept, and the blobs (manifests, thumbnails) that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from trustkit.errors import TrustkitError
from trustkit.record import Near, Query, Record


class StoreError(TrustkitError):
    """The registry could not be reached, is locked, or a blob of it is damaged."""

    code, exit_code = "registry", 30


class ClashError(StoreError):
    """A record of this id is there already, and is another one."""

    code, exit_code = "registry_clash", 40


class ProofError(TrustkitError):
    """A proof that does not hold: what it says is not what was signed; or it is none."""

    code, exit_code = "proof", 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the append-only log: its place (from 0), `record` or `forget`, id, leaf hash."""

    place: int
    what: str
    id: str
    leaf: bytes


class Store(Protocol):
    """Records and their log; every call is one transaction, all of it or nothing of it.

    Correct while other processes write. Raises `StoreError`.
    """

    def reserve(self, record: Record, output: str) -> None:
        """Keep a record whose file is about to be put in place at `output`; not yet in the log.

        Raises `ClashError` for an id that is taken by another record.
        """

    def reserved(self) -> list[tuple[Record, str]]:
        """Return what was reserved and neither confirmed nor dropped, each with its output."""

    def confirm(self, ids: Sequence[str]) -> None:
        """Append reserved records to the log; one that is confirmed already stays as it is."""

    def drop(self, ids: Sequence[str]) -> None:
        """Take back reserved records whose file was never put in place."""

    def put(self, records: Sequence[Record]) -> int:
        """Add records to the log at once; returns how many are new: the same one twice is one."""

    def get(self, record: str) -> Record | None:
        """Return the record of this id, reserved ones too."""

    def bound(self, algorithm: str, value: str) -> list[Record]:
        """Return the records with this mark. A shorter value is the end of an id (short sounds)."""

    def hashed(self, sha256: str) -> list[Record]:
        """Return the records of the file with this hash: the published one or its source."""

    def named(self, manifest_id: str) -> list[Record]:
        """Return the confirmed records of the file with this active manifest: its label, whole."""

    def ordered(self, source_sha256: str, order: str) -> list[Record]:
        """Return the records made of this source by this order."""

    def near(self, queries: Sequence[Query], most: int = 100) -> list[Near]:
        """Return the stored codes near the queries, the nearest first, `most` at the most."""

    def codes(self, algorithm: str) -> int:
        """Return how many codes of an algorithm are stored: what the odds of a match hang on."""

    def records(self, after: str = "", most: int = 1000) -> list[Record]:
        """Return confirmed records in the order of the log, those after the id `after`."""

    def count(self) -> int:
        """Return the number of confirmed records."""

    def forget(self, record: str) -> bool:
        """Take a record out, its codes and what is personal; the log keeps its hash and says so.

        Returns whether there was one. Its blobs are the caller's to delete.
        """

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Yield the log from a place on."""


class Blobs(Protocol):
    """Bytes by their SHA-256; what is read is checked."""

    def put(self, content: bytes) -> str:
        """Keep `content` (once) and return its SHA-256 in lower-case hex."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes; raises `StoreError` where they are missing or damaged."""

    def delete(self, sha256: str) -> None:
        """Delete the bytes; where there are none nothing happens."""
