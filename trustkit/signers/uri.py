"""The part of a key's URI after its scheme: a place, and options after `?`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from trustkit.errors import PublishError
from trustkit.signers.chain import Chain, read_chain

MAX_SECONDS = 600.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Location:
    """Where a key is, and the options of its URI in the order given, all percent-decoded."""

    scheme: str
    place: str
    options: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of an option that may be repeated."""
        return tuple(value for key, value in self.options if key == name)

    def get(self, name: str) -> str:
        """Return the value of an option, or nothing."""
        return next(iter(self.all(name)), "")

    def chain(self) -> Chain:
        """Read the certificates that `chain` names; raises `PublishError`."""
        named = self.get("chain")
        if not named:
            raise PublishError(
                f"{self.scheme}: keys need their certificates", "add ?chain=CHAIN.pem to the URI"
            )
        return read_chain(Path(named).expanduser())

    def seconds(self, default: float) -> float:
        """Return the option `timeout`, in seconds; raises `PublishError` for what is none."""
        given = self.get("timeout")
        try:
            seconds = float(given or default)
        except ValueError:
            seconds = 0.0
        if not 0.0 < seconds <= MAX_SECONDS:  # not a number is neither
            raise PublishError(
                f"timeout={given} is no time to wait", f"seconds, above 0 and up to {MAX_SECONDS:g}"
            )
        return seconds


def parse(
    scheme: str, location: str, allowed: Collection[str], repeated: Collection[str] = ()
) -> Location:
    """Take apart `location`; raises `PublishError` for an option that is not among `allowed`."""
    place, _, query = location.partition("?")
    pairs = tuple(_pairs(scheme, query.split("&") if query else ()))
    for number, (name, value) in enumerate(pairs):
        if name not in allowed:
            raise PublishError(
                f"{scheme}: keys have no option {name!r}", f"there are {', '.join(sorted(allowed))}"
            )
        if name not in repeated and name in dict(pairs[:number]):
            raise PublishError(f"the option {name} is given twice", "once is enough")
        if not value:
            raise PublishError(f"the option {name} is empty", "give it a value, or leave it out")
    return Location(scheme, decoded(place), pairs)


def _pairs(scheme: str, parts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise PublishError(f"{name!r} in the {scheme}: URI is no option", "write NAME=VALUE")
        yield name, decoded(value)


def decoded(text: str) -> str:
    """Undo percent-encoding (RFC 3986 section 2.1); unlike in forms, + is a plus."""
    try:
        return raw(text).decode()
    except UnicodeDecodeError as error:
        raise PublishError("the key's URI is no UTF-8 once decoded", "check its % codes") from error


def raw(text: str) -> bytes:
    """Undo percent-encoding of what need not be text."""
    if _BAD_PERCENT.search(text):
        raise PublishError("a % in the key's URI begins no code", "write %25 for a per cent sign")
    return unquote_to_bytes(text)


def endpoint(url: str) -> str:
    """Return the address of a key service without a slash at its end.

    Only https, or http on this very machine: an access token goes there. Raises `PublishError`.
    """
    try:
        parts = urlsplit(url)
        is_sound = _is_sound(parts)
    except ValueError:  # a port that is no number
        is_sound = False
    if not is_sound:
        raise PublishError(
            f"endpoint={url.partition('?')[0].rpartition('@')[2]} will not be asked",
            "only https://HOST[:PORT], or http on 127.0.0.1",
        )
    return url.rstrip("/")


def _is_sound(parts: SplitResult) -> bool:
    bare = not (parts.username or parts.password or parts.query or parts.fragment)
    there = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return bool(parts.hostname) and bare and there and parts.port != 0


def is_loopback(url: str) -> bool:
    """Tell whether `url` stays on this machine."""
    return urlsplit(url).hostname in LOOPBACK
