"""Where each backend finds the test keys: URIs, passphrases and the environment they need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.command import KEYS
from tests.signers.services import ENV, Services
from tests.signers.softhsm import PIN, full_token
from trustkit.signers import ALGORITHMS

PROGRAM = Path(__file__).with_name("program.py")
# What a vendor does not sign with at all.
LACKING = {"azure": {"ed25519"}, "gcpkms": {"es512"}}


@dataclass(frozen=True)
class Place:
    """How to name the key of an algorithm, and one that is not there; `secret` opens both."""

    uri: Callable[[str], str]
    missing: Callable[[], str]
    secret: str = ""


def program_uri(algorithm: str, way: str = "raw", more: str = "") -> str:
    """Name the signing program for the key of an algorithm."""
    folder = KEYS / "signer" / algorithm
    words = f"&arg={PROGRAM}&arg={folder / 'key.pem'}&arg={way}"
    return f"cmd:{sys.executable}?chain={folder / 'chain.pem'}{words}{more}"


def places(services: Services) -> dict[str, Place]:
    """Return every backend's place; a token is made only when its key is asked for."""
    return {
        "file": Place(lambda a: f"file:{KEYS / 'signer' / a}", lambda: "file:/no/such/folder"),
        "cmd": Place(program_uri, lambda: f"cmd:/no/such/program?chain={_chain('es256')}"),
        "pkcs11": Place(
            lambda a: full_token().uri(a), lambda: full_token().uri("nobody"), secret=PIN
        ),
        **{
            scheme: Place(
                lambda a, scheme=scheme: services.uri(scheme, a),  # type: ignore[misc]
                lambda scheme=scheme: services.uri(scheme, "nobody"),  # type: ignore[misc]
            )
            for scheme in ("awskms", "azure", "gcpkms")
        },
    }


def pairs() -> list[tuple[str, str]]:
    """List every backend with every algorithm it has."""
    schemes = ("file", "cmd", "pkcs11", "awskms", "azure", "gcpkms")
    return [(s, a) for s in schemes for a in ALGORITHMS if a not in LACKING.get(s, ())]


def _chain(algorithm: str) -> Path:
    return KEYS / "signer" / algorithm / "chain.pem"


@cache
def needed(backend: str) -> None:
    """Skip the test where the extra of a backend is not installed."""
    module = {"pkcs11": "pkcs11", "awskms": "boto3", "azure": "azure.identity",
              "gcpkms": "google.auth"}.get(backend)  # fmt: skip
    if module:
        pytest.importorskip(module, reason=f"pip install 'trustkit[{backend}]'")


__all__ = ["ENV", "LACKING", "PROGRAM", "Place", "needed", "pairs", "places", "program_uri"]
