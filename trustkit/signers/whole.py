"""Files and folders of keys put in place whole: kill -9 leaves what was there, or what is new."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit.errors import PublishError

SECRET = 0o600
PUBLIC = 0o644
FOLDER = 0o700
_ABANDONED = 3600.0  # seconds; nothing is in the making for longer than a prompt stands open


def put(path: Path, data: bytes, mode: int) -> None:
    """Write `path` at once, in place of what was there; raises `PublishError`."""
    fresh = path.with_name(f".{secrets.token_hex(6)}.making")
    try:
        # The mode is the file's from its first moment: nobody reads a key while it is written.
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, path)
        _sync(path.parent)
    except OSError as error:
        raise PublishError(
            f"{path} cannot be written: {error.strerror}", "check the folder and the space left"
        ) from error
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill that becomes `path` once all is in it; raises `PublishError`.

    Where `path` is there already, it must be empty.
    """
    fresh = path.with_name(f".{secrets.token_hex(6)}.making")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir(mode=FOLDER)
        yield fresh
        _sync(fresh)
        fresh.rename(path)  # an empty folder gives way, any other stays
        _sync(path.parent)
    except OSError as error:
        raise PublishError(
            f"{path} cannot be made: {error.strerror}", "name another, or check the folder"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def set_aside(path: Path) -> Path | None:
    """Keep what is at `path` as NAME.1.pem, NAME.2.pem or so, and return where; None for nothing.

    It stays at `path` too until something else is put there.
    """
    if not path.exists():
        return None
    for number in range(1, 10_000):
        aside = path.with_name(f"{path.stem}.{number}{path.suffix}")
        if not aside.exists():
            put(aside, path.read_bytes(), path.stat().st_mode & 0o777)
            return aside
    raise PublishError(f"{path.parent} holds too many old files", "move some of them away")


def sweep(place: Path) -> None:
    """Remove from `place` what an earlier call was killed over: it may hold an unused key."""
    for left in place.glob(".*.making"):
        try:
            if time.time() - left.lstat().st_mtime < _ABANDONED:
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        except FileNotFoundError:
            continue  # another call has swept
        except OSError as error:
            raise PublishError(
                f"{left} is left of an earlier call and cannot be removed: {error.strerror}",
                "it may hold an unused key: remove it",
            ) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
