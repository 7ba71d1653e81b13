"""A file that a command was asked to write, put in place whole: never half, never over a device."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from trustkit.errors import UsageError


def put_file(path: Path, parts: Iterable[str], mode: int = 0o644) -> None:
    """Write a file whole or not at all; raises `UsageError` where it cannot be written."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a plain file", "name another file")
    fresh = path.with_name(f".{secrets.token_hex(6)}.trustkit")
    try:
        # The mode is the file's from its first moment: it may hold what is personal.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", "name another file"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
