"""The audit log: one JSON object a line, each with the hash of the line before it.

A line that is changed, dropped or put elsewhere breaks the chain from there on. Whoever can write
the whole file can write it anew: keep the hash of its last line elsewhere, as `mark` prints it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from trustkit.errors import ConfigError, PublishError
from trustkit.record import canonical

START = "0" * 64  # what the first line has for the hash of the line before it
_MAX_LINE = 2**20
_HINT = "name another file with --audit; what stands there is left as it is"


class Audit:
    """An open log; see `open_audit`."""

    def __init__(self, stream: BinaryIO, last: str) -> None:
        self._stream, self.last = stream, last

    def add(self, event: str, facts: Mapping[str, Any]) -> None:
        """Append a line, and have it on disk when this returns; raises `PublishError`."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = canonical({"at": now, "event": event, **facts, "prev": self.last})
        try:
            self._stream.write(line + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise PublishError(
                f"the audit log cannot be written: {error.strerror or error}",
                "what is not logged is not published: make room, and run the same command again",
            ) from error
        self.last = hashlib.sha256(line).hexdigest()


@contextmanager
def open_audit(path: Path) -> Iterator[Audit]:
    """Open the log at `path` to append to it, alone; raises `ConfigError` for any other file."""
    try:
        with path.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Audit(stream, _last(stream, path))
    except BlockingIOError as error:
        raise ConfigError(f"{path} is written to by another command", _HINT) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be opened: {error.strerror or error}", _HINT) from error


def _last(stream: BinaryIO, path: Path) -> str:
    """Return the hash of the last line, ending a line that was torn when its writer was killed."""
    size = stream.seek(0, os.SEEK_END)
    if not size:
        return START
    start = max(0, size - _MAX_LINE)
    stream.seek(start)
    tail = stream.read()
    if not tail.endswith(b"\n"):
        stream.write(b"\n")
        tail += b"\n"
    line = tail[:-1].rpartition(b"\n")[2]
    # A torn line stays, and is part of the chain; a file without any other is none of ours.
    if not any(_is_ours(one) for one in tail.split(b"\n")):
        raise ConfigError(f"{path} is no audit log", _HINT)
    return hashlib.sha256(line).hexdigest()


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
