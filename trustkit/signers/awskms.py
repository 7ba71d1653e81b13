"""Keys in AWS KMS: `awskms:KEY?chain=CHAIN.pem`, KEY being an id, an alias/NAME or an ARN.

The operation Sign: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
)
from botocore.exceptions import ConnectionError as NotConnectedError
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import algorithm_of, as_raw, digest
from trustkit.signers.quiet import hush
from trustkit.signers.uri import Location, endpoint, parse

SECONDS = 30.0  # for one signature, all attempts together, their waits left out
ATTEMPTS = 3
CONNECT_SECONDS = 5.0
MAX_RAW_BYTES = 4096  # above, the service takes a digest only
_OPTIONS = ("chain", "alg", "region", "endpoint", "profile", "timeout")
_PLACE = re.compile(r"[A-Za-z0-9/_:-]{1,2048}")
_ARN = re.compile(r"arn:[a-z-]+:kms:([a-z0-9-]+):[0-9]{12}:(?:key|alias)/.+")
_NAMES = {"es": "ECDSA_SHA_", "ps": "RSASSA_PSS_SHA_"}
_LOGIN = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and its kin, or run where a role is given"


@dataclass(frozen=True)
class AwsSigner:
    """A key in AWS KMS."""

    algorithm: str
    chain: bytes
    _key: PublicKeyTypes = field(repr=False)
    _client: Any = field(repr=False)
    _id: str

    def __repr__(self) -> str:
        return f"AwsSigner({self.algorithm}, {self._id[-64:]})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError`. A long claim is hashed here, a short one there."""
        kind, message = "RAW", data
        if not data or len(data) > MAX_RAW_BYTES:  # the SDK lets no empty message pass
            if self.algorithm == "ed25519":
                raise PublishError(
                    f"AWS KMS signs 1 to {MAX_RAW_BYTES} bytes with Ed25519, not {len(data)}",
                    "use an EC or RSA key for manifests of this size",
                )
            kind, message = "DIGEST", digest(self.algorithm, data)
        try:
            answer = self._client.sign(
                KeyId=self._id,
                Message=message,
                MessageType=kind,
                SigningAlgorithm=_name_of(self.algorithm),
            )
            signature = bytes(answer["Signature"])
        except (ClientError, BotoCoreError) as error:
            raise explained(error, self._id) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # The last is how the SDK takes JSON that is no object.
            raise PublishError(
                "AWS KMS gave no readable answer", "check the region and the endpoint"
            ) from error
        return as_raw(self._key, signature)


def open_awskms_signer(location: str, _passphrase: Passphrase) -> AwsSigner:
    """Open the key that `location` (the URI after `awskms:`) names; raises `PublishError`."""
    # At debug level the SDK logs whole requests with their session tokens.
    hush("boto3", "botocore")
    uri = parse("awskms", location, _OPTIONS)
    place = uri.place.removeprefix("//")
    if not _PLACE.fullmatch(place):
        raise PublishError(
            f"awskms:{place} names no key",
            "write awskms:KEY?chain=CHAIN.pem, KEY being an id, alias/NAME or an ARN",
        )
    chain = uri.chain()
    algorithm = algorithm_of(chain.key, "the certificate's key", uri.get("alg"))
    return AwsSigner(algorithm, chain.pem, chain.key, _client(uri, place), place)


def _client(uri: Location, place: str) -> Any:
    seconds = uri.seconds(SECONDS) / ATTEMPTS
    arn = _ARN.fullmatch(place)
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, seconds),
        read_timeout=seconds,
        # Throttling and passing faults are tried again after 1, then 2 seconds at most.
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    where = endpoint(uri.get("endpoint")) if uri.get("endpoint") else None
    try:
        session = boto3.session.Session(
            profile_name=uri.get("profile") or None,
            region_name=uri.get("region") or (arn[1] if arn else None),
        )
        return session.client("kms", endpoint_url=where, config=config)
    except (BotoCoreError, ValueError) as error:
        raise explained(error, place) from error


def _name_of(algorithm: str) -> str:
    if algorithm == "ed25519":
        return "ED25519_SHA_512"
    return f"{_NAMES[algorithm[:2]]}{algorithm[2:]}"


_CODES = {
    "NotFoundException": (
        "AWS KMS has no key {key} in this region and account",
        "check the key's URI and region=",
    ),
    "AccessDeniedException": (
        "AWS KMS does not let us sign with {key}",
        "ask for the permission kms:Sign on this key",
    ),
    "DisabledException": ("the key {key} is disabled in AWS KMS", "enable it, or name another"),
    "KMSInvalidStateException": (
        "the key {key} is not usable in AWS KMS: disabled or being deleted",
        "look at its state, or name another",
    ),
    "InvalidKeyUsageException": (
        "AWS KMS does not sign this with {key}",
        "does the key's kind match its certificate? for RSA, see alg=",
    ),
    "ThrottlingException": (
        "AWS KMS is throttling us, also after waiting",
        "sign fewer files at once, or ask for a higher quota",
    ),
}
_TOKENS = frozenset(
    {
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "IncompleteSignatureException",
    }
)


_KINDS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    ((NoCredentialsError, PartialCredentialsError), "no credentials for AWS were found", _LOGIN),
    ((ProfileNotFound,), "there is no such profile of AWS", "see `aws configure list-profiles`"),
    ((NoRegionError,), "no region of AWS is named", "add region=NAME, or name the key by ARN"),
    ((SSLError,), "the certificate of AWS KMS is not accepted", "see AWS_CA_BUNDLE"),
    (
        (NotConnectedError, HTTPClientError),
        "AWS KMS gave no answer in time",
        "check the region and the network; timeout=SECONDS gives it more time",
    ),
)


def explained(error: Exception, key: str) -> PublishError:
    """Return in plain words why AWS KMS did not sign; the SDK's own may quote credentials."""
    key = key[-64:]
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _TOKENS:
            return PublishError("AWS does not accept our credentials", _LOGIN)
        if code in _CODES:
            message, hint = _CODES[code]
            return PublishError(message.format(key=key), hint)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "unknown")
        return PublishError(
            f"AWS KMS did not sign with {key} (status {status})", "check the key's URI; try again"
        )
    for kinds, message, hint in _KINDS:
        if isinstance(error, kinds):
            return PublishError(message, hint)
    return PublishError(
        f"AWS KMS could not be asked ({type(error).__name__})",
        "check credentials, region and network",
    )
