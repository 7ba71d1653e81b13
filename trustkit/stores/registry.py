"""A registry: records and their log, the blobs they name, and the key that signs the log."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from trustkit.errors import ConfigError, UsageError
from trustkit.home import home, named_registry, registry_url
from trustkit.record import Record
from trustkit.stores import Blobs, StoreError, kept
from trustkit.stores.blobs import open_blobs
from trustkit.stores.checkpoints import Checkpoint, Keep, Signed, origin_of, read, sign, split
from trustkit.stores.merkle import Frontier
from trustkit.stores.notes import NoteError, PublicKey, read_key
from trustkit.stores.sql import SqlStore
from trustkit.stores.url import read_url

MAX_REASON = 1000  # characters
_ID, _BLOBS, _KEY = "registry", "blobs", "log_key"  # settings
_NAME = re.compile("[0-9a-f]{32}")
_TAIL = 2**14  # bytes of what was signed: more than the last note
_PAGE = 1000  # records read at once


def default_url() -> str:
    """Return the registry where none is named: TRUSTKIT_REGISTRY, else one of the user's own."""
    return named_registry() or f"sqlite:///{(home() / 'registry.db').absolute()}"


def needed_registry(asked: str = "") -> Registry:
    """Open the registry asked for, else that of `default_url`; raises `ConfigError` for none."""
    if url := registry_url(asked):
        return open_registry(url)
    raise ConfigError(
        "no registry is configured",
        "name one with --registry URL, or make one: trustkit registry init",
    )


def open_own_registry(asked: str = "") -> Registry:
    """Open the registry asked for, else that of `default_url`; the user's own is made if need be.

    Raises `StoreError` where one that was named is not there.
    """
    if asked or named_registry() or registry_url():
        return open_registry(registry_url(asked))
    try:
        return init_registry(default_url())
    except StoreError:
        if not registry_url():
            raise
        return open_registry(default_url())  # another process was quicker


def init_registry(url: str, blobs_url: str = "") -> Registry:
    """Make a registry, the key of its log, and open it.

    `blobs_url` is a folder or `s3://BUCKET/PREFIX`; by default a folder beside an SQLite file.
    Raises `StoreError` where there is a registry already, `UsageError` for a wrong URL.
    """
    address = read_url(url)
    if not blobs_url and address.file is None:
        raise UsageError(
            "where are the blobs of this registry to be?", "name --blobs FOLDER or s3://BUCKET/..."
        )
    if blobs_url and "://" not in blobs_url:
        blobs_url = str(Path(blobs_url).expanduser().absolute())
    if blobs_url:
        open_blobs(blobs_url)
    registry = uuid.uuid4().hex
    # The key first: a registry that nobody can sign for is of no use.
    keep = Keep(_folder(registry), registry)
    public = keep.make_key()
    try:
        SqlStore.create(url, {_ID: registry, _BLOBS: blobs_url, _KEY: public.line}).close()
    except BaseException:
        keep.discard()
        raise
    return open_registry(url)


def open_registry(url: str) -> Registry:
    """Open the registry at `url`; raises `StoreError` where there is none."""
    store = SqlStore(url)
    try:
        return _opened(store)
    except BaseException:
        store.close()
        raise


