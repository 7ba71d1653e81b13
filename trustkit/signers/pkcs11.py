"""Keys on a token: `pkcs11:token=NAME;object=KEY`, a URI of RFC 7512.

The calls are those of PKCS#11 2.40, section and page by the name of the function.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag
from pkcs11.exceptions import PKCS11Error

from trustkit.errors import PublishError
from trustkit.signers import Passphrase
from trustkit.signers.algorithms import algorithm_of, as_raw, digest
from trustkit.signers.chain import Chain, read_chain
from trustkit.signers.pkcs11_chain import chain_on
from trustkit.signers.pkcs11_errors import explained, no_module
from trustkit.signers.pkcs11_uri import Pkcs11Uri, parse_pkcs11

PIN = "TRUSTKIT_PKCS11_PIN"
MODULE = "TRUSTKIT_PKCS11_MODULE"
MAX_PIN_BYTES = 1024
# p11-kit's proxy shows the tokens of every module that the machine's owner has set up.
_PROXIES = (
    "/usr/lib/*/p11-kit-proxy.so",
    "/usr/lib*/p11-kit-proxy.so",
    "/opt/*/lib/p11-kit-proxy.*",
)
_FOLDERS = ("/usr/lib/*/pkcs11", "/usr/lib*/pkcs11", "/usr/lib/softhsm", "/usr/local/lib")
_MGFS = {"256": pkcs11.MGF.SHA256, "384": pkcs11.MGF.SHA384, "512": pkcs11.MGF.SHA512}


@dataclass(frozen=True)
class Pkcs11Signer:
    """A private key on a token, in a session that stays open as long as the process."""

    algorithm: str
    chain: bytes
    _public: Any = field(repr=False)
    _key: Any = field(repr=False)
    _name: str
    _pin: str | None = field(default=None, repr=False)  # for a key that asks each time

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self.algorithm}, {self._name})"

    def sign(self, data: bytes) -> bytes:
        """See `Signer`; raises `PublishError`. All but Ed25519 sends the token a digest only."""
        with _told(self._name):
            if self.algorithm == "ed25519":
                return self._signed(data, Mechanism.EDDSA)
            hashed = digest(self.algorithm, data)
            if self.algorithm.startswith("es"):
                # r || s already: CKM_ECDSA, PKCS#11 mechanisms 2.40, section 2.3.1.
                return as_raw(self._public, self._signed(hashed, Mechanism.ECDSA))
            bits = self.algorithm[2:]
            parameters = (Mechanism[f"SHA{bits}"], _MGFS[bits], len(hashed))
            return self._signed(hashed, Mechanism.RSA_PKCS_PSS, parameters)

    def _signed(self, data: bytes, mechanism: Mechanism, parameters: Any = None) -> bytes:
        ask = {} if self._pin is None else {"pin": self._pin}
        made = self._key.sign(data, mechanism=mechanism, mechanism_param=parameters, **ask)
        return bytes(made)


def open_pkcs11_signer(location: str, passphrase: Passphrase) -> Pkcs11Signer:
    """Open the key that `location` (the URI after `pkcs11:`) names.

    The PIN is tried once. Raises `PublishError`.
    """
    uri = parse_pkcs11(location)
    chain = read_chain(Path(uri.query["chain"]).expanduser()) if "chain" in uri.query else None
    module = _module(uri)
    token = _token(module, uri)
    session, pin = _session(token, uri, passphrase)
    key = _key(session, uri)
    with _told(str(uri)):
        chain = chain or chain_on(session, key, str(uri))
        each_time = pin if _is_asked_each_time(key) else None
    return _signer(key, chain, uri, each_time)


def _signer(key: Any, chain: Chain, uri: Pkcs11Uri, pin: str | None) -> Pkcs11Signer:
    name = f"the key of {chain.name}" if "chain" in uri.query else "the certificate's key"
    algorithm = algorithm_of(chain.key, name, uri.query.get("alg", ""))
    return Pkcs11Signer(algorithm, chain.pem, chain.key, key, str(uri), pin)


def _is_asked_each_time(key: Any) -> bool:
    # CKA_ALWAYS_AUTHENTICATE, as the signing key of a PIV card has it. Older modules know it not.
    try:
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    except pkcs11.exceptions.AttributeTypeInvalid:
        return False


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what the token's module raises in the block into words."""
    try:
        yield
    except PKCS11Error as error:
        raise explained(error, name) from error


