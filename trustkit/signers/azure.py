"""Keys in Azure Key Vault: `azure:VAULT.vault.azure.net/keys/NAME[/VERSION]?chain=CHAIN.pem`.

The operation `sign` of the Key Vault REST API, version 7.4:
https://learn.microsoft.com/rest/api/keyvault/keys/sign/sign
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.exceptions import AzureError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import algorithm_of, digest
from trustkit.signers.quiet import hush
from trustkit.signers.service import SECONDS, Service
from trustkit.signers.uri import Location, endpoint, is_loopback, parse

API = "?api-version=7.4"
TOKEN = "TRUSTKIT_AZURE_TOKEN"  # noqa: S105  # a variable's name; read for loopback alone
_OPTIONS = ("chain", "alg", "endpoint", "timeout")
_PLACE = re.compile(r"([A-Za-z0-9.-]+)/keys/([A-Za-z0-9-]{1,127})(?:/([A-Za-z0-9]{1,64}))?")
# Where a token for this audience may go: the vaults of the public cloud and of the national ones.
_AUDIENCES = {
    f".{kind}.{cloud}": f"https://{kind}.{cloud}/.default"
    for kind in ("vault", "managedhsm")
    for cloud in ("azure.net", "azure.cn", "usgovcloudapi.net")
}


@dataclass(frozen=True)
class AzureSigner:
    """A key in one vault; its version is fixed when it is opened."""

    algorithm: str
    chain: bytes
    _service: Service = field(repr=False)
    _path: str

    def __repr__(self) -> str:
        return f"AzureSigner({self.algorithm}, {self._path})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError`. The vault sees a digest, never the claim."""
        value = urlsafe_b64encode(digest(self.algorithm, data)).rstrip(b"=").decode()
        asked = {"alg": self.algorithm.upper(), "value": value}
        answer = self._service.ask(f"{self._path}/sign{API}", asked)
        # ECDSA comes as r || s already (RFC 7518 section 3.4).
        return _bytes(answer, self._service)


def open_azure_signer(location: str, _passphrase: Passphrase) -> AzureSigner:
    """Open the key that `location` (the URI after `azure:`) names; raises `PublishError`."""
    hush("azure", "msal")
    uri = parse("azure", location, _OPTIONS)
    found = _PLACE.fullmatch(uri.place.removeprefix("//"))
    if not found:
        raise PublishError(
            f"azure:{uri.place} names no key",
            "write azure:VAULT.vault.azure.net/keys/NAME[/VERSION]?chain=CHAIN.pem",
        )
    host, name, version = found.groups()
    chain = uri.chain()
    algorithm = algorithm_of(chain.key, "the certificate's key", uri.get("alg"))
    if algorithm == "ed25519":
        raise PublishError("Azure Key Vault does not sign with Ed25519", "use an EC or RSA key")
    base, token = _access(uri, host.lower())
    service = Service("Azure Key Vault", base, name, token, uri.seconds(SECONDS))
    if not version:
        version = _newest(service, name)
    return AzureSigner(algorithm, chain.pem, service, f"/keys/{name}/{version}")


def _access(uri: Location, host: str) -> tuple[str, Callable[[], str]]:
    """Return where to ask, and what gives an access token for it."""
    audience = next((a for ending, a in _AUDIENCES.items() if host.endswith(ending)), "")
    asked = uri.get("endpoint")
    if not audience and not asked:
        raise PublishError(
            f"{host} is no vault of Azure's",
            "write VAULT.vault.azure.net; a host of your own goes into endpoint=",
        )
    base = endpoint(asked) if asked else f"https://{host}"
    if is_loopback(base) and TOKEN in os.environ:
        return base, lambda: os.environ[TOKEN]
    scope = audience or _AUDIENCES[".vault.azure.net"]
    credential = DefaultAzureCredential()

    def token() -> str:
        try:
            return str(credential.get_token(scope).token)
        except (CredentialUnavailableError, AzureError) as error:
            # Its own words may quote what it was given.
            raise PublishError(
                "no access token for Azure Key Vault could be had",
                "log in with `az login`, or set AZURE_CLIENT_ID and its kin",
            ) from error

    return base, token


def _newest(service: Service, name: str) -> str:
    # Looked up once: a batch is signed with one version, whatever is rotated meanwhile.
    answer = service.ask(f"/keys/{name}{API}")
    key = answer.get("key")
    kid = key.get("kid") if isinstance(key, dict) else None
    found = re.fullmatch(r".*/([A-Za-z0-9]{1,64})", kid) if isinstance(kid, str) else None
    if not found:
        raise service.garbled()
    return found[1]


def _bytes(answer: dict[str, Any], service: Service) -> bytes:
    try:
        value = str(answer["value"])
        return urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (KeyError, ValueError) as error:
        raise service.garbled() from error
