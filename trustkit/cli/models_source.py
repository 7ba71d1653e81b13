"""From where models are fetched: what `models add` and `models fetch` share."""

from __future__ import annotations

from urllib.parse import urlsplit

from trustkit.c2pa.fetch import Fetcher, is_public, resolve

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}
_MODEL_SECONDS = 900.0  # 90 MB over a line of 1 Mbit/s
_FILE_INSTEAD = "fetch it yourself, and name the file"


def model_fetcher(url: str, most: int, *, is_named: bool) -> Fetcher:
    """Return what fetches a model of up to `most` bytes, whose hash is known beforehand.

    Over https, wherever it is redirected to in public; over http from this machine alone, where
    nobody can change it on its way. With `is_named` the user or trustkit itself chose this host,
    which may then be one of the house, on a private address.
    """
    host = (urlsplit(url).hostname or "").lower()
    if url.startswith("http://") and host in _THIS_MACHINE:
        return Fetcher((host,), allow=lambda address: address in _THIS_MACHINE, max_bytes=most,
                       schemes=("http",), hint=_FILE_INSTEAD)  # fmt: skip
    own: set[str] = set()

    def resolved(name: str, port: int) -> list[str]:
        found = resolve(name, port)
        if is_named and name.lower() == host:
            own.update(found)
        return found

    return Fetcher(("*",), allow=lambda address: is_public(address) or address in own,
                   resolve=resolved, max_bytes=most, max_seconds=_MODEL_SECONDS,
                   schemes=("https",), hint=_FILE_INSTEAD)  # fmt: skip
