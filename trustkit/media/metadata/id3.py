"""ID3v2 before MPEG audio: XMP in PRIV, the AIGC block in TXXX (id3.org, versions 2.2 to 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from trustkit.media.metadata.blocks import (
    MANIFEST,
    MAX_PARTS,
    XMP,
    Block,
    Change,
    MalformedError,
    UnfitError,
    size_of,
    take,
)
from trustkit.media.metadata.edit import Edit

PLACE = "id3"
_HEADER = 10  # bytes of a tag's header, as of a frame's since version 2.3
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_V2, _V3, _V4 = 2, 3, 4
_XMP_OWNER, _AIGC = b"XMP\0", "TXXX:AIGC"
_CODES = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_FRAME_UNSYNC, _FRAME_PACKED = 0x02, 0x0C  # second flag byte, 2.4: compressed or encrypted
_HIDDEN = 0xC0  # second flag byte, 2.3: compressed or encrypted
# Some readers take a tag whose last frame reaches its end for a broken one.
_LEAST, _PADDING = _HEADER, 256  # bytes behind the last frame
_FRESH = b"ID3\x04\0\0"


@dataclass(frozen=True, slots=True)
class _Frame:
    name: bytes
    raw: bytes
    content: bytes


def _number(data: bytes, bits: int = 7) -> int:
    number = 0
    for byte in data:
        number = number << bits | byte
    return number


def _safe(number: int) -> bytes:
    if number >= 2**28:
        raise UnfitError("a tag of more than 256 MiB")
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _frames(tag: bytes) -> list[_Frame]:
    """Return the frames of a whole tag; raises `MalformedError`."""
    version, flags = tag[3], tag[5]
    if version not in {_V2, _V3, _V4}:
        raise MalformedError(f"an ID3 tag of version 2.{version}")
    body = tag[_HEADER : _HEADER + _number(tag[6:10])]
    if flags & _UNSYNCHRONISED and version < _V4:
        body = body.replace(b"\xff\0", b"\xff")
    at = 0
    if flags & _EXTENDED and version > _V2:
        at = _number(body[:4]) if version == _V4 else 4 + _number(body[:4], 8)
    head = 6 if version == _V2 else _HEADER
    found: list[_Frame] = []
    while at + head <= len(body) and body[at]:
        sized = (
            body[at + head // 2 : at + head // 2 + 3] if version == _V2 else body[at + 4 : at + 8]
        )
        size = _number(sized, 7 if version == _V4 and max(sized) < 0x80 else 8)  # noqa: PLR2004
        raw = body[at : at + head + size]
        if len(raw) < head + size:
            raise MalformedError("an ID3 frame ends behind its tag")
        if len(found) >= MAX_PARTS:
            raise MalformedError("more ID3 frames than are read")
        name = raw[: head // 2 if version == _V2 else 4]
        found.append(_Frame(name, raw, _content(raw, version, flags)))
        at += len(raw)
    return found


def _content(raw: bytes, version: int, tag_flags: int) -> bytes:
    if version == _V2:
        return raw[6:]
    content, flags = raw[_HEADER:], raw[9]
    if (version == _V3 and flags & _HIDDEN) or (version == _V4 and flags & _FRAME_PACKED):
        return b""
    if version == _V4 and flags & 1:  # its length without unsynchronisation stands first
        content = content[4:]
    # Some say it of the whole tag alone, for all of its frames.
    if version == _V4 and (flags & _FRAME_UNSYNC or tag_flags & _UNSYNCHRONISED):
        content = content.replace(b"\xff\0", b"\xff")
    return content


def tag_blocks(tag: bytes) -> Iterator[Block]:
    """Yield what a whole tag says."""
    if not tag.startswith(b"ID3") or len(tag) < _HEADER:
        raise MalformedError("no ID3 tag")
    for frame in _frames(tag):
        name, content = frame.name.decode("latin-1"), frame.content
        if name == "PRIV" and content.startswith(_XMP_OWNER):
            yield Block(XMP, content[len(_XMP_OWNER) :])
        elif name == "GEOB" and b"c2pa" in content[:128]:
            yield Block(MANIFEST, b"")
        elif name in {"TXXX", "TXX", "COMM", "COM", "USLT", "ULT"} and content:
            language = 0 if name.startswith("TX") else 3
            first, text = _pair(content[0], content[1 + language :])
            key = f"{name}:{first}" if first else name
            yield Block(PLACE, text.encode(), key)
        elif name.startswith("T") and content:
            yield Block(PLACE, _text(content[0], content[1:]).encode(), name)
        elif name.startswith("W") and not name.startswith("WX") and content:
            yield Block(PLACE, content.rstrip(b"\0").decode("latin-1").encode(), name)


def _text(code: int, data: bytes) -> str:
    return data.decode(_CODES.get(code, "latin-1"), "replace").rstrip("\0").replace("\0", "; ")


def _pair(code: int, data: bytes) -> tuple[str, str]:
    name = _CODES.get(code, "latin-1")
    step = 2 if name.startswith("utf-16") else 1
    for at in range(0, len(data) - step + 1, step):
        if data[at : at + step] == bytes(step):
            first = data[:at].decode(name, "replace")
            return first, _text(code, data[at + step :])
    return "", _text(code, data)


def head_end(file: BinaryIO) -> int:
    """Return where the ID3v2 tag at the file's start ends; 0 if there is none."""
    if size_of(file) < _HEADER:
        return 0
    head = take(file, 0, _HEADER)
    if not head.startswith(b"ID3"):
        return 0
    return _HEADER + _number(head[6:]) + (_HEADER if head[5] & _FOOTER else 0)


