"""What of a profile a file shows: pure, from what was seen in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trustkit.disclosure import C2PA, IPTC, TERMS, Origin, origin, term
from trustkit.media.metadata import aigc
from trustkit.media.metadata.fields import MINING, MINING_TERMS
from trustkit.profiles import AIGC, DECLARED, FIELDS, Level, Need, Place, Profile
from trustkit.profiles.plan import AI_LABEL

_BASES = (IPTC, C2PA)
_ONE_PLACE = {Place.TIMESTAMP, Place.WATERMARK, Place.LABEL, Place.REGISTRY}


class Status(StrEnum):
    """How a need stands."""

    PRESENT = "present"
    MISSING = "missing"
    MALFORMED = "malformed"
    CONTRADICTORY = "contradictory"
    NOT_CHECKED = "not_checked"
    NOT_APPLICABLE = "not_applicable"


_FAILS = {Status.MISSING, Status.MALFORMED, Status.CONTRADICTORY}


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was found: in which place of the file, under which key."""

    place: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """How looking in a place went. `by_kind`: this kind of file has no such place for anybody."""

    status: Status
    why: str = ""
    by_kind: bool = False
    found: tuple[Value, ...] = ()


Facts = Mapping[tuple[Place, str], tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file shows: how looking went in each place, and the facts that were found.

    `misspelt` are values under a key that is nearly a standard's, by the field's name.
    """

    kind: str
    looks: Mapping[Place, Look]
    facts: Facts = field(default_factory=dict)
    misspelt: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """How one need of a profile stands in one file, why, and where it was found."""

    profile: str
    need: Need
    status: Status
    why: str
    found: tuple[Value, ...] = ()
    by_kind: bool = False

    @property
    def fails(self) -> bool:
        """Whether something that is required is not as it has to be."""
        return self.need.level is Level.REQUIRED and self.status in _FAILS

    @property
    def is_open(self) -> bool:
        """Whether something that is required could not be looked for."""
        required = self.need.level is Level.REQUIRED and self.status is Status.NOT_CHECKED
        return required and not (self.by_kind and self.need.where_feasible)


def judge(profiles: Iterable[Profile], seen: Seen) -> tuple[Check, ...]:
    """Return how every need of the profiles stands in what was seen.

    Nothing here believes what a file says: it is said whether it says it, and the same everywhere.
    """
    ai = declares_ai(seen.looks, seen.facts)
    return tuple(
        _check(profile.name, need, seen, ai)
        for profile in profiles
        for need in profile.of(seen.kind)
    )


def declares_ai(looks: Mapping[Place, Look], facts: Facts) -> bool | None:
    """Tell whether something found declares AI; None where nothing says how it was made.

    That it is no AI is believed neither of a manifest that is not intact nor beside an AIGC block,
    which is for AI alone: else a broken one would do away with all that is asked.
    """
    said = {(place, _origin_of(place, value)) for (place, fact), values in facts.items()
            if fact == "source_type" for value in values}  # fmt: skip
    if Origin.AI in {one for _, one in said} or (Place.METADATA, "system") in facts:
        return True
    doubtful = Place.AIGC in {place for place, _ in said}
    is_held = looks[Place.MANIFEST].status is Status.PRESENT
    denied = (one for place, one in said if is_held or place is not Place.MANIFEST)
    return False if not doubtful and any(one is not Origin.NONE for one in denied) else None


def _origin_of(place: Place, value: Value) -> Origin:
    if place is Place.AIGC:
        return Origin.AI if _label(value) == AI_LABEL else Origin.NONE
    return origin(value.text)


def _check(profile: str, need: Need, seen: Seen, ai: bool | None) -> Check:
    look = seen.looks[need.place]
    if need.of_ai_only and ai is False:
        return Check(profile, need, Status.NOT_APPLICABLE, "it does not declare AI")
    if need.place in _ONE_PLACE or look.status is Status.NOT_CHECKED or need.fact == "intact":
        why = f"{look.why}: {need.condition}?" if _asks_a_person(need, look) else look.why
        return Check(profile, need, look.status, why, look.found, look.by_kind)
    found = seen.facts.get((need.place, need.fact), ())
    return _said(profile, need, seen, found) if found else _absent(profile, need, seen)


def _asks_a_person(need: Need, look: Look) -> bool:
    return bool(need.condition) and look.status is Status.NOT_CHECKED


def _said(profile: str, need: Need, seen: Seen, found: tuple[Value, ...]) -> Check:
    look = seen.looks[need.place]
    if need.place is Place.MANIFEST and look.status is not Status.PRESENT:
        return Check(profile, need, Status.MISSING, f"said by a manifest, but {look.why}", found)
    wrong = next((why for value in found if (why := _wrong(need, value))), "")
    if wrong:
        return Check(profile, need, Status.MALFORMED, wrong, found)
    other = _other(need, seen)
    if other:
        why = f"{other.place} ({other.key}) says {other.text!r}"
        return Check(profile, need, Status.CONTRADICTORY, why, (*found, other))
    return Check(profile, need, Status.PRESENT, "", found)


def _absent(profile: str, need: Need, seen: Seen) -> Check:
    look = seen.looks[need.place]
    near = seen.misspelt.get(FIELDS.get(need.fact, "")) if need.place is Place.METADATA else None
    if near:
        why = f"{near.key} is not {need.clause if ':' in need.clause else FIELDS[need.fact]}"
        return Check(profile, need, Status.MALFORMED, f"{why}, which readers look for", (near,))
    if look.status is Status.MALFORMED:
        return Check(profile, need, Status.MALFORMED, look.why, look.found)
    return Check(profile, need, Status.MISSING, look.why or "nothing says it")


def _wrong(need: Need, value: Value) -> str:
    """Return what is wrong with the form of a value; empty where it is right."""
    if need.place is Place.AIGC:
        block = aigc.parse(value.text)
        # A problem that names no key is of the block as a whole.
        keys = [key for key in aigc.KEYS if any(p.startswith(key) for p in block.problems)]
        ours = AIGC[need.fact]
        return next((p for p in block.problems if p.startswith(ours) or not keys), "")
    text = value.text.strip()
    if need.fact == "source_type":
        known = term(text) in TERMS
        if known and text.removesuffix(term(text)) in _BASES:
            return ""
        return f"{text!r} is not the address of a term" if known else f"{text!r} is no term"
    if need.fact == "created" and _moment(text) is None:
        return f"{text!r} is no ISO 8601 time with a zone"
    if need.fact == "data_mining" and text.removeprefix(MINING) not in MINING_TERMS:
        return f"{text!r} is no term of PLUS"
    return "" if text else "it is empty"


def _other(need: Need, seen: Seen) -> Value | None:
    """Return a value elsewhere in the file that cannot be so as well, if there is one."""
    if need.fact not in DECLARED:
        return None
    found = seen.facts[need.place, need.fact]
    if need.place is Place.AIGC:
        return _other_block(need, found, seen)
    mine = {_same(need.fact, value.text) for value in found}
    if need.place is Place.METADATA and len(mine) > 1:
        return next(v for v in found if _same(need.fact, v.text) != _same(need.fact, found[0].text))
    theirs = Place.METADATA if need.place is Place.MANIFEST else Place.MANIFEST
    if theirs is Place.MANIFEST and seen.looks[theirs].status is not Status.PRESENT:
        return None
    others = seen.facts.get((theirs, need.fact), ())
    # A manifest tells every step; the metadata has to be one of them.
    if not others or mine & {_same(need.fact, value.text) for value in others}:
        return None
    return others[0]


def _other_block(need: Need, found: tuple[Value, ...], seen: Seen) -> Value | None:
    # Names and numbers may be codes of the authority's: compared are the blocks among themselves,
    # and whether others say the opposite of AI.
    first = aigc.parse(found[0].text).block
    for value in found[1:]:
        if aigc.parse(value.text).block != first:
            return value
    if need.fact != "source_type" or _label(found[0]) != AI_LABEL:
        return None
    for place in (Place.MANIFEST, Place.METADATA):
        values = seen.facts.get((place, "source_type"), ())
        if values and not any(origin(value.text) is Origin.AI for value in values):
            return values[0]
    return None


def _label(value: Value) -> str:
    block = aigc.parse(value.text).block
    return str(block.get("Label", "")) if block else ""


def _same(fact: str, text: str) -> object:
    if fact == "source_type":
        return term(text.strip())
    if fact == "created":
        return _moment(text.strip()) or text.strip()
    return text.strip()


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(microsecond=0) if moment.tzinfo else None
