"""Files of a detector, read once: what was hashed is what is used."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from trustkit.errors import ConfigError

HINT = "install it anew: `trustkit models add`, or trustkit itself where it came with it"


def read_named(path: Path, most: int) -> bytes:
    """Return what the file holds that a user named, behind a link too; raises `ConfigError`."""
    return read_plain(Path(os.path.realpath(path)), most, "name a file that is there")


def read_plain(path: Path, most: int, hint: str = HINT) -> bytes:
    """Return what a plain file holds, up to `most` bytes; raises `ConfigError`.

    A link is refused: it could lead anywhere.
    """
    # A pipe without a writer would keep us for ever.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    except OSError as error:
        if error.errno == errno.ELOOP:  # what O_NOFOLLOW answers
            raise ConfigError(f"{path} is a link, not a file", hint) from error
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint) from error
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ConfigError(f"{path} is no file", hint)
        found = stream.read(most + 1)
    if len(found) > most:
        raise ConfigError(f"{path} is larger than {most:,} bytes", "no detector's file is")
    return found


def read_verified(path: Path, sha256: str, most: int, hint: str = "") -> bytes:
    """Return the very bytes whose SHA-256 it is; raises `ConfigError` where it is another's."""
    return verified(read_plain(path, most, hint or HINT), sha256, str(path), hint)


def verified(content: bytes, sha256: str, shown: str, hint: str = "") -> bytes:
    """Return `content` when that is its SHA-256; raises `ConfigError` when it is not."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ConfigError(
            f"{shown} was changed: its SHA-256 is {actual[:16]}..., not {sha256[:16]}...",
            hint or f"it is not used; {HINT}",
        )
    return content