def _module(uri: Pkcs11Uri) -> Any:
    asked = "" if "module-name" in uri.query else os.environ.get(MODULE, "")
    path = Path(uri.query.get("module-path") or asked or _by_name(uri)).expanduser()
    if not path.is_file():
        raise PublishError(f"there is no PKCS#11 module {path}", "check module-path= or " + MODULE)
    try:
        module = pkcs11.lib(str(path.resolve()))
    except PKCS11Error as error:
        raise PublishError(
            f"{path} cannot be used as a PKCS#11 module ({type(error).__name__})",
            "name the library that came with the token; SoftHSM needs SOFTHSM2_CONF",
        ) from error
    wanted = {
        "library-manufacturer": module.manufacturer_id,
        "library-description": module.library_description,
        "library-version": "{}.{}".format(*module.library_version),
    }
    if not _agrees(uri, wanted):
        raise PublishError(f"{path} is another PKCS#11 module than the URI names", "see library-*")
    return module


def _by_name(uri: Pkcs11Uri) -> str:
    name = uri.query.get("module-name", "")
    if name and not name.replace("-", "").replace("_", "").isalnum():
        raise PublishError("module-name= is no name", "use module-path= for a path")
    tried = [f"{folder}/{stem}.so" for folder in _FOLDERS for stem in (name, f"lib{name}")]
    for pattern in tried if name else _PROXIES:
        for found in sorted(Path("/").glob(pattern.removeprefix("/"))):
            return str(found)
    raise no_module(name)


def _agrees(uri: Pkcs11Uri, there: dict[str, str]) -> bool:
    return all(uri.path.get(name, value) == value for name, value in there.items())


def _token(module: Any, uri: Pkcs11Uri) -> Any:
    found = []
    with _told(str(uri)):
        for slot in module.get_slots(token_present=True):
            there = {
                "slot-id": str(slot.slot_id),
                "slot-description": slot.slot_description,
                "slot-manufacturer": slot.manufacturer_id,
            }
            if not _agrees(uri, there):
                continue
            try:
                token = slot.get_token()
            except (pkcs11.exceptions.TokenNotPresent, pkcs11.exceptions.TokenNotRecognised):
                continue
            there = {
                "token": token.label,
                "manufacturer": token.manufacturer_id,
                "serial": token.serial.decode("ascii", "replace").rstrip(),
                "model": token.model,
            }
            if TokenFlag.TOKEN_INITIALIZED in token.flags and _agrees(uri, there):
                found.append(token)
    if not found:
        raise PublishError(
            f"no token matches {uri}", "is it plugged in? see `pkcs11-tool --list-token-slots`"
        )
    if len(found) > 1:
        raise PublishError(
            f"{len(found)} tokens match {uri}", "name one by serial= or slot-id= as well"
        )
    return found[0]


def _session(token: Any, uri: Pkcs11Uri, passphrase: Passphrase) -> tuple[Any, str | None]:
    """Return a session that is logged in where the token wants that, and the PIN if it is ours."""
    name = str(uri)
    if TokenFlag.LOGIN_REQUIRED not in token.flags:
        with _told(name):
            return token.open(), None
    if TokenFlag.USER_PIN_LOCKED in token.flags:
        raise explained(pkcs11.exceptions.PinLocked(), name)
    pin = _pin(uri)
    if pin is None and TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags:
        with _told(name):
            # Typed in on the token's own keys, and never seen by us.
            return _logged_in(token, pkcs11.PROTECTED_AUTH), None
    pin = passphrase() if pin is None else pin
    with _told(name):
        return _logged_in(token, pin), pin


def _logged_in(token: Any, pin: Any) -> Any:
    try:
        # Tried once: after some wrong ones, usually three to ten, a token locks itself.
        return token.open(user_pin=pin)
    except pkcs11.exceptions.UserAlreadyLoggedIn:
        # Who is logged in is so with all sessions of a process (C_Login).
        return token.open()


def _pin(uri: Pkcs11Uri) -> str | None:
    """Return the PIN of the file or variable that holds one, or None where none is named."""
    source = uri.query.get("pin-source")
    if source is None:
        pin = os.environ.get(PIN)
        if pin and any("\ud800" <= character <= "\udfff" for character in pin):
            raise PublishError(f"the variable {PIN} is no UTF-8 text", "check it")
        return pin
    if source.startswith("|"):
        raise PublishError(
            "pin-source= may not name a program", "name a file: pin-source=file:PATH"
        )
    path = Path(source.removeprefix("file:").removeprefix("//")).expanduser()
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_PIN_BYTES).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PublishError(f"the PIN file {path} cannot be read", "check pin-source=") from error


def _key(session: Any, uri: Pkcs11Uri) -> Any:
    wanted: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
    if "object" in uri.path:
        wanted[Attribute.LABEL] = uri.path["object"]
    if uri.id:
        wanted[Attribute.ID] = uri.id
    with _told(str(uri)):
        found = list(session.get_objects(wanted))
    match found:
        case []:
            raise PublishError(
                f"the token has no private key that matches {uri}",
                "see what it has with `pkcs11-tool --login --list-objects`",
            )
        case [key]:
            return key
    raise PublishError(f"{len(found)} private keys match {uri}", "name one by object= and id=")
