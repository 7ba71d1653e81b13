"""What labels say, in the languages of the EU and in Chinese: data in `words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from trustkit.errors import UsageError

_MAIN = "main"


def languages() -> tuple[str, ...]:
    """Return the codes of the languages there are words in."""
    return tuple(sorted(code for code in _read() if code != _MAIN))


def parse_languages(asked: str) -> tuple[str, ...]:
    """Return the codes in a list with commas, each once; raises `UsageError` for others.

    A region is ignored: `de-AT` is `de`.
    """
    codes = [word.strip().lower().replace("_", "-") for word in asked.split(",")]
    found = dict.fromkeys(code.partition("-")[0] for code in codes if code)
    for code in found:
        if code not in languages():
            raise UsageError(
                f"no words in the language {code}", f"there are {','.join(languages())}"
            )
    return tuple(found)


def main_words(text: str) -> str:
    """Return the main words of a label, which are the same in all languages."""
    return str(_read()[_MAIN][text])


def local_words(text: str, asked: Iterable[str]) -> tuple[str, ...]:
    """Return the words of each language that asks for words of its own."""
    found = (str(_read()[code]["words"][text]) for code in asked)
    return tuple(words for words in found if words)


def sentence(text: str, code: str) -> str:
    """Return the sentence that says the same in one language."""
    return str(_read()[code]["said"][text])


def voice(code: str) -> str:
    """Return how espeak-ng calls the language."""
    return str(_read()[code]["voice"])


@cache
def _read() -> dict[str, Any]:
    return tomllib.loads(files("trustkit.label").joinpath("words.toml").read_text("utf-8"))
