"""One time-stamp authority over HTTP (RFC 3161 section 3.4): asked, and no longer than allowed.

The connection is kept for the next query. http.client and no larger library, because the line must
be cut when the time for the whole exchange is over: a server that drips a byte at a time never
times out.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from trustkit import __version__

MAX_REPLY = 64 * 1024  # bytes; real replies have 1 to 8 KiB
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_PORTS = {"https": 443, "http": 80}
_OK, _REDIRECT, _CLIENT, _TOO_MANY, _SERVER = 200, 300, 400, 429, 500
_MAX_WAIT = 24 * 3600.0  # seconds; a longer Retry-After is a mistake


class FaultError(Exception):
    """An authority gave nothing to judge.

    `wait` is for how many seconds it asked to be left alone; `passing` says that a second try
    may help soon.
    """

    def __init__(self, reason: str, *, wait: float = 0.0, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.passing = passing


@dataclass
class Authority:
    """The service at `url`; `proxy` is the URL of a proxy to go through, if any."""

    url: str
    proxy: str = ""
    _line: http.client.HTTPConnection | None = field(default=None, init=False, repr=False)

    @classmethod
    def at(cls, url: str) -> Self:
        """Return the authority at `url`, through the proxy that the environment names for it."""
        parts = urlsplit(url)
        if proxy_bypass(parts.netloc):
            return cls(url)
        known = getproxies()
        return cls(url, known.get(parts.scheme) or known.get("all") or "")

    def ask(self, query: bytes, seconds: float) -> bytes:
        """Return the reply to `query`, unjudged; raises `FaultError`."""
        deadline = time.monotonic() + seconds
        was_kept = self._line is not None
        try:
            return self._exchange(query, deadline)
        except (ConnectionError, http.client.RemoteDisconnected) as error:
            self.close()
            # A kept connection may have been closed at the other end: that is nobody's fault.
            if not was_kept or time.monotonic() >= deadline:
                raise self._fault(error, deadline, seconds) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._fault(error, deadline, seconds) from error
        try:
            return self._exchange(query, deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._fault(error, deadline, seconds) from error

    def close(self) -> None:
        """Give the connection up."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _exchange(self, query: bytes, deadline: float) -> bytes:
        line = self._line = self._line or self._connect(deadline)
        sock = line.sock
        sock.settimeout(_left(deadline))
        cut = threading.Timer(_left(deadline), _cut, [sock])
        cut.daemon = True
        cut.start()
        try:
            line.request("POST", self._target, query, self._headers)
            response = line.getresponse()
            body = response.read(MAX_REPLY + 1)
            _left(deadline)  # cut at the deadline, it is no whole answer
            is_whole = not response.length  # what it still owes; None where it did not say
            if response.will_close or not is_whole:
                self.close()
            if not is_whole and len(body) <= MAX_REPLY:
                raise http.client.IncompleteRead(body)
        finally:
            cut.cancel()
        return _reply(response, body)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        host, port = self._where(self._parts)
        is_tls = self._parts.scheme == "https"
        if self.proxy and is_tls:
            through = self._where(urlsplit(self.proxy))
            context = ssl.create_default_context()
            tunnel = http.client.HTTPSConnection(*through, timeout=_left(deadline), context=context)
            tunnel.set_tunnel(host, port, self._proxy_headers)
            tunnel.connect()
            return tunnel
        sock = _open(*(self._where(urlsplit(self.proxy)) if self.proxy else (host, port)), deadline)
        if is_tls:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        line = http.client.HTTPConnection(host, port)
        line.sock = sock
        return line

    @cached_property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url)

    @cached_property
    def _target(self) -> str:
        parts = self._parts
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        return f"http://{parts.netloc}{path}" if self.proxy and parts.scheme == "http" else path

    @cached_property
    def _headers(self) -> dict[str, str]:
        own = {
            "Host": self._parts.netloc,
            "Content-Type": _QUERY,
            "Accept": _REPLY,
            "User-Agent": f"trustkit/{__version__}",
        }
        return own if self._parts.scheme == "https" else {**own, **self._proxy_headers}

    @cached_property
    def _proxy_headers(self) -> dict[str, str]:
        parts = urlsplit(self.proxy)
        if parts.username is None:
            return {}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    @staticmethod
    def _where(parts: SplitResult) -> tuple[str, int]:
        return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)

    def _fault(self, error: Exception, deadline: float, seconds: float) -> FaultError:
        fault = self._plain_fault(error, deadline, seconds)
        if self.proxy:
            through = urlsplit(self.proxy).hostname
            fault.reason = f"{fault.reason} (asked through the proxy {through})"
        return fault

    def _plain_fault(self, error: Exception, deadline: float, seconds: float) -> FaultError:
        if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
            return FaultError(f"did not answer within {seconds:.3g} seconds")
        if isinstance(error, socket.gaierror):
            return FaultError("its name is not known")
        if isinstance(error, ssl.SSLCertVerificationError):
            return FaultError(f"its TLS certificate does not hold: {error.verify_message}")
        if isinstance(error, ConnectionRefusedError):
            return FaultError("refuses connections", passing=True)
        if isinstance(error, ConnectionError | http.client.IncompleteRead):
            return FaultError("broke the connection off", passing=True)
        said = getattr(error, "strerror", "") or type(error).__name__
        return FaultError(f"could not be asked: {said}", passing=True)


def _reply(response: http.client.HTTPResponse, body: bytes) -> bytes:
    status = response.status
    if status == _TOO_MANY or status >= _SERVER:
        wait = _retry_after(response.getheader("Retry-After"))
        asks = f" and asks to be left alone for {wait:.0f} seconds" if wait else ""
        raise FaultError(f"answered {status}{asks}", wait=wait, passing=True)
    if _REDIRECT <= status < _CLIENT:
        # Followed, it could lead anywhere; the address that answers is the one to be named.
        raise FaultError(f"answered {status}: it has moved, and redirects are not followed")
    if status != _OK:
        raise FaultError(f"answered {status}")
    if len(body) > MAX_REPLY:
        raise FaultError(f"answered more than {MAX_REPLY:,} bytes")
    kind = (response.headers.get_content_type() or "").lower()
    if kind != _REPLY:
        raise FaultError(f"answered with {kind[:60]}, which is no time stamp")
    return body


def _retry_after(text: str | None) -> float:
    # RFC 9110 section 10.2.3: seconds, or a date.
    if not text:
        return 0.0
    if text.strip().isascii() and text.strip().isdecimal():
        return min(float(text), _MAX_WAIT)
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), _MAX_WAIT)


def _open(host: str, port: int, deadline: float) -> socket.socket:
    # Each address gets its share of what is left: one that swallows packets must not take it all.
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((entry[0], entry[4]) for entry in found))[:4]
    for number, (family, where) in enumerate(addresses):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(_left(deadline) / (len(addresses) - number))
        try:
            sock.connect(where)
        except OSError:
            sock.close()
            if number + 1 == len(addresses):
                raise
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_left(deadline))
        return sock
    raise socket.gaierror(f"{host} has no address")


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        sock.shutdown(socket.SHUT_RDWR)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
