"""Policies as files: the shipped ones, and how any policy file is read."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from trustkit import shipped as rules
from trustkit.errors import ConfigError
from trustkit.policy import CODES, LIST_FILES, Case, Decision, Limits, Pattern, Policy, When, Word

DEFAULT = "newsdesk"
_RATES = (0.05, 0.01, 0.001)  # at which every detector's card has a threshold
MAX_POLICY = 2**20  # bytes; the shipped ones have under 2 KB
_UNITS = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"(\d+)\s*([KMGT]?i?B?)")


def _size(value: object) -> object:
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None or match[2] not in _UNITS:
            raise ValueError("a size is a number and B, KiB, MiB, GiB or TiB")
        return int(match[1]) * _UNITS[match[2]]
    return value


def _rate(value: object) -> object:
    # Others were not measured: between them nobody knows how often a detector errs.
    if value not in _RATES or isinstance(value, bool):
        raise ValueError(f"one of {', '.join(map(str, _RATES))}")
    return value


_Rate = Annotated[float, BeforeValidator(_rate)]
_Size = Annotated[int, BeforeValidator(_size), Field(gt=0)]


class _Strict(BaseModel):
    # An unknown key is a mistake, never ignored: a typo must not switch a rule off.
    model_config = ConfigDict(extra="forbid", frozen=True)


class _When(_Strict):
    any: list[str] = []
    all: list[str] = []
    none: list[str] = []
    verdict: list[Word] = []


class _Case(_Strict):
    decision: Decision
    when: _When
    why: str = ""


class _Trust(_Strict):
    lists: list[str] | None = None
    tsa_lists: list[str] | None = None
    identity_lists: list[str] | None = None
    max_age_days: int | None = Field(default=None, gt=0)


class _Detectors(_Strict):
    max_false_positive_rate: _Rate = 0.01
    allow_detector_reject: bool = False


class _Limits(_Strict):
    max_bytes: _Size = 16 * 2**30
    max_seconds_per_file: float = Field(default=120, gt=0)
    max_memory: _Size = 2 * 2**30


class _File(_Strict):
    policy: Literal[1]
    name: str = Field(min_length=1)
    description: str = ""
    trust: _Trust = _Trust()
    case: list[_Case] = []
    detectors: _Detectors = _Detectors()
    limits: _Limits = _Limits()


def shipped() -> list[str]:
    """List the names of the policies that come with trustkit."""
    return rules.shipped("trustkit.policies")


def source(name_or_file: str) -> bytes:
    """Return the text of a shipped policy or of a policy file; raises `ConfigError`."""
    return rules.source("trustkit.policies", "policy", name_or_file, MAX_POLICY)


def load_policy(name_or_file: str) -> Policy:
    """Return the policy of that name or in that file; raises `ConfigError` with what is wrong."""
    text = source(name_or_file)
    base = Path() if name_or_file in shipped() else Path(name_or_file).parent
    try:
        parsed = _File.model_validate(tomllib.loads(text.decode()))
        alone = parsed.detectors.allow_detector_reject
        cases = tuple(
            _case(case, number, detectors_may_reject=alone)
            for number, case in enumerate(parsed.case, 1)
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"policy {name_or_file} is not TOML: {error}", "mend the file") from error
    except ValidationError as error:
        raise ConfigError(
            f"policy {name_or_file}: {_first(error)}", "see docs/policies.md for every key"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"policy {name_or_file}: {error}", "see docs/policies.md for every key"
        ) from error
    return Policy(
        parsed.name,
        hashlib.sha256(text).hexdigest(),
        cases,
        parsed.description,
        _lists(parsed.trust.lists, base),
        _lists(parsed.trust.tsa_lists, base),
        parsed.trust.max_age_days,
        Limits(**parsed.limits.model_dump()),
        _lists(parsed.trust.identity_lists, base),
        parsed.detectors.max_false_positive_rate,
    )


def _case(case: _Case, number: int, *, detectors_may_reject: bool) -> Case:
    when = case.when
    if not (when.any or when.all or when.none or when.verdict):
        raise ValueError(f"case {number} has an empty `when`; it would hold always")
    for code in (*when.any, *when.all, *when.none):
        if not _is_known(code.partition(":")[0]):
            raise ValueError(f"case {number}: there is no finding code like {code!r}")
    rejects = case.decision is Decision.REJECT and not detectors_may_reject
    if rejects and _is_detector_alone(when):
        raise ValueError(f"case {number}: a detector alone cannot reject")
    return Case(
        case.decision,
        When(
            tuple(Pattern.parse(code) for code in when.any),
            tuple(Pattern.parse(code) for code in when.all),
            tuple(Pattern.parse(code) for code in when.none),
            tuple(when.verdict),
        ),
        case.why,
    )


def _is_known(code: str) -> bool:
    return any(f"{known}.".startswith(f"{code}.") for known in CODES)


def _is_detector_alone(when: _When) -> bool:
    # Could a detector's finding bring this case about with nothing else seen? That something else
    # is absent or was not checked is no evidence. Nor does it do to reject what no detector clears.
    by_code = any(code.startswith("detector") for code in (*when.any, *when.all, *when.none))
    by_word = bool({Word.LIKELY_AI, Word.INCONCLUSIVE} & set(when.verdict))
    others = any(map(_is_solid, when.all)) or (when.any and all(map(_is_solid, when.any)))
    return (by_code or by_word) and not others


def _is_solid(code: str) -> bool:
    return not code.startswith("detector") and not code.endswith((":absent", ":skipped"))


def _lists(names: list[str] | None, base: Path) -> tuple[str, ...] | None:
    # A path in a policy is meant from where the policy stands, not from where it is used.
    if names is None:
        return None
    return tuple(str(base / n) if n.endswith(LIST_FILES) else n for n in names)


def _first(error: ValidationError) -> str:
    what: Any = error.errors()[0]
    place = ".".join(str(part) for part in what["loc"]) or "file"
    if what["type"] == "extra_forbidden":
        return f"unknown key {place}"
    return f"{place}: {what['msg'][:1].lower()}{what['msg'][1:]}"
