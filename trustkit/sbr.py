"""Asks a service of the C2PA Soft Binding Resolution API (2.4) where a stripped copy comes from.

What leaves this machine is a mark's payload or a code; the file itself only with `by_content`. One
host is asked, that of the URL: no redirect is followed, nor an address that an answer names.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from trustkit.asset import Asset
from trustkit.c2pa.fetch import resolve
from trustkit.errors import UnreachableError, UsageError

MAX_ANSWER = 2**20  # bytes of JSON
MAX_MANIFEST = 32 * 2**20  # bytes; the engine's own limit for an unpacked manifest
MAX_SECONDS = 20.0  # for an answer
MAX_UPLOAD_SECONDS = 120.0
_ATTEMPT = 5.0  # seconds for one of several addresses
_MOST = 100  # matches that are read
_LONGEST = 256  # characters of a manifest's id, and of an algorithm's name
_CHUNK = 2**16
_OK, _MISSING = 200, 404
_SAID = {
    401: ("wants a key", "give one with --sbr-key-file"),
    403: ("does not allow this key to ask", "ask for a key that may read"),
    404: ("does not know what was asked for", "check the address: it may end in /v1"),
    413: ("takes no file of this size", "look it up by its mark alone"),
    415: ("takes no file of this kind", "look it up by its mark alone"),
    429: ("is busy", "ask again in a minute"),
}
_VISIBLE = re.compile(r"[!-~]+")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Match:
    """A manifest that a service names; `endpoint` is the service that keeps it, if another."""

    manifest_id: str
    endpoint: str = ""
    score: int | None = None


@dataclass(frozen=True)
class Resolver:
    """One service, by the URL below which the API stands; `key` is sent as a bearer token.

    Plain http is spoken with loopback alone, unless `allow_http`. Raises `UsageError` for a URL
    that is none. Every call raises `UnreachableError`, which tells no key.
    """

    url: str
    key: str = field(default="", repr=False)
    allow_http: bool = False
    max_seconds: float = MAX_SECONDS
    max_upload_seconds: float = MAX_UPLOAD_SECONDS

    def __post_init__(self) -> None:
        """Check the URL."""
        try:
            parts = urlsplit(self.url)
            port, host = parts.port, parts.hostname
        except ValueError:
            port, host, parts = 0, None, urlsplit("")
        if parts.scheme not in _PORTS or not host or port == 0 or parts.query or parts.fragment:
            raise UsageError("this is no address of a service", "write https://HOST/v1")
        if parts.username or parts.password:
            raise UsageError("a key does not belong into the address", "give it by itself")
        if parts.scheme == "http" and not self.allow_http and not _is_loopback(host):
            raise UsageError(f"{host} is asked by https alone", "write https://")
        if self.key and not _VISIBLE.fullmatch(self.key):
            raise UsageError("the key for the service is malformed", "give it as it was shown")

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).hostname or ""

    def algorithms(self) -> tuple[str, ...]:
        """Return the names of the marks and fingerprints that can be asked by."""
        told = self._json("GET", "/services/supportedAlgorithms")
        rows = [*_list(told.get("watermarks")), *_list(told.get("fingerprints"))]
        names = (row.get("alg") for row in rows if isinstance(row, dict))
        return tuple(dict.fromkeys(n for n in names if isinstance(n, str) and _is_name(n)))

    def by_binding(self, alg: str, value: str) -> list[str]:
        """Return the ids of manifests with this binding; `value` is a payload in hex digits."""
        return [match.manifest_id for match in self.bound(alg, value)]

    def by_content(self, asset: Asset) -> list[str]:
        """Return the ids of manifests of content like this; sends the whole file there."""
        return [match.manifest_id for match in self.alike(asset)]

    def bound(self, alg: str, value: str) -> list[Match]:
        """Return the matches of a binding, as the service orders them."""
        try:
            raw = bytes.fromhex(value)
        except ValueError as error:
            raise UsageError(f"{value!r} is no payload", "give hexadecimal digits") from error
        asked = urlencode({"alg": alg, "value": base64.b64encode(raw).decode()})
        return self._matches(self._json("GET", f"/matches/byBinding?{asked}"))

    def alike(self, asset: Asset) -> list[Match]:
        """Return the matches of a file, which is sent."""
        with asset.open() as stream:
            return self._matches(
                self._json("POST", "/matches/byContent", (stream, asset.size, asset.media_type))
            )

    def manifest(self, id: str) -> bytes:  # noqa: A002  # the standard's word for it
        """Return the manifest store of this id."""
        if len(id) > _LONGEST or not _VISIBLE.fullmatch(id):
            raise UsageError("this is no id of a manifest", "give it as the service named it")
        return self._ask("GET", f"/manifests/{quote(id, safe=':')}", MAX_MANIFEST, None)

    def _matches(self, told: Mapping[str, Any]) -> list[Match]:
        rows = told.get("matches")
        if not isinstance(rows, list):
            raise self._odd("its answer names no matches")
        found = [self._match(row) for row in rows[:_MOST]]
        return list({match.manifest_id: match for match in reversed(found)}.values())[::-1]

    def _match(self, row: Any) -> Match:
        name = row.get("manifestId") if isinstance(row, dict) else None
        if not isinstance(name, str) or len(name) > _LONGEST or not _VISIBLE.fullmatch(name):
            raise self._odd("a match has no manifest's id")
        endpoint, score = row.get("endpoint"), row.get("similarityScore")
        is_other = isinstance(endpoint, str) and endpoint.rstrip("/") != self.url.rstrip("/")
        is_score = isinstance(score, int) and not isinstance(score, bool)
        return Match(name, endpoint if is_other else "", score if is_score else None)

    def _json(
        self, method: str, target: str, body: tuple[IO[bytes], int, str] | None = None
    ) -> Mapping[str, Any]:
        answer = self._ask(method, target, MAX_ANSWER, body)
        try:
            told = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise self._odd("its answer is not JSON") from error
        if not isinstance(told, dict):
            raise self._odd("its answer is not what the API says")
        return told

    def _ask(
        self, method: str, target: str, most: int, body: tuple[IO[bytes], int, str] | None
    ) -> bytes:
        parts = urlsplit(self.url)
        seconds = self.max_upload_seconds if body else self.max_seconds
        headers = {"Accept": "application/json, application/c2pa", "Host": parts.netloc}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        if body:
            headers |= {"Content-Type": body[2], "Content-Length": str(body[1])}
        try:
            with self._connected(seconds) as (connection, deadline):
                path = f"{parts.path.rstrip('/')}{target}"
                sent = _send(connection, method, path, body[0] if body else None, headers)
                response = connection.getresponse()
                if response.status != _OK:
                    raise self._refused(response.status)
                if not sent:
                    raise self._odd("it answered before it had the whole file")
                return self._body(response, deadline, most)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise UnreachableError(
                f"{self.host} could not be asked: {_reason(error)}", "try again later"
            ) from error

    @contextlib.contextmanager
    def _connected(self, seconds: float) -> Iterator[tuple[http.client.HTTPConnection, float]]:
        parts = urlsplit(self.url)
        port, deadline = parts.port or _PORTS[parts.scheme], time.monotonic() + seconds
        addresses = resolve(self.host, port)
        if parts.scheme == "http" and not self.allow_http:
            # What is called localhost has to be it.
            addresses = [one for one in addresses if _is_loopback(one)]
        if not addresses:
            raise UnreachableError(f"{self.host} is not known", "check the address")
        raw = _connect(addresses, port, deadline)
        # A service may drip a byte at a time and never time out: at the deadline the line is cut.
        cut = threading.Timer(_left(deadline), _cut, [raw])
        cut.daemon = True
        cut.start()
        try:
            if parts.scheme == "https":
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=self.host)
                cut.args = [raw]
            connection = http.client.HTTPConnection(self.host, port)
            connection.sock = raw
            yield connection, deadline
        finally:
            cut.cancel()
            raw.close()

    def _body(self, response: http.client.HTTPResponse, deadline: float, most: int) -> bytes:
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > most:
                raise self._odd(f"it sent more than {most:,} bytes")
        if time.monotonic() >= deadline or response.length:
            raise UnreachableError(f"{self.host} broke off its answer", "try again later")
        return bytes(body)

    def _refused(self, status: int) -> UnreachableError:
        if status in range(300, 400):
            return self._odd("it sends elsewhere, and no redirect is followed")
        said, hint = _SAID.get(status, (f"answered {status}", "try again later"))
        return UnreachableError(f"{self.host} {said}", hint)

    def _odd(self, what: str) -> UnreachableError:
        return UnreachableError(f"{self.host} cannot be used: {what}", "check the address")


def _connect(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    # A name may stand for several: localhost is ::1 too, where a service listens on 127.0.0.1.
    *others, last = addresses
    for address in others:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), min(_ATTEMPT, _left(deadline)))
    return socket.create_connection((last, port), _left(deadline))


def _left(deadline: float) -> float:
    return max(0.1, deadline - time.monotonic())


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: IO[bytes] | None,
    headers: Mapping[str, str],
) -> bool:
    # Who takes no file of that size may say so and close before it is sent: the answer counts.
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    while body and (chunk := body.read(_CHUNK)):
        try:
            connection.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return str(error) or type(error).__name__


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        sock.shutdown(socket.SHUT_RDWR)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text.isprintable()


def _list(value: object) -> list[Any]:
    return value[:1000] if isinstance(value, list) else []
