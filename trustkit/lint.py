"""Lint: asset -> what it shows -> how each need of a profile stands.

It says what is there, not whether a law is kept: no program can tell that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustkit.asset import Asset
from trustkit.c2pa.declared import Declared, declared
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context
from trustkit.c2pa.softbinding import names_of
from trustkit.errors import MissingBackendError, TrustkitError
from trustkit.finding import Finding
from trustkit.finding import Status as Seeing
from trustkit.media.metadata import MODULES, Metadata
from trustkit.media.metadata import read as read_metadata
from trustkit.profiles import AIGC, FIELDS, Need, Place, Profile
from trustkit.profiles.judge import Check, Look, Seen, Status, Value, declares_ai, judge

if TYPE_CHECKING:
    from trustkit.stores import Store
    from trustkit.watermarks.sight import Sight

_SHOWN = 200  # characters of a value that are repeated
_UNSEEN = "no program sees a label for certain: ask a person"
_HIDDEN = {"AIPromptInformation", "AIPromptWriterName"}  # prompts and names are not repeated

Facts = dict[tuple[Place, str], tuple[Value, ...]]


@dataclass(frozen=True)
class LintReport:
    """How one file stands; with an `error` nothing was checked."""

    path: str
    media: Mapping[str, object] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    error: TrustkitError | None = None


def lint(
    asset: Asset, profiles: Sequence[Profile], sight: Sight, store: Store | None = None
) -> LintReport:
    """Return how every need of `profiles` stands in `asset`; marks are looked for by `sight`.

    `store` is asked for a record of this very file. Raises `UnreadableError` if the file changes
    meanwhile, and what `store` raises. Nothing is fetched.
    """
    media = {"type": asset.media_type, "kind": asset.kind}
    needs = [need for profile in profiles for need in profile.of(asset.kind)]
    return LintReport(asset.name, media, judge(profiles, see(asset, sight, needs, store)))


def see(asset: Asset, sight: Sight, needs: Sequence[Need], store: Store | None = None) -> Seen:
    """Return what is in the file; for a mark, which takes long, only where `needs` want one."""
    looks: dict[Place, Look] = {}
    facts: Facts = {}

    # (1) The manifest: is it intact, is it stamped, what does it declare?
    reading = read(asset, plain_context())
    told = {one.code: one for one in findings(reading, (), utc_now(), lambda _found: False)}
    said = declared(reading.report) if isinstance(reading, Found) else Declared({})
    if said.depth and "manifest.ingredient_broken" in told:
        said = Declared({})  # what an earlier manifest says is worth as much as that one is
    looks[Place.MANIFEST] = _manifest(told)
    looks[Place.TIMESTAMP] = _timestamp(told)
    for fact, values in said.facts.items():
        found = tuple(Value("manifest", key, _short(fact, text)) for key, text in values)
        facts[Place.MANIFEST, fact] = found

    # (2) The metadata.
    looks[Place.METADATA], misspelt = _metadata(asset, facts)
    looks[Place.AIGC] = looks[Place.METADATA]

    # (3) The mark.
    is_ai = declares_ai(looks, facts) is not False
    asked = any(n.place is Place.WATERMARK and (is_ai or not n.of_ai_only) for n in needs)
    looks[Place.WATERMARK] = (
        _mark(asset, sight) if asked else Look(Status.NOT_CHECKED, "nobody asked", by_kind=True)
    )

    # (4) What no program sees.
    looks[Place.LABEL] = _label(said, looks[Place.MANIFEST])
    looks[Place.REGISTRY] = _record(asset, store)
    return Seen(asset.kind, looks, facts, misspelt)


def _manifest(told: Mapping[str, Finding]) -> Look:
    intact = told.get("manifest.intact")
    if intact and intact.status is Seeing.PRESENT:
        where = str(told["manifest.present"].facts.get("where", ""))
        return Look(Status.PRESENT, found=(Value("manifest", where, intact.summary),))
    present = told.get("manifest.present")
    if present and present.status is not Seeing.PRESENT:
        return Look(Status.MISSING, present.summary)
    for code in ("manifest.remote", "manifest.remote.failed"):
        if code in told:
            return Look(Status.NOT_CHECKED, told[code].summary)
    broken = next((one for one in told.values() if one.status is Seeing.INVALID), None)
    return Look(Status.MISSING, broken.summary if broken else "it is not shown to be intact")


def _timestamp(told: Mapping[str, Finding]) -> Look:
    # Whether anybody trusts the authority is for `verify` to say.
    for code in ("manifest.timestamp", "manifest.timestamp_unknown", "manifest.ancestor_timestamp"):
        one = told.get(code)
        if one and (one.status is Seeing.PRESENT or one.facts.get("at")):
            at = str(one.facts.get("at", ""))
            if one.status is not Seeing.INVALID:
                return Look(Status.PRESENT, found=(Value("manifest", "time stamp", at),))
    one = told.get("manifest.timestamp")
    if one is None:
        look = _manifest(told)
        return Look(look.status if look.status is Status.NOT_CHECKED else Status.MISSING, look.why)
    if one.status is Seeing.INVALID:
        return Look(Status.MALFORMED, one.summary)
    if one.status is Seeing.SKIPPED:
        return Look(Status.NOT_CHECKED, f"{one.summary}: {one.reason}")
    return Look(Status.MISSING, one.summary)


def _metadata(asset: Asset, facts: Facts) -> tuple[Look, dict[str, Value]]:
    if asset.media_type not in MODULES:
        why = f"the metadata of {asset.media_type} is not read"
        return Look(Status.NOT_CHECKED, why, by_kind=True), {}
    try:
        with asset.open() as stream:
            found = read_metadata(stream, asset.media_type, asset.name)
    except MissingBackendError as error:
        return Look(Status.NOT_CHECKED, f"{error.message}: {error.hint}"), {}
    for fact, name in FIELDS.items():
        values = tuple(_values(found, name))
        if values:
            facts[Place.METADATA, fact] = values
    blocks = tuple(_values(found, "AIGC"))
    if blocks:
        facts.update({(Place.AIGC, fact): blocks for fact in AIGC})
    misspelt = dict(_misspelt(found))
    if found.malformed:
        broken = found.malformed[0]
        return Look(Status.MALFORMED, f"its {broken.place} cannot be read: {broken.why}"), misspelt
    return Look(Status.PRESENT), misspelt


def _values(found: Metadata, name: str) -> Iterator[Value]:
    seen = set()
    for one in found.found:
        # EXIF and IPTC-IIM cut texts short and know no language: only what we write is compared.
        if one.field == name and (one.place, one.value) not in seen:
            seen.add((one.place, one.value))
            text = f"{len(one.value):,} characters" if name in _HIDDEN else one.value
            yield Value(one.place, one.key, text if name == "AIGC" else text[:_SHOWN])


def _misspelt(found: Metadata) -> Iterator[tuple[str, Value]]:
    names = {_letters(name): name for name in {*FIELDS.values()} - {"Creator", "Credit"}}
    for one in found.found:
        local = one.key.partition("[")[0].rpartition(":")[2].rpartition(".")[2]
        name = names.get(_letters(local))
        if name and one.field != name and "/" not in one.key:
            yield name, Value(one.place, one.key, "")


def _letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def _mark(asset: Asset, sight: Sight) -> Look:
    # OpenCV and numpy come along.
    from trustkit.watermarks.fit import unmarkable
    from trustkit.watermarks.sight import Unread

    why = unmarkable(asset)
    if why:
        return Look(Status.NOT_CHECKED, why, by_kind=True)
    unread: list[Unread] = []
    for one in sight.marks(asset):
        if isinstance(one, Unread):
            unread.append(one)
        elif one.mark:
            payload = one.mark.payload.hex()
            value = Value("watermark", one.mark.engine, payload)
            named = names_of(asset, one.mark.engine)
            if named and payload not in named.values:
                why = f"the manifest names the mark {' or '.join(named.values)}"
                return Look(Status.CONTRADICTORY, why, found=(value,))
            return Look(Status.PRESENT, found=(value,))
    if unread:
        by_kind = all(one.by_kind for one in unread)
        return Look(Status.NOT_CHECKED, unread[0].reason, by_kind=by_kind)
    return Look(Status.MISSING, "no mark readable, which does not mean that there is none")


def _label(said: Declared, manifest: Look) -> Look:
    if manifest.status is Status.PRESENT and said.label:
        value = Value("manifest", "org.trustkit.disclosure", said.label)
        return Look(Status.PRESENT, "by its manifest", found=(value,))
    if manifest.status is Status.PRESENT and said.exempt:
        why = f"exempt, as its manifest says: {said.exempt}, by {said.reviewer or 'nobody named'}"
        return Look(Status.NOT_APPLICABLE, why)
    return Look(Status.NOT_CHECKED, _UNSEEN, by_kind=True)


def _record(asset: Asset, store: Store | None) -> Look:
    if store is None:
        return Look(Status.NOT_CHECKED, "no registry was asked", by_kind=True)
    for record in store.hashed(asset.sha256):
        if record.sha256 == asset.sha256:  # and not the source of what was published
            return Look(Status.PRESENT, found=(Value("registry", "record", record.id),))
    return Look(Status.MISSING, "no record of this very file")


def _short(fact: str, text: str) -> str:
    return f"{len(text):,} characters" if fact == "prompt" else text[:_SHOWN]
