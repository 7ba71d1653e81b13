"""Watermark keys: one that everybody has, and secret ones of tenants."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trustkit.errors import ConfigError

KEY_BYTES = 32
# The key that anyone may read with; it is a name, not a secret.
_PUBLIC = hashlib.sha256(b"org.trustkit.watermark public key 1").digest()
_HEADER = "trustkit watermark key 1"


@dataclass(frozen=True, slots=True)
class Key:
    """A master key of 32 bytes; it never shows itself in a repr."""

    master: bytes = field(repr=False)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Return `length` bytes for `purpose`, by HKDF-SHA256 (RFC 5869) without salt."""
        return HKDF(hashes.SHA256(), length, None, purpose.encode()).derive(self.master)

    @property
    def is_public(self) -> bool:
        """Whether this is the key that everybody has."""
        return self.master == _PUBLIC


PUBLIC = Key(_PUBLIC)


def new_key() -> Key:
    """Return a new secret key."""
    return Key(secrets.token_bytes(KEY_BYTES))


def to_text(key: Key) -> str:
    """Return the key as the text of a key file."""
    return f"{_HEADER}\n{key.master.hex()}\n"


def read_key(path: Path) -> Key:
    """Read a key file; raises `ConfigError`, never with what stands in the file."""
    try:
        lines = path.read_text("ascii")[:200].split("\n")
    except OSError as error:
        raise ConfigError(
            f"the watermark key {path} cannot be read: {error.strerror}", "check the name"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is no watermark key", _HINT) from error
    try:
        master = bytes.fromhex(lines[1]) if lines[0].strip() == _HEADER else b""
    except (IndexError, ValueError):
        master = b""
    if len(master) != KEY_BYTES:
        raise ConfigError(f"{path} is no watermark key", _HINT)
    return Key(master)


_HINT = "make one: trustkit watermark key -o FILE"
