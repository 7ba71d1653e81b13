"""The table of what generators write about themselves, read from generators.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from trustkit.media.metadata import Found


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: what is told by a value in which every pattern of `form` is found."""

    name: str
    says: str
    keys: frozenset[str]
    places: frozenset[str]
    form: tuple[str, ...]
    source: str

    def fits(self, found: Found) -> bool:
        """Tell whether this value is what the generator writes; its key was looked up already."""
        if self.places and found.place not in self.places:
            return False
        return all(re.search(pattern, found.value) for pattern in self.form)


def rules_for(found: Found) -> Iterator[Rule]:
    """Yield the entries that fit one declaration."""
    if not found.value:
        return
    by_key = _by_key()
    # The key as it stands (png-text: parameters), its last part (xmp: exif:UserComment, id3:
    # TXXX:prompt), and the standard field that it means (iptc-iim 2:110 is Credit).
    key = found.key.lower()
    named = {key, re.split(r"[:.]", key)[-1], found.field.lower()} - {""}
    fitting = {id(rule): rule for name in sorted(named) for rule in by_key.get(name, ())}
    yield from (rule for rule in fitting.values() if rule.fits(found))


@cache
def table() -> tuple[Rule, ...]:
    """Return every entry, in the order of the file."""
    text = (files("trustkit.evidence") / "generators.toml").read_text("utf-8")
    return tuple(
        Rule(
            entry["name"],
            entry["says"],
            frozenset(entry["keys"]),
            frozenset(entry.get("places", ())),
            tuple(entry["form"]),
            entry["source"],
        )
        for entry in tomllib.loads(text)["generator"]
    )


@cache
def _by_key() -> Mapping[str, tuple[Rule, ...]]:
    keys = sorted({key for rule in table() for key in rule.keys})
    return {key: tuple(rule for rule in table() if key in rule.keys) for key in keys}
