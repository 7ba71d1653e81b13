"""PNG and APNG: new image data, every other chunk as it was; frames keep their place and time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from trustkit.media.pictures.canvas import ArrayCanvas, PillowCanvas, View, view
from trustkit.media.pictures.opened import (
    Facts,
    Frames,
    Scratch,
    Source,
    check_frames,
    load,
    open_image,
)
from trustkit.media.pictures.provenance import blank
from trustkit.media.pictures.spread import Change, Layer

_MAGIC = b"\x89PNG\r\n\x1a\n"
_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_LAYOUTS = {_GRAY: "L", _RGB: "RGB", _PALETTE: "RGB", _GRAY_ALPHA: "LA", _RGBA: "RGBA"}
# Chunks that speak of the pixels' coding: right only as long as that is the same.
_OF_CODING = {b"PLTE", b"tRNS", b"hIST", b"sBIT", b"bKGD"}
# Marked unsafe to copy, and yet true after the pixels have changed a little.
_STAYS_TRUE = {b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD", b"tRNS", b"sPLT", b"oFFs"} | {
    b"cICP", b"mDCV", b"cLLI", b"mDCv", b"cLLi", b"acTL", b"PLTE", b"pCAL", b"sCAL", b"sTER"
}  # fmt: skip
_FRAME = struct.Struct(">IIIII")  # of fcTL: sequence number, width, height, x, y
_DEEP = 16  # bits
_SEVERAL = 65_536  # bytes an IDAT or fdAT chunk of ours has at most


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int  # of the content
    length: int


def open_codec(source: Source) -> Png:
    """Return the reader and writer of `source`."""
    return Png(source)


class Png:
    """A PNG of 1 to 16 bits; a palette becomes true colour, since a faint change needs it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._shown = Frames(source, "PNG")
        open_image(source, "PNG")
        self.chunks = list(_chunks(source.stream))
        self.header = header = self.content(self.first(b"IHDR"))
        self.bits, self.type = header[8], header[9]
        self.header = header
        control = self.first(b"acTL")
        self.frames = int.from_bytes(self.content(control)[:4], "big") if control else 1
        size = struct.unpack(">II", header[:8])
        check_frames(source, size, self.frames)
        self.canvas: PillowCanvas | ArrayCanvas | None = None
        layout = _LAYOUTS[self.type]
        notes = []
        if self.first(b"tRNS") and (self.type == _PALETTE or self.bits < 8):  # noqa: PLR2004
            layout += "A"
        if self.type == _PALETTE:
            notes.append("its palette becomes true colour")
        elif self.bits < 8:  # noqa: PLR2004
            notes.append(f"its {self.bits}-bit gray becomes 8 bits")
        elif self.bits == _DEEP and self.type == _GRAY_ALPHA:
            notes.append("16-bit gray with alpha is written as RGBA")
            layout = "RGBA"
        self.facts = Facts(
            size=size,
            frames=self.frames,
            bits=max(8, self.bits),
            layout=layout,
            has_manifest=self.first(b"caBX") is not None,
            has_remote_manifest=self._points_away(),
            notes=tuple(notes),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a frame as it is shown."""
        if self.frames > 1:
            return view(PillowCanvas(_plain(self._shown[frame])), max_side)
        if quick:
            return view(self.decode(), max_side)
        self.canvas = self.canvas or self.decode()
        return view(self.canvas, max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew, chunk by chunk."""
        return _Writer(self, target, spreads[0], scratch).run()

    def decode(self) -> PillowCanvas | ArrayCanvas:
        """Return the pixels of the picture itself, or of an animation's first frame."""
        if self.bits == _DEEP and self.type != _GRAY:
            wanted = {b"IHDR", b"tRNS", b"IDAT", b"IEND"}  # no more, no more to be attacked by
            parts = [(c.kind, self.content(c)) for c in self.chunks if c.kind in wanted]
            return _deep(_MAGIC + b"".join(_packed(*part) for part in parts))
        image, key = load(open_image(self.source, "PNG")), self._key()
        if image.mode.startswith("I"):
            return PillowCanvas(_plain(image), key)
        if image.mode == self.facts.layout:
            return PillowCanvas(image, key)
        if key and self.bits < 8:  # noqa: PLR2004  # Pillow does not scale this one
            image = image.convert("L")
            image.info["transparency"] = key[0]
        return PillowCanvas(image.convert(self.facts.layout))

    def _key(self) -> tuple[int, ...] | None:
        """Return the colour that the file declares transparent, scaled as the pixels are."""
        chunk = self.first(b"tRNS")
        if not chunk or self.type not in {_GRAY, _RGB}:
            return None
        values = struct.unpack(f">{chunk.length // 2}H", self.content(chunk))
        scale = 255 // (2**self.bits - 1) if self.bits < 8 else 1  # noqa: PLR2004
        return tuple(value * scale for value in values)

    def _points_away(self) -> bool:
        return any(
            blank(content) != content
            for content in (self.content(c) for c in self.chunks if c.kind == b"iTXt")
            if content.startswith(b"XML:com.adobe.xmp\0")
        )

    def first(self, kind: bytes) -> _Chunk | None:
        """Return the first chunk of a kind."""
        return next((chunk for chunk in self.chunks if chunk.kind == kind), None)

    def content(self, chunk: _Chunk | None) -> bytes:
        """Return what stands in a chunk; raises `EOFError` where there is none."""
        if chunk is None:
            raise EOFError("no header")
        self.source.stream.seek(chunk.start)
        return self.source.stream.read(chunk.length)


class _Writer:
    """One run through the chunks; `number` counts an animation's control and data chunks."""

    def __init__(self, png: Png, target: BinaryIO, spread: Layer, scratch: Scratch) -> None:
        self.png, self.target, self.spread, self.scratch = png, target, spread, scratch
        self.number = 0
        self.change = Change()
        self.recoded = False
        self.palette = [
            (chunk.kind, png.content(chunk))
            for chunk in png.chunks
            if chunk.kind in {b"PLTE", b"tRNS"}
        ]

    def run(self) -> Change:
        """Write it all."""
        png, chunks = self.png, self.png.chunks
        canvas, png.canvas = png.canvas or png.decode(), None
        self.target.write(_MAGIC)
        self.change = self.spread.apply(canvas)
        frame: bytes | None = None
        at = 0
        with self.scratch() as bare:
            header, data = _encode(canvas, bare)
            del canvas
            self.recoded = header[8:10] != png.header[8:10]
            self._put(b"IHDR", header)
            started = False
            while at < len(chunks):
                chunk = chunks[at]
                at += 1
                if chunk.kind == b"IDAT":
                    if not started:
                        self._copy(bare, data)
                    started = True
                elif chunk.kind == b"fcTL":
                    frame = png.content(chunk)
                    self._put(b"fcTL", self._numbered(frame[4:]))
                elif chunk.kind == b"fdAT":
                    parts = [png.content(chunk)[4:]]
                    while at < len(chunks) and chunks[at].kind == b"fdAT":
                        parts.append(png.content(chunks[at])[4:])
                        at += 1
                    self._frame(frame or b"", b"".join(parts))
                elif self._is_kept(chunk):
                    self._put(chunk.kind, self._ancillary(chunk))
        self._put(b"IEND", b"")
        return self.change

    def _frame(self, control: bytes, data: bytes) -> None:
        # A frame is a small PNG of its own at a place in the picture.
        _, width, height, x, y = _FRAME.unpack(control[: _FRAME.size])
        small = BytesIO()
        small.write(_MAGIC)
        header = struct.pack(">II", width, height) + self.png.header[8:]
        for kind, content in [(b"IHDR", header), *self.palette, (b"IDAT", data), (b"IEND", b"")]:
            small.write(_packed(kind, content))
        source = Source(small, "image/png", self.png.source.name)
        canvas = Png(source).decode()
        self.change += self.spread.apply(canvas, (x, y))
        bare = BytesIO()
        _, chunks = _encode(canvas, bare)
        for chunk in chunks:
            bare.seek(chunk.start)
            self._put(b"fdAT", self._numbered(bare.read(chunk.length)))

    def _is_kept(self, chunk: _Chunk) -> bool:
        kind = chunk.kind
        if kind in {b"IHDR", b"IEND", b"caBX"}:
            return False
        if self.recoded and kind in _OF_CODING:
            # The background of a palette can be said in colours; the rest has lost its meaning.
            return kind == b"bKGD" and self.png.type == _PALETTE
        safe = bool(kind[3] & 0x20)
        return safe or kind in _STAYS_TRUE

    def _ancillary(self, chunk: _Chunk) -> bytes:
        content = self.png.content(chunk)
        if chunk.kind == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0"):
            return blank(content)
        if chunk.kind == b"bKGD" and self.recoded:
            colours = dict(self.palette)[b"PLTE"]
            red, green, blue = colours[3 * content[0] : 3 * content[0] + 3]
            return struct.pack(">HHH", red, green, blue)
        return content

    def _numbered(self, content: bytes) -> bytes:
        self.number += 1
        return struct.pack(">I", self.number - 1) + content

    def _copy(self, bare: BinaryIO, chunks: list[_Chunk]) -> None:
        for chunk in chunks:
            bare.seek(chunk.start - 8)
            self.target.write(bare.read(chunk.length + 12))

    def _put(self, kind: bytes, content: bytes) -> None:
        self.target.write(_packed(kind, content))


def _chunks(stream: BinaryIO) -> Iterator[_Chunk]:
    stream.seek(len(_MAGIC))
    while len(head := stream.read(8)) == 8:  # noqa: PLR2004  # length and kind
        length, kind = struct.unpack(">I4s", head)
        start = stream.tell()
        yield _Chunk(kind, start, length)
        if kind == b"IEND":
            return
        stream.seek(start + length + 4)
    raise EOFError("no end")


def _packed(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"P", "PA"}:
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    return image.convert("I;16") if image.mode == "I" else image


def _deep(content: bytes) -> ArrayCanvas:
    # Pillow would cut 16-bit colours down to 8.
    array = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16:
        raise ValueError("16-bit samples expected")
    return ArrayCanvas(array)


def _encode(canvas: PillowCanvas | ArrayCanvas, bare: BinaryIO) -> tuple[bytes, list[_Chunk]]:
    """Write a bare PNG into `bare`; return its header and where its image data lies."""
    if isinstance(canvas, PillowCanvas):
        image = canvas.image
        image.info = {}  # or Pillow would write what it understood of the source
        # Level 6 takes twice the time for one per cent fewer bytes.
        image.save(bare, "PNG", compress_level=4)
    else:
        done, coded = cv2.imencode(".png", canvas.array)
        if not done:
            raise ValueError("not encoded")
        bare.write(coded.data)
    chunks = list(_chunks(bare))
    bare.seek(chunks[0].start)
    return bare.read(chunks[0].length), [chunk for chunk in chunks if chunk.kind == b"IDAT"]
