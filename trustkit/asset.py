"""An asset: one file, opened once, recognised by its bytes, and held still while it is read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader, BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from trustkit.errors import UnreadableError
from trustkit.media import measure
from trustkit.media.sniff import HEAD, kind, sniff

KEPT = 16 * 2**20  # bytes: a file up to this size is kept in memory while it is looked at
MAX_BYTES = 16 * 2**30  # a two-hour film in a mezzanine codec; policies set their own


@dataclass(frozen=True)
class Asset:
    """One file. `size` in bytes; `media_type` is IANA's; `kind` image, audio, video or document."""

    path: Path
    name: str
    media_type: str
    size: int
    stamp: tuple[int, int, int, int]

    @property
    def kind(self) -> str:
        """Return image, audio, video or document."""
        return kind(self.media_type)

    @property
    def sidecar(self) -> Path:
        """Return where a manifest beside the file stands: the full name and `.c2pa`."""
        return self.path.with_name(f"{self.path.name}.c2pa")

    @contextmanager
    def open(self) -> Iterator[BufferedReader | BytesIO]:
        """Open the bytes that were recognised; raises `UnreadableError` if the file has changed."""
        if self.size <= KEPT:
            yield BytesIO(self._content)
            return
        with self.path.open("rb") as stream:
            self._check(stream)
            yield stream
            self._check(stream)

    @cached_property
    def _content(self) -> bytes:
        # A small file is read once: every collector sees the very same bytes.
        with self.path.open("rb") as stream:
            self._check(stream)
            content = stream.read(self.size + 1)
            self._check(stream)
            return content

    @cached_property
    def sha256(self) -> str:
        """The file's SHA-256, lower-case hex."""
        if self.size <= KEPT:
            return hashlib.sha256(self._content).hexdigest()
        with self.open() as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @cached_property
    def measures(self) -> dict[str, object]:
        """Width, height, duration and the like, from the headers; see `media.measure`."""
        with self.open() as stream:
            return measure(self.media_type, self.kind, stream)

    def _check(self, stream: BufferedReader) -> None:
        # Every collector opens the path anew: what they see must be one and the same file.
        if _stamp(os.fstat(stream.fileno())) != self.stamp:
            raise UnreadableError(
                f"{self.name} changed while it was being read", "verify it again when it is at rest"
            )


def open_asset(path: Path, name: str | None = None, max_bytes: int = MAX_BYTES) -> Asset:
    """Return the asset at `path`, called `name` in reports.

    Raises `UnreadableError` when it is missing, no plain file, empty, larger than `max_bytes`
    or of no known kind. Does not decode anything.
    """
    name = name or str(path)
    try:
        # Looked at before it is opened: opening a pipe would wait for somebody to write into it.
        found = path.stat().st_mode
        if not S_ISREG(found) and not S_ISDIR(found):
            raise UnreadableError(f"{name} is not a plain file", "name a media file")
        with path.open("rb") as stream:
            stat = os.fstat(stream.fileno())
            head = stream.read(HEAD)
    except FileNotFoundError as error:
        raise UnreadableError(f"{name} does not exist", "check the name") from error
    except IsADirectoryError as error:
        raise UnreadableError(f"{name} is a folder", "add -r to read folders") from error
    except OSError as error:
        raise UnreadableError(
            f"{name} cannot be opened: {error.strerror}", "check its permissions"
        ) from error
    if not head:
        raise UnreadableError(f"{name} is empty", "ask for the file again")
    if stat.st_size > max_bytes:
        raise UnreadableError(
            f"{name} has {stat.st_size:,} bytes, more than the limit of {max_bytes:,}",
            "raise limits.max_bytes in the policy",
        )
    media_type = sniff(head, path.name)
    if media_type is None:
        media_type = _only_by_sidecar(path, name, head)
    return Asset(path, name, media_type, stat.st_size, _stamp(stat))


def _only_by_sidecar(path: Path, name: str, head: bytes) -> str:
    # C2PA can bind any bytes from outside, so a manifest beside it makes an unknown file readable.
    if path.with_name(f"{path.name}.c2pa").is_file():
        return "application/octet-stream"
    if head[4:8] == b"jumb":
        raise UnreadableError(
            f"{name} is a manifest alone, without the file it speaks of",
            "keep it beside its file as NAME.EXT.c2pa and verify that file",
        )
    raise UnreadableError(
        f"{name} is not a kind of media that trustkit knows",
        "see docs/formats.md for those it knows",
    )


def _stamp(stat: os.stat_result) -> tuple[int, int, int, int]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
