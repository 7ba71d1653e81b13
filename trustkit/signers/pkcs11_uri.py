"""PKCS#11 URIs (RFC 7512): which token, which key on it, through which module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trustkit.errors import PublishError
from trustkit.signers.uri import decoded, raw

# RFC 7512 section 2.3. What identifies the module, the slot, the token, and the object on it.
LIBRARY = ("library-manufacturer", "library-description", "library-version")
SLOT = ("slot-id", "slot-manufacturer", "slot-description")
TOKEN = ("token", "manufacturer", "serial", "model")
OBJECT = ("object", "id", "type")
# Section 2.4; the last two are ours.
QUERY = ("module-path", "module-name", "pin-source", "chain", "alg")


@dataclass(frozen=True)
class Pkcs11Uri:
    """What a URI says, percent-decoded; `id` is the bytes of CKA_ID, empty where there is none."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    id: bytes = b""

    def __str__(self) -> str:
        """Tell of the token and the key in words, for errors."""
        shown = [f"{name}={value}" for name, value in self.path.items() if name not in LIBRARY]
        shown += [f"id={self.id.hex()}"] if self.id else []
        return ", ".join(shown) or "anything"


def parse_pkcs11(location: str) -> Pkcs11Uri:
    """Take apart what follows `pkcs11:`; raises `PublishError` for what is not in the RFC."""
    path, _, query = location.partition("?")
    attributes = dict(_pairs(path, ";", (*LIBRARY, *SLOT, *TOKEN, *OBJECT)))
    options = dict(_pairs(query, "&", QUERY))
    found_id = raw(attributes.pop("id")) if "id" in attributes else b""
    uri = Pkcs11Uri(
        {name: decoded(value) for name, value in attributes.items()},
        {name: decoded(value) for name, value in options.items()},
        found_id,
    )
    if uri.path.get("type", "private") != "private":
        raise PublishError(
            "only a private key can sign, and type= names something else",
            "write type=private, or leave it out",
        )
    if not uri.path.get("slot-id", "0").isdecimal():
        raise PublishError("slot-id= is no number", "see `pkcs11-tool --list-slots`")
    return uri


def _pairs(text: str, between: str, allowed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    seen = set()
    for part in text.split(between) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            # Everybody on this machine may read the arguments of a process.
            raise PublishError(
                "a PIN in the key's URI can be read by everybody on this machine",
                "use pin-source=file:PATH or the variable TRUSTKIT_PKCS11_PIN; and change the PIN",
            )
        if name not in allowed or not equals:
            raise PublishError(
                f"pkcs11: URIs have no attribute {name!r} there", f"there are {', '.join(allowed)}"
            )
        if name in seen:
            raise PublishError(f"the attribute {name} is given twice", "once is enough")
        seen.add(name)
        yield name, value
