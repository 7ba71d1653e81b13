"""Which files a command was given: names, folders, globs, a list, or standard input."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from trustkit.errors import UnreadableError

STDIN = "-"
_SIDECAR = ".c2pa"
_CHUNK = 2**20


@dataclass(frozen=True)
class Source:
    """One file to look at and what to call it; `missing` says why there is none.

    `below` is its path under the folder that was named, for whoever keeps the folders.
    """

    path: Path
    name: str
    missing: str = ""
    below: Path = Path()


def expand(names: Iterable[str], *, recursive: bool, stdin: BinaryIO) -> Iterator[Source]:
    """Yield the files that `names` mean, in order, each once; a folder's are sorted.

    A name that matches nothing is yielded with the reason, never left out. Hidden files are left
    out of folders, and sidecars that stand beside their file.
    """
    seen: set[str] = set()
    for name in names:
        for found in _expand(name, recursive=recursive, stdin=stdin):
            source = _asset_of(found)
            key = os.path.abspath(source.path) if source.path.name else source.name  # noqa: PTH100  # resolve() would follow links
            if key not in seen:
                seen.add(key)
                yield replace(source, name=shown(source.name), missing=shown(source.missing))


def shown(name: str) -> str:
    """Return a file's name as text that any report can hold; not every name is UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_list(stream: BinaryIO) -> list[str]:
    """Return the names in a list, one a line, or separated by NUL where there is one."""
    data = stream.read()
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(part) for part in parts if part.strip()]


def spool(stdin: BinaryIO, max_bytes: int) -> Path:
    """Copy standard input into a temporary file, whose folder the caller removes."""
    folder = Path(tempfile.mkdtemp(prefix="trustkit-"))
    path, size = folder / "stdin", 0
    with path.open("wb") as out:
        while chunk := stdin.read(_CHUNK):
            size += len(chunk)
            if size > max_bytes:
                path.unlink()
                folder.rmdir()
                raise UnreadableError(
                    f"standard input has more than {max_bytes:,} bytes",
                    "raise limits.max_bytes in the policy",
                )
            out.write(chunk)
    return path


def _expand(name: str, *, recursive: bool, stdin: BinaryIO) -> Iterator[Source]:
    path = Path(name)
    if name == STDIN:
        yield Source(Path(STDIN), STDIN)
    elif _names(path, Path.is_dir):
        yield from _folder(path, recursive=recursive)
    elif not _names(path, Path.exists) and glob.has_magic(name):
        matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  # the name may be absolute
        if not matches:
            yield Source(Path(), name, f"nothing matches {name}")
        for match in matches:
            if Path(match).is_dir():
                yield from _folder(Path(match), recursive=recursive) if recursive else ()
            else:
                yield Source(Path(match), match)
    else:
        yield Source(path, name)


def _folder(folder: Path, *, recursive: bool) -> Iterator[Source]:
    if not recursive:
        yield Source(folder, str(folder))  # opening it will say: add -r
        return
    found = False
    for place, folders, files in os.walk(folder):
        below = Path(place).relative_to(folder)
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for file in sorted(files):
            path = Path(place, file)
            if not file.startswith(".") and not (file.endswith(_SIDECAR) and _is_sidecar(path)):
                found = True
                yield Source(path, str(path), below=below / file)
    if not found:
        yield Source(Path(), str(folder), f"there is no file in {folder}")


def _asset_of(source: Source) -> Source:
    # Who names a sidecar means the file it speaks of (`verify *` in a shell names both).
    if source.name.endswith(_SIDECAR) and _is_sidecar(source.path):
        below = source.below.with_suffix("") if source.below.name else Path()
        return Source(source.path.with_suffix(""), source.name.removesuffix(".c2pa"), below=below)
    return source


def _is_sidecar(path: Path) -> bool:
    return path.suffix == _SIDECAR and _names(path.with_suffix(""), Path.is_file)


def _names(path: Path, asked: Callable[[Path], bool]) -> bool:
    # No file has a name that is too long, and opening it will say so.
    try:
        return asked(path)
    except OSError:
        return False
