"""From a signed file in the work folder to an output in place that has its record.

The record is reserved first, then the output is renamed into place, then the record is confirmed.
Wherever that stops, an output has at least a reserved record, by which it is found; and a record
that was confirmed has its output. `settle` brings to an end what was stopped half way.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit.asset import open_asset
from trustkit.errors import PublishError, TrustkitError
from trustkit.media.placing import place
from trustkit.record import Record
from trustkit.stores import Blobs, Store, StoreError

WORK = ".trustkit-mark"  # in the folder of the outputs: a rename must stay on one file system
_CONFIRM_TRIES, _PAUSE = 4, 0.5  # a database that is started anew is back within seconds


class UnconfirmedError(TrustkitError):
    """An output is in place and its record reserved, but not yet in the registry's log."""

    code, exit_code = "unconfirmed", 30


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """Give an empty folder to work in, in the folder of the outputs; it is gone afterwards.

    One command at a time works there: what another one left when it was killed is swept. Raises
    `PublishError` where another is at work.
    """
    descriptor = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(
                f"another `trustkit mark` writes into {root}", "wait until it has ended"
            ) from error
        folder = root / WORK
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def where(output: Path) -> str:
    """Return how the place of an output is called in the registry: machine and absolute path."""
    return f"{socket.gethostname()}:{output.absolute()}"


def settle(store: Store, blobs: Blobs, root: Path) -> tuple[int, int]:
    """End what was stopped half way in `root`; returns how many were confirmed and dropped.

    An output that is in place, byte for byte, gets its record confirmed (and its sidecar written,
    where that is missing); a record whose output is not there is dropped.
    """
    confirmed: list[str] = []
    dropped: list[str] = []
    for record, there in store.reserved():
        output = _ours(there, root)
        if output is None:
            continue
        if _is(output, record.sha256):
            _mend_sidecar(output, record, blobs)
            confirmed.append(record.id)
        else:
            dropped.append(record.id)
    store.confirm(confirmed)
    store.drop(dropped)
    return len(confirmed), len(dropped)


def put(store: Store, record: Record, fresh: Path, output: Path, like: Path) -> None:
    """Put `fresh`, and a sidecar beside it, in place as `output` with its `record`.

    Raises `StoreError` and `PublishError`, and then nothing was put in place; `UnconfirmedError`
    where it was, and running the same command again ends it.
    """
    # (1) Reserve: from now on a copy of the output leads to its record.
    store.reserve(record, where(output))
    # (2) In place, at once and whole.
    try:
        _rename(fresh, output, like)
    except BaseException:
        if not _is(output, record.sha256):
            store.drop([record.id])
        raise
    # (3) Into the log.
    _confirm(store, record, output)


def _rename(fresh: Path, output: Path, like: Path) -> None:
    beside = fresh.with_name(f"{fresh.name}.c2pa")
    old = output.with_name(f"{output.name}.c2pa")
    try:
        # A stale sidecar beside a new file would call it altered: gone first, new last.
        old.unlink(missing_ok=True)
        place(fresh, output, like)
        if beside.is_file():
            place(beside, old, like)
    except OSError as error:
        raise PublishError(
            f"{output} cannot be put in place: {error.strerror or error}", "check the folder"
        ) from error


def _confirm(store: Store, record: Record, output: Path) -> None:
    for left in reversed(range(_CONFIRM_TRIES)):
        try:
            store.confirm([record.id])
            # Who settled meanwhile may have taken it back: then it is added.
            if store.get(record.id) is None:
                store.put([record])
        except StoreError as error:
            if not left:
                raise UnconfirmedError(
                    f"{output} is in place, but its record {record.id} is only reserved: "
                    f"{error.message}",
                    "run the same command again when the registry can be reached",
                ) from error
            time.sleep(_PAUSE)
        else:
            return


def _ours(there: str, root: Path) -> Path | None:
    host, _, name = there.partition(":")
    path = Path(name)
    is_here = host == socket.gethostname() and path.is_relative_to(root.absolute())
    return path if is_here else None


def _is(output: Path, sha256: str) -> bool:
    try:
        return open_asset(output).sha256 == sha256
    except (TrustkitError, OSError):
        return False  # missing, empty or something else: it is not the file that was reserved


def _mend_sidecar(output: Path, record: Record, blobs: Blobs) -> None:
    from trustkit.c2pa.parent import incoming

    if not record.manifest or incoming(open_asset(output)):
        return
    beside = output.with_name(f"{output.name}.c2pa")
    fresh = beside.with_name(f".{beside.name}.trustkit")
    fresh.write_bytes(blobs.get(record.manifest))
    place(fresh, beside, output)
