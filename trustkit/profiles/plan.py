"""What is to be written by a profile, and what is missing for it: known before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from trustkit.disclosure import SOURCE_TYPES, Disclosure, Origin, origin, uri
from trustkit.errors import UsageError
from trustkit.media.metadata import MODULES, aigc
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.write import ONLY_READ, checked
from trustkit.profiles import AIGC, DECLARED, FIELDS, Level, Need, Place, Profile

AI_LABEL = "1"  # GB 45438: is AI generated
# Facts that come about by writing, in places that hold nothing else.
_MADE = {"intact", "stamp", "mark", "label", "record", "security"}
_OPTIONS = {
    "source_type": "--source-type",
    "system": "--system",
    "system_version": "--system-version",
    "provider": "--provider",
    "created": "--created",
    "id": "--id",
}
# PLUS vocabulary for what CAWG's permissions say, the widest prohibition first.
_MINING = (
    ({"data_mining", "ai_training", "ai_generative_training"}, "DMI-PROHIBITED"),
    ({"ai_training", "ai_generative_training"}, "DMI-PROHIBITED-AIMLTRAINING"),
    ({"ai_generative_training"}, "DMI-PROHIBITED-GENAIMLTRAINING"),
)


@dataclass(frozen=True, slots=True)
class Gap:
    """A need that cannot be met, and why; `is_closed`: this kind of file has no such place."""

    profile: str
    need: Need
    why: str
    is_closed: bool = False


def missing(
    profiles: Iterable[Profile],
    disclosure: Disclosure,
    kind: str,
    cannot: Mapping[Place, str] | None = None,
    there: Collection[str] = (),
) -> list[Gap]:
    """List the required facts that cannot be written; empty when all can.

    `kind` is image, audio, video or document. `cannot` names places that cannot be written in this
    file, with the reason: see `closed_places`. `there` are facts that its metadata tell already;
    credits and rights are kept, how it was made has to be declared.
    """
    closed = cannot or {}
    return [
        Gap(profile.name, need, why, need.place in closed)
        for profile in profiles
        for need in _applying(profile, disclosure, kind)
        if need.level is Level.REQUIRED and (why := _obstacle(need, disclosure, closed, there))
    ]


def refusal(gaps: Iterable[Gap]) -> UsageError:
    """Return the error that tells of `gaps`, of which there is at least one."""
    found = list(gaps)
    first = found[0]
    more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
    open_facts = (gap.need.fact for gap in found if not gap.is_closed)
    hints = dict.fromkeys(_OPTIONS[fact] for fact in open_facts if fact in _OPTIONS)
    return UsageError(
        f"{first.profile}, {first.need.clause}: {first.need.asks}: {first.why}{more}",
        f"name {', '.join(hints)}; nothing was written" if hints else "nothing was written",
    )


def places(
    profiles: Iterable[Profile], disclosure: Disclosure, kind: str
) -> dict[Place, tuple[str, ...]]:
    """Return the places that are required, each with the profiles and clauses that want it."""
    wanted: dict[Place, tuple[str, ...]] = {}
    for profile in profiles:
        for need in _applying(profile, disclosure, kind):
            if need.level is Level.REQUIRED:
                clause = f"{profile.name} {need.clause}"
                wanted[need.place] = tuple(dict.fromkeys((*wanted.get(need.place, ()), clause)))
    return wanted


def closed_places(media_type: str) -> dict[Place, str]:
    """Return the places that no file of this type has for us, with the reason."""
    if media_type in MODULES and MODULES[media_type] not in ONLY_READ:
        return {}
    reason = f"the metadata of {media_type} is not written"
    return {Place.METADATA: reason, Place.AIGC: reason}


def fields(
    profiles: Iterable[Profile], disclosure: Disclosure, kind: str, there: str = ""
) -> dict[str, str]:
    """Return the metadata that the profiles want, by the standard names of the fields.

    Whatever the disclosure tells of it, required or not; a prompt stands in a disclosure only
    where it was asked for. `there` is an AIGC block that the file has already: it is kept, and
    ours is added as the propagator's.
    """
    wanted: dict[str, str] = {}
    for profile in profiles:
        for need in _applying(profile, disclosure, kind):
            value = told(disclosure, need.fact)
            if need.place is Place.METADATA and value and not _is_foreign(need, value):
                wanted[FIELDS[need.fact]] = value
            if need.place is Place.AIGC and disclosure.provider and disclosure.id:
                wanted["AIGC"] = _block(disclosure, there)
    return wanted


def edit(
    profiles: Iterable[Profile],
    disclosure: Disclosure,
    kind: str,
    media_type: str,
    there: str = "",
) -> Edit | None:
    """Return the edit for `media.metadata.write`, or None where nothing is to be written.

    Raises `UsageError` for a value that the standards do not allow.
    """
    wanted = fields(profiles, disclosure, kind, there)
    if not wanted or closed_places(media_type):
        return None
    return checked(wanted, (), {term: uri(term) for term in SOURCE_TYPES})


def told(disclosure: Disclosure, fact: str) -> str:
    """Return what a disclosure says of a fact; empty where it is silent."""
    if fact == "data_mining":
        barred = {one.use for one in disclosure.training_mining if one.permission == "notAllowed"}
        return next((term for uses, term in _MINING if uses <= barred), "")
    return str(getattr(disclosure, fact, "")) if fact in FIELDS else ""


def is_ai(disclosure: Disclosure) -> bool:
    """Tell whether the disclosure, or one of its edits, says AI."""
    said = [disclosure.source_type, *(edit.source_type for edit in disclosure.edits)]
    return any(origin(term) is Origin.AI for term in said)


def _applying(profile: Profile, disclosure: Disclosure, kind: str) -> Iterable[Need]:
    ai = is_ai(disclosure)
    return (need for need in profile.of(kind) if ai or not need.of_ai_only)


def _obstacle(
    need: Need, disclosure: Disclosure, closed: Mapping[Place, str], there: Collection[str]
) -> str:
    if need.place in closed:
        return "" if need.where_feasible else closed[need.place]
    if need.fact in _MADE:
        return ""
    value = told(disclosure, need.fact)
    if not value:
        is_kept = need.place is Place.METADATA and need.fact not in DECLARED
        return "" if is_kept and need.fact in there else "nothing was declared"
    if need.place is Place.METADATA and _is_foreign(need, value):
        return f"{value} is a term of manifests alone"
    return ""


def _is_foreign(need: Need, value: str) -> bool:
    return need.fact == "source_type" and value not in SOURCE_TYPES


def _block(disclosure: Disclosure, there: str) -> str:
    found = aigc.parse(there) if there else None
    if found and found.is_valid and found.block:
        producer = (found.block["ContentProducer"], found.block["ProduceID"])
        if all(producer) and producer != (disclosure.provider, disclosure.id):
            # Somebody else made it and said so: that is kept (EU Code 1.2), we pass it on.
            passed = {"ContentPropagator": disclosure.provider, "PropagateID": disclosure.id}
            return aigc.text({**found.block, **passed})
    ours = {
        AIGC["source_type"]: AI_LABEL,
        AIGC["provider"]: disclosure.provider,
        AIGC["id"]: disclosure.id,
    }
    return aigc.text({**dict.fromkeys(aigc.KEYS, ""), **ours})
