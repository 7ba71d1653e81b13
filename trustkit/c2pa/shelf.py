"""Named things of several documents, in versions, on this machine.

`NAME/about.json` says which documents count; they lie beside it under the SHA-256 of their content.
A new version is laid beside the old, and counts from the moment in which `about.json` is replaced,
which is one rename: stopped at any point, the old one counts or the new, whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustkit.errors import ConfigError

KEPT = 5  # versions that are kept beside the one in use
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ABOUT = "about.json"
_ALONE = "list.pem"  # the one document of a list of version 0.1, which named none

Entry = dict[str, Any]  # what about.json says of one version


@dataclass(frozen=True)
class Shelf:
    """The folder that holds the named things."""

    path: Path

    def names(self) -> list[str]:
        """List the names there are, sorted."""
        if not self.path.is_dir():
            return []
        found = (p.name for p in self.path.iterdir() if (p / _ABOUT).is_file())
        return sorted(name for name in found if _NAME.fullmatch(name))

    def entry(self, name: str) -> Entry:
        """Return what is said of the version in use; raises `OSError` or `ValueError`."""
        entry = json.loads((self.path / name / _ABOUT).read_text("utf-8"))
        if not isinstance(entry, dict):
            raise ValueError("about.json says nothing")  # noqa: TRY004  # a value, from a file
        return entry

    def previous(self, name: str) -> list[Entry]:
        """Return what is said of the versions before it, the youngest first."""
        found = self.entry(name).get("previous", [])
        return [entry for entry in found if isinstance(entry, dict)]

    def documents(self, name: str, entry: Entry) -> list[bytes]:
        """Return the documents of a version.

        Raises `OSError` where one is gone, `KeyError` or `TypeError` where the entry is damaged,
        and `ConfigError` where a document is not what was put there.
        """
        found = []
        for file, sha256 in _files(entry):
            content = (self.path / name / file).read_bytes()
            if hashlib.sha256(content).hexdigest() != sha256:
                raise ConfigError(
                    f"trust list {name} is not what was added: its SHA-256 differs",
                    f"`trustkit trust remove {name}` and add it anew",
                )
            found.append(content)
        return found

    def put(self, name: str, entry: Mapping[str, Any], documents: Sequence[bytes]) -> None:
        """Make `documents` the version of `name` that counts, and keep the one before.

        `entry` has a dict under `documents` for each of them, which gets its file and SHA-256.
        Raises `ConfigError` for a malformed name or where it cannot be stored; then nothing is
        changed.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} is no name for a list", "use a-z, 0-9, dot, dash and underscore"
            )
        named = []
        for about, content in zip(entry["documents"], documents, strict=True):
            digest = hashlib.sha256(content).hexdigest()
            suffix = "json" if content.lstrip()[:1] in {b"{", b"["} else "pem"
            named.append({**about, "file": f"{digest}.{suffix}", "sha256": digest})
        with self._storing(name) as folder:
            before = self._versions(name)
            for about, content in zip(named, documents, strict=True):
                if not (folder / about["file"]).exists():
                    _write(folder / about["file"], content)
            self._point(folder, {**entry, "documents": named, "previous": before[:KEPT]})

    def note(self, name: str, **changes: object) -> None:
        """Change what is said of the version in use; raises `ConfigError` as `put` does."""
        with self._storing(name) as folder:
            self._point(folder, {**self.entry(name), **changes})

    def back(self, name: str) -> None:
        """Make the version before count, and keep the one in use as the youngest before it.

        Raises `ConfigError` where there is none, or it cannot be stored.
        """
        with self._storing(name) as folder:
            current, *before = self._versions(name)
            if not before:
                raise ConfigError(f"no earlier version of {name} is kept", "nothing was changed")
            self._point(folder, {**before[0], "previous": [current, *before[1:]]})

    def remove(self, name: str) -> None:
        """Remove `name` with all its versions."""
        folder = self.path / name
        (folder / _ABOUT).unlink(missing_ok=True)  # first: without it there is no such list
        for file in list(folder.iterdir()):
            file.unlink()
        folder.rmdir()

    def _versions(self, name: str) -> list[Entry]:
        if not (self.path / name / _ABOUT).is_file():
            return []
        current = self.entry(name)
        before = current.pop("previous", [])
        return [current, *before]

    def _point(self, folder: Path, entry: Mapping[str, Any]) -> None:
        _write(folder / _ABOUT, (json.dumps(entry, indent=2) + "\n").encode())

    @contextlib.contextmanager
    def _storing(self, name: str) -> Iterator[Path]:
        # Whatever ends it, what no version names is taken away, and with it what a process left
        # that was killed here before.
        folder = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with _locked(self.path):
                folder.mkdir(exist_ok=True)
                try:
                    yield folder
                finally:
                    self._sweep(folder)
        except (OSError, ValueError, TypeError, KeyError) as error:
            words = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"{name} cannot be stored in {folder}: {words}", "nothing was changed"
            ) from error

    def _sweep(self, folder: Path) -> None:
        keep = {_ABOUT}
        if (folder / _ABOUT).is_file():
            for entry in self._versions(folder.name):
                keep |= {file for file, _ in _files(entry)}
        for file in list(folder.iterdir()):
            if file.name not in keep:
                file.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()


def _files(entry: Entry) -> list[tuple[str, str]]:
    if "documents" not in entry:
        return [(_ALONE, str(entry["sha256"]))]
    return [(_plain(about["file"]), str(about["sha256"])) for about in entry["documents"]]


def _plain(file: str) -> str:
    # What stands in a file of ours is still a file's word: it may not lead elsewhere.
    if Path(file).name != file or file in {"", ".", ".."}:
        raise ValueError(f"{file!r} is no file of this list")
    return file


def _write(path: Path, content: bytes) -> None:
    # Written under another name, on the disk for sure, and then renamed: half a file never counts.
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(temporary).chmod(0o644)
    os.replace(temporary, path)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Two updates at once would sweep each other's documents away. The kernel lets go of the lock
    # of a process that was killed. Windows cannot lock a folder, and goes without.
    if sys.platform == "win32":
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
