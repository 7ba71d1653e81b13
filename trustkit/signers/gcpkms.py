"""Keys in Google Cloud KMS.

`gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N?chain=CHAIN.pem`, by the
method asymmetricSign of its REST API, version 1:
https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions/asymmetricSign
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import google.auth
import google_crc32c
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import algorithm_of, as_raw, digest
from trustkit.signers.quiet import hush
from trustkit.signers.service import SECONDS, Service
from trustkit.signers.uri import Location, endpoint, is_loopback, parse

BASE = "https://cloudkms.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloudkms"
TOKEN = "TRUSTKIT_GCP_TOKEN"  # noqa: S105  # a variable's name; read for loopback alone
MAX_DATA_BYTES = 64 * 1024  # what the service takes where it is not a digest
_OPTIONS = ("chain", "alg", "endpoint", "timeout")
_NAME = r"[A-Za-z0-9_.:-]{1,128}"
_PLACE = re.compile(
    rf"projects/{_NAME}/locations/{_NAME}/keyRings/{_NAME}/cryptoKeys/{_NAME}"
    r"/cryptoKeyVersions/[0-9]{1,19}"
)


@dataclass(frozen=True)
class GcpSigner:
    """One version of a key in Google Cloud KMS."""

    algorithm: str
    chain: bytes
    _key: PublicKeyTypes = field(repr=False)
    _service: Service = field(repr=False)
    _name: str

    def __repr__(self) -> str:
        return f"GcpSigner({self.algorithm}, {self._name})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError`. The service sees a digest, or, of Ed25519, all."""
        if self.algorithm == "ed25519":
            if len(data) > MAX_DATA_BYTES:
                raise PublishError(
                    f"Google Cloud KMS signs at most {MAX_DATA_BYTES} bytes with Ed25519",
                    "use an EC or RSA key for manifests of this size",
                )
            what, sent, value = "Data", data, _text(data)
            asked: dict[str, Any] = {"data": value, "dataCrc32c": _sum(sent)}
        else:
            what, sent = "Digest", digest(self.algorithm, data)
            asked = {
                "digest": {f"sha{self.algorithm[2:]}": _text(sent)},
                "digestCrc32c": _sum(sent),
            }
        answer = self._service.ask(f"/v1/{self._name}:asymmetricSign", asked)
        return as_raw(self._key, self._whole(answer, what))

    def _whole(self, answer: dict[str, Any], what: str) -> bytes:
        """Return the signature, once both sides have seen what the other sent."""
        try:
            signature = base64.b64decode(answer["signature"], validate=True)
            arrived, its_sum = answer[f"verified{what}Crc32c"], str(answer["signatureCrc32c"])
            name = answer["name"]
        except (KeyError, TypeError, ValueError) as error:
            raise self._service.garbled() from error
        if arrived is not True or its_sum != _sum(signature) or name != self._name:
            raise PublishError(
                "what was sent to Google Cloud KMS or came from it was damaged on the way",
                "nothing was signed; try again",
            )
        return signature


def open_gcpkms_signer(location: str, _passphrase: Passphrase) -> GcpSigner:
    """Open the key that `location` (the URI after `gcpkms:`) names; raises `PublishError`."""
    hush("google")
    uri = parse("gcpkms", location, _OPTIONS)
    if not _PLACE.fullmatch(uri.place):
        raise PublishError(
            f"gcpkms:{uri.place} names no version of a key",
            "write gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
        )
    chain = uri.chain()
    algorithm = algorithm_of(chain.key, "the certificate's key", uri.get("alg"))
    if algorithm == "es512":
        raise PublishError("Google Cloud KMS has no P-521 keys", "use P-256, P-384 or RSA")
    base, token = _access(uri)
    name = "/".join(uri.place.split("/")[-3:])  # as much as one needs to know it by
    service = Service("Google Cloud KMS", base, name, token, uri.seconds(SECONDS))
    return GcpSigner(algorithm, chain.pem, chain.key, service, uri.place)


def _access(uri: Location) -> tuple[str, Callable[[], str]]:
    """Return where to ask, and what gives an access token for it."""
    base = endpoint(uri.get("endpoint") or BASE)
    if is_loopback(base) and TOKEN in os.environ:
        return base, lambda: os.environ[TOKEN]
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except GoogleAuthError as error:
        raise _no_token() from error

    def token() -> str:
        try:
            if not credentials.valid:
                credentials.refresh(Request())  # type: ignore[no-untyped-call]  # theirs
        except GoogleAuthError as error:
            raise _no_token() from error
        return str(credentials.token)

    return base, token


def _no_token() -> PublishError:
    # Its own words may quote what it was given.
    return PublishError(
        "no access token for Google Cloud KMS could be had",
        "log in with `gcloud auth application-default login`, or set "
        "GOOGLE_APPLICATION_CREDENTIALS",
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _sum(data: bytes) -> str:
    # An int64 is a text in Google's JSON.
    return str(google_crc32c.value(data))