def blocks(file: BinaryIO) -> Iterator[Block]:
    """Yield what the tag at the file's start says."""
    end = head_end(file)
    if end:
        yield from tag_blocks(take(file, 0, end))


def changes(file: BinaryIO, edit: Edit) -> Iterator[Change]:
    """Yield what makes `edit` of the file: its other frames stay as they are."""
    end = head_end(file)
    if not end:
        frames = _ours(edit, None, b"", _V4) + bytes(_PADDING)
        yield Change(0, 0, _FRESH + _safe(len(frames)) + frames)
        return
    tag = take(file, 0, end)
    version, flags = tag[3], tag[5]
    if version not in {_V3, _V4}:
        raise UnfitError(f"its ID3 tag is of version 2.{version}, which is only read")
    if flags & (_EXTENDED | _FOOTER):
        raise UnfitError("its ID3 tag has an extended header or a footer, which are only read")
    kept, packet, aigc = bytearray(), None, b""
    for frame in _frames(tag):
        is_aigc = frame.name == b"TXXX" and any(b.key == _AIGC for b in _of(frame, version))
        if frame.name == b"PRIV" and frame.content.startswith(_XMP_OWNER):
            packet = frame.content[len(_XMP_OWNER) :]
        elif is_aigc:
            aigc += frame.raw
        else:
            kept += frame.raw
    made = bytes(kept) + _ours(edit, packet, aigc, version)
    size = end - _HEADER
    room = size - len(made)
    made += bytes(room if room >= _LEAST else _PADDING)
    flags &= _UNSYNCHRONISED if version == _V4 else 0  # 2.3: it is taken away from the whole tag
    yield Change(0, end, tag[:5] + bytes([flags | (tag[5] & 0x20)]) + _safe(len(made)) + made)


def _of(frame: _Frame, version: int) -> Iterator[Block]:
    head = b"ID3" + bytes([version, 0, 0]) + _safe(len(frame.raw))
    yield from tag_blocks(head + frame.raw)


def _ours(edit: Edit, packet: bytes | None, aigc: bytes, version: int) -> bytes:
    made = _frame(b"PRIV", _XMP_OWNER + edit.packet(packet), version)
    if not edit.touches_aigc:
        return made + aigc
    if edit.aigc is None:
        return made
    if version == _V4:
        return made + _frame(b"TXXX", b"\3AIGC\0" + edit.aigc.encode(), version)
    name, text = (t.encode("utf-16-le") for t in ("\ufeffAIGC\0", f"\ufeff{edit.aigc}"))
    return made + _frame(b"TXXX", b"\1" + name + text, version)


def _frame(name: bytes, content: bytes, version: int) -> bytes:
    size = _safe(len(content)) if version == _V4 else len(content).to_bytes(4, "big")
    return name + size + bytes(2) + content
