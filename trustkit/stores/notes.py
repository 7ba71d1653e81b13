"""Signed notes: text with Ed25519 signatures below it (C2SP signed-note, RFC 8032).

    example.com/log
    8
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

    - example.com/log xxxxxxxx...     (an em dash, the key's name, base64 of key id and signature)

A key is given away as a line of its name, its id and itself, as Go's sumdb writes them:
`NAME+12345678+BASE64`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trustkit.errors import ConfigError
from trustkit.stores import StoreError

MAX_NOTE = 2**16  # characters: text, and far more than the 16 signatures that must be accepted
_ED25519 = b"\x01"  # the identifier of this kind of signature
_SIGNATURE_BYTES, _ID_BYTES, _KEY_BYTES = 64, 4, 32
_DASH = "\N{EM DASH} "


class NoteError(StoreError):
    """A note that is not signed by the key asked for, or is none."""


class TornError(NoteError):
    """What is no signed note at all: cut off, or changed beyond reading."""


@dataclass(frozen=True)
class PublicKey:
    """A key that notes are checked with: the name it signs under, and its 32 bytes."""

    name: str
    raw: bytes

    @cached_property
    def id(self) -> bytes:
        """The four bytes that a signature begins with."""
        named = self.name.encode() + b"\n" + _ED25519 + self.raw
        return sha256(named).digest()[:_ID_BYTES]

    @cached_property
    def line(self) -> str:
        """The key as it is given away."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"


class SigningKey:
    """A key that notes are signed with; it is never shown."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(name, private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return `text`, which ends with a line end, as a note."""
        signature = base64.b64encode(self.public.id + self._private.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.public.name} {signature}\n"


def open_note(note: str, key: PublicKey) -> str:
    """Return the text of a note that `key` signed; signatures of others are passed over.

    Raises `NoteError`, and `TornError` for what is no note.
    """
    # The text may have empty lines: the last one parts it from its signatures.
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not signatures.endswith("\n") or len(note) > MAX_NOTE or _has_controls(note):
        raise TornError("this is no signed note", "it may have been cut off, or changed")
    text += "\n"
    ours = []
    for line in signatures[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not name or not encoded:
            raise TornError("this is no signed note", "it may have been cut off, or changed")
        signature = _decoded(encoded)
        if name == key.name and signature[:_ID_BYTES] == key.id:
            if len(signature) != _ID_BYTES + _SIGNATURE_BYTES:
                raise TornError("this is no signed note", "a signature is cut off")
            ours.append(signature[_ID_BYTES:])
    if not ours:
        raise NoteError(f"this note is not signed by {key.name} ({key.id.hex()})", "another key?")
    public = Ed25519PublicKey.from_public_bytes(key.raw)
    for signature in ours:
        try:
            public.verify(signature, text.encode())
        except InvalidSignature as error:
            raise NoteError(
                f"the signature of {key.name} does not fit what it stands under",
                "the note was changed after it was signed",
            ) from error
    return text


def read_key(text: str, name: str = "") -> PublicKey:
    """Read a key from its line or PEM; `name` is that of a PEM, which has none.

    Raises `ConfigError`.
    """
    if "BEGIN PUBLIC KEY" in text:
        try:
            key = serialization.load_pem_public_key(text.encode())
        except ValueError as error:
            raise ConfigError("this PEM holds no public key", "give the key of the log") from error
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError("this PEM holds no Ed25519 key", "give the key of the log")
        return PublicKey(name, key.public_bytes_raw())
    found, _, rest = text.strip().partition("+")
    told, _, encoded = rest.partition("+")
    raw = plain_base64(encoded) or b""
    key_line = PublicKey(found, raw[1:])
    if len(raw) != 1 + _KEY_BYTES or not raw.startswith(_ED25519) or key_line.id.hex() != told:
        raise ConfigError(
            "this is no key of a log", "give a line NAME+12345678+BASE64, or a public key as PEM"
        )
    return key_line


def plain_base64(text: str) -> bytes | None:
    """Return what `text` encodes (RFC 4648, section 4) in the one form there is for it, or none."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return content if base64.b64encode(content).decode() == text else None


def _decoded(encoded: str) -> bytes:
    signature = plain_base64(encoded)
    if signature is None or len(signature) <= _ID_BYTES:
        raise TornError("this is no signed note", "a signature cannot be read")
    return signature


def _has_controls(note: str) -> bool:
    return any(character < " " and character != "\n" for character in note)
