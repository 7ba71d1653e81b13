"""Trust lists as their publishers write them, and a server on loopback that hands them out."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HOST = "localhost"
_STATUS = "http://c2pa.org/conformance/trust-list/"
PATIENCE = 30  # seconds for which a slow server goes on


@dataclass(frozen=True)
class Authority:
    """A certificate with its key, and the name of whom it belongs to."""

    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.der).hexdigest()


def _dn(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} Root TEST ONLY"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name),
        ]
    )


@cache
def authority(name: str, *, is_ca: bool = True, days: int = 365) -> Authority:
    """Return the authority of that name; with `days` below 0 it has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_dn(name))
        .issuer_name(_dn(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1000))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(name, certificate, key)


def some(count: int) -> list[Authority]:
    """Return `count` authorities, the same ones each time."""
    return [authority(f"House {number}") for number in range(count)]


def pem(authorities: Iterable[Authority]) -> bytes:
    """Return them as the C2PA programme writes its PEM file."""
    return b"\n".join(f"Subject\tO={a.name}\n".encode() + a.pem for a in authorities)


def lote(
    authorities: Iterable[Authority],
    *,
    issued: str = "2026-08-05T00:11:39Z",
    next_update: str | None = "2099-08-05T00:11:39Z",
    number: int = 1,
    untrusted: Iterable[Authority] = (),
) -> bytes:
    """Return them as the C2PA programme writes its JSON file (ETSI TS 119 602)."""
    out = tuple(untrusted)
    scheme = {
        "LoTEVersionIdentifier": 1,
        "LoTESequenceNumber": number,
        "SchemeOperatorName": [{"lang": "en", "value": "TEST ONLY"}],
        "ListIssueDateTime": issued,
        "NextUpdate": next_update,
    }
    entities = [
        {
            "TrustedEntityInformation": {"TEName": [{"lang": "en", "value": f"{a.name} Inc."}]},
            "TrustedEntityServices": [
                {
                    "ServiceInformation": {
                        "ServiceName": [{"lang": "en", "value": f"{a.name} Root"}],
                        "ServiceDigitalIdentity": {
                            "X509Certificates": [{"val": base64.b64encode(a.der).decode()}]
                        },
                        "ServiceStatus": f"{_STATUS}{'untrusted' if a in out else 'trusted'}",
                    }
                }
            ],
        }
        for a in (*authorities, *out)
    ]
    document = {"LoTE": {"ListAndSchemeInformation": scheme, "TrustedEntitiesList": entities}}
    return json.dumps(document, indent=2).encode()


def thumbprint(der: bytes) -> str:
    """Return x5t#S256 as RFC 7517 section 4.9 writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def iptc(entities: Iterable[Mapping[str, object]], updated: str = "2026-05-01T10:00:00Z") -> bytes:
    """Return an IPTC list of publishers."""
    document = {
        "version": "0.1",
        "name": "TEST ONLY",
        "download_url": "https://example.org/list.json",
        "website": "https://example.org/",
        "last_updated": updated,
        "entities": list(entities),
    }
    return json.dumps(document).encode()


def entity(name: str, *keys: Mapping[str, object], is_ca: bool = False) -> dict[str, object]:
    """Return one publisher of an IPTC list."""
    contact = "https://example.org/contact"
    return {"display_name": name, "contact": contact, "isCA": is_ca, "jwks": {"keys": list(keys)}}


def whole(der: bytes) -> dict[str, object]:
    """Return a key with its certificate."""
    return {"kty": "EC", "x5c": [base64.b64encode(der).decode()]}


def product(
    name: str, status: str = "conformant", kind: str = "generatorProduct"
) -> dict[str, object]:
    """Return one record of the list of conforming products."""
    return {
        "recordId": f"0197aa34-665b-7811-9bbc-{abs(hash(name)) % 10**12:012d}",
        "applicant": "TEST ONLY",
        "status": status,
        "product": {
            "productType": kind,
            "DN": {"CN": name, "O": "TEST ONLY", "OU": "", "C": "US"},
            "assurance": {"maxAssuranceLevel": 1},
        },
        "dates": {"creation": "2026-01-01", "lastModification": "2026-02-01"},
    }


@dataclass
class Publisher:
    """A server over TLS; `files` are what it has, by path. Some paths misbehave."""

    port: int
    bundle: Path
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.port}/{path}"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which its certificate is believed."""
        return {"SSL_CERT_FILE": str(self.bundle)}


@contextmanager
def publishing(folder: Path) -> Iterator[Publisher]:
    """Run a publisher, with a certificate of its own below `folder`."""
    stopping = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked.append(self.path)
            path = self.path.strip("/")
            with suppress(OSError):
                if path.startswith("to/"):
                    self._head(302, 0, Location=path.removeprefix("to/"))
                elif path == "slow":
                    self._head(200, 10)
                    stopping.wait(PATIENCE)
                elif path.startswith("cut/"):
                    body = publisher.files[path.removeprefix("cut/")]
                    self._head(200, len(body))
                    self.wfile.write(body[: len(body) // 2])
                elif path == "endless":
                    self._head(200)
                    while not stopping.is_set():
                        self.wfile.write(bytes(2**20))
                elif path in publisher.files:
                    body = publisher.files[path]
                    self._head(200, len(body))
                    self.wfile.write(body)
                else:
                    self._head(404, 0)

        def _head(self, status: int, length: int | None = None, **headers: str) -> None:
            self.send_response(status)
            if length is not None:
                self.send_header("Content-Length", str(length))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that left
        bundle, context = _tls(folder)
        http.socket = context.wrap_socket(http.socket, server_side=True)
        publisher = Publisher(http.server_port, bundle)
        Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield publisher
        finally:
            stopping.set()
            http.shutdown()


def _tls(folder: Path) -> tuple[Path, ssl.SSLContext]:
    root, key, now = authority("Server"), ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(root.key, hashes.SHA256())
    )
    bundle, chain, secret = (folder / name for name in ("root.pem", "leaf.pem", "key.pem"))
    bundle.write_bytes(root.pem)
    chain.write_bytes(leaf.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return bundle, context
