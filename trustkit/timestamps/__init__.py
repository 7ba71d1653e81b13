"""When something was signed: RFC 3161 time-stamp authorities, several tried in order.

An authority is the URL of an HTTP service. `authority` asks one, `judge` says whether its answer
holds, `authorities` tries them in order and remembers who failed, `relay` stands between them and
an engine that asks for stamps by itself and knows one address only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trustkit.errors import PublishError

if TYPE_CHECKING:
    from trustkit.timestamps.relay import Relay

SECONDS = 10.0  # given to one authority for one stamp, name look-up to last byte


@dataclass(frozen=True, slots=True)
class Given:
    """A reply that holds: its bytes, the URL it came from, and the time it states (UTC)."""

    reply: bytes
    authority: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """What one authority did instead of giving a stamp, in a few words."""

    authority: str
    reason: str


class NoStampError(PublishError):
    """No authority gave a stamp; `failed` says what each of them did."""

    def __init__(self, message: str, hint: str = "", failed: tuple[Failed, ...] = ()) -> None:
        super().__init__(message, hint)
        self.failed = failed


@contextmanager
def stamping(urls: Sequence[str], seconds: float = SECONDS) -> Iterator[Relay | None]:
    """Have the authorities at `urls` ready while the block runs, best one for a whole batch.

    Each is given `seconds` for a stamp. Without URLs there is nothing to open, and None.
    """
    if not urls:
        yield None
        return
    # Loaded when there is somebody to ask: most calls have nobody.
    from trustkit.timestamps.relay import open_relay

    with open_relay(urls, seconds) as relay:
        yield relay


def address(text: str) -> str:
    """Return `text` if it is the URL of an authority; raises `ValueError` saying why it is not."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is no address") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{text!r} is no http or https address")
    if parts.username is not None or parts.password is not None:
        # It would stand in messages and in the list of processes; never repeat it.
        raise ValueError(f"the address of {parts.hostname} holds a user name or password")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError(f"{text!r} is no address")
    return text
