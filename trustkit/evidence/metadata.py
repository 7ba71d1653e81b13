"""Unsigned declarations as evidence: what XMP, IPTC, EXIF and tags say of how a file was made.

All of it is weak. Anybody can write such words and anybody can remove them, so each is told with
the place where it stands. Prompts, names of people and places are never repeated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from trustkit.asset import Asset
from trustkit.disclosure import C2PA, IPTC, Origin, origin, term
from trustkit.errors import MissingBackendError
from trustkit.evidence.generators import rules_for
from trustkit.finding import Finding, Status, Weight
from trustkit.media.metadata import MODULES, Found, Metadata, read
from trustkit.media.metadata.aigc import LABELS, Aigc, parse

SOURCE = "metadata@1"
_MOST = 16  # statements of one file that are told; those seen have some three
_SHOWN = 120  # characters of a value that are repeated
_NOBODY_SIGNED = "which nobody signed and anybody can write or remove"
_MAY_BE_SIGNED = "which is signed only if the manifest in the file is intact"
_BASES = ("", IPTC, IPTC.replace("http:", "https:"), C2PA, C2PA.replace("http:", "https:"))
_NOT_NAMED = {"", "-", "0", "n/a", "na", "no", "none", "null", "false", "unknown"}
_AI_FIELDS = ("AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName")
_FIRMNESS = ("statement", "parameters", "name")
_IPTC_SOURCE = "https://cv.iptc.org/newscodes/digitalsourcetype/"
_IPTC_2025 = "https://iptc.org/std/photometadata/specification/ (2025.1)"
_GB_SOURCE = "GB 45438-2025, as public implementations write it: https://pypi.org/project/cntc260/"
_PLACES = {
    "xmp": "XMP",
    "iptc-iim": "IPTC-IIM",
    "exif": "EXIF",
    "comment": "comment",
    "png-text": "PNG text",
    "mp4-key": "MP4 tag",
    "id3": "ID3 tag",
    "vorbis": "Vorbis comment",
    "riff-info": "RIFF text",
    "matroska-tag": "Matroska tag",
    "pdf-info": "PDF information",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What one value declares. `says` is how firmly: statement, parameters or name.

    `value` is what may be repeated of it, `characters` the length of all of it.
    """

    origin: Origin
    says: str
    told: str
    place: str
    key: str
    value: str
    characters: int
    entry: str
    source: str
    source_type: str = ""
    system: str = ""
    system_version: str = ""
    provider: str = ""
    id: str = ""


class MetadataCollector:
    """Reads what a file says of its making outside of any signature."""

    name = "metadata"

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        if asset.media_type not in MODULES:
            yield _unread(f"the metadata of {asset.media_type} is not read")
            return
        try:
            with asset.open() as stream:
                found = read(stream, asset.media_type, asset.name)
        except MissingBackendError as error:
            yield _unread(f"{error.message}: {error.hint}")
            return
        blocks = _blocks(found)
        said = _statements(found, blocks)
        yield _overview(found, blocks, said)
        for statement in said[:_MOST]:
            yield _declared(statement, _standing(found))
        for where, block in blocks:
            yield _aigc(where, block, _standing(found))


def _standing(found: Metadata) -> str:
    return _MAY_BE_SIGNED if found.has_manifest else _NOBODY_SIGNED


def _overview(found: Metadata, blocks: list[tuple[Found, Aigc]], said: list[Statement]) -> Finding:
    words = ["valid" if block.is_valid else "malformed" for _, block in blocks]
    facts = {
        "looked_at": dict(sorted(Counter(f.place for f in found.found).items())),
        "not_read": [{"place": b.place, "why": _short(b.why)} for b in found.malformed[:_MOST]],
        "aigc": words[0] if words else "absent",
        "statements": len(said),
    }
    if said or blocks:
        text = f"metadata that speaks of how it was made, {_standing(found)}"
        return finding("metadata.present", Status.PRESENT, text, facts)
    if found.malformed:
        broken = found.malformed[0]
        where = _PLACES.get(broken.place, broken.place)
        text = "not all of its metadata can be read, and what can be does not say how it was made"
        return finding(
            "metadata.present", Status.SKIPPED, text, facts, reason=f"{where}: {_short(broken.why)}"
        )
    text = "no metadata says how it was made, and that proves nothing"
    return finding("metadata.present", Status.ABSENT, text, facts)


def _statements(found: Metadata, blocks: list[tuple[Found, Aigc]]) -> list[Statement]:
    said: dict[tuple[object, ...], Statement] = {}
    fields = [s for f in found.found if f.field == "DigitalSourceType" for s in _term(f, found)]
    others = [_from_rule(f, rule.name, rule.says, rule.source)
              for f in found.found for rule in rules_for(f)]  # fmt: skip
    labels = [s for where, block in blocks for s in _label(where, block)]
    for one in (*fields, *_ai_fields(found), *labels, *others):
        said.setdefault((one.place, one.entry, one.says, one.source_type), one)
    # The firmest of AI first: the sentence of a report tells the first.
    return sorted(
        said.values(), key=lambda one: (one.origin is not Origin.AI, _FIRMNESS.index(one.says))
    )


