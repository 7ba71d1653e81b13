"""JPEG XL through pillow-jxl-plugin: 8 bits, still; a new codestream beside the old boxes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

import pillow_jxl  # noqa: F401  # registers itself with Pillow

from trustkit.media.pictures.boxes import Box, boxes, has_manifest, pack, part
from trustkit.media.pictures.canvas import PillowCanvas, View, view
from trustkit.media.pictures.opened import Facts, Scratch, Source, load, open_image
from trustkit.media.pictures.provenance import blank, is_manifest_box
from trustkit.media.pictures.spread import Change, Layer

_QUALITY = 95  # the file does not say with which it was coded
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_KEPT = {b"Exif", b"xml ", b"brob", b"jumb", b"uuid"}
_LAYOUTS = {"L", "LA", "RGB", "RGBA"}
_BITS = ((8, 0), (10, 0), (12, 0), (1, 6))  # the four ways to say a number of bits
_SIDES = ((1, 9), (1, 13), (1, 18), (1, 30))
_CHANNELS = ((0, 0), (1, 0), (2, 4), (1, 12))
_ANIMATED = -1


def open_codec(source: Source) -> Jxl:
    """Return the reader and writer of `source`; refuses what the plug-in would reduce."""
    return Jxl(source)


class Jxl:
    """A JPEG XL. What was lossless stays so; all else is coded at a high quality."""

    def __init__(self, source: Source) -> None:
        self._source = source
        source.stream.seek(0)
        self._has_boxes = source.stream.read(len(_CONTAINER)) == _CONTAINER
        self._boxes = list(boxes(source.stream)) if self._has_boxes else []
        bits, self._is_lossless = _coding(self._codestream())
        if bits != 8:  # noqa: PLR2004
            what = "moves" if bits == _ANIMATED else f"has {bits} bits a sample"
            raise source.refuse(f"is a JPEG XL that {what}", "convert it to an 8-bit PNG first")
        image = open_image(source, "JXL")
        if image.mode not in _LAYOUTS:
            raise source.refuse(f"is a JPEG XL of mode {image.mode}", "convert it to RGB first")
        self._canvas: PillowCanvas | None = None
        came_from_jpeg = any(box.kind == b"jbrd" for box in self._boxes)
        self._is_lossless = self._is_lossless and not came_from_jpeg
        xmp = [self._content(box) for box in self._boxes if box.kind == b"xml "]
        notes = [] if self._is_lossless else [f"it is coded anew at quality {_QUALITY}"]
        if came_from_jpeg:
            notes.append("the JPEG it was made from can no longer be had from it")
        self.facts = Facts(
            size=image.size,
            frames=1,
            bits=8,
            layout=image.mode,
            has_manifest=self._has_boxes and has_manifest(source.stream),
            has_remote_manifest=any(data != blank(data) for data in xmp),
            notes=tuple(notes),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma."""
        del frame, quick
        return view(self._decoded(), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew."""
        del scratch
        canvas = self._decoded()
        change = spreads[0].apply(canvas)
        coded = BytesIO()
        canvas.image.save(
            coded,
            "JXL",
            lossless=self._is_lossless,
            quality=_QUALITY,
            use_container=self._has_boxes,
            exif=b"",
        )
        fresh = open_image(Source(coded, self._source.media_type, self._source.name), "JXL")
        if fresh.info.get("icc_profile") != canvas.image.info.get("icc_profile"):
            raise self._source.refuse(
                "is a JPEG XL with colours of its own, which pillow-jxl-plugin cannot write",
                "convert it to sRGB first",
            )
        target.write(coded.getvalue())
        for box in self._boxes:
            data = self._content(box)
            if box.kind in _KEPT and not _is_manifest(box.kind, data):
                target.write(pack(box.kind, blank(data) if box.kind == b"xml " else data))
        return change

    def _decoded(self) -> PillowCanvas:
        if self._canvas is None:
            self._canvas = PillowCanvas(load(open_image(self._source, "JXL")))
        return self._canvas

    def _content(self, box: Box) -> bytes:
        return part(self._source.stream, box)

    def _codestream(self) -> bytes:
        for box in self._boxes:
            if box.kind in {b"jxlc", b"jxlp"}:
                data = part(self._source.stream, box, 256)
                return data if box.kind == b"jxlc" else data[4:]  # after a part's number
        self._source.stream.seek(0)
        return self._source.stream.read(256)


def _is_manifest(kind: bytes, data: bytes) -> bool:
    return is_manifest_box(kind, data) or (kind == b"brob" and data[:4] == b"jumb")


class _Bits:
    """Bits from the lowest up, and numbers in one of four ways: ISO/IEC 18181-1, annex B."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, bits: int) -> int:
        """Return the next bits as a number."""
        found = self._value & ((1 << bits) - 1)
        self._value >>= bits
        return found

    def number(self, ways: tuple[tuple[int, int], ...]) -> int:
        """Return a number said in one of four `ways`: what to add to how many bits."""
        base, bits = ways[self.take(2)]
        return base + self.take(bits)


def _coding(stream: bytes) -> tuple[int, bool]:
    """Return how many bits a sample has (or that the picture moves), and if nothing was lost."""
    bits = _Bits(stream[2:])
    _skip_size(bits)
    if bits.take(1):  # all as usual
        return 8, False
    if bits.take(1):
        bits.take(3)  # orientation
        if bits.take(1):
            _skip_size(bits)
        if bits.take(1) or bits.take(1):  # a preview, or an animation
            return _ANIMATED, False
    if bits.take(1):
        return 32, False  # floating
    depth = bits.number(_BITS)
    bits.take(1)
    for _ in range(bits.number(_CHANNELS)):
        if not bits.take(1):
            return depth, False  # some channel of its own kind: not looked through
    return depth, not bits.take(1)


def _skip_size(bits: _Bits) -> None:
    is_small = bits.take(1)
    for axis in range(2):
        if axis and bits.take(3):  # a ratio instead of the width
            return
        if is_small:
            bits.take(5)
        else:
            bits.number(_SIDES)
