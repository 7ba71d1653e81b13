"""The files of a detector in an archive: few, plain, bounded, and never outside of one folder."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from trustkit.errors import ConfigError

MAX_UNPACKED = 450 * 10**6  # bytes of all files; a model has at most 400 MB
MAX_MEMBERS = 100
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory (APPNOTE 4.3.12)
_MOST_ENTRIES = 20_000  # of a wheel, too; `ZipFile` makes an object of each before it can be asked
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7z": lzma.open,
}
_HINT = "a detector's archive is a zip or tar of one folder with its card and its files"
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
            NotImplementedError, RuntimeError, ValueError, KeyError)  # fmt: skip


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return the files of an archive by name: those at its top, or in its one folder.

    Raises `ConfigError` for what is no archive, holds a link or a path, or unpacks to too much.
    """
    try:
        found = dict(_members(archive))
    except _DAMAGED as error:
        raise ConfigError(f"the archive cannot be read: {error}", _HINT) from error
    folders = {path.rpartition("/")[0] for path in found}
    if len(folders) > 1:
        raise ConfigError("the archive holds more than one folder", _HINT)
    return {path.rpartition("/")[2]: content for path, content in found.items()}


def member(archive: bytes, path: str, most: int) -> bytes:
    """Return one file of a zip, such as a wheel; raises `ConfigError`."""
    try:
        _no_huge_directory(archive)
        with zipfile.ZipFile(io.BytesIO(archive)) as packed, packed.open(path) as stream:
            return _bounded(stream, most)
    except _DAMAGED as error:
        raise ConfigError(f"there is no {path} in it: {error}", "is it the right wheel?") from error


def _members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    if archive[:2] == b"PK":
        yield from _zipped(archive)
    else:
        yield from _tarred(archive)


def _zipped(archive: bytes) -> Iterator[tuple[str, bytes]]:
    left = MAX_UNPACKED
    _no_huge_directory(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        entries = packed.infolist()
        _few(len(entries))
        for entry in entries:
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.is_dir():
                continue
            if kind not in {0, stat.S_IFREG}:
                raise ConfigError(f"the archive holds a link: {entry.filename!r}", _HINT)
            with packed.open(entry) as stream:
                content = _bounded(stream, left)
            left -= len(content)
            yield _plain(entry.filename), content


def _tarred(archive: bytes) -> Iterator[tuple[str, bytes]]:
    opener = next((how for start, how in _PACKED.items() if archive.startswith(start)), None)
    if opener is not None:
        # Unpacked first, and bounded: to skip a member is to unpack it as well.
        with opener(io.BytesIO(archive)) as whole:
            archive = _bounded(whole, MAX_UNPACKED)
    left = MAX_UNPACKED  # a file with holes unpacks to more than there is of it
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as packed:
        for number, entry in enumerate(packed):
            _few(number + 1)
            if entry.isdir():
                continue
            stream = packed.extractfile(entry) if entry.isreg() else None
            if stream is None:
                raise ConfigError(f"the archive holds a link: {entry.name!r}", _HINT)
            content = _bounded(stream, left)
            left -= len(content)
            yield _plain(entry.name), content


def _plain(path: str) -> str:
    folder, slash, name = path.removeprefix("./").rpartition("/")
    if not _PLAIN.fullmatch(name) or (slash and not _PLAIN.fullmatch(folder)):
        raise ConfigError(f"the archive holds a file at {path[:100]!r}", _HINT)
    return f"{folder}/{name}" if folder else name


def _bounded(stream: IO[bytes], most: int) -> bytes:
    # What a header says of a size is not believed: counted is what comes.
    found = stream.read(most + 1)
    if len(found) > most:
        raise ConfigError(f"the archive unpacks to more than {MAX_UNPACKED:,} bytes", _HINT)
    return found


def _no_huge_directory(archive: bytes) -> None:
    if archive.count(_ENTRY) > _MOST_ENTRIES:
        raise ConfigError(f"the archive holds more than {_MOST_ENTRIES:,} files", _HINT)


def _few(count: int) -> None:
    if count > MAX_MEMBERS:
        raise ConfigError(f"the archive holds more than {MAX_MEMBERS} files", _HINT)
