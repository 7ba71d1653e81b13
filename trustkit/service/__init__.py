"""The service: verification and the Soft Binding Resolution API over HTTP (docs/serve.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What one client may take: bytes and seconds of an upload, and how many are in hand at once.

    `idle` are the seconds for which a client may send nothing, `head` those it has for the head of
    a request, `keep` those for which a connection is kept between requests (longer than clients
    keep theirs, so that it is they who end it), `unread` those for which an answer may be left
    unread, `stop` those that what runs is given when the service is told to end.
    """

    upload: int = 100 * 2**20
    body: int = 64 * 2**10  # of requests that are no upload
    seconds: float = 60.0
    idle: float = 10.0
    head: float = 10.0
    keep: float = 30.0
    unread: float = 120.0
    in_hand: int = 32
    connections: int = 2000
    stop: float = 30.0
