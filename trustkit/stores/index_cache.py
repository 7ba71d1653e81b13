"""A folder of mapped files that spares the index reading all codes from the SQL again.

    head.json       registry, last place, stamp, and the files: written last, by renaming
    NAME.codes      columns of one algorithm, one behind the other; it never changes
    writer.lock     held by who is writing

It is a cache: what is missing, damaged or another registry's is as good as nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import mmap
import os
import re
import secrets
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.record import canonical
from trustkit.stores.index_columns import ROW_BYTES, Array, Columns

_log = logging.getLogger(__name__)

_FORMAT = "trustkit-index.1"
_HEAD, _LOCK = "head.json", "writer.lock"
_NAME = re.compile(r"[0-9a-f]{16}\.codes")
_MAX_HEAD = 4 * 2**20  # bytes; it has a line a file
_TRIES = 3  # to open what another process replaces meanwhile
# To read so many codes from the SQL takes a twentieth of a second: not worth a file.
WORTH = 2**15

Kept = Mapping[str, tuple[Columns, ...]]


class _DamagedError(Exception):
    """What is in the folder is not what was written there."""


# A file with any bytes in it may also be no JSON, or JSON of something else.
_DAMAGED = (
    _DamagedError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """How far in the log the columns go, and what the log says there."""

    last: int
    stamp: str


class Cache:
    """The folder of one registry's index; no more than one thread may use it at a time."""

    def __init__(self, folder: Path, registry: str) -> None:
        self._folder, self._registry = folder, registry
        self._seen = b""  # the head.json that was read or written last
        self._files: dict[str, dict[str, Any]] = {}  # what it tells of each file in use

    def read(self) -> tuple[Head, Kept] | None:
        """Return what is kept, checked to the last bit, or nothing."""
        trouble: Exception | None = None
        for _ in range(_TRIES):
            try:
                self._seen, self._files = self._now(), {}
                return self._opened(self._seen) if self._seen else None
            except FileNotFoundError as error:
                trouble = error  # replaced since the head was read, or gone
            except _DAMAGED as error:
                trouble = error
                break
        _log.info("the index in %s counts as nothing: %s", self._folder, trouble)
        return None

    def write(
        self, head: Head, columns: Kept, gone: frozenset[int], least: int = WORTH
    ) -> tuple[Head, Kept] | None:
        """Keep what has grown by `least` rows, without what is gone; return it as read again.

        Nothing is returned where nothing was written: too little is new, another process is
        writing or has written, or the folder cannot be written.
        """
        grown = sum(one.rows for some in columns.values() for one in some if not one.file)
        is_less = any(one.file and _holds(one, gone) for some in columns.values() for one in some)
        if grown < least and not is_less:
            return None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone() as is_alone:
                if not is_alone or self._now() != self._seen:
                    return None
                return self._replace(head, columns, gone)
        except OSError as error:
            _log.info("the index is not kept in %s: %s", self._folder, error)
            return None

    def _now(self) -> bytes:
        try:
            with (self._folder / _HEAD).open("rb") as stream:
                return stream.read(_MAX_HEAD)
        except FileNotFoundError:
            return b""

    def _opened(self, content: bytes) -> tuple[Head, Kept]:
        told = json.loads(content)
        check = told.pop("check")
        if check != zlib.crc32(canonical(told)) or told["format"] != _FORMAT:
            raise _DamagedError(f"{_HEAD} is damaged")
        if told["registry"] != self._registry:
            raise _DamagedError("it is another registry's")
        columns: dict[str, tuple[Columns, ...]] = {}
        for one in told["files"]:
            before = columns.get(one["algorithm"], ())
            columns[one["algorithm"]] = (*before, self._mapped(one))
        self._files = {one["file"]: one for one in told["files"]}
        return Head(told["last"], told["stamp"]), columns

    def _mapped(self, told: Mapping[str, Any]) -> Columns:
        name, rows = told["file"], told["rows"]
        if not _NAME.fullmatch(name):
            raise _DamagedError(f"{name!r} is no file of an index")
        with (self._folder / name).open("rb") as stream:
            if os.fstat(stream.fileno()).st_size != rows * ROW_BYTES:
                raise _DamagedError(f"{name} is cut")
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        if zlib.crc32(content) != told["check"]:
            raise _DamagedError(f"{name} is damaged")
        return Columns.over(content, rows, name)

    def _replace(self, head: Head, columns: Kept, gone: frozenset[int]) -> tuple[Head, Kept]:
        files = []
        for algorithm, some in columns.items():
            for group in _groups(some, gone):
                old = self._files.get(group[0].file) if len(group) == 1 else None
                if old and not _holds(group[0], gone):
                    files.append(old)
                elif told := self._written(group, gone):
                    files.append({"algorithm": algorithm, **told})
        told = {
            "format": _FORMAT,
            "registry": self._registry,
            "last": head.last,
            "stamp": head.stamp,
            "files": files,
        }
        content = canonical({**told, "check": zlib.crc32(canonical(told))})
        fresh = self._folder / f"{secrets.token_hex(8)}.new"
        fresh.write_bytes(content)
        os.replace(fresh, self._folder / _HEAD)
        self._seen = content
        self._sweep({one["file"] for one in files})
        kept = self.read()
        if kept is None:
            raise OSError(f"what was just written to {self._folder} cannot be read")
        return kept

    def _written(self, group: Sequence[Columns], gone: frozenset[int]) -> dict[str, Any] | None:
        """Write the rows of `group` that are not gone to a new file, and tell of it."""
        masks = [_staying(one, gone) for one in group]
        rows = sum(one.rows if mask is None else int(mask.sum())
                   for one, mask in zip(group, masks, strict=True))  # fmt: skip
        if not rows:
            return None
        name, check = f"{secrets.token_hex(8)}.codes", 0
        with (self._folder / name).open("wb") as stream:
            # Column by column, so that no more than one of them is ever copied.
            for fields in zip(*(one.fields() for one in group), strict=True):
                for field, mask in zip(fields, masks, strict=True):
                    content = memoryview(field if mask is None else field[mask]).cast("B")
                    check = zlib.crc32(content, check)
                    stream.write(content)
        return {"file": name, "rows": rows, "check": check}

    def _sweep(self, files: set[str]) -> None:
        # Whoever has a file mapped still keeps it. Where that forbids deleting, the next one does.
        for path in self._folder.iterdir():
            if path.suffix in {".codes", ".new"} and path.name not in files:
                with contextlib.suppress(OSError):
                    path.unlink()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Hold the writer's lock, or tell that another does. Windows has none and goes without."""
        if sys.platform == "win32":
            yield True
            return
        import fcntl

        handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True  # the kernel lets go of the lock of a process that was killed
        finally:
            os.close(handle)


def _groups(columns: Sequence[Columns], gone: frozenset[int]) -> list[list[Columns]]:
    """Share columns out to files, in order: each file is more than twice what comes after it.

    So there are few of them, and each row is written anew few times.
    """
    groups: list[list[Columns]] = []
    last: list[Columns] = []
    rows = 0
    for one in reversed(columns):
        if not one.file or (last and one.rows < 2 * rows):
            last.insert(0, one)
            rows += one.rows
        else:
            groups.insert(0, [one])
            rows += one.rows
    return [*groups, last] if last else groups


def _holds(columns: Columns, gone: frozenset[int]) -> bool:
    begins, ends = columns.spans(sorted(gone))
    return bool((ends > begins).any())


def _staying(columns: Columns, gone: frozenset[int]) -> Array | None:
    """Return which rows stay; nothing: all of them."""
    if not _holds(columns, gone):
        return None
    staying = np.ones(columns.rows, np.bool_)
    for begin, end in zip(*columns.spans(sorted(gone)), strict=True):
        staying[begin:end] = False
    return staying
