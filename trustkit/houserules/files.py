"""House rules as files: read as strictly as a policy is."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from trustkit.disclosure import TERMS, Origin
from trustkit.errors import ConfigError
from trustkit.houserules import Answer, Rule, Rules, When

MAX_RULES = 2**18  # bytes
_MOST = 500  # rules of one file


def _known_terms(found: list[str]) -> list[str]:
    return _among(found, TERMS, "digital source type")


def _known_origins(found: list[str]) -> list[str]:
    return _among(found, [origin.value for origin in Origin], "origin")


def _among(found: list[str], known: Iterable[str], what: str) -> list[str]:
    for word in found:
        if word not in known:
            raise ValueError(f"{word!r} is no {what}")
    return found


class _Strict(BaseModel):
    # An unknown key is a mistake, never ignored: a typo must not switch a rule off.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RuleWhen(_Strict):
    """The `when` of one rule."""

    source_type: Annotated[list[str], AfterValidator(_known_terms)] = []
    origin: Annotated[list[str], AfterValidator(_known_origins)] = []
    kind: list[Literal["image", "audio", "video", "document"]] = []
    system: list[str] = []
    provider: list[str] = []
    identity: list[str] = []
    lacks: list[str] = []
    consent: bool | list[Literal["voice", "face", "likeness"]] | None = None
    has_identity: bool | None = None
    has_prompt: bool | None = None
    has_label: bool | None = None
    label_exempt: bool | None = None
    has_parent: bool | None = None
    larger_than: int | None = Field(default=None, ge=0)

    @field_validator("*")
    @classmethod
    def _says_something(cls, found: object) -> object:
        # An empty list would ask nothing, or never hold: neither is what its writer meant.
        if found == []:
            raise ValueError("an empty list asks nothing: leave the key out")
        return found


class RulePart(_Strict):
    """One `[[rule]]`."""

    decision: Literal["allow", "review", "refuse"]
    when: RuleWhen
    why: str = Field(min_length=1)


class RulesFile(_Strict):
    """What a file of house rules may hold."""

    rules: Literal[1]
    name: str = Field(min_length=1)
    otherwise: Literal["allow", "review", "refuse"] = "review"
    rule: list[RulePart] = Field(default=[], max_length=_MOST)


def is_rules(file: str) -> bool:
    """Tell whether a file says of itself that it holds house rules; False where it cannot."""
    try:
        return "rules" in tomllib.loads(_bytes(file).decode())
    except (OSError, ValueError, RecursionError):  # of no TOML, or a number of 5000 digits
        return False


def load_rules(file: str) -> Rules:
    """Return the house rules in `file`; raises `ConfigError` with what is wrong."""
    try:
        content = _bytes(file)
        if len(content) > MAX_RULES:
            raise ConfigError(f"{file} is larger than {MAX_RULES:,} bytes: no rules are", _HINT)
        parsed = RulesFile.model_validate(tomllib.loads(content.decode()))
        rules = tuple(_rule(part, number) for number, part in enumerate(parsed.rule, 1))
    except OSError as error:
        raise ConfigError(
            f"the rules {file} cannot be read: {error.strerror}", "check the name"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"rules {file} are not TOML: {error}", "mend the file") from error
    except ValidationError as error:
        raise ConfigError(f"rules {file}: {_first(error)}", _HINT) from error
    except ValueError as error:
        raise ConfigError(f"rules {file}: {error}", _HINT) from error
    digest = hashlib.sha256(content).hexdigest()
    return Rules(parsed.name, digest, rules, Answer(parsed.otherwise))


_HINT = "see docs/houserules.md for every key"


def _bytes(file: str) -> bytes:
    with Path(file).open("rb") as stream:
        return stream.read(MAX_RULES + 1)


def _rule(part: RulePart, number: int) -> Rule:
    said = part.when.model_dump(exclude_defaults=True)
    if not said:
        raise ValueError(f"rule {number} has an empty `when`; it would hold always: see otherwise")
    when: dict[str, Any] = {
        key: frozenset(v) if isinstance(v, list) else v for key, v in said.items()
    }
    return Rule(Answer(part.decision), When(**when), part.why)


def _first(error: ValidationError) -> str:
    what: Any = error.errors()[0]
    place = ".".join(str(part) for part in what["loc"]) or "file"
    if what["type"] == "extra_forbidden":
        return f"unknown key {place}"
    said = str(what["msg"]).removeprefix("Value error, ")
    return f"{place}: {said[:1].lower()}{said[1:]}"
