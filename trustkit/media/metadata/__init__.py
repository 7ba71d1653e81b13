"""What a file declares of itself outside of any signature: XMP, IPTC-IIM, EXIF and tags.

Read without touching a pixel or a sample. Anybody can write such a declaration and anybody can
remove it: it is said where each one stands, and nothing is believed here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import BinaryIO

from trustkit.errors import UnreadableError
from trustkit.media.metadata.aigc import Aigc
from trustkit.media.metadata.aigc import parse as parse_aigc
from trustkit.media.metadata.blocks import (
    COMMENT,
    EXIF,
    IIM,
    MANIFEST,
    XMP,
    Block,
    MalformedError,
)
from trustkit.media.metadata.fields import BY_KEY, BY_NAME, BY_PROPERTY, BY_TAG, LIST_SEPARATOR

# Each module knows one family of containers and is imported when a file of it comes.
MODULES = {
    "image/jpeg": "jpeg",
    "image/png": "png",
    "image/webp": "riff",
    "image/tiff": "tiff",
    "image/x-adobe-dng": "tiff",
    "image/gif": "gif",
    "image/jxl": "jxl",
    "image/heic": "heif",
    "image/heif": "heif",
    "image/avif": "heif",
    "image/svg+xml": "svg",
    "video/mp4": "mp4",
    "video/quicktime": "mp4",
    "video/x-m4v": "mp4",
    "audio/mp4": "mp4",
    "audio/mpeg": "id3",
    "audio/aac": "id3",
    "audio/flac": "flac",
    "audio/wav": "riff",
    "video/x-matroska": "matroska",
    "video/webm": "matroska",
    "video/x-msvideo": "riff",
    "application/pdf": "pdf",
}
MAX_FOUND = 10_000  # entries of one file
MAX_TOTAL = 2**25  # bytes of one file's metadata, unpacked; thumbnails and samples do not count
MAX_VALUE = 2**16  # characters of a value that are kept
# What reading broken bytes raises, wherever a parser meets them.
BROKEN = (ValueError, IndexError, struct.error, zlib.error, EOFError, OverflowError)


@dataclass(frozen=True, slots=True)
class Found:
    """One declaration as it stands: in which place, under which key; `field` is its standard name.

    `place` is xmp, iptc-iim, exif, comment, png-text, mp4-key, id3, vorbis, riff-info,
    matroska-tag or pdf-info.
    """

    place: str
    key: str
    value: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A block that could not be read, and why; what it says is not known."""

    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What was found. A field is the first value found, XMP before other places.

    `found` has all of them: places can contradict each other, and that is for others to judge.
    """

    media_type: str
    found: tuple[Found, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    has_manifest: bool = False
    digital_source_type: str | None = None
    ai_system_used: str | None = None
    ai_system_version_used: str | None = None
    ai_prompt_information: str | None = None
    ai_prompt_writer_name: str | None = None
    data_mining: str | None = None
    aigc: Aigc | None = None
    credit: str | None = None
    creator: str | None = None
    copyright_notice: str | None = None
    usage_terms: str | None = None
    web_statement: str | None = None
    title: str | None = None
    description: str | None = None
    disclosure_provider: str | None = None
    disclosure_created: str | None = None
    disclosure_identifier: str | None = None

    def value(self, name: str) -> str | None:
        """Return the field of that standard name as text."""
        found = getattr(self, BY_NAME[name].attribute)
        return found.raw if isinstance(found, Aigc) else found


@dataclass
class _Reading:
    found: list[Found] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    has_manifest: bool = False


def read(file: BinaryIO, media_type: str, name: str = "it") -> Metadata:
    """Return what the file declares; a broken block is among `malformed`, never raised.

    `media_type` is what `sniff` said. Raises `UnreadableError` for a kind of file whose metadata
    is not read here.
    """
    module, reading = module_of(media_type, name), _Reading()
    total = 0
    try:
        for block in module.blocks(file):
            total += len(block.content)
            if total > MAX_TOTAL:
                raise MalformedError(f"more than {MAX_TOTAL >> 20} MiB of metadata")
            _take(block, file, reading)
            if len(reading.found) + len(reading.malformed) > MAX_FOUND:
                raise MalformedError(f"more than {MAX_FOUND:,} declarations")
    except BROKEN as error:
        reading.malformed.append(Malformed(media_type, _why(error)))
    return _metadata(media_type, reading)


def module_of(media_type: str, name: str) -> ModuleType:
    """Return the module that knows this kind of file; raises `UnreadableError` if none does."""
    if media_type not in MODULES:
        raise UnreadableError(
            f"the metadata of {media_type} is not read ({name})", "see docs/metadata.md"
        )
    return import_module(f"trustkit.media.metadata.{MODULES[media_type]}")


def _take(block: Block, file: BinaryIO, reading: _Reading) -> None:
    if block.place == MANIFEST:
        reading.has_manifest = True
        return
    try:
        for found in _said(block, file):
            reading.found.append(found)
    except BROKEN as error:
        reading.malformed.append(Malformed(block.place, _why(error)))


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, MalformedError) else f"{type(error).__name__}: {error}"


def _said(block: Block, file: BinaryIO) -> Iterator[Found]:
    if block.place == XMP:
        yield from _packet(block.content, in_drawing=block.key == "svg")
    elif block.place == EXIF:
        from trustkit.media.metadata.exif import texts

        for key, text in texts(BytesIO(block.content) if block.content else file):
            yield _one(EXIF, key, text)
    elif block.place == IIM:
        from trustkit.media.metadata.exif import iim

        for key, text in iim(block.content):
            yield _one(IIM, key, text)
    else:
        key = block.key or ("comment" if block.place == COMMENT else "")
        yield _one(block.place, key, block.content.decode("utf-8", "replace"))


def _packet(content: bytes, *, in_drawing: bool) -> Iterator[Found]:
    from trustkit.media.metadata.xmp import parse

    for value in parse(content, in_drawing=in_drawing).values:
        known = BY_PROPERTY.get((value.namespace, value.local))
        is_other = value.language not in {"", "x-default"} or "/" in value.path
        key = f"{value.path}[{value.language}]" if is_other and value.language else value.path
        name = known.name if known and not is_other else ""
        yield Found(XMP, key, value.text[:MAX_VALUE], name)


def _one(place: str, key: str, text: str) -> Found:
    last = key.rpartition(":")[2].rpartition(".")[2]
    known = BY_KEY.get(key) or BY_TAG.get(key.upper())
    if known is None and last == "AIGC":
        known = BY_NAME["AIGC"]
    return Found(place, key, text[:MAX_VALUE].strip("\0"), known.name if known else "")


def _metadata(media_type: str, reading: _Reading) -> Metadata:
    by_field: dict[str, list[str]] = {}
    place_of: dict[str, str] = {}
    for found in sorted(reading.found, key=lambda f: f.place != XMP):
        if found.field and place_of.setdefault(found.field, found.place) == found.place:
            by_field.setdefault(found.field, []).append(found.value)
    values: dict[str, object] = {}
    for name, said in by_field.items():
        known = BY_NAME[name]
        if name == "AIGC":
            values[known.attribute] = parse_aigc(said[0])
        else:
            values[known.attribute] = LIST_SEPARATOR.join(said) if name == "Creator" else said[0]
    return Metadata(
        media_type,
        tuple(reading.found),
        tuple(reading.malformed),
        reading.has_manifest,
        **values,  # type: ignore[arg-type]  # the attributes that the table of fields names
    )
