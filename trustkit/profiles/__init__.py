"""Disclosure profiles as data: which facts a law or a standard wants, and where in a file.

A profile is a TOML file. It knows no file: `plan` says what is to be written by it, and `judge`
what of it a file shows. Each need names its clause, where that was read, and how well it is known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trustkit import shipped as rules
from trustkit.errors import ConfigError

MAX_PROFILE = 2**18  # bytes; the shipped ones have under 10 KB
KINDS = ("image", "audio", "video", "document")
_MOST_NEEDS = 200


class Place(StrEnum):
    """Where a fact stands in a file, or beside it."""

    MANIFEST = "manifest"
    TIMESTAMP = "timestamp"
    METADATA = "metadata"
    AIGC = "aigc"
    WATERMARK = "watermark"
    LABEL = "label"
    REGISTRY = "registry"


class Level(StrEnum):
    """How firmly it is wanted. Conditional: where something holds that no program can see."""

    REQUIRED = "required"
    CONDITIONAL = "conditional"
    OPTIONAL = "optional"


# The facts, and the field of the metadata (see `media.metadata.fields`) that holds each.
FIELDS = {
    "source_type": "DigitalSourceType",
    "system": "AISystemUsed",
    "system_version": "AISystemVersionUsed",
    "provider": "DisclosureProvider",
    "created": "DisclosureCreated",
    "id": "DisclosureIdentifier",
    "prompt": "AIPromptInformation",
    "prompt_writer": "AIPromptWriterName",
    "data_mining": "DataMining",
    "credit": "Credit",
    "creator": "Creator",
    "copyright": "CopyrightNotice",
    "usage_terms": "UsageTerms",
    "web_statement": "WebStatement",
}
DECLARED = ("source_type", "system", "system_version", "provider", "created", "id", "prompt")
# What each key of the AIGC block of GB 45438 tells.
AIGC = {
    "source_type": "Label",
    "provider": "ContentProducer",
    "id": "ProduceID",
    "security": "ReservedCode1",
}
# Which facts can be asked for in which place.
FACTS: dict[Place, tuple[str, ...]] = {
    Place.MANIFEST: ("intact", *DECLARED),
    Place.TIMESTAMP: ("stamp",),
    Place.METADATA: tuple(FIELDS),
    Place.AIGC: tuple(AIGC),
    Place.WATERMARK: ("mark",),
    Place.LABEL: ("label",),
    Place.REGISTRY: ("record",),
}


@dataclass(frozen=True, slots=True)
class Need:
    """One fact in one place: the clause that wants it, and what it asks for in our words.

    `of_ai_only`: of content that is declared AI; else of all. `where_feasible`: not of files that
    have no such place. `condition` is what a person has to tell where it is conditional. `mark` is
    how well it is known: T tried, S read in source, W a secondary source, U not verified.
    """

    fact: str
    place: Place
    level: Level
    clause: str
    asks: str
    mark: str
    source: str
    kinds: tuple[str, ...] = KINDS
    of_ai_only: bool = True
    where_feasible: bool = False
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a law or a standard wants disclosed; `unverified` is what could not be checked of it."""

    name: str
    title: str
    needs: tuple[Need, ...]
    unverified: tuple[str, ...] = ()
    as_of: str = ""

    def of(self, kind: str) -> tuple[Need, ...]:
        """Return the needs that speak of this kind of file."""
        return tuple(need for need in self.needs if kind in need.kinds)


class _Strict(BaseModel):
    # An unknown key is a mistake, never ignored: a typo must not switch a need off.
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Need(_Strict):
    fact: str
    places: list[Place] = Field(min_length=1)
    level: Level = Level.REQUIRED
    clause: str = Field(min_length=1)
    asks: str = Field(min_length=1)
    mark: Literal["T", "S", "W", "U"]
    source: str = Field(min_length=1)
    kinds: list[Literal["image", "audio", "video", "document"]] = list(KINDS[:3])  # type: ignore[arg-type]  # the words of the literal
    when: Literal["ai", "always"] = "ai"
    where_feasible: bool = False
    condition: str = ""


class _File(_Strict):
    profile: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
    title: str = Field(min_length=1)
    as_of: str = ""
    unverified: list[str] = []
    need: list[_Need] = Field(min_length=1, max_length=_MOST_NEEDS)


def shipped() -> list[str]:
    """List the names of the profiles that come with trustkit."""
    return rules.shipped("trustkit.profiles")


def load_profiles(names: Iterable[str]) -> tuple[Profile, ...]:
    """Return the profiles of these names or in these files, each once; raises `ConfigError`.

    A name may be several with commas between them.
    """
    asked = [part.strip() for name in names for part in name.split(",") if part.strip()]
    if not asked:
        raise ConfigError("no profile is named", f"one of {', '.join(shipped())}, or a TOML file")
    loaded = [load_profile(name) for name in dict.fromkeys(asked)]
    if len({profile.name for profile in loaded}) < len(loaded):
        raise ConfigError("two profiles have one name", "give each a name of its own")
    return tuple(loaded)


def load_profile(name_or_file: str) -> Profile:
    """Return the profile of that name or in that file; raises `ConfigError` with what is wrong."""
    source = rules.source("trustkit.profiles", "profile", name_or_file, MAX_PROFILE)
    try:
        parsed = _File.model_validate(tomllib.loads(source.decode()))
        needs = tuple(need for part in parsed.need for need in _needs(part))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"profile {name_or_file} is not TOML: {error}", "mend the file"
        ) from error
    except ValidationError as error:
        raise ConfigError(f"profile {name_or_file}: {_first(error)}", _HINT) from error
    except ValueError as error:
        raise ConfigError(f"profile {name_or_file}: {error}", _HINT) from error
    return Profile(parsed.name, parsed.title, needs, tuple(parsed.unverified), parsed.as_of)


_HINT = "see docs/profiles.md for every key"


def _needs(part: _Need) -> Iterable[Need]:
    if (part.level is Level.CONDITIONAL) != bool(part.condition):
        raise ValueError(f"{part.fact}: a condition goes with the level conditional, and only so")
    for place in part.places:
        if part.fact not in FACTS[place]:
            raise ValueError(f"{part.fact!r} cannot stand in {place}: {', '.join(FACTS[place])}")
        yield Need(
            part.fact, place, part.level, part.clause, part.asks, part.mark, part.source,
            tuple(part.kinds), part.when == "ai", part.where_feasible, part.condition,
        )  # fmt: skip


def _first(error: ValidationError) -> str:
    what: Any = error.errors()[0]
    place = ".".join(str(part) for part in what["loc"]) or "file"
    if what["type"] == "extra_forbidden":
        return f"unknown key {place}"
    return f"{place}: {what['msg'][:1].lower()}{what['msg'][1:]}"
