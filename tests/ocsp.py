"""A small authority with an OCSP responder (RFC 6960) on loopback, and its lists, for tests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

LOOPBACK = "127.0.0.1"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
Reason = x509.ReasonFlags
_FOREVER = 60.0  # seconds for which a slow responder waits, unless it is stopped
Change = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


def utc_now() -> datetime:
    """Return the time of day, in whole seconds as certificates have it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


def name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "ZZ"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "trustkit TEST ONLY"),
            x509.NameAttribute(NameOID.COMMON_NAME, text),
        ]
    )


def issue(
    subject: str,
    issuer: Identity | None,
    *extensions: tuple[x509.ExtensionType, bool],
    is_ca: bool = False,
    days: tuple[float, float] = (-30, 365),
    usage: str = "digital_signature",
) -> Identity:
    """Return a new certificate under `issuer` (None: under itself) with a key of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    now = utc_now()
    usages = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
         "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False
    )  # fmt: skip
    usages |= {"key_cert_sign": True, "crl_sign": True} if is_ca else {usage: True}
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.certificate.subject if issuer else name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(x509.KeyUsage(**usages), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Identity(builder.sign(signer, hashes.SHA256()), key)


def for_ocsp(url: str) -> tuple[x509.ExtensionType, bool]:
    """Return the extension that names the responder at `url`."""
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url)
    )
    return x509.AuthorityInformationAccess([access]), False


def eku(*uses: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage(uses), False


NO_CHECK: tuple[x509.ExtensionType, bool] = (x509.OCSPNoCheck(), False)
OCSP_SIGNING = ExtendedKeyUsageOID.OCSP_SIGNING


@dataclass(frozen=True)
class Said:
    """What a responder says of a certificate, and how. A time is from now."""

    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD
    revoked_at: datetime | None = None
    reason: Reason | None = None
    this_update: timedelta = -HOUR
    next_update: timedelta | None = DAY
    signer: Identity | None = None  # the issuer, unless it is another
    certificates: tuple[Identity, ...] = ()  # sent along
    by_hash: bool = False
    of: Identity | None = None  # of another certificate
    under: Identity | None = None  # as if another had issued it
    hash_with: hashes.HashAlgorithm = field(default_factory=hashes.SHA1)
    wrong_nonce: bool = False
    echoes_nonce: bool = True


GOOD = Said()
UNKNOWN = Said(ocsp.OCSPCertStatus.UNKNOWN)


def revoked(at: datetime, reason: Reason | None = None, **more: object) -> Said:
    return replace(Said(ocsp.OCSPCertStatus.REVOKED, at, reason), **more)  # type: ignore[arg-type]


@dataclass
class House:
    """A root, an issuing authority, a signer under it, and what is said of the signer."""

    root: Identity
    issuer: Identity
    leaf: Identity
    said: Said = GOOD

    @property
    def chain(self) -> bytes:
        return self.leaf.pem + self.issuer.pem

    def key_folder(self, folder: Path) -> str:
        """Write the signer as `file:` keys are, and return its URI."""
        folder.mkdir(parents=True, exist_ok=True)
        key = self.leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").write_bytes(key)
        (folder / "key.pem").chmod(0o600)
        (folder / "chain.pem").write_bytes(self.chain)
        (folder / "root.pem").write_bytes(self.root.pem)
        return f"file:{folder}"

    def response(self, said: Said | None = None, nonce: bytes | None = None) -> bytes:
        """Return an OCSP response, in DER."""
        said = said or self.said
        now = utc_now()
        of, under = said.of or self.leaf, said.under or self.issuer
        signer = said.signer or self.issuer
        encoding = ocsp.OCSPResponderEncoding
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                of.certificate,
                under.certificate,
                said.hash_with,
                said.status,
                now + said.this_update,
                now + said.next_update if said.next_update is not None else None,
                said.revoked_at,
                said.reason,
            )
            .responder_id(encoding.HASH if said.by_hash else encoding.NAME, signer.certificate)
        )
        if said.certificates:
            builder = builder.certificates([one.certificate for one in said.certificates])
        if nonce and said.echoes_nonce:
            builder = builder.add_extension(
                x509.OCSPNonce(nonce[::-1] if said.wrong_nonce else nonce), critical=False
            )
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def crl(
        self,
        *revoked: tuple[Identity, datetime, Reason | None, datetime | None],
        this_update: timedelta = -HOUR,
        next_update: timedelta = DAY,
        signer: Identity | None = None,
        issuer: Identity | None = None,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    ) -> bytes:
        """Return a revocation list, in PEM: (certificate, time, reason, invalid since) each."""
        issuer = issuer or self.issuer
        now = utc_now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.certificate.subject)
            .last_update(now + this_update)
            .next_update(now + next_update)
        )
        for one, at, reason, since in revoked:
            entry = x509.RevokedCertificateBuilder()
            entry = entry.serial_number(one.certificate.serial_number).revocation_date(at)
            if reason:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            if since:
                entry = entry.add_extension(
                    x509.InvalidityDate(since.replace(tzinfo=None)), critical=False
                )
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign((signer or issuer).key, hashes.SHA256()).public_bytes(Encoding.PEM)


def house(
    url: str = "",
    *extensions: tuple[x509.ExtensionType, bool],
    days: tuple[float, float] = (-30, 365),
) -> House:
    """Return a new house whose signer names the responder at `url`."""
    root = issue("ocsp root", None, is_ca=True)
    issuer = issue("ocsp issuer", root, is_ca=True)
    uses = (eku(ExtendedKeyUsageOID.EMAIL_PROTECTION), *extensions)
    uses += (for_ocsp(url),) if url else ()
    return House(root, issuer, issue("ocsp signer", issuer, *uses, days=days))


@dataclass
class Responder:
    """A responder at `url`, which says what its house says, or `fault`."""

    url: str
    house: House
    fault: str = ""  # later, garbage, large, slow, status, redirect:URL
    asked: list[str] = field(default_factory=list)


@contextmanager
def responding() -> Iterator[Responder]:
    """Run a responder with a house of its own while the block runs."""
    stopping = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(base64.b64decode(unquote(self.path.lstrip("/"))))

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, query: bytes) -> None:
            responder.asked.append(self.path)
            with suppress(ConnectionError):
                fault, _, where = responder.fault.partition(":")
                match fault:
                    case "later":
                        status = ocsp.OCSPResponseStatus.TRY_LATER
                        built = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
                        self._send(built.public_bytes(Encoding.DER))
                    case "garbage":
                        self._send(b"this is no OCSP response")
                    case "large":
                        self._send(bytes(2**20))
                    case "slow":
                        stopping.wait(_FOREVER)
                    case "status":
                        self._send(b"", 503)
                    case "redirect":
                        self._send(b"", 302, where)
                    case _:
                        self._send(responder.house.response(nonce=_nonce(query)))

        def _send(self, body: bytes, status: int = 200, location: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/ocsp-response")
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    url = f"http://{LOOPBACK}:{server.server_port}/"
    responder = Responder(url, house(url))
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield responder
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _nonce(query: bytes) -> bytes | None:
    extensions = ocsp.load_der_ocsp_request(query).extensions
    try:
        return extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None
