"""Small key services on loopback that speak the documented protocols of three vendors.

- AWS KMS: POST / with X-Amz-Target TrentService.Sign, JSON 1.1, a signed request
  (https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html). DIGEST is not hashed again.
- Azure Key Vault: GET /keys/NAME and POST /keys/NAME/VERSION/sign, api-version 7.4, r || s
  (https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign).
- Google Cloud KMS: POST /v1/NAME:asymmetricSign with CRC32C sums, DER
  (https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions/asymmetricSign).

The keys are those of `keys/signer`, and a key's name is its algorithm.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import google_crc32c
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from tests.command import KEYS

TOKEN = "ya29.ESuchAccessTokenIsASecret-0123456789"
ACCESS_KEY, SECRET_KEY = "AKIATRUSTKITTESTONLY", "wJalrTrustkitTestOnlySecretAccessKey12345"
SESSION_TOKEN = "IQoJTrustkitTestOnlySessionTokenABCDEF"
VERSION = "78deebed173b48e48f55abf87ed4cf71"
PARENT = "projects/press/locations/europe-west3/keyRings/ring/cryptoKeys"
HASHES = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}
BY_NAME = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
PATIENCE = 30.0

AWS_ENV = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": SESSION_TOKEN,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
ENV = {**AWS_ENV, "TRUSTKIT_AZURE_TOKEN": TOKEN, "TRUSTKIT_GCP_TOKEN": TOKEN}
SECRETS = (TOKEN, SECRET_KEY, SESSION_TOKEN)


@dataclass
class Services:
    """All three services at one address; what is asked of them, and how they fail.

    After `well` good answers `fault` is given `times` times, then they are well again; -1 is for
    ever.
    """

    port: int = 0
    fault: str = ""
    times: int = -1
    well: int = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: str, times: int = -1, well: int = 0) -> None:
        self.fault, self.times, self.well = fault, times, well
        self.asked.clear()

    def heal(self) -> None:
        self.fail("")

    def due(self) -> str:
        if not self.fault or self.times == 0:
            return ""
        if self.well > 0:
            self.well -= 1
            return ""
        self.times -= 1
        return self.fault

    def uri(self, scheme: str, name: str, more: str = "") -> str:
        """Name the key `name` of a vendor, with the chain of that name where there is one."""
        chain = KEYS / "signer" / (name if name in ALL else "es256") / "chain.pem"
        place = {
            "awskms": f"alias/{name}",
            "azure": f"press.vault.azure.net/keys/{name}",
            "gcpkms": f"{PARENT}/{name}/cryptoKeyVersions/1",
        }[scheme]
        region = "&region=eu-central-1" if scheme == "awskms" else ""
        return f"{scheme}:{place}?chain={chain}&endpoint={self.url}{region}{more}"


ALL = {folder.name for folder in (KEYS / "signer").iterdir() if folder.is_dir()}


@cache
def key_of(name: str) -> Any:
    pem = (KEYS / "signer" / name / "key.pem").read_bytes()
    return serialization.load_pem_private_key(pem, None)


def made(name: str, data: bytes, bits: str, *, hashed: bool) -> bytes:
    """Sign as a service does: ECDSA in DER, `hashed` data as it is."""
    key = key_of(name)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    plain = BY_NAME[bits]
    algorithm = Prehashed(plain) if hashed else plain
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(plain), padding.PSS.DIGEST_LENGTH)
        return key.sign(data, pss, algorithm)
    return key.sign(data, ec.ECDSA(algorithm))


def raw(name: str, signature: bytes) -> bytes:
    key = key_of(name)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return signature
    width = (key.curve.key_size + 7) // 8
    r, s = decode_dss_signature(signature)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


class RefusedError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Stay quiet: a client that gives up is what a bad day is meant to produce."""


