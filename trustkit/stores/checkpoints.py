"""Checkpoints: how long a log is and what its root is, signed (C2SP tlog-checkpoint).

What was signed is kept twice: in the registry, and in a folder of whoever signs, so that whoever
rewrites the registry cannot rewrite what was signed of it.
"""

from __future__ import annotations

import base64
import errno
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trustkit.errors import ConfigError
from trustkit.stores import StoreError
from trustkit.stores.merkle import HASH_BYTES
from trustkit.stores.notes import (
    NoteError,
    PublicKey,
    SigningKey,
    open_note,
    plain_base64,
    read_key,
)

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_DASH = "\N{EM DASH} "
_MAX_KEY = 2**14  # bytes
MAX_KEPT = 2**28  # bytes: a million checkpoints


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The root of a log when it had `size` entries; `origin` says which log."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint, and the note that it was signed in."""

    checkpoint: Checkpoint
    note: str


def origin_of(registry: str) -> str:
    """Return the name of a registry's log, which its key signs under."""
    return f"trustkit-registry/{registry}"


def sign(checkpoint: Checkpoint, key: SigningKey) -> Signed:
    """Sign a checkpoint."""
    return Signed(checkpoint, key.sign(checkpoint.text))


def read(note: str, key: PublicKey) -> Signed:
    """Read a checkpoint that `key` signed for the log of its own name; raises `NoteError`."""
    lines = open_note(note, key).split("\n")
    # What stands below the root is not part of the log's state, and no reader can check it.
    origin, size, root, *others = lines
    if len(lines) < 4 or others != [""] or not _SIZE.fullmatch(size):  # noqa: PLR2004  # three lines and the end
        raise NoteError("this signed note is no checkpoint", "")
    top = plain_base64(root)
    if top is None or len(top) != HASH_BYTES:
        raise NoteError("this signed note is no checkpoint", "")
    if origin != key.name:
        raise NoteError(f"this checkpoint is of another log: {origin[:80]}", "")
    return Signed(Checkpoint(origin, int(size), top), note)


def split(text: str) -> tuple[list[str], int]:
    """Return the notes that stand one below the other, and how many pieces are none.

    A piece is what was left of a note when its writer was stopped.
    """
    parts = [part for part in re.split(r"\n{2,}", text) if part.strip("\n")]
    notes, pieces, place = [], 0, 0
    while place < len(parts):
        below = parts[place + 1] if place + 1 < len(parts) else ""
        if below.startswith(_DASH) and not parts[place].startswith(_DASH):
            end = below.removesuffix("\n")
            notes.append(f"{parts[place]}\n\n{end}\n")
            place += 2
        else:
            pieces += 1
            place += 1
    return notes, pieces


class Keep:
    """The folder of whoever signs: `log-key.pem`, and `checkpoints` with all that was signed."""

    def __init__(self, path: Path, registry: str) -> None:
        self.path = path
        self.name = origin_of(registry)

    @property
    def has_key(self) -> bool:
        """Whether this is the folder of one who signs."""
        return (self.path / "log-key.pem").is_file()

    def make_key(self) -> PublicKey:
        """Make the log's key, readable by its owner alone; raises `StoreError`, if there is one."""
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = SigningKey(self.name, private).public
        target = self.path / "log-key.pem"
        fresh = self.path / f".{secrets.token_hex(6)}.making"
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The mode is the file's from its first moment: nobody reads it while it is written.
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(pem)
                out.flush()
                os.fsync(out.fileno())
            target.hardlink_to(fresh)  # never over a key that is there
            (self.path / "log-key.txt").write_text(f"{public.line}\n", "utf-8")
        except OSError as error:
            raise StoreError(
                f"the log's key cannot be made: {target}: {error.strerror}", "check the folder"
            ) from error
        finally:
            fresh.unlink(missing_ok=True)
        return public

    def discard(self) -> None:
        """Delete the key of a registry that did not come to be."""
        shutil.rmtree(self.path, ignore_errors=True)

    def key(self) -> SigningKey:
        """Return the log's key; raises `ConfigError` where there is none."""
        path = self.path / "log-key.pem"
        try:
            with path.open("rb") as stream:
                key = serialization.load_pem_private_key(stream.read(_MAX_KEY), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{path} cannot be read: {type(error).__name__}", "put it back from a copy"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(f"{path} is no Ed25519 key", "put it back from a copy")
        return SigningKey(self.name, key)

    def known_key(self) -> PublicKey | None:
        """Return the key to believe, from here: the log's own, or log-key.txt, or none.

        Raises `ConfigError` for a file that is there and holds no key.
        """
        if self.has_key:
            return self.key().public
        path = self.path / "log-key.txt"
        try:
            with path.open("rb") as stream:
                return read_key(stream.read(_MAX_KEY).decode("utf-8", "replace"), self.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}", "check it") from error

    def add(self, signed: Signed) -> None:
        """Keep what was signed, before it is told to anybody."""
        path = self.path / "checkpoints"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                # A writer that was stopped may have left half a note, and it stays half a note.
                size = os.fstat(descriptor).st_size
                end = os.pread(descriptor, 2, max(size - 2, 0)) if size else b"\n\n"
                gap = "" if end == b"\n\n" else "\n\n"
                note = f"{gap}{signed.note}\n".encode()
                if os.write(descriptor, note) != len(note):  # as much as the disk had room for
                    os.ftruncate(descriptor, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written: {error.strerror}",
                "nothing was signed; check the folder and the space left",
            ) from error

    def text(self, tail: int = MAX_KEPT) -> str:
        """Return what is kept, or its last `tail` bytes; nothing where there is none."""
        path = self.path / "checkpoints"
        try:
            with path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                stream.seek(max(size - tail, 0))
                return stream.read(tail).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}", "check it") from error
