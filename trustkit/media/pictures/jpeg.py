"""JPEG: only the scans are new; every other segment goes across byte for byte."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from PIL import Image

from trustkit.media.pictures import jpeg_patch as patch
from trustkit.media.pictures.canvas import PillowCanvas, View, reduced, view
from trustkit.media.pictures.mpf import moved
from trustkit.media.pictures.opened import Facts, Scratch, Source, load, open_image
from trustkit.media.pictures.provenance import blank
from trustkit.media.pictures.spread import Change, Layer

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_APP0, _APP1, _APP2, _APP11, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEE, 0xEF
_SOS, _COM = 0xDA, 0xFE
_ALONE = {0x00, 0x01, *range(0xD0, 0xD9)}  # markers without a length
_XMP = (b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0")
_MPF = b"MPF\0"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SAMPLINGS = {(1, 1): 0, (2, 1): 1, (2, 2): 2}
_OPTIMIZED = 24_000_000  # pixels: making the best tables holds all coefficients in memory
_COLOURS, _INKS = 3, 4  # components

Segment = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class _Parts:
    """A JPEG file around its scans: the segments before them, and where they start and end."""

    segments: list[Segment]
    scans: int
    base: int  # where the offsets of a multi-picture index count from


def open_codec(source: Source) -> Jpeg:
    """Return the reader and writer of `source`."""
    return Jpeg(source)


class Jpeg:
    """A JPEG, gray, in colours or in inks; a further picture behind it stays as it is."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._image = open_image(source, "JPEG", "MPO")
        self._parts = _parts(source.stream)
        self._canvas: PillowCanvas | None = None
        segments = self._parts.segments
        manifest = _manifests(segments)
        self._kept = [
            (marker, _without_pointer(marker, data))
            for number, (marker, data) in enumerate(segments)
            if (_APP0 <= marker <= _APP15 and number not in manifest) or marker == _COM
        ]
        remote = any(data != _without_pointer(marker, data) for marker, data in segments)
        self.facts = Facts(
            size=self._image.size,
            frames=1,
            bits=8,
            layout=self._image.mode,
            has_manifest=bool(manifest),
            has_remote_manifest=remote,
            notes=tuple(self._notes()),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma; a quick look decodes at a half, a quarter or an eighth."""
        if not quick:
            return view(self.decoded(), max_side)
        image = open_image(self._source, "JPEG", "MPO")
        if image.mode in {"L", "RGB"}:
            image.draft("L", reduced(image.size, max_side))
        return view(PillowCanvas(load(image)), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew."""
        canvas = self.decoded()
        change = spreads[0].apply(canvas)
        with scratch() as bare:
            if not self._patched(canvas, spreads[0].touched, bare):
                canvas.image.save(bare, "JPEG", **self.options())
            self._join(bare, target)
        return change

    def _patched(
        self, canvas: PillowCanvas, touched: tuple[int, int, int, int] | None, bare: BinaryIO
    ) -> bool:
        """Write only the blocks at `touched` anew into `bare`; False where that cannot be."""
        image, layers = canvas.image, self._image.layer  # type: ignore[attr-defined]
        options = self.options()
        if touched is None or image.mode not in {"L", "RGB"} or _is_rgb(self._image):
            return False
        if image.mode == "RGB" and options["subsampling"] is None:
            return False
        # Blocks of chroma that cover two of luma are coded together with these.
        several = len(layers) > 1
        unit = tuple(8 * layers[0][1 + axis] if several else 8 for axis in (0, 1))
        return patch.put(self._source.stream, image, touched, (unit[0], unit[1]), options, bare)

    def decoded(self) -> PillowCanvas:
        """Return the pixels, which are decoded once."""
        if self._canvas is None:
            self._canvas = PillowCanvas(load(self._image))
        return self._canvas

    def options(self) -> dict[str, object]:
        """Return with what Pillow codes a picture as this one was coded."""
        image = self._image
        quantization, layers = image.quantization, image.layer  # type: ignore[attr-defined]
        numbers = [layer[3] for layer in layers]
        if len(layers) == _INKS:
            numbers = numbers[:1]  # YCCK comes out as CMYK, whose inks are all as fine as its luma
        while len(numbers) > 1 and numbers[-1] == numbers[-2]:
            numbers.pop()  # Pillow gives the last table to all further components
        options: dict[str, object] = {
            "qtables": [list(quantization[number]) for number in numbers],
            "progressive": bool(image.info.get("progressive")),
            "optimize": image.width * image.height <= _OPTIMIZED,
            "comment": b"",
        }
        if len(layers) == _COLOURS:
            options["subsampling"] = _sampling(layers)
            options["keep_rgb"] = _is_rgb(image)
        return options

    def _notes(self) -> list[str]:
        layers = self._image.layer  # type: ignore[attr-defined]
        notes = []
        if len(layers) == _COLOURS and _sampling(layers) is None:
            notes.append("its chroma subsampling cannot be written: it becomes 4:4:4")
        if len(layers) == _INKS and self._image.info.get("adobe_transform") == 2:  # noqa: PLR2004
            notes.append("YCCK is written as CMYK")
        return notes

    def _join(self, bare: BinaryIO, target: BinaryIO) -> None:
        # Encoder: SOI, own APPn, tables, scans. We put the source's segments for its APPn.
        fresh = _parts(bare)
        own = [(m, d) for m, d in fresh.segments if not _APP0 <= m <= _APP15 and m != _COM]
        adobe = [(m, d) for m, d in fresh.segments if m == _APP14]
        kept = []
        for marker, data in self._kept:
            if marker != _APP14 or (not adobe and _says_ycc(data)):
                kept.append((marker, data))
            elif adobe:
                kept.append(adobe.pop())
        segments = [*kept, *adobe, *own]
        rest, last = self._behind()
        if rest:
            scans = bare.seek(0, SEEK_END) - fresh.scans
            length = len(SOI) + sum(len(_packed(segment)) for segment in segments) + scans
            segments = _reindexed(segments, self._parts.base, last, length)
        target.write(SOI)
        for segment in segments:
            target.write(_packed(segment))
        bare.seek(fresh.scans)
        shutil.copyfileobj(bare, target)
        target.write(rest)

    def _behind(self) -> tuple[bytes, int]:
        """Return what follows the picture in its file, and where that starts."""
        stream = self._source.stream
        end = stream.seek(-2, SEEK_END) + 2
        if stream.read(2) == EOI and not self._parts.base:
            return b"", end
        stream.seek(self._parts.scans)
        coded = stream.read()
        last = _end(coded)
        return coded[last:], self._parts.scans + last


def _parts(stream: BinaryIO) -> _Parts:
    stream.seek(2)
    segments: list[Segment] = []
    base = 0
    while True:
        # Decoders skip stray bytes between segments, and as many FF as there are.
        byte = stream.read(1)
        before = b""
        while byte and not (before == b"\xff" and byte != b"\xff"):
            before, byte = byte, stream.read(1)
        if not byte:
            raise EOFError("no scan")
        marker = byte[0]
        if marker == _SOS:
            return _Parts(segments, stream.tell() - 2, base)
        if marker in _ALONE:
            continue
        length = int.from_bytes(stream.read(2), "big")
        data = stream.read(max(0, length - 2))
        if marker == _APP2 and data.startswith(_MPF):
            base = stream.tell() - len(data) + len(_MPF)
        segments.append((marker, data))


def _manifests(segments: list[Segment]) -> set[int]:
    # JUMBF in APP11: "JP", a number for each box, a counter, then the box (ISO 19566-5, D.2).
    boxes = {n: d for n, (m, d) in enumerate(segments) if m == _APP11 and d[:2] == b"JP"}
    ours = {d[2:4] for d in boxes.values() if b"c2pa" in d[16:80]}
    return {number for number, data in boxes.items() if data[2:4] in ours}


def _without_pointer(marker: int, data: bytes) -> bytes:
    return blank(data) if marker == _APP1 and data.startswith(_XMP) else data


def _is_rgb(image: Image.Image) -> bool:
    # libjpeg's own rule: JFIF means YCbCr, else Adobe's word holds, else the components' names.
    info = image.info
    if "jfif" in info:
        return False
    if "adobe_transform" in info:
        return bool(info["adobe_transform"] == 0)
    return bytes(layer[0] for layer in image.layer) == b"RGB"  # type: ignore[attr-defined]


def _says_ycc(data: bytes) -> bool:
    return data[:5] == b"Adobe" and data[11:12] == b"\1"


def _sampling(layers: list[tuple[int, int, int, int]]) -> int | None:
    first, *others = [tuple(layer[1:3]) for layer in layers]
    if any(other != (1, 1) for other in others):
        return None if len({first, *others}) > 1 else 0
    return _SAMPLINGS.get(first)  # type: ignore[arg-type]


def _packed(segment: Segment) -> bytes:
    marker, data = segment
    return bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data


def _end(coded: bytes) -> int:
    """Return where the scans end: behind the EOI that is in no segment between them."""
    at = 0
    while found := _MARKER.search(coded, at):
        at = found.end()
        if found.group() == EOI:
            return at
        at += int.from_bytes(coded[at : at + 2], "big")
    return len(coded)


def _reindexed(segments: list[Segment], base: int, last: int, length: int) -> list[Segment]:
    # A multi-picture index says where the further pictures lie, seen from itself.
    found = []
    here = len(SOI)
    for marker, data in segments:
        start = here + 4 + len(_MPF)
        here += 4 + len(data)
        if marker == _APP2 and data.startswith(_MPF):
            shift = (length - start) - (last - base)
            found.append((marker, _MPF + moved(data[len(_MPF) :], length, shift)))
        else:
            found.append((marker, data))
    return found
