"""Blobs by their SHA-256: a folder here, other places by the scheme of their URL."""

from __future__ import annotations

import os
import re
import secrets
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trustkit import plugins
from trustkit.errors import ConfigError
from trustkit.stores import Blobs, StoreError

MAX_BYTES = 2**28  # of one blob: a manifest with every thumbnail of a long history is far below
_NAME = re.compile(r"[0-9a-f]{64}")
_ABANDONED = 3600.0  # seconds; no write takes as long
_MAKING = ".making"  # the folder of what is being written


class BlobError(StoreError):
    """A blob that is lost or damaged: the place was there to be asked."""


def open_blobs(url: str) -> Blobs:
    """Open the blob store at `url`: `s3://BUCKET/PREFIX`, `file:///FOLDER`, or a folder.

    Raises `ConfigError` for another URL, `MissingBackendError` when its part is not installed.
    """
    scheme, colon, _ = url.partition("://")
    name = scheme if colon else "file"
    if not url or name not in plugins.names("blobs"):
        raise ConfigError(
            f"{without_secret(url)!r} is no place for blobs", "name a folder, or s3://BUCKET/PREFIX"
        )
    blobs: Blobs = plugins.load("blobs", name)(url)
    return blobs


def open_folder(url: str) -> FolderBlobs:
    """Open the folder that `url` names; it is made when something is put into it."""
    if not url.startswith("file:"):
        return FolderBlobs(Path(url))
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment:
        raise ConfigError(
            f"{without_secret(url)!r} is no folder of this machine", "write file:///FOLDER"
        )
    return FolderBlobs(Path(unquote(parts.path)))


class FolderBlobs:
    """Blobs as files of one folder, 256 folders below it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._swept = False

    def put(self, content: bytes) -> str:
        """See `Blobs`; a damaged blob of this name is replaced."""
        name = name_of(content)
        target = self._target(name)
        try:
            if not _is_whole(target, name):
                self._write(content, target)
        except OSError as error:
            raise StoreError(
                f"the blob {name} cannot be written to {self._path}: {error.strerror}",
                "check the folder and the space left",
            ) from error
        return name

    def get(self, sha256: str) -> bytes:
        """See `Blobs`."""
        target = self._target(sha256)
        try:
            with target.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise missing(sha256, str(self._path)) from error
        except OSError as error:
            raise StoreError(
                f"the blob {sha256} cannot be read: {error.strerror}", f"check {self._path}"
            ) from error
        return checked(content, sha256, str(self._path))

    def delete(self, sha256: str) -> None:
        """See `Blobs`."""
        try:
            self._target(sha256).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"the blob {sha256} cannot be deleted: {error.strerror}", f"check {self._path}"
            ) from error

    def _target(self, name: str) -> Path:
        check_name(name)
        return self._path / name[:2] / name[2:]

    def _write(self, content: bytes, target: Path) -> None:
        making = self._path / _MAKING
        making.mkdir(parents=True, exist_ok=True)
        self._sweep(making)
        fresh = making / secrets.token_hex(8)
        try:
            with fresh.open("xb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            target.parent.mkdir(exist_ok=True)
            os.replace(fresh, target)
            for folder in (target.parent, self._path):
                _sync(folder)
        finally:
            fresh.unlink(missing_ok=True)

    def _sweep(self, making: Path) -> None:
        # What an earlier process was killed over; once is enough.
        if not self._swept:
            for left in making.iterdir():
                if time.time() - left.stat().st_mtime > _ABANDONED:
                    left.unlink(missing_ok=True)
            self._swept = True


def name_of(content: bytes) -> str:
    """Return the name of a blob; raises `StoreError` for one that is too large."""
    if len(content) > MAX_BYTES:
        raise StoreError(
            f"{len(content)} bytes are too many for a blob", f"at most {MAX_BYTES} are kept"
        )
    return sha256(content).hexdigest()


def check_name(name: str) -> None:
    """Raise `StoreError` for what is no SHA-256: names come out of a database, and make paths."""
    if not _NAME.fullmatch(name):
        raise StoreError(f"{name[:80]!r} names no blob", "it must be a SHA-256 in lower-case hex")


def checked(content: bytes, name: str, place: str) -> bytes:
    """Return `content` if it is what `name` says; raises `StoreError`."""
    if sha256(content).hexdigest() != name:
        raise BlobError(
            f"the blob {name} in {place} is damaged: its SHA-256 is another",
            "put it back from a copy",
        )
    return content


def missing(name: str, place: str) -> BlobError:
    """Return what to raise where there is no such blob."""
    return BlobError(f"the blob {name} is not in {place}", "put it back from a copy")


def without_secret(url: str) -> str:
    """Return a URL as it may be shown: whatever stands before an @ may hold a password."""
    # To the last @, and before it is cut: keys of S3 hold slashes, and may be long.
    return re.sub(r"//.*@", "//...@", url, flags=re.DOTALL)[:200]


def _is_whole(target: Path, name: str) -> bool:
    try:
        with target.open("rb") as stream:
            return sha256(stream.read(MAX_BYTES + 1)).hexdigest() == name
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
