"""A post-box in our own process, where an engine that asks for stamps by itself leaves its queries.

The C2PA engine knows one address and asks it while it signs. It is given this one, on loopback and
with a path nobody can guess, and the query goes on to whichever authority answers.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from trustkit.timestamps import SECONDS, Failed, Given, NoStampError
from trustkit.timestamps.authorities import Authorities

_log = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
_MAX_QUERY = 4096  # bytes; a query has under 100
_STRAY_SECONDS = 5.0  # for a client that connects and says nothing
_POLL_SECONDS = 0.05
_NO_PROXY = ("NO_PROXY", "no_proxy")


class Relay:
    """Where the engine asks (`url`; `host` is its host and port), and how the last asking went."""

    def __init__(self, authorities: Authorities, url: str, host: str) -> None:
        self.url = url
        self.host = host
        self.given: tuple[Given, ...] = ()
        self.passed_over: tuple[Failed, ...] = ()
        self.failure: NoStampError | None = None
        self._authorities = authorities
        self._lock = Lock()

    def start(self) -> None:
        """Forget how the last file went: another one begins."""
        self.given, self.passed_over, self.failure = (), (), None

    def notes(self) -> Iterator[str]:
        """Yield what the publisher should know of those who were asked in vain."""
        for one in self.passed_over:
            yield f"the time-stamp authority {one.authority} {one.reason}; another one stamped"

    def answer(self, query: bytes) -> bytes | None:
        """Return a reply that holds, or None, and then `failure` says why."""
        with self._lock:
            try:
                given, passed_over = self._authorities.stamp(query)
            except NoStampError as error:
                self.failure = error
                return None
            self.given = (*self.given, given)
            self.passed_over = tuple(dict.fromkeys((*self.passed_over, *passed_over)))
            return given.reply


@contextmanager
def open_relay(urls: Iterable[str], seconds: float = SECONDS) -> Iterator[Relay]:
    """Run a relay to the authorities at `urls` while the block runs; one for a whole batch."""
    authorities = Authorities(urls, seconds)
    server = _Server((_LOOPBACK, 0), _Handler)
    host = f"{_LOOPBACK}:{server.server_port}"
    path = f"/{secrets.token_urlsafe(32)}"
    server.path, server.relay = path, Relay(authorities, f"http://{host}{path}", host)
    thread = Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        with _no_proxy():
            yield server.relay
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        authorities.close()


@contextmanager
def _no_proxy() -> Iterator[None]:
    # The engine reads the environment by itself and would ask a proxy for our own loopback; by
    # now the authorities know theirs.
    before = {name: os.environ.get(name) for name in _NO_PROXY}
    there = before["no_proxy"] or before["NO_PROXY"] or ""
    for name in _NO_PROXY:
        os.environ[name] = f"{there},{_LOOPBACK}".lstrip(",")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    path: str
    relay: Relay

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep it off the terminal: the engine sees that it got no answer, and says so."""
        _log.debug("relay: %s", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    timeout = _STRAY_SECONDS
    server: _Server

    def do_POST(self) -> None:
        """Answer one query of the engine's; nobody else knows the path."""
        length = self.headers.get("Content-Length", "")
        if not secrets.compare_digest(self.path.encode(), self.server.path.encode()):
            self._send(404)
        elif not (length.isdecimal() and 0 < int(length) <= _MAX_QUERY):
            self._send(413)
        else:
            reply = self.server.relay.answer(self.rfile.read(int(length)))
            self._send(200 if reply else 502, reply or b"")

    def _send(self, status: int, body: bytes = b"") -> None:
        with suppress(ConnectionError):  # the engine has given up
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: what went wrong is told by `Relay.failure`."""
