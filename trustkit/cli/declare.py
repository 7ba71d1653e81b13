"""From the options of `sign` and a house's template to what is to be declared."""

from __future__ import annotations

import hashlib
import tomllib
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from trustkit.c2pa.write import Placement
from trustkit.cli.people import consent, consent_of, licence, zoneless_date
from trustkit.cli.signing import ADDRESS_HINT, addresses
from trustkit.cli.statements import metadata, permissions
from trustkit.disclosure import TERMS, Consent, Disclosure, Edit, Licence, term
from trustkit.errors import ConfigError, UsageError
from trustkit.publish import Order
from trustkit.timestamps import address


def _text(argument: str) -> str:
    return argument.encode("utf-8", "replace").decode()  # what a shell hands over need not be text


def order(asked: Mapping[str, Any], house: Template) -> Order:
    """Return what the options and the template ask to be signed; raises `UsageError`."""
    said: dict[str, Any] = house.disclosure.model_dump(exclude_none=True)
    names = ("system", "system_version", "provider", "title", "prompt", "created")
    said |= {name: _text(asked[name]) for name in names if asked[name] is not None}
    if asked["source_type"]:
        said["source_type"] = asked["source_type"]
    if asked["identifier"]:
        said["id"] = asked["identifier"]
    if asked["prompt_hash"] is not None:
        said["prompt_sha256"] = hashlib.sha256(asked["prompt_hash"].encode()).hexdigest()
    if "source_type" not in said:
        raise UsageError("no source type named; it is never guessed", f"--source-type: {_terms()}")
    said["source_type"] = _term(said["source_type"])
    said["created"] = _time(said.get("created") or _now())
    said.setdefault("id", str(uuid.uuid4()))
    edits = [_edit_table(entry.model_dump()) for entry in house.edit]
    edits += [_edit_option(text) for text in asked["edits"]]
    said["training_mining"] = permissions(
        asked["permissions"], house.training_mining, do_not_train=asked["do_not_train"]
    )
    said["metadata"] = metadata(asked["metadata_file"] or house.metadata)
    said |= _people(asked, house)
    disclosure = Disclosure(**said, edits=tuple(edits))
    return Order(
        disclosure,
        Placement(asked["sidecar"], asked["remote_url"] or ""),
        tuple(Path(name) for name in asked["references"]),
        tuple(Path(name) for name in asked["components"]),
        _authorities(asked, house),
        asked["thumbnail"],
        not asked["whole_hash"],
        asked["allow_broken_parent"],
        () if asked["no_soft_binding"] else ("public", *_good_keys(asked["mark_keys"])),
        asked["tsa_seconds"],
        asked["defer_timestamp"],
    )


def _people(asked: Mapping[str, Any], house: Template) -> dict[str, Any]:
    consents = [Consent(**part.model_dump()) for part in house.consent]
    licences = [Licence(**part.model_dump()) for part in house.licence]
    exempt, reviewer = asked["editorial_exemption"], asked["reviewed_by"] or ""
    exempt = house.editorial_exemption if exempt is None else exempt
    if exempt and not reviewer:
        raise UsageError(
            "an editorial exemption needs a person who answers for it", "add --reviewed-by NAME"
        )
    return {
        "consents": (*consents, *map(consent, asked["consents"])),
        "licences": (*licences, *map(licence, asked["licences"])),
        "label_exempt": exempt,
        "reviewed_by": reviewer,
    }


def _authorities(asked: Mapping[str, Any], house: Template) -> tuple[str, ...]:
    named = (house.tsa,) if isinstance(house.tsa, str) else tuple(house.tsa)
    try:
        urls = addresses(asked["tsa"]) or tuple(address(url) for url in named if url)
    except ValueError as error:
        raise ConfigError(f"template: tsa: {error}", ADDRESS_HINT) from error
    if asked["require_timestamp"] and asked["defer_timestamp"]:
        raise UsageError(
            "--require-timestamp and --defer-timestamp exclude each other", "choose one"
        )
    if asked["require_timestamp"] and not urls:
        raise UsageError(
            "a time stamp is required, and no authority is named", "add --tsa URL, or in a template"
        )
    return urls


