"""Who signs: the contract of every signer. A key is named by a URI such as `file:keys/press`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

# C2PA 2.4 section 13.2: the algorithms a claim may be signed with.
ALGORITHMS = ("es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519")

Passphrase = Callable[[], str]  # asked only when a key turns out to be encrypted


class Signer(Protocol):
    """A key that signs, and the certificates that say whose it is."""

    @property
    def algorithm(self) -> str:
        """One of `ALGORITHMS`."""

    @property
    def chain(self) -> bytes:
        """The leaf's certificate, then its issuers, as PEM."""

    def sign(self, data: bytes) -> bytes:
        """Sign the whole of `data`; an ECDSA signature is r || s, as COSE wants it (RFC 9053)."""
