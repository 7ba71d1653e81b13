"""Files put in place whole or not at all: written beside their place, synced, renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit.errors import PublishError


@contextmanager
def temporary(target: Path) -> Iterator[Path]:
    """Name a file to be written for `target`; it is removed unless it was renamed.

    Raises `PublishError` where something else than a plain file stands at `target`.
    """
    # A rename would put a file in the place of /dev/null, for everybody on the machine.
    if target.exists() and not target.is_file():
        raise PublishError(
            f"{target} is not a plain file, and is not replaced by one",
            "name a file, or - for standard output",
        )
    # Beside the target, so that the rename stays on one file system; with its ending, hidden.
    path = target.with_name(f".{secrets.token_hex(6)}.trustkit{target.suffix}")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def place(fresh: Path, target: Path, like: Path) -> None:
    """Rename `fresh` to `target`, at once and durably, with the permissions of `like`."""
    fresh.chmod(like.stat().st_mode & 0o777)
    _sync(fresh)
    os.replace(fresh, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