def _good_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    if names:
        # A bad key is to be said once, before anything is signed; the module brings numpy along.
        from trustkit.watermarks.keys import read_key

        for name in names:
            read_key(Path(name))
    return names


def _terms() -> str:
    return ", ".join(TERMS)


def _term(text: str) -> str:
    try:
        return _known_term(text)
    except ValueError as error:
        raise UsageError(str(error), f"one of {_terms()}") from error


def _known_term(text: str) -> str:
    found = term(text) if "/" in text else text
    if found not in TERMS:
        raise ValueError(f"{text!r} is no digital source type")
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> str:
    try:
        return _zoned_time(text)
    except ValueError as error:
        raise UsageError(str(error), "like 2026-11-23T10:00:00Z") from error


def _zoned_time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return text


_EDIT_KEYS = ("source_type", "system", "system_version", "description", "when")


def _edit_option(text: str) -> Edit:
    action, *pairs = text.split(",")
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--edit {text!r}: {pair!r} is no KEY=VALUE", _edit_hint())
        values[key.strip()] = value.strip()
    return _edit_table({"action": action.strip(), **values})


def _edit_table(entry: Mapping[str, str]) -> Edit:
    values = {key.replace("-", "_"): value for key, value in entry.items()}
    action = values.pop("action", "")
    unknown = set(values) - set(_EDIT_KEYS)
    if unknown or not action:
        raise UsageError(f"an edit has no {', '.join(sorted(unknown)) or 'action'}", _edit_hint())
    if values.get("source_type"):
        values["source_type"] = _term(values["source_type"])
    if values.get("when"):
        values["when"] = _time(values["when"])
    return Edit(action, **values)


def _edit_hint() -> str:
    keys = ", ".join(key.replace("_", "-") for key in _EDIT_KEYS)
    return f"ACTION, then any of {keys}, like c2pa.cropped,source-type=humanEdits"


_Term = Annotated[str, AfterValidator(_known_term)]
_Time = Annotated[str, AfterValidator(_zoned_time)]


class _Strict(BaseModel):
    # An unknown key or a number for a text is a mistake, never ignored.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class EditPart(_Strict):
    """One `[[edit]]` of a template."""

    action: str
    source_type: _Term | Literal[""] = ""
    system: str = ""
    system_version: str = ""
    description: str = ""
    when: _Time | Literal[""] = ""


class ConsentPart(_Strict):
    """One `[[consent]]` of a template."""

    of: Annotated[str, AfterValidator(consent_of)]
    reference: Annotated[str, Field(min_length=1)]
    who: str = ""
    date: Annotated[str, AfterValidator(zoneless_date)] | Literal[""] = ""


class LicencePart(_Strict):
    """One `[[licence]]` of a template."""

    reference: Annotated[str, Field(min_length=1)]
    of: str = ""


class DisclosurePart(_Strict):
    """The `[disclosure]` of a template: what a house always says."""

    source_type: _Term | None = None
    system: str | None = None
    system_version: str | None = None
    provider: str | None = None
    id: str | None = None
    created: _Time | None = None
    title: str | None = None
    prompt: str | None = None


class Template(_Strict):
    """What a template file may hold."""

    template: Literal[1] = 1
    key: str = ""
    tsa: str | list[str] = ""
    disclosure: DisclosurePart = DisclosurePart()
    edit: list[EditPart] = []
    identity_key: str = ""
    identity_roles: list[str] = []
    training_mining: dict[str, str] = {}
    metadata: str = ""
    consent: list[ConsentPart] = []
    licence: list[LicencePart] = []
    editorial_exemption: str = ""


def read_template(file: str | None) -> Template:
    """Return the TOML template in `file`, every key checked; raises `ConfigError`."""
    if file is None:
        return Template()
    try:
        with Path(file).open("rb") as stream:
            found = tomllib.load(stream)
        if "template" not in found:
            raise ConfigError(f"template {file} has no `template = 1`", _HINT)
        return Template.model_validate(found)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"template {file} cannot be read: {error}", _HINT) from error
    except ValidationError as error:
        what = error.errors()[0]
        place = ".".join(str(part) for part in what["loc"])
        said = "unknown key" if what["type"] == "extra_forbidden" else what["msg"]
        raise ConfigError(f"template {file}: {place}: {said}", _HINT) from error


_HINT = "see docs/sign.md for every key"