@dataclass
class Registry:
    """A registry that is open; `store` holds the records, `blobs` the bytes that they name."""

    store: SqlStore
    id: str
    blobs_setting: str
    key_line: str

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self.store.close()

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without a password."""
        return self.store.address.shown

    @cached_property
    def blobs_url(self) -> str:
        """Where the blobs are: what was set, or a folder beside the file."""
        file = self.store.address.file
        if self.blobs_setting or file is None:
            return self.blobs_setting
        return f"{file}.blobs"

    @cached_property
    def blobs(self) -> Blobs:
        """The blobs; opened where they are needed, as looking up does without."""
        return open_blobs(self.blobs_url)

    @cached_property
    def keep(self) -> Keep:
        """The folder of whoever signs the log here: there may be nothing in it."""
        return Keep(_folder(self.id), self.id)

    @property
    def own_key(self) -> PublicKey:
        """The key that the registry itself names, which whoever rewrote it could have changed."""
        return read_key(self.key_line)

    def records(self, after: str = "") -> Iterator[Record]:
        """Yield the confirmed records in the order of the log, or those after the id `after`."""
        while page := self.store.records(after, _PAGE):
            yield from page
            after = page[-1].id

    def mentioning(self, text: str, most: int, *, personal: bool) -> Iterator[Record]:
        """Yield the records that mention `text`, the newest first: see `kept.mentioning`."""
        for name in kept.mentioning(self.store.database, text, most, personal=personal):
            if record := self.store.get(name):
                yield record

    def place_of(self, record: str) -> int | None:
        """Return the place of a record in the log; None: reserved, or not there."""
        return kept.place_of(self.store.database, record)

    def reasons(self, record: str) -> list[tuple[str, str]]:
        """Return when and why a record of this id was forgotten."""
        return kept.reasons(self.store.database, record)

    def checkpoint(self) -> Signed | None:
        """Sign the log as it is now; returns the newest checkpoint, also when nothing is new.

        Who lacks the key signs nothing and gets None. Only what is new since the last one is
        read. Raises `StoreError` where the log is not what was signed before: then nothing is.
        """
        if not self.keep.has_key:
            return None
        key, database = self.keep.key(), self.store.database
        last, frontier = self._last(key.public)
        new = frontier.extended(entry.leaf for entry in self.store.entries(frontier.size))
        if last and new.size == frontier.size:
            return last
        signed = sign(Checkpoint(origin_of(self.id), new.size, new.root()), key)
        self.keep.add(signed)
        kept.keep(database, new.size, signed.note, new)
        return signed

    def forget(self, record: str, reason: str = "") -> bool:
        """Take a record out with the blobs that no other names; the log keeps its hash.

        Returns whether there was one. What was stopped in the middle is done by doing it again.
        `reason` is kept as it is told, so it should name nobody.
        """
        there = self.store.get(record)
        if there is None:
            return False
        if len(reason) > MAX_REASON or "\0" in reason:
            raise UsageError(f"a reason has at most {MAX_REASON} characters", "tell it shorter")
        if reason:
            kept.keep_reason(self.store.database, record, reason)
        for blob in {there.manifest, there.thumbnail} - {""}:
            if not kept.others(self.store.database, blob, record):
                self.blobs.delete(blob)
        return self.store.forget(record)

    def _last(self, key: PublicKey) -> tuple[Signed | None, Frontier]:
        """Return the newest checkpoint, and the frontier of the log that it was of."""
        row = kept.last_kept(self.store.database)
        try:
            inside = read(row.note, key) if row else None
        except NoteError as error:
            raise self._changed(error.message) from error
        apart = self._last_apart(key)
        last = max(filter(None, (inside, apart)), key=_size, default=None)
        if last is None:
            return None, Frontier()
        frontier = kept.unpacked(row.size, row.frontier) if row and last is inside else None
        if frontier is None or _unlike(frontier, last.checkpoint):
            frontier = self._recomputed(last.checkpoint.size)
        if _unlike(frontier, last.checkpoint):
            size = last.checkpoint.size
            raise self._changed(f"it is not what was signed when it had {size} entries")
        if last is not inside:  # whoever signed it was stopped before it was kept here
            kept.keep(self.store.database, frontier.size, last.note, frontier)
        return last, frontier

    def _last_apart(self, key: PublicKey) -> Signed | None:
        notes, _ = split(self.keep.text(_TAIL))
        for note in reversed(notes):
            try:
                return read(note, key)
            except NoteError:  # a power cut left half of it; verify-log tells of the others
                continue
        return None

    def _recomputed(self, size: int) -> Frontier:
        entries = islice(self.store.entries(), size)
        return Frontier().extended(entry.leaf for entry in entries)

    def _changed(self, what: str) -> StoreError:
        return StoreError(
            f"the log of {self.shown} was changed: {what}",
            "nothing was signed; see `trustkit registry verify-log`",
        )


def _opened(store: SqlStore) -> Registry:
    settings = store.settings
    registry, key = settings.get(_ID, ""), settings.get(_KEY, "")
    # It becomes the name of a folder.
    if not _NAME.fullmatch(registry) or not key or _BLOBS not in settings:
        raise StoreError(
            f"the registry {store.address.shown} does not say what it is called",
            "its table of settings was changed, or it was not made by `trustkit registry init`",
        )
    return Registry(store, registry, settings[_BLOBS], key)


def _size(signed: Signed) -> int:
    return signed.checkpoint.size


def _unlike(frontier: Frontier, checkpoint: Checkpoint) -> bool:
    return frontier.size != checkpoint.size or frontier.root() != checkpoint.root


def keep_of(origin: str) -> Keep:
    """Return the folder of whoever signs the log of this origin here: there may be none."""
    name = origin.removeprefix(origin_of(""))
    # It names a folder, and comes from whoever wrote the proof.
    return Keep(_folder(name if _NAME.fullmatch(name) else "unknown"), name)


def _folder(registry: str) -> Path:
    return home() / "registries" / registry
