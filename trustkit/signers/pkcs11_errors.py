"""What a token's refusals mean, in words. A PIN is in none of them."""

from __future__ import annotations

from pkcs11 import exceptions as raised
from pkcs11.exceptions import PKCS11Error

from trustkit.errors import PublishError

_PLUG = "plug it in and start again; what was signed until then is whole"
_WORDS: dict[type[PKCS11Error], tuple[str, str]] = {
    raised.PinIncorrect: (
        "the PIN does not open the token ({name})",
        "it was tried once and is not tried again; a token locks itself after a few wrong ones, "
        "usually three to ten",
    ),
    raised.PinInvalid: (
        "the PIN has characters that no PIN of this token has ({name})",
        "check it",
    ),
    raised.PinLenRange: (
        "the PIN is shorter or longer than PINs of this token are ({name})",
        "check it; it was tried once",
    ),
    raised.PinLocked: (
        "the token has locked its PIN after too many wrong ones ({name})",
        "its security officer can unlock it: pkcs11-tool --init-pin",
    ),
    raised.PinExpired: ("the PIN has expired ({name})", "change it: pkcs11-tool --change-pin"),
    raised.UserPinNotInitialized: (
        "the token has no user PIN yet ({name})",
        "its security officer sets one: pkcs11-tool --init-pin",
    ),
    raised.TokenNotPresent: ("the token is gone ({name})", _PLUG),
    raised.DeviceRemoved: ("the token was removed ({name})", _PLUG),
    raised.SessionHandleInvalid: ("the session with the token was lost ({name})", _PLUG),
    raised.SessionClosed: ("the session with the token was lost ({name})", _PLUG),
    raised.UserNotLoggedIn: (
        "the token wants its PIN again ({name})",
        "start again; where it is typed in on the token, such a key cannot be used here",
    ),
    raised.KeyHandleInvalid: ("the key is no longer on the token ({name})", _PLUG),
    raised.ObjectHandleInvalid: ("the key is no longer on the token ({name})", _PLUG),
    raised.MechanismInvalid: (
        "the token does not sign with this algorithm ({name})",
        "see `pkcs11-tool --list-mechanisms`; for RSA, see alg=",
    ),
    raised.MechanismParamInvalid: (
        "the token does not sign with this algorithm ({name})",
        "see `pkcs11-tool --list-mechanisms`; for RSA, see alg=",
    ),
    raised.KeyTypeInconsistent: (
        "the key and the certificate do not belong together: they are of different kinds ({name})",
        "name another with object= or id=, or its certificates with ?chain=CHAIN.pem",
    ),
    raised.SessionCount: ("the token has no session left ({name})", "end what else uses it"),
}


def explained(error: PKCS11Error, name: str) -> PublishError:
    """Return in plain words what the module of the token called `name` raised."""
    for kind in type(error).__mro__:
        if kind in _WORDS:
            message, hint = _WORDS[kind]
            return PublishError(message.format(name=name), hint)
    return PublishError(
        f"the token failed: {type(error).__name__} ({name})",
        "plug it in again and try `pkcs11-tool --test --login`",
    )


def no_module(name: str) -> PublishError:
    """Return the error for a machine where no module was found and none named."""
    what = f"no PKCS#11 module called {name} was found" if name else "no PKCS#11 module is named"
    return PublishError(what, "add ?module-path=/path/to/module.so, or set TRUSTKIT_PKCS11_MODULE")
