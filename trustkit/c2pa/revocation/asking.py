"""Ask the responder that a certificate names (RFC 6960 appendix A.1), each once in a run."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from trustkit.c2pa.certificates import Certificate
from trustkit.c2pa.fetch import Fetcher, is_public
from trustkit.c2pa.revocation import Answer, Moment, Refused, Why
from trustkit.c2pa.revocation.ocsp import MAX_RESPONSE, judge, question
from trustkit.errors import UnreachableError

MAX_SECONDS = 8.0  # for one responder, with its redirects
_SLOW = 2.0  # seconds; a host that took longer, and failed, is not asked again
_MAX_RESPONDERS = 2  # that one certificate may name
_MAX_KNOWN = 1024  # certificates whose answer is kept
_NONCE = 32  # bytes; RFC 9654 section 2.1

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class _Said:
    source: str
    body: bytes
    nonce: bytes


class Asker:
    """Asks responders on public addresses, and those at `hosts` wherever they are.

    The first answer about a certificate, good or bad, is kept for the run, and a responder that
    lets us wait in vain is left alone: it costs its time once, not once a file.
    """

    def __init__(self, hosts: tuple[str, ...] = (), fetch: Fetch | None = None) -> None:
        self._hosts = tuple(host.lower() for host in hosts)
        self._fetch = fetch
        self._known: dict[tuple[bytes, bytes], _Said | Refused] = {}
        self._down: dict[str, str] = {}

    def __call__(self, certificate: Certificate, issuer: Certificate, moment: Moment) -> Answer:
        """Return what the responder says of `certificate`, or why nothing was had. No raise."""
        key = (certificate.der, issuer.der)
        if key not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = self._ask(certificate, issuer)
        said = self._known[key]
        if isinstance(said, Refused):
            return said
        # Judged each time: with the day the answer grows old.
        return judge(said.body, certificate, issuer, moment, said.source, said.nonce)

    def response(self, certificate: Certificate, issuer: Certificate) -> bytes:
        """Return the response about `certificate` as it was sent; empty where there was none."""
        said = self._known.get((certificate.der, issuer.der))
        return said.body if isinstance(said, _Said) else b""

    def _ask(self, certificate: Certificate, issuer: Certificate) -> _Said | Refused:
        addresses = list(_responders(certificate))[:_MAX_RESPONDERS]
        if not addresses:
            return Refused("OCSP", "the certificate names no responder", Why.NONE)
        nonce = secrets.token_bytes(_NONCE)
        asked = quote(base64.b64encode(question(certificate, issuer, nonce)), safe="")
        reasons = []
        for address in addresses:
            line, start = _Line(_host(address), self._hosts, self._fetch), time.monotonic()
            if line.host in self._down:
                reasons.append(self._down[line.host])
                continue
            try:
                body = line.fetch(f"{address.rstrip('/')}/{asked}")
                return _Said(f"the responder at {line.host}", body, nonce)
            except UnreachableError as error:
                hint = f"; --ocsp-host {line.host} allows it" if line.was_private else ""
                reasons.append(f"{error.message}{hint}")
                if time.monotonic() - start > _SLOW:
                    # A file has a minute or two; a batch of other signers must not wait as well.
                    self._down[line.host] = f"{error.message}, when it was asked before"
        return Refused("OCSP", "; ".join(dict.fromkeys(reasons)), was_asked=True)


@dataclass
class _Line:
    host: str
    hosts: tuple[str, ...]
    given: Fetch | None
    was_private: bool = field(default=False, init=False)

    def fetch(self, url: str) -> bytes:
        if self.given is not None:
            return self.given(url)
        limits = {"max_bytes": MAX_RESPONSE, "max_seconds": MAX_SECONDS}
        if self.host in self.hosts:  # it may lead on to itself, and nowhere else
            return Fetcher((self.host,), lambda _address: True, **limits)(url)  # type: ignore[arg-type]
        return Fetcher(("*",), self._allow, **limits)(url)  # type: ignore[arg-type]

    def _allow(self, address: str) -> bool:
        public = is_public(address)
        self.was_private = self.was_private or not public
        return public


def _responders(certificate: Certificate) -> Iterator[str]:
    access = certificate.extension(x509.AuthorityInformationAccess)
    for description in access or ():
        place = description.access_location
        if description.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            place, x509.UniformResourceIdentifier
        ):
            yield place.value


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or address).lower()
    except ValueError:
        return address
