"""From a signed file in the work folder to an output in place that has its record.

The record is reserved first, then the output is renamed into place, then the record is confirmed.
Wherever that stops, an output has at least a reserved record, by which it is found; and a record
that was confirmed has its output. `settle` brings to an end what was stopped half way.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
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
_CONFIRM_TRIES, _PAUSE = 2, 0.5  # each waits as long as a database takes to be started anew


class UnconfirmedError(TrustkitError):
    """An output is in place and its record reserved, but not yet in the registry's log."""

    code, exit_code = "unconfirmed", 30


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """Give an empty folder to work in, in the folder of the outputs; it is gone afterwards.

    One command at a time works there: what another one left when it was killed is swept. Raises
    `PublishError` where another is at work.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY)
    except OSError as error:
        raise _no_folder(root, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PublishError(
                f"another `trustkit mark` writes into {root}", "wait until it has ended"
            ) from error
        swept = root / WORK
        # By a name of its own: a worker whose command was killed may still be writing to the last.
        folder = swept / secrets.token_hex(4)
        try:
            shutil.rmtree(swept, ignore_errors=True)
            folder.mkdir(parents=True)
        except OSError as error:
            raise _no_folder(root, error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(swept, ignore_errors=True)
    finally:
        os.close(descriptor)


def _no_folder(root: Path, error: OSError) -> PublishError:
    return PublishError(
        f"nothing can be written into {root}: {error.strerror or error}",
        "nothing was written; check the folder of the output",
    )


def where(output: Path) -> str:
    """Return how the place of an output is called in the registry: machine and absolute path."""
    return f"{socket.gethostname()}:{output.parent.resolve() / output.name}"


def settle(store: Store, blobs: Blobs, root: Path) -> tuple[int, int]:
    """End what was stopped half way in `root`; returns how many were confirmed and dropped.

    An output that is in place, byte for byte, gets its record confirmed (and its sidecar written,
    where that is missing); a record whose output is not there is dropped. What cannot be told now
    stays reserved: an output that cannot be read, or whose sidecar is missing in the blobs too, and
    what another command is at, in a folder above or below.
    """
    confirmed: list[str] = []
    dropped: list[str] = []
    for record, there in store.reserved():
        output = _ours(there, root)
        if output is None or _is_at_work(output.parent, root):
            continue
        is_there = _is(output, record.sha256)
        if is_there is False or _is_superseded(store, output, record):
            dropped.append(record.id)
        elif is_there and _mended(output, record, blobs):
            confirmed.append(record.id)
    store.confirm(confirmed)
    store.drop(dropped)
    return len(confirmed), len(dropped)


def put(store: Store, record: Record, fresh: Path, output: Path, like: Path) -> None:
    """Put `fresh`, and a sidecar beside it, in place as `output` with its `record`.

    Raises `StoreError` and `PublishError`, and then nothing was put in place; `UnconfirmedError`
    where it was, and running the same command again ends it.
    """
    _check(fresh, output)
    # (1) Reserve: from now on a copy of the output leads to its record.
    store.reserve(record, where(output))
    # (2) In place, at once and whole.
    try:
        _rename(fresh, output, like)
    except BaseException:
        if _is(output, record.sha256) is False:
            store.drop([record.id])
        raise
    # (3) Into the log.
    _confirm(store, record, output)


def _check(fresh: Path, output: Path) -> None:
    """Refuse what cannot be renamed into place before anything is touched there."""
    # A rename would put a file in the place of /dev/null, for everybody on the machine.
    if output.exists() and not output.is_file():
        raise PublishError(
            f"{output} is not a plain file, and is not replaced by one", "name another output"
        )
    if output.parent.stat().st_dev != fresh.stat().st_dev:
        raise PublishError(
            f"{output.parent} is on another file system than the folder of the outputs",
            "name that folder with -o in a call of its own",
        )


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
            # Whether it is reserved still, or was taken back meanwhile: it is in the log now.
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
    is_here = host == socket.gethostname() and path.is_relative_to(root.resolve())
    return path if is_here else None


def _is_at_work(folder: Path, root: Path) -> bool:
    """Tell whether another command works in `folder` or above it; `root` is our own."""
    return any(_is_locked(one) for one in (folder, *folder.parents) if one != root.resolve())


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # gone, or not for us to read: then no command of ours works in it
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is(output: Path, sha256: str) -> bool | None:
    """Tell whether the output is the file with this hash; None: it cannot be read."""
    try:
        if not output.is_file():
            return False
        with output.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return None


def _is_superseded(store: Store, output: Path, record: Record) -> bool:
    """Tell whether the same bytes were published since, with the sidecar of another record."""
    try:
        with output.with_name(f"{output.name}.c2pa").open("rb") as stream:
            beside = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return False
    others = (one for one in store.hashed(record.sha256) if one.id != record.id)
    return beside != record.manifest and any(one.manifest == beside for one in others)


def _mended(output: Path, record: Record, blobs: Blobs) -> bool:
    """Write the sidecar of an output where it is missing; return whether it has its manifest."""
    from trustkit.c2pa.parent import incoming

    if not record.manifest or incoming(open_asset(output)):
        return True
    try:
        content = blobs.get(record.manifest)
    except StoreError:
        return False
    beside = output.with_name(f"{output.name}.c2pa")
    fresh = beside.with_name(f".{beside.name}.trustkit")
    fresh.write_bytes(content)
    place(fresh, beside, output)
    return True
