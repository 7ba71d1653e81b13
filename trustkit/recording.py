"""From a published file to its record: what leads a stripped copy back to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context
from trustkit.disclosure import Disclosure
from trustkit.errors import UnreadableError
from trustkit.media.metadata import MODULES
from trustkit.media.metadata import read as read_metadata
from trustkit.record import Binding, Code, Record
from trustkit.stores import Blobs

# Who, where and with which device: CIPA DC-008 (EXIF 3.0), IPTC Photo Metadata 2025.1, PLUS.
_PERSONAL = (
    "GPS*", "*:GPS*", "*SerialNumber*", "*OwnerName", "Artist", "*:Artist", "Photographer",
    "ImageEditor", "HostComputer", "XPAuthor", "dc:creator*", "dc:contributor*",
    "photoshop:AuthorsPosition", "photoshop:CaptionWriter", "photoshop:City", "photoshop:State",
    "photoshop:Country", "Iptc4xmpCore:Location*", "Iptc4xmpCore:CreatorContactInfo*",
    "Iptc4xmpExt:LocationCreated*", "Iptc4xmpExt:LocationShown*", "Iptc4xmpExt:PersonInImage*",
    "Iptc4xmpExt:AIPromptWriterName*", "xmpRights:Owner*", "plus:ImageCreator*",
    "plus:CopyrightOwner*", "mwg-rs:Regions*",
    "2:80", "2:85", "2:90", "2:92", "2:95", "2:101", "2:118", "2:122",
    "TPE1", "IART", "\xa9ART", "\xa9xyz", "ARTIST", "Author",
)  # fmt: skip
_MOST, _LONGEST = 100, 1000  # personal entries of one file, and characters of one


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a file beside what stands in it: see the fields of `Record`.

    `codes` are its fingerprints where they were computed before; None computes them.
    """

    id: str
    bindings: tuple[Binding, ...] = ()
    source_sha256: str = ""
    order: str = ""
    name: str = ""
    disclosure: Mapping[str, Any] | None = None
    codes: tuple[Code, ...] | None = None


def record_of(asset: Asset, told: Told, blobs: Blobs | None = None) -> Record:
    """Return the record of a published file; its manifest and thumbnail are put into `blobs`.

    The manifest is that in the file or beside it. Raises `UnreadableError` for a manifest that is
    there and cannot be read, and what `blobs` raises.
    """
    reading = read(asset, plain_context())
    found = reading if isinstance(reading, Found) else None
    if found is None and asset.sidecar.is_file():
        raise UnreadableError(
            f"the manifest beside {asset.name} cannot be read", "sign the file again"
        )
    small = _thumbnail(asset) if blobs else b""
    keep = blobs.put if blobs else _nowhere
    return Record(
        id=told.id,
        created=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        media_type=asset.media_type,
        kind=asset.kind,
        size=asset.size,
        sha256=asset.sha256,
        source_sha256=told.source_sha256,
        order=told.order,
        manifest=keep(found.store) if found and found.store else "",
        manifest_id=found.label if found else "",
        thumbnail=keep(small) if small else "",
        bindings=told.bindings,
        codes=_codes(asset) if told.codes is None else told.codes,
        measures={key: value for key, value in asset.measures.items() if key != "note"},
        disclosure=told.disclosure or {},
        personal={"file_name": _clean(told.name or Path(asset.name).name), **personal(asset)},
    )


def personal(asset: Asset) -> dict[str, Any]:
    """Return what the file's metadata say of people, places and devices: key -> text."""
    if asset.media_type not in MODULES:
        return {}
    with asset.open() as stream:
        metadata = read_metadata(stream, asset.media_type, asset.name)
    told: dict[str, Any] = {}
    for found in metadata.found:
        if len(told) < _MOST and any(fnmatchcase(found.key, one) for one in _PERSONAL):
            key = _clean(f"{found.place}:{found.key}")[:_LONGEST]
            told.setdefault(key, _clean(found.value[:_LONGEST]))
    return told


def declared(disclosure: Disclosure) -> dict[str, Any]:
    """Return what of a disclosure is kept in the record: the prompt itself is not."""
    told = {
        "source_type": disclosure.source_type,
        "system": disclosure.system,
        "system_version": disclosure.system_version,
        "provider": disclosure.provider,
        "id": disclosure.id,
        "created": disclosure.created,
        "title": disclosure.title,
        "label": disclosure.label,
        "label_exempt": disclosure.label_exempt,
    }
    return {key: value for key, value in told.items() if value}


def _clean(text: str) -> str:
    # Databases take neither NUL nor the half characters by which names that are no text are called.
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _codes(asset: Asset) -> tuple[Code, ...]:
    # Engines of fingerprints bring numpy and OpenCV: only who records needs them.
    from trustkit.fingerprints.files import codes_of

    return codes_of(asset)


def _thumbnail(asset: Asset) -> bytes:
    from trustkit.media import thumbnail
    from trustkit.media.film.look import has_picture

    if asset.kind == "image":
        with asset.open() as stream:
            return thumbnail.of_picture(stream, asset.media_type, asset.name)
    if asset.kind == "video" and has_picture(asset.path):
        return thumbnail.of_film(asset.path)
    return b""


def _nowhere(_content: bytes) -> str:
    return ""
