"""The payload: 64 bits that name a record. Ours are a version of 4 bits and 60 random ones."""

from __future__ import annotations

import re
import secrets

from trustkit.errors import UsageError
from trustkit.watermarks import PAYLOAD_BYTES

VERSION = 1
_DIGITS = 2 * PAYLOAD_BYTES
_RANDOM_BITS = 8 * PAYLOAD_BYTES - 4
_HEX = re.compile(rf"[0-9a-fA-F]{{{_DIGITS}}}")


def new_payload(version: int = VERSION) -> bytes:
    """Return a new id: `version` in the first 4 bits, then 60 bits from the system's generator.

    Among 50 million ids the odds that any two are the same are one in a thousand.
    """
    if not 0 <= version < 1 << 4:
        raise UsageError(f"{version} is no payload version", "a version is 0 to 15")
    number = version << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return number.to_bytes(PAYLOAD_BYTES, "big")


def parse(text: str) -> bytes:
    """Return the payload written as 16 hex digits; any 64 bits will do. Raises `UsageError`."""
    if not _HEX.fullmatch(text):
        shown = text if len(text) <= 2 * _DIGITS else f"{text[: 2 * _DIGITS]}..."
        raise UsageError(
            f"{shown!r} is no payload",
            f"write {_DIGITS} hexadecimal digits, or let --new-id make one",
        )
    return bytes.fromhex(text)


def to_text(payload: bytes) -> str:
    """Return the payload as 16 lower-case hex digits."""
    return payload.hex()
