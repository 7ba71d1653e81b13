"""Who agreed and what is licensed: the words of the options, read strictly."""

from __future__ import annotations

from datetime import date

from trustkit.disclosure import CONSENT_OF, Consent, Licence
from trustkit.errors import UsageError

_KEYS = ("reference", "who", "date")
_LONGEST = 2000  # characters of one value: an address, a name, a number of a contract
_HINT = (
    f"{', '.join(CONSENT_OF)}, then reference=, and who= and date= where they may be told, "
    "like voice,reference=contract 2026-17,date=2026-11-01"
)


def consent(text: str) -> Consent:
    """Return the consent that `--consent` states; raises `UsageError`."""
    first, *pairs = text.split(",")
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or key not in _KEYS or key in values or not value:
            raise UsageError(f"--consent {text!r}: {pair.strip()!r} is no part of it", _HINT)
        values[key] = value
    if "reference" not in values:
        raise UsageError(f"--consent {text!r}: where is the agreement kept?", _HINT)
    try:
        if "date" in values:
            zoneless_date(values["date"])
        return Consent(consent_of(first.strip()), **{k: short(v) for k, v in values.items()})
    except ValueError as error:
        raise UsageError(f"--consent {text!r}: {error}", _HINT) from error


def licence(text: str) -> Licence:
    """Return the licence that `--licence` names; raises `UsageError`."""
    # The reference may be an address, and addresses may hold commas.
    reference, _, of = text.partition(",of=")
    hint = "an address or a number, and of=WHAT, like https://example.org/terms,of=music"
    if not reference.strip():
        raise UsageError(f"--licence {text!r} names no licence", hint)
    try:
        return Licence(short(reference.strip()), short(of.strip()))
    except ValueError as error:
        raise UsageError(f"--licence: {error}", hint) from error


def consent_of(text: str) -> str:
    """Return `text` where it is what one can agree to the use of; raises `ValueError`."""
    if text not in CONSENT_OF:
        raise ValueError(f"{text!r} is none of {', '.join(CONSENT_OF)}")
    return text


def zoneless_date(text: str) -> str:
    """Return `text` where it is a day; raises `ValueError`."""
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date like 2026-11-01") from error
    return text


def short(text: str) -> str:
    """Return `text` where it is no longer than anybody reads; raises `ValueError`."""
    if len(text) > _LONGEST:
        raise ValueError(f"a value has {len(text):,} characters, of {_LONGEST:,} at most")
    return text
