"""The audit log: one JSON object a line, each with the hash of the line before it.

A line that is changed, dropped or put elsewhere breaks the chain from there on. Whoever can write
the whole file can write it anew: keep the hash of its last line elsewhere.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError, PublishError
from trustkit.record import canonical

START = "0" * 64  # what the first line has for the hash of the line before it
_MAX_LINE = 2**20
_BEGINNING = b'{"at":"'  # of each line, also of one that was torn
_HINT = "name another file with --audit; what stands there is left as it is"


class Audit:
    """An open log; see `open_audit`."""

    def __init__(self, descriptor: int, last: str) -> None:
        self._descriptor, self.last = descriptor, last

    def add(self, event: str, facts: Mapping[str, Any]) -> None:
        """Append a line, and have it on disk when this returns; raises `PublishError`."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = canonical({"at": now, "event": event, **facts, "prev": self.last})
        try:
            _append(self._descriptor, line + b"\n")
        except OSError as error:
            raise PublishError(
                f"the audit log cannot be written: {error.strerror or error}",
                "what is not logged is not published: make room, and run the same command again",
            ) from error
        self.last = hashlib.sha256(line).hexdigest()


@contextmanager
def open_audit(path: Path) -> Iterator[Audit]:
    """Open the log at `path` to append to it, alone; raises `ConfigError` for any other file."""
    descriptor = -1
    try:
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(path, flags, 0o666)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{path} is no plain file, and so no audit log", _HINT)
            audit = Audit(descriptor, _last(descriptor, path))
        except BlockingIOError as error:
            raise ConfigError(f"{path} is written to by another command", _HINT) from error
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"{path} cannot be opened: {reason}", _HINT) from error
        yield audit
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    """Append a line whole or not at all: half of one would stand there as if it were said."""
    size = os.fstat(descriptor).st_size
    try:
        is_whole = os.write(descriptor, line) == len(line)  # else as much as there was room for
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if not is_whole:
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _last(descriptor: int, path: Path) -> str:
    """Return the hash of the last line, ending a line that was torn when its writer was killed."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size:
        return START
    tail = os.pread(descriptor, _MAX_LINE, max(0, size - _MAX_LINE))
    lines = tail.removesuffix(b"\n").split(b"\n")
    # A torn line stays, and is part of the chain; a file without any other is none of ours.
    if not any(map(_is_ours, lines)) and not tail.startswith(_BEGINNING):
        raise ConfigError(f"{path} is no audit log", _HINT)
    if not tail.endswith(b"\n"):
        _append(descriptor, b"\n")
    return hashlib.sha256(lines[-1]).hexdigest()


def _is_ours(line: bytes) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and "prev" in found and "event" in found


def first_break(path: Path) -> int | None:
    """Return the number (from 1) of the first line that does not follow on the one before it.

    None: the chain holds. A line torn by a kill is no break, and counts as any other.
    """
    last = START
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            content = line.rstrip(b"\n")
            if _is_ours(content) and json.loads(content)["prev"] != last:
                return number
            last = hashlib.sha256(content).hexdigest()
    return None