def _term(where: Found, found: Metadata) -> Iterator[Statement]:
    value = where.value.strip()
    declared = origin(value)
    if value.removesuffix(term(value)) not in _BASES or declared is Origin.NONE:
        return  # another vocabulary, or no term of these
    yield Statement(
        declared, "statement", f"says {term(value)}", where.place, where.key, value, len(value),
        "IPTC digital source type", _IPTC_SOURCE, term(value),
        _short(found.ai_system_used or ""), _short(found.ai_system_version_used or ""),
    )  # fmt: skip


def _ai_fields(found: Metadata) -> Iterator[Statement]:
    for where in found.found:
        value = where.value.strip()
        if where.field not in _AI_FIELDS or value.lower() in _NOT_NAMED:
            continue
        is_name = where.field in {"AISystemUsed", "AISystemVersionUsed"}
        shown = _short(value) if is_name else ""  # a prompt and a person's name are not repeated
        told = (
            f"names an AI system, {shown}"
            if is_name
            else f"has {len(value):,} characters in {where.field}"
        )
        system = _short(found.ai_system_used or "")
        yield Statement(
            Origin.AI, "statement", told, where.place, where.key, shown, len(value),
            "IPTC 2025.1", _IPTC_2025, "", system, _short(found.ai_system_version_used or ""),
        )  # fmt: skip


def _label(where: Found, block: Aigc) -> Iterator[Statement]:
    # 2 and 3 are a platform's guess about what it was sent: the file's maker has not said so.
    if not block.is_valid or block.block is None or block.block["Label"] != "1":
        return
    yield Statement(
        Origin.AI, "statement", "has an AIGC block by which it is AI generated", where.place,
        where.key, "1", len(where.value), "AIGC label", _GB_SOURCE,
        provider=_short(str(block.block["ContentProducer"])),
        id=_short(str(block.block["ProduceID"])),
    )  # fmt: skip


def _from_rule(where: Found, name: str, says: str, source: str) -> Statement:
    length = f"{len(where.value):,} characters"
    value, told = "", f"holds {length} of settings of {name}, any prompt included"
    if says != "parameters":
        value = _short(where.value)
        told = f"says {value!r}" if says == "statement" else f"names {name}, a name alone"
    return Statement(
        Origin.AI, says, told, where.place, where.key, value, len(where.value), name, source,
        system=name,
    )  # fmt: skip


def _declared(said: Statement, standing: str) -> Finding:
    code = f"metadata.{said.origin.value.replace('declared_', 'declares_')}"
    where = _PLACES.get(said.place, said.place)
    return finding(
        code,
        Status.PRESENT,
        f"its {where} {said.told}, {standing}",
        {
            "place": said.place,
            "key": _short(said.key),
            "value": said.value,
            "characters": said.characters,
            "says": said.says,
            "entry": said.entry,
            "entry_source": said.source,
            "source_type": said.source_type,
            "system": said.system,
            "system_version": said.system_version,
            "provider": said.provider,
            "created": "",
            "id": said.id,
        },
    )


def _blocks(found: Metadata) -> list[tuple[Found, Aigc]]:
    # Each text once: an MP4 has the block in two places.
    places = {f.value: f for f in reversed(found.found) if f.field == "AIGC"}
    return [(where, parse(raw)) for raw, where in list(reversed(places.items()))[:_MOST]]


def _aigc(where: Found, block: Aigc, standing: str) -> Finding:
    label = block.block.get("Label") if block.block is not None else None
    label = _short(label) if isinstance(label, str) else ""
    facts = {
        "place": where.place,
        "key": _short(where.key),
        "label": label,
        "problems": [_short(problem) for problem in block.problems[:_MOST]],
        "entry_source": _GB_SOURCE,
    }
    if block.is_valid:
        text = f"its AIGC block says that it {LABELS[label]}, {standing}"
        return finding("metadata.aigc", Status.PRESENT, text, facts)
    told = "; ".join(_short(problem) for problem in block.problems[:3])
    return finding("metadata.aigc", Status.INVALID, f"its AIGC block is malformed: {told}", facts)


def _short(text: str) -> str:
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _unread(reason: str) -> Finding:
    return finding("metadata.present", Status.SKIPPED, "no metadata was looked at", reason=reason)


def finding(
    code: str,
    status: Status,
    summary: str,
    facts: Mapping[str, object] | None = None,
    *,
    reason: str = "",
) -> Finding:
    """Return a finding of this collector: an editable field is weak, whatever it says."""
    return Finding(code, status, Weight.WEAK, SOURCE, summary, reason, facts or {})
