"""The texts of EXIF, and those of IPTC-IIM: read, never written (XMP is what we write)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from trustkit.media.metadata.blocks import MalformedError, take
from trustkit.media.metadata.tiff import Entry, Layout, directory, layout

_EXIF_IFD, _USER_COMMENT, _GPS_IFD = 0x8769, 0x9286, 0x8825
# CIPA DC-008 (EXIF 3.0), tables 3 to 7; the XP tags are Microsoft's, in UTF-16.
_TEXTS = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x8298: "Copyright",
    _USER_COMMENT: "UserComment",
    0xA430: "CameraOwnerName",
    0xA431: "BodySerialNumber",
    0xA435: "LensSerialNumber",
    0xA436: "ImageTitle",
    0xA437: "Photographer",
    0xA438: "ImageEditor",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
_XP = range(0x9C9B, 0x9CA0)
_ASCII, _BYTE, _UNDEFINED, _UTF8 = 2, 1, 7, 129
# Table 15: the letter of a coordinate, and its degrees, minutes and seconds as three fractions.
_GPS = {"GPSLatitude": (1, 2), "GPSLongitude": (3, 4)}
_FRACTIONS, _NEGATIVE = 24, {"S", "W"}
_CODES = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "iso2022_jp"}
_MARKER, _APPLICATION, _CHARACTER_SET = 0x1C, 2, (1, 90)
_UTF8_ESCAPE = b"\x1b%G"  # ISO 2022: what follows is UTF-8
_LONG = 0x8000


def texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield name and text of each EXIF text, and the position; raises `MalformedError`."""
    form = layout(file)
    found = dict(form.entries)
    below = found.get(_EXIF_IFD)
    yield from _texts(file, form, found)
    if below:
        at = form.number(take(file, below.place, min(below.size, 8)))
        yield from _texts(file, form, directory(file, form, at))
    there = found.get(_GPS_IFD)
    if there:
        at = form.number(take(file, there.place, min(there.size, 8)))
        yield from _position(file, form, directory(file, form, at))


def _position(file: BinaryIO, form: Layout, entries: dict[int, Entry]) -> Iterator[tuple[str, str]]:
    for name, (letter, degrees) in _GPS.items():
        side, value = entries.get(letter), entries.get(degrees)
        if side and value and value.size == _FRACTIONS:
            data = take(file, value.place, value.size)
            parts = [form.number(data[i : i + 4]) for i in range(0, _FRACTIONS, 4)]
            if 0 not in parts[1::2]:
                whole = sum(
                    over / under / 60**power
                    for power, (over, under) in enumerate(zip(parts[::2], parts[1::2], strict=True))
                )
                sign = -1 if _text(take(file, side.place, min(side.size, 2))) in _NEGATIVE else 1
                yield name, f"{sign * whole:.6f}"


def _texts(file: BinaryIO, form: Layout, entries: dict[int, Entry]) -> Iterator[tuple[str, str]]:
    for tag, entry in entries.items():
        if tag in _TEXTS and entry.kind in {_ASCII, _BYTE, _UNDEFINED, _UTF8}:
            text = _decoded(tag, take(file, entry.place, entry.size), form)
            if text:
                yield _TEXTS[tag], text


def _decoded(tag: int, data: bytes, form: Layout) -> str:
    if tag in _XP:
        return data.decode("utf-16-le", "replace").rstrip("\0").strip()
    if tag == _USER_COMMENT and data[:8] in _CODES:
        code = _CODES[data[:8]]
        # The standard leaves the order open; most follow the file's, some always write big-endian.
        if code == "utf-16":
            code = "utf-16-le" if form.order == "<" else "utf-16-be"
            even, odd = data[8::2].count(0), data[9::2].count(0)
            if even != odd:
                code = "utf-16-be" if even > odd else "utf-16-le"
        return data[8:].decode(code, "replace").strip("\0").strip()
    if tag == _USER_COMMENT and data[:8] == bytes(8):
        data = data[8:]
    return _text(data)


def _text(data: bytes) -> str:
    data = data.strip(b"\0")
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return data.decode("latin-1").strip()


def photoshop_iim(content: bytes) -> Iterator[bytes]:
    """Yield the IIM records (resource 0x0404) among Photoshop's image resources."""
    at = 0
    while at + 12 <= len(content) and content[at : at + 4] == b"8BIM":
        name = content[at + 6] + 1
        size_at = at + 6 + name + name % 2
        size = int.from_bytes(content[size_at : size_at + 4], "big")
        data = content[size_at + 4 : size_at + 4 + size]
        if len(data) != size:
            raise MalformedError("an image resource ends early")
        if content[at + 4 : at + 6] == b"\x04\x04":
            yield data
        at = size_at + 4 + size + size % 2


def iim(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield `record:dataset` and text of each text of IIM 4.2; raises `MalformedError`."""
    at, is_utf8 = 0, False
    while at + 5 <= len(content) and content[at] == _MARKER:
        record, dataset = content[at + 1], content[at + 2]
        length = int.from_bytes(content[at + 3 : at + 5], "big")
        at += 5
        if length & _LONG:
            width = length & ~_LONG
            if not 0 < width <= 4:  # noqa: PLR2004  # no text is longer than 4 GiB
                raise MalformedError("a dataset of absurd length")
            length = int.from_bytes(content[at : at + width], "big")
            at += width
        value = content[at : at + length]
        if len(value) != length:
            raise MalformedError("a dataset ends early")
        at += length
        if (record, dataset) == _CHARACTER_SET:
            is_utf8 = value == _UTF8_ESCAPE
        elif record == _APPLICATION and dataset:  # 2:00 is the version, a number
            text = value.decode("utf-8", "replace") if is_utf8 else _text(value)
            yield f"{record}:{dataset:02}", text
