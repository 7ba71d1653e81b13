"""Uploads on disk while they are looked at: without a name where the system allows it.

A file that is unlinked the moment it is made is gone with the process that holds it, however that
ends. Where open files have no path of their own (other systems than Linux) they stand in a folder
of this run, which the next start sweeps.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trustkit.errors import ConfigError

_PREFIX = "trustkit-serve-"
_TRIES = 5


@dataclass(frozen=True)
class Upload:
    """A file that is being filled; `path` is where another process can open it."""

    stream: BinaryIO
    path: Path


class Spool:
    """The folder of one run, below `base`; whoever ends without closing it leaves it to be swept.

    Raises `ConfigError` where no folder can be made.
    """

    def __init__(self, base: Path) -> None:
        try:
            sweep(base)
            self.folder, self._lock = _made(base)
            self.is_nameless = self._opens_by_number()
        except OSError as error:
            raise ConfigError(
                f"no temporary files can be made in {base}: {error.strerror}", "name --temp DIR"
            ) from error

    @contextmanager
    def upload(self) -> Iterator[Upload]:
        """Give a new file; it is gone at the end, or with this process."""
        handle, name = tempfile.mkstemp(prefix="upload-", dir=self.folder)
        path = Path(name)
        with os.fdopen(handle, "w+b", buffering=0) as stream:
            if self.is_nameless:
                path.unlink()
                path = _by_number(stream.fileno())
            try:
                yield Upload(stream, path)
            finally:
                if not self.is_nameless:
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder, with all that other processes of this run have left in it."""
        if self._lock is not None:
            os.close(self._lock)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _opens_by_number(self) -> bool:
        handle, name = tempfile.mkstemp(dir=self.folder)
        try:
            os.write(handle, b"?")
            os.unlink(name)  # noqa: PTH108  # a name, no path
            return _by_number(handle).read_bytes() == b"?"
        except OSError:
            Path(name).unlink(missing_ok=True)
            return False
        finally:
            os.close(handle)


def sweep(base: Path) -> int:
    """Remove what runs that are over have left in `base`; returns how many folders."""
    gone = 0
    for folder in base.glob(f"{_PREFIX}*"):
        lock = _held(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
            gone += 1
    return gone


def _made(base: Path) -> tuple[Path, int | None]:
    for _ in range(_TRIES):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        lock = _held(folder)
        if os.name != "posix":
            return folder, None
        # Another start may have taken it for one that is over, in the moment before it was locked.
        if lock is not None and folder.is_dir():
            return folder, lock
    raise ConfigError(f"{base} is swept too often", "start one service after the other")


def _by_number(handle: int) -> Path:
    return Path(f"/proc/{os.getpid()}/fd/{handle}")


def _held(folder: Path) -> int | None:
    """Lock a folder; None where somebody else has it, or where there is no such lock.

    The lock goes with the process that holds it, so it tells the living from the dead. What sweeps
    temporary folders for the system (systemd-tmpfiles) leaves locked ones alone.
    """
    if os.name != "posix":
        return None
    import fcntl

    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None  # somebody else's, or gone meanwhile
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
