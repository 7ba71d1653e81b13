"""Metadata written into a copy: read back, compared byte for byte, and only then put in place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trustkit.errors import PublishError, UsageError
from trustkit.media.metadata import BROKEN, MODULES, Metadata, aigc, module_of, read
from trustkit.media.metadata.blocks import XMP, Change, UnfitError, applied
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.fields import (
    LIST_SEPARATOR,
    MINING,
    MINING_TERMS,
    named,
)
from trustkit.media.placing import place, temporary

# XML 1.0, 2.2: all others are characters; surrogates stand for bytes that were no UTF-8.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_VALUE = 50_000  # characters of one field: a JPEG segment holds 65,504 bytes of XMP
ONLY_READ = {"pdf"}


@dataclass(frozen=True, slots=True)
class Written:
    """What the file now says, and what the caller should know."""

    metadata: Metadata
    warnings: tuple[str, ...] = ()


def checked(
    wanted: Mapping[str, str], removed: Iterable[str], source_types: Mapping[str, str]
) -> Edit:
    """Return the edit that sets `wanted` and takes `removed` away.

    `source_types` are the digital source types with their addresses; terms become the addresses
    that the standards write. Raises `UsageError` for a name that is not a standard's, a value that
    it does not allow, or a field that is both set and removed.
    """
    gone = frozenset(named(name).name for name in removed)
    values = {named(name).name: _value(name, value) for name, value in wanted.items()}
    if "DigitalSourceType" in values:
        values["DigitalSourceType"] = _source_type(values["DigitalSourceType"], source_types)
    both = gone & set(values)
    if both:
        raise UsageError(f"{min(both)} is both set and removed", "name it once")
    if not gone and not values:
        raise UsageError("nothing is to be written", "name --set, --aigc or --remove")
    return Edit(values, gone)


def _value(name: str, value: str) -> str:
    if not value.strip():
        raise UsageError(f"{name} has no value", f"--remove {name} takes it away")
    if len(value) > _MAX_VALUE:
        raise UsageError(f"{name} has {len(value):,} characters, of {_MAX_VALUE:,} at most")
    if _NOT_XML.search(value):
        raise UsageError(f"{name} has control characters, which XML cannot hold")
    if name == "DataMining":
        term = value.removeprefix(MINING)
        if term not in MINING_TERMS:
            raise UsageError(f"{value} is no term of PLUS", f"terms: {', '.join(MINING_TERMS)}")
        return f"{MINING}{term}"
    if name == "Creator" and not all(part.strip() for part in value.split(LIST_SEPARATOR)):
        raise UsageError("Creator has an empty name in it", "names with '; ' between them")
    return _aigc(value) if name == "AIGC" else value


def _source_type(value: str, known: Mapping[str, str]) -> str:
    if value in known.values():
        return value
    if value not in known:
        raise UsageError(f"{value} is no digital source type", f"terms: {', '.join(known)}")
    return known[value]


def _aigc(value: str) -> str:
    block = aigc.parse(value)
    if block.problems or block.block is None:
        raise UsageError(
            f"the AIGC block is not valid: {'; '.join(block.problems)}",
            f"a JSON object of texts with the keys {', '.join(aigc.KEYS)}",
        )
    text = aigc.text(block.block)
    if _NOT_XML.search(text):  # "\\ud800" is text in JSON, and nowhere else
        raise UsageError("the AIGC block has characters that XML cannot hold")
    return text


def write(source: Path, target: Path, media_type: str, edit: Edit, name: str = "") -> Written:
    """Write `source` with `edit` made to `target`, which may be `source` itself.

    No pixel and no sample is touched, and nothing else that stands in the file. Raises
    `PublishError`, and then nothing was written: for a signed file, a kind of file that is only
    read, and one that is not whole.
    """
    name = name or source.name
    if media_type not in MODULES or MODULES[media_type] in ONLY_READ:
        raise PublishError(
            f"the metadata of {media_type} is not written ({name})", "see docs/metadata.md"
        )
    module = module_of(media_type, name)
    if target.is_symlink() and target.samefile(source):
        target = target.resolve()  # in place: what the link names, and the link stays
    with temporary(target) as fresh, source.open("rb") as file:
        _unsigned(read(file, media_type, name), name)
        try:
            changes = list(module.changes(file, edit))
            with fresh.open("wb") as out:
                for data in applied(file, changes):
                    out.write(data)
        except UnfitError as error:
            raise PublishError(f"{name}: {error}", "nothing was written") from error
        except BROKEN as error:
            raise PublishError(f"{name} is not whole: {error}", "nothing was written") from error
        except OSError as error:
            raise PublishError(
                f"{target} cannot be written: {error.strerror or error}", "nothing was written"
            ) from error
        written = _read_back(fresh, source, media_type, changes)
        _holds(written, edit, name)
        place(fresh, target, source)
    return Written(written, tuple(_warnings(written, edit)))


def _unsigned(metadata: Metadata, name: str) -> None:
    if metadata.has_manifest:
        raise PublishError(
            f"{name} has a C2PA manifest, whose signature would not hold for other metadata",
            "write metadata first and sign last",
        )
    pointers = [found.value for found in metadata.found if found.key == "dcterms:provenance"]
    if pointers:
        raise PublishError(
            f"{name} points to a C2PA manifest, which would not hold for other metadata",
            "write metadata first and sign last",
        )
    for broken in metadata.malformed:
        raise PublishError(
            f"{name}: its {broken.place} cannot be read: {broken.why}",
            "it is not written over: what it says would be lost",
        )


def _read_back(fresh: Path, source: Path, media_type: str, changes: list[Change]) -> Metadata:
    with fresh.open("rb") as made, source.open("rb") as file:
        for data in applied(file, changes):
            if made.read(len(data)) != data:
                raise PublishError(f"{fresh.name} does not hold what was written", "try again")
        if made.read(1):
            raise PublishError(f"{fresh.name} holds more than was written", "try again")
        return read(made, media_type)


def _holds(written: Metadata, edit: Edit, name: str) -> None:
    wrong = [broken.why for broken in written.malformed]
    wrong += [field for field, value in edit.wanted.items() if written.value(field) != value]
    ours = {"xmp", "vorbis", "matroska-tag"}
    wrong += [f.field for f in written.found if f.field in edit.removed and f.place in ours]
    if wrong:
        raise PublishError(
            f"{name}: what was written does not read back: {', '.join(wrong)}",
            "nothing was written",
        )


def _warnings(written: Metadata, edit: Edit) -> Iterable[str]:
    places = {found.place for found in written.found if found.field == "AIGC"}
    if edit.aigc and MODULES[written.media_type] == "mp4" and places == {XMP}:
        yield "it is in fragments: the AIGC block stands in XMP alone, not among the keys"
    for found in written.found:
        wanted = edit.wanted.get(found.field)
        if found.field in edit.removed:
            yield f"{found.field} still stands in {found.place} ({found.key}), which is only read"
        elif wanted is not None and found.value != wanted and found.field != "Creator":
            yield f"{found.field} is another in {found.place} ({found.key}): {found.value[:80]}"


def block_of(path: Path) -> str:
    """Return the AIGC block in a JSON file as text; raises `UsageError`."""
    try:
        content = path.read_text("utf-8")
        json.loads(content)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no JSON file: {error}", "see docs/metadata.md") from error
    return content
