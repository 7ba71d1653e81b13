"""API keys: made here with 256 random bits, shown once, kept as SHA-256, each with one role."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError, UsageError

_PREFIX = "tk"
_SECRET_BYTES = 32
_MOST = 10_000  # keys in a file
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Role(StrEnum):
    """What a key is good for; each role may do what those before it may."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def covers(self, asked: Role) -> bool:
        """Tell whether who has this role may do what `asked` may."""
        order = list(Role)
        return order.index(self) >= order.index(asked)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: the secret itself is nowhere. Times are ISO 8601 in UTC."""

    id: str
    name: str
    role: Role
    sha256: str
    created: str
    revoked: str = ""


class KeyFile:
    """The keys of a service, in one file that its owner alone can read.

    A plain SHA-256 is enough here: nobody can guess 256 random bits, however fast the hash.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[Key, ...] = ()

    def all(self) -> tuple[Key, ...]:
        """Return every key ever made, revoked ones too; raises `ConfigError` for a bad file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, ()
            return ()
        except OSError as error:
            raise _bad(self._path, error.strerror or "cannot be read") from error
        # A key that is revoked is refused from the next request on: the file tells by its stamp.
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            if os.name == "posix" and found.st_mode & _OTHERS_WRITE:
                raise _bad(self._path, "others may write to it")
            self._keys, self._seen = _read(self._path), seen
        return self._keys

    def add(self, name: str, role: Role) -> tuple[Key, str]:
        """Make a key; returns it and its text, which is shown once and kept nowhere."""
        secret = secrets.token_bytes(_SECRET_BYTES).hex()
        with self._changing() as keys:
            if len(keys) >= _MOST:
                raise ConfigError(f"there are {_MOST} keys already", f"clear {self._path}")
            taken = {key.id for key in keys}
            number = next(i for i in iter(lambda: secrets.token_hex(4), "") if i not in taken)
            key = Key(number, name, role, _digest(secret), _now())
            self._write([*keys, key])
        return key, f"{_PREFIX}_{number}_{secret}"

    def revoke(self, number: str) -> Key:
        """Make the key useless from now on; raises `UsageError` where there is none."""
        with self._changing() as keys:
            for at, key in enumerate(keys):
                if key.id == number:
                    gone = key if key.revoked else replace(key, revoked=_now())
                    self._write([*keys[:at], gone, *keys[at + 1 :]])
                    return gone
        raise UsageError(f"there is no key {number}", "see `trustkit serve key list`")

    def role_of(self, text: str) -> Role | None:
        """Return the role of the key that somebody presents, or None for none of ours."""
        prefix, _, rest = text.partition("_")
        number, _, secret = rest.partition("_")
        known = next((key for key in self.all() if key.id == number), None)
        # An unknown number takes the same comparison, so that time does not tell which exist.
        kept = known.sha256 if known else _digest("")
        is_same = hmac.compare_digest(_digest(secret), kept)
        if not is_same or known is None or known.revoked or prefix != _PREFIX:
            return None
        return known.role

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[Key, ...]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _bad(self._path, error.strerror or "cannot be written") from error
        try:
            if os.name == "posix":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            self._seen = None
            yield self.all()
        finally:
            os.close(lock)

    def _write(self, keys: Sequence[Key]) -> None:
        text = json.dumps({"keys": [asdict(key) for key in keys]}, indent=1) + "\n"
        try:
            # mkstemp's files are the owner's alone.
            handle, place = tempfile.mkstemp(prefix=f".{self._path.name}-", dir=self._path.parent)
            try:
                with os.fdopen(handle, "w") as out:
                    out.write(text)
                    out.flush()
                    os.fsync(out.fileno())
                os.replace(place, self._path)
            except BaseException:
                Path(place).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _bad(self._path, error.strerror or "cannot be written") from error


def _read(path: Path) -> tuple[Key, ...]:
    try:
        entries: Any = json.loads(path.read_bytes())["keys"]
        return tuple(Key(**{**entry, "role": Role(entry["role"])}) for entry in entries)
    except OSError as error:
        raise _bad(path, error.strerror or "cannot be read") from error
    except (ValueError, LookupError, TypeError) as error:
        raise _bad(path, "it is no file of keys") from error


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bad(path: Path, why: str) -> ConfigError:
    return ConfigError(f"the API keys in {path} cannot be used: {why}", "see docs/serve.md")
