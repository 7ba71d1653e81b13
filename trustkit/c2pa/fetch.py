"""Fetch what a user asks for, without becoming anyone's errand boy.

Only https and http, only hosts that were named, only addresses of the public internet: the name is
resolved once, every address judged, and the connection made to that very address, for each hop of
a redirect anew (a second look-up could answer otherwise: DNS rebinding).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from trustkit.errors import UnreachableError

MAX_BYTES = 32 * 2**20  # the engine's own limit for an unpacked manifest
MAX_SECONDS = 20.0  # for all hops together
MAX_HOPS = 4
_CHUNK = 2**16
_REDIRECTS = {301, 302, 303, 307, 308}
_PORTS = {"https": 443, "http": 80}
_OK = 200
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits

Resolve = Callable[[str, int], list[str]]
Allow = Callable[[str], bool]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet's."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (mapped is None or is_public(str(mapped)))


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of `host`; raises `OSError` when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Fetcher:
    """Fetches from `hosts` only (`*.example.org` means any below it, `*` any public host).

    `allow` judges addresses and `resolve` finds them; tests with a local server give their own.
    """

    hosts: tuple[str, ...]
    allow: Allow = is_public
    resolve: Resolve = resolve
    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS
    schemes: tuple[str, ...] = ("https", "http")
    hint: str = "allow it with --fetch-remote {host}"

    def __call__(self, url: str) -> bytes:
        """Return what is at `url`; raises `UnreachableError` with the reason in a few words."""
        deadline = time.monotonic() + self.max_seconds
        for _ in range(MAX_HOPS):
            answer = self._get(url, deadline)
            if isinstance(answer, bytes):
                return answer
            url = _joined(url, answer)
        raise UnreachableError(f"more than {MAX_HOPS} redirects", "ask the publisher for the file")

    def _get(self, url: str, deadline: float) -> bytes | str:
        parts = self._checked(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        connection = self._connect(parts.scheme, host, port, deadline)
        # A server may drip a byte at a time and never time out: at the deadline the line is cut.
        cut = threading.Timer(_left(deadline), _cut, [connection.sock])
        cut.daemon = True
        cut.start()
        try:
            target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request("GET", target, headers={"Host": parts.netloc.rpartition("@")[2]})
            response = connection.getresponse()
            if response.status in _REDIRECTS:
                return response.getheader("Location") or ""
            if response.status != _OK:
                raise UnreachableError(f"{host} answered {response.status}", "try again later")
            return self._body(response, connection, host, deadline)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            # A path that is not ASCII is the last.
            raise UnreachableError(
                f"{host} could not be read: {error or type(error).__name__}", "try again later"
            ) from error
        finally:
            cut.cancel()
            connection.close()

    def _checked(self, url: str) -> SplitResult:
        try:
            parts = urlsplit(url)
            bad_port = parts.port == 0
        except ValueError as error:
            raise UnreachableError("the address is malformed", "nothing was fetched") from error
        if parts.scheme not in self.schemes or not parts.hostname or bad_port or parts.username:
            raise UnreachableError(
                f"only plain {' and '.join(self.schemes)} addresses are fetched",
                "nothing was fetched",
            )
        if not _is_among(parts.hostname, self.hosts):
            raise UnreachableError(
                f"{parts.hostname} is not among the hosts allowed",
                self.hint.format(host=parts.hostname),
            )
        return parts

    def _connect(
        self, scheme: str, host: str, port: int, deadline: float
    ) -> http.client.HTTPConnection:
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError) as error:  # the last for a name that is no host's
            raise UnreachableError(f"{host} is not known", "check the network") from error
        if not addresses or not all(self.allow(address) for address in addresses):
            raise UnreachableError(f"{host} is a private address", "nothing was fetched")
        connection = http.client.HTTPConnection(host, port)
        try:
            raw = socket.create_connection((addresses[0], port), timeout=_left(deadline))
            if scheme == "https":
                raw = ssl.create_default_context().wrap_socket(raw, server_hostname=host)
        except (OSError, ValueError) as error:  # the last for a name TLS does not take
            raise UnreachableError(f"{host} does not answer: {error}", "try later") from error
        connection.sock = raw
        return connection

    def _body(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        host: str,
        deadline: float,
    ) -> bytes:
        body = bytearray()
        while True:
            if connection.sock is not None:
                connection.sock.settimeout(_left(deadline))
            chunk = response.read1(_CHUNK)
            if not chunk:
                _left(deadline)  # cut at the deadline, it is no whole answer
                if response.length:
                    raise UnreachableError(
                        f"{host} broke off {response.length:,} bytes before the end",
                        "try again later",
                    )
                return bytes(body)
            body += chunk
            if len(body) > self.max_bytes:
                raise UnreachableError(
                    f"{host} sent more than {self.max_bytes:,} bytes", "nothing was kept"
                )


def make_fetcher(hosts: Iterable[str]) -> Fetcher:
    """Return the fetcher for these hosts."""
    return Fetcher(tuple(host.lower() for host in hosts))


def _joined(url: str, answer: str) -> str:
    try:
        return urljoin(url, answer)
    except ValueError as error:
        raise UnreachableError("the address is malformed", "nothing was fetched") from error


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        sock.shutdown(socket.SHUT_RDWR)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("took too long")
    return left


def _is_among(host: str, hosts: Iterable[str]) -> bool:
    host = host.lower().rstrip(".")
    return any(
        allowed in {host, "*"} or (allowed.startswith("*.") and host.endswith(allowed[1:]))
        for allowed in hosts
    )
