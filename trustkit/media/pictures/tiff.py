"""TIFF, page by page and strip by strip: 8 or 16 bits, gray, RGB or inks, compressed as before."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image

from trustkit.media.pictures import ifd, jpeg
from trustkit.media.pictures.canvas import View, gather, reduced, view_rows
from trustkit.media.pictures.flat import flat
from trustkit.media.pictures.opened import Facts, Scratch, Source, check_frames
from trustkit.media.pictures.provenance import blank
from trustkit.media.pictures.spread import Change, Layer, Rows
from trustkit.media.pictures.tiff_page import (
    DEEP,
    DIFFERENCES,
    GRAY,
    JPEG,
    LZW,
    NONE,
    PACKBITS,
    RGB,
    WHITE_IS_0,
    ZIPS,
    Page,
    Tag,
    blocks,
    read_page,
    tags,
)

_CODERS = {LZW: "tiff_lzw", PACKBITS: "packbits"}
_ADOBE_RGB = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  # APP14: version 100, no transform


def open_codec(source: Source) -> Tiff:
    """Return the reader and writer of `source`."""
    return Tiff(source)


class Tiff:
    """A TIFF of one page or more; each page is a picture of its own. Decoded strip by strip."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._file = ifd.read(source.stream)
        small = [bool(self._file.value(d, Tag.SUBFILE, 0) & 1) for d in self._file.directories]
        self._pages = [
            read_page(self._file, directory, source)
            for directory, is_small in zip(self._file.directories, small, strict=True)
            if not is_small
        ]
        if not self._pages:
            raise source.refuse("has no page", "ask for the file again")
        for page in self._pages:
            check_frames(source, page.size, len(self._pages))
        notes = []
        if any(small) or any(Tag.SUB in d.entries for d in self._file.directories):
            notes.append("its smaller previews are not marked")
        first = self._pages[0]
        self.facts = Facts(
            size=first.size,
            frames=len(self._pages),
            bits=first.bits,
            layout=first.layout,
            has_manifest=any(Tag.C2PA in d.entries for d in self._file.directories),
            has_remote_manifest=any(old != new for _, old, new in self._xmp()),
            notes=tuple(notes),
            pages=tuple(page.size for page in self._pages),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a page; nothing larger than a strip is ever held."""
        del quick
        page = self._pages[frame]
        width, height = reduced(page.size, max_side)
        luma = np.zeros((height, width), np.float32)
        cover = np.zeros((height, width), np.float32) if page.layout.endswith("A") else None
        for first, band in self._bands(page):
            canvas = _Band(band, page, first)
            bright, seen = view_rows(canvas, 0, canvas.size[1])
            gather(luma, bright, first, page.size[1])
            if cover is not None and seen is not None:
                gather(cover, seen, first, page.size[1])
        return View(luma, cover)

    def colours(self, frame: int) -> Rows:
        """Return a page as RGB of 8 bits, as it is stored; see `flat`."""
        page = self._pages[frame]
        whole = np.empty((page.size[1], page.size[0], 3), np.uint8)
        for first, band in self._bands(page):
            canvas = _Band(band, page, first)
            height = canvas.size[1]
            whole[first : first + height] = flat(canvas.rows(0, height), canvas)
        return whole

    def orientation(self, frame: int) -> int:
        """Return how viewers turn a page, 1 to 8."""
        found = self._file.value(self._pages[frame].directory, Tag.ORIENTATION, 1)
        return found if found in range(1, 9) else 1

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew: copied first, then the strips replaced."""
        del scratch
        self._source.stream.seek(0)
        shutil.copyfileobj(self._source.stream, target)
        room = ifd.Room(list(self._freed()), target.tell())
        for at, old, new in self._xmp():
            if old != new:
                _put(target, at, new)
        change = Change()
        for page, spread in zip(self._pages, spreads, strict=True):
            change += self._rewrite(page, spread, target, room)
        for directory in self._file.directories:
            if Tag.C2PA in directory.entries:
                _put(target, directory.at, self._file.without(directory, Tag.C2PA, target))
        for first, size in room.left:
            _put(target, first, b"\0" * size)  # what was there must not be found again
        return change

    def _rewrite(self, page: Page, spread: Layer, target: BinaryIO, room: ifd.Room) -> Change:
        change = Change()
        places: dict[int, tuple[int, int]] = {}
        slices = page.slices
        for first, band in self._bands(page):
            change += spread.apply(_Band(band, page, first), (0, first))
            for index, block in blocks(page, band, first):
                for number, row in enumerate(range(0, len(block), slices)):
                    coded = self._encode(page, block[row : row + slices], index)
                    in_place = page.compression == NONE and len(coded) == page.counts[index]
                    place = page.offsets[index] if in_place else room.take(len(coded))
                    places[index + number] = place, len(coded)
                    _put(target, place, coded)
        entries = page.directory.entries
        if slices < page.block[1]:
            rows = self._file.patched(entries[Tag.ROWS], [slices], 0)
            _put(target, entries[Tag.ROWS].at, rows)
        offsets, counts = (
            list(column) for column in zip(*dict(sorted(places.items())).values(), strict=True)
        )
        if (offsets, counts) == (page.offsets, page.counts):
            return change
        for tag, numbers in zip(tags(is_tiled=page.is_tiled), (offsets, counts), strict=True):
            packed = self._file.array(numbers)
            value = room.take(len(packed)) if len(numbers) > 1 else 0
            if value:
                _put(target, value, packed)
            _put(target, entries[tag].at, self._file.patched(entries[tag], numbers, value))
        return change

    def _freed(self) -> Iterator[ifd.Span]:
        for page in self._pages:
            if page.compression != NONE:
                yield from zip(page.offsets, page.counts, strict=True)
        for directory in self._file.directories:
            manifest = directory.entries.get(Tag.C2PA)
            if manifest and not directory.at < manifest.value < directory.at + 20 * len(
                directory.entries
            ):
                yield manifest.value, manifest.size

    def _xmp(self) -> Iterator[tuple[int, bytes, bytes]]:
        for directory in self._file.directories:
            entry = directory.entries.get(Tag.XMP)
            if entry:
                old = self._file.raw(entry)
                yield entry.value, old, blank(old)

    def _bands(self, page: Page) -> Iterator[tuple[int, Rows]]:
        """Yield (first row, samples (rows, width of whole blocks, samples)) down the page."""
        kind = np.uint8 if page.bits == 8 else np.uint16  # noqa: PLR2004
        for row in range(page.down):
            first = row * page.block[1]
            rows = page.block[1] if page.is_tiled else min(page.block[1], page.size[1] - first)
            band = np.empty((rows, page.across * page.block[0], page.samples), kind)
            for index, block in blocks(page, band, first):
                block[...] = self._decode(page, index, block.shape)
            yield first, band

    def _decode(self, page: Page, index: int, shape: tuple[int, ...]) -> Rows:
        self._source.stream.seek(page.offsets[index])
        data = self._source.stream.read(page.counts[index])
        if page.compression == JPEG:
            coded = self._jpeg(page, data)
            if coded.facts.size != (shape[1], shape[0]):
                raise ValueError("a JPEG of another size than its strip")
            found = np.asarray(coded.decoded().image).reshape(shape)
            return 255 - found if page.layout == "CMYK" else found  # Pillow turns inks about
        size = int(np.prod(shape)) * page.bits // 8
        if page.compression in ZIPS:
            data = zlib.decompressobj().decompress(data, size)
        elif page.compression != NONE:
            data = _unpacked(data, page.compression, shape[0], size // shape[0])
        order = self._file.order if page.bits == DEEP else "|"
        samples = np.frombuffer(data, f"{order}u{page.bits // 8}", int(np.prod(shape)))
        found = samples.reshape(shape)
        if page.predictor == DIFFERENCES:
            found = np.cumsum(found, axis=1, dtype=found.dtype.newbyteorder("="))
        return found

    def _encode(self, page: Page, block: Rows, index: int) -> bytes:
        if page.compression == JPEG:
            self._source.stream.seek(page.offsets[index])
            old = self._jpeg(page, self._source.stream.read(page.counts[index]))
            samples = np.ascontiguousarray(255 - block if page.layout == "CMYK" else block)
            mode, size = page.layout, (block.shape[1], block.shape[0])
            coded = BytesIO()
            image = Image.frombuffer(mode, size, samples, "raw", mode, 0, 1)
            image.save(coded, "JPEG", **old.options())
            return coded.getvalue()
        if page.predictor == DIFFERENCES:
            block = np.diff(block, axis=1, prepend=block[:, :1] * 0)
        order = self._file.order if page.bits == DEEP else "|"
        data = block.astype(f"{order}u{page.bits // 8}").tobytes()
        if page.compression in ZIPS:
            return zlib.compress(data)
        if page.compression == NONE:
            return data
        return _packed(data, page.compression, len(block))

    def _jpeg(self, page: Page, data: bytes) -> jpeg.Jpeg:
        # The tables stand in a tag of their own; without it libjpeg would take RGB for YCbCr.
        adobe = _ADOBE_RGB if page.photometric == RGB else b""
        whole = data[:2] + adobe + page.tables[2:-2] + data[2:]
        return jpeg.Jpeg(Source(BytesIO(whole), "image/jpeg", self._source.name))


class _Band:
    """A band's colours as a canvas; further channels and a tile's rim are left out."""

    def __init__(self, band: Rows, page: Page, first: int) -> None:
        self.layout = page.layout
        self.size = (page.size[0], min(len(band), page.size[1] - first))
        self.full = 2**page.bits - 1
        self.key: tuple[int, ...] | None = None
        self._colours = band[: self.size[1], : self.size[0], : len(page.layout)]
        self._is_negative = page.photometric == WHITE_IS_0

    def rows(self, first: int, last: int) -> Rows:
        """Return a copy of rows."""
        found = np.ascontiguousarray(self._colours[first:last])
        if found.shape[2] == 1:
            found = found[..., 0]
        return self.full - found if self._is_negative else found

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""
        back = self.full - rows if self._is_negative else rows
        self._colours[first : first + len(rows)] = back.reshape(*back.shape[:2], -1)


def _packed(data: bytes, compression: int, rows: int) -> bytes:
    """Return bytes as libtiff compresses them: a gray picture of one byte a pixel, to Pillow."""
    gray = Image.frombuffer("L", (len(data) // rows, rows), data, "raw", "L", 0, 1)
    coded = BytesIO()
    gray.save(coded, "TIFF", compression=_CODERS[compression], tiffinfo={Tag.ROWS: rows})
    file = ifd.read(coded)
    (at,), (size,) = (file.values(file.directories[0], tag) for tag in (Tag.OFFSETS, Tag.COUNTS))
    return coded.getvalue()[at : at + size]


def _unpacked(data: bytes, compression: int, rows: int, width: int) -> bytes:
    """Return what libtiff makes of compressed bytes, as a gray picture of one byte a pixel."""
    entries = {
        Tag.WIDTH: width,
        Tag.HEIGHT: rows,
        Tag.BITS: 8,
        Tag.COMPRESSION: compression,
        Tag.PHOTOMETRIC: GRAY,
        Tag.OFFSETS: 8,
        Tag.SAMPLES: 1,
        Tag.ROWS: rows,
        Tag.COUNTS: len(data),
    }
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    at = 8 + len(data)
    head = b"II*\0" + struct.pack("<I", at)
    whole = head + data + struct.pack("<H", len(entries)) + body + b"\0" * 4
    with Image.open(BytesIO(whole), formats=["TIFF"]) as gray:
        return gray.tobytes()


def _put(target: BinaryIO, at: int, data: bytes) -> None:
    target.seek(at)
    target.write(data)