@contextmanager
def serving() -> Iterator[Services]:
    """Serve until the block ends."""
    services = Services()
    server = _Server(("127.0.0.1", 0), _handler(services))
    services.port = server.server_port
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield services
    finally:
        services.stopping.set()
        server.shutdown()
        server.server_close()


def _handler(services: Services) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            self._do(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            self._do(json.loads(self.rfile.read(length)))

        def _do(self, body: Any) -> None:
            services.asked.append((self.path, body))
            with suppress(ConnectionError):
                fault = services.due()
                if fault:
                    getattr(self, f"_{fault}")(body)
                    return
                try:
                    self._send(200, self._answer(body))
                except RefusedError as refused:
                    self._send(refused.status, _error(refused.code))

        def _answer(self, body: Any) -> dict[str, Any]:
            if "X-Amz-Target" in self.headers:
                return _aws(self.headers, body)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise RefusedError(401, "Unauthorized")
            return _google(self.path, body) if self.path.startswith("/v1/") else _azure(
                self.path, body
            )  # fmt: skip

        def _send(self, status: int, answer: object, **headers: str) -> None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(data)

        # What a service does on a bad day. What they say quotes the token, as a hostile one may.
        def _unauthorized(self, _: Any) -> None:
            self._send(401, _error("UnrecognizedClientException", TOKEN))

        def _forbidden(self, _: Any) -> None:
            self._send(400 if self._is_aws() else 403, _error("AccessDeniedException", TOKEN))

        def _missing(self, _: Any) -> None:
            self._send(400 if self._is_aws() else 404, _error("NotFoundException", TOKEN))

        def _throttled(self, _: Any) -> None:
            status = 400 if self._is_aws() else 429
            self._send(status, _error("ThrottlingException", TOKEN), Retry_After="1")

        def _throttled_for_long(self, _: Any) -> None:
            status = 400 if self._is_aws() else 429
            self._send(status, _error("ThrottlingException", TOKEN), Retry_After="3600")

        def _broken(self, _: Any) -> None:
            self._send(500, _error("KMSInternalException", TOKEN))

        def _slow(self, _: Any) -> None:
            services.stopping.wait(PATIENCE)

        def _dripping(self, _: Any) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            for _ in range(300):
                self.wfile.write(b" ")
                if services.stopping.wait(0.1):
                    return

        def _garbage(self, _: Any) -> None:
            self._send(200, b"<html>it works</html>")

        def _list(self, _: Any) -> None:
            self._send(200, [1, 2, 3])

        def _empty(self, _: Any) -> None:
            self._send(200, {})

        def _endless(self, _: Any) -> None:
            self._send(200, b'"' + b"x" * 2**20 + b'"')

        def _redirect(self, _: Any) -> None:
            self._send(302, {}, Location=f"{services.url}/stolen")

        def _short(self, body: Any) -> None:
            if body is None:
                self._send(200, self._answer(body))
            else:
                self._send(200, self._changed(body, lambda signature: signature[:-3]))

        def _flipped(self, body: Any) -> None:
            if body is None:
                self._send(200, self._answer(body))
                return
            self._send(200, self._changed(body, lambda s: s[:-1] + bytes([s[-1] ^ 1])))

        def _changed(self, body: Any, change: Any) -> dict[str, Any]:
            answer = self._answer(body)
            name = next(key for key in ("Signature", "signature", "value") if key in answer)
            padded = answer[name] + "=" * (-len(answer[name]) % 4)
            encode = base64.urlsafe_b64encode if name == "value" else base64.b64encode
            signature = change(
                base64.b64decode(padded, altchars=b"-_" if name == "value" else None)
            )
            answer[name] = encode(signature).decode().rstrip("=" if name == "value" else "")
            if name == "signature":
                answer["signatureCrc32c"] = str(google_crc32c.value(signature))
            return answer

        def _damaged(self, body: Any) -> None:
            answer = self._answer(body)
            answer["signatureCrc32c"] = "1"
            self._send(200, answer)

        def _is_aws(self) -> bool:
            return "X-Amz-Target" in self.headers

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    return Handler


def _error(code: str, quoted: str = "") -> dict[str, Any]:
    words = f"something is wrong {quoted}"
    return {"__type": code, "message": words, "error": {"code": code, "message": words}}


def _aws(headers: Any, body: Any) -> dict[str, Any]:
    said = headers.get("Authorization", "")
    if not said.startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/"):
        raise RefusedError(400, "UnrecognizedClientException")
    if headers["X-Amz-Target"] != "TrentService.Sign":
        raise RefusedError(400, "UnknownOperationException")
    if "/eu-central-1/kms/" not in said:
        raise RefusedError(400, "NotFoundException")  # a key lives in one region
    name = body["KeyId"].removeprefix("alias/")
    if name not in ALL:
        raise RefusedError(400, "NotFoundException")
    data = base64.b64decode(body["Message"])
    kinds = {"es": "ECDSA_SHA_", "ps": "RSASSA_PSS_SHA_", "ed": "ED25519_SHA_"}
    bits = body["SigningAlgorithm"].rpartition("_")[2]
    if body["SigningAlgorithm"] != f"{kinds[name[:2]]}{bits}":
        raise RefusedError(400, "InvalidKeyUsageException")
    hashed = body["MessageType"] == "DIGEST"
    longest = HASHES.keys() if hashed else range(1, 4097)
    if len(data) not in longest or (hashed and name == "ed25519"):
        raise RefusedError(400, "ValidationException")
    signature = base64.b64encode(made(name, data, bits, hashed=hashed)).decode()
    return {"KeyId": name, "Signature": signature, "SigningAlgorithm": body["SigningAlgorithm"]}


def _azure(path: str, body: Any) -> dict[str, Any]:
    found = re.fullmatch(r"/keys/([a-z0-9-]+)(?:/([a-z0-9]+)/sign)?\?api-version=7\.4", path)
    if not found or found[1] not in ALL - {"ed25519"} or found[2] not in {None, VERSION}:
        raise RefusedError(404, "KeyNotFound")
    name = found[1]
    kid = f"https://press.vault.azure.net/keys/{name}/{VERSION}"
    if body is None:
        return {"key": {"kid": kid, "kty": "EC"}, "attributes": {"enabled": True}}
    value = base64.b64decode(body["value"] + "==", altchars=b"-_")
    bits = body["alg"][2:]
    if name[:2] != body["alg"][:2].lower() or len(value) * 8 != int(bits):
        raise RefusedError(400, "BadParameter")
    signature = raw(name, made(name, value, bits, hashed=True))
    return {"kid": kid, "value": base64.urlsafe_b64encode(signature).decode().rstrip("=")}


def _google(path: str, body: Any) -> dict[str, Any]:
    found = re.fullmatch(rf"/v1/({PARENT}/([a-z0-9]+)/cryptoKeyVersions/1):asymmetricSign", path)
    if not found or found[2] not in ALL - {"es512"}:
        raise RefusedError(404, "NOT_FOUND")
    name = found[2]
    is_data = name == "ed25519"
    if is_data != ("data" in body):
        raise RefusedError(400, "INVALID_ARGUMENT")
    kind = "data" if is_data else "digest"
    [(bits, text)] = [("512", body["data"])] if is_data else body["digest"].items()
    sent = base64.b64decode(text)
    if str(google_crc32c.value(sent)) != body[f"{kind}Crc32c"]:
        raise RefusedError(400, "INVALID_ARGUMENT")
    signature = made(name, sent, bits.removeprefix("sha"), hashed=not is_data)
    return {
        "signature": base64.b64encode(signature).decode(),
        "signatureCrc32c": str(google_crc32c.value(signature)),
        f"verified{kind.title()}Crc32c": True,
        "name": found[1],
        "protectionLevel": "HSM",
    }
