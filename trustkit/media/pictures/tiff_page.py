"""A page of a TIFF: how its samples are laid out, and whether they can be written again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from trustkit.media.pictures import ifd
from trustkit.media.pictures.opened import Source, check_frames
from trustkit.media.pictures.spread import Rows


class Tag(IntEnum):
    """The tags that are looked at; all others go across unread."""

    SUBFILE = 254
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    ORDER = 266
    OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS = 278
    COUNTS = 279
    PLANAR = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_COUNTS = 325
    SUB = 330
    EXTRA = 338
    FORMAT = 339
    TABLES = 347
    XMP = 700
    C2PA = 52545


NONE, LZW, JPEG, PACKBITS = 1, 5, 7, 32773
ZIPS = {8, 32946}
DIFFERENCES = 2  # the predictor
WHITE_IS_0, GRAY, RGB, INKS, YCC = 0, 1, 2, 5, 6
DEEP = 16  # bits
_ALPHAS = {1, 2}  # of ExtraSamples: multiplied into the colours, or not
_LAYOUTS = {WHITE_IS_0: "L", GRAY: "L", RGB: "RGB", INKS: "CMYK", YCC: "RGB"}
_SLICE = 2**14  # bytes of a strip of ours, before it is compressed
_PART = 2_000_000  # pixels of one uncompressed strip that are held at a time
_MOST = 8  # samples of a pixel
_CHUNKY = 1  # all samples of a pixel together


@dataclass(frozen=True, slots=True)
class Page:
    """One picture in the file; `block` is (width, height) of a strip or tile."""

    directory: ifd.Directory
    size: tuple[int, int]
    bits: int
    samples: int
    layout: str
    photometric: int
    compression: int
    predictor: int
    is_chunky: bool
    is_tiled: bool
    block: tuple[int, int]
    offsets: list[int]
    counts: list[int]
    tables: bytes

    @property
    def slices(self) -> int:
        """Rows of a strip as it is written: one large strip is cut, to fit where it was."""
        is_one = self.down == 1 and self.is_chunky and not self.is_tiled
        if not is_one or self.compression in {NONE, JPEG} or Tag.ROWS not in self.directory.entries:
            return self.block[1]
        row = self.size[0] * self.samples * self.bits // 8
        return min(self.block[1], max(1, _SLICE // row))

    @property
    def across(self) -> int:
        """How many blocks lie side by side."""
        return -(-self.size[0] // self.block[0])

    @property
    def down(self) -> int:
        """How many lie one below the other."""
        return -(-self.size[1] // self.block[1])


def read_page(file: ifd.Tiff, directory: ifd.Directory, source: Source) -> Page:
    """Return the page that `directory` describes; raises `UnreadableError` for unfit ones."""

    def first(tag: int, default: int) -> int:
        return file.value(directory, tag, default)

    samples = first(Tag.SAMPLES, 1)
    bits = file.values(directory, Tag.BITS) or [1]
    width, height = first(Tag.WIDTH, 0), first(Tag.HEIGHT, 0)
    photometric, compression = first(Tag.PHOTOMETRIC, -1), first(Tag.COMPRESSION, 1)
    is_tiled = Tag.TILE_OFFSETS in directory.entries
    layout = _LAYOUTS.get(photometric, "")
    extra = file.values(directory, Tag.EXTRA)
    if extra and extra[0] in _ALPHAS and layout in {"L", "RGB"}:
        layout += "A"
    block = (
        (first(Tag.TILE_WIDTH, 0), first(Tag.TILE_HEIGHT, 0))
        if is_tiled
        else (width, min(first(Tag.ROWS, height), height))
    )
    page = Page(
        directory=directory,
        size=(width, height),
        bits=bits[0],
        samples=samples,
        layout=layout,
        photometric=photometric,
        compression=compression,
        predictor=first(Tag.PREDICTOR, 1),
        is_chunky=first(Tag.PLANAR, _CHUNKY) == _CHUNKY,
        is_tiled=is_tiled,
        block=block,
        offsets=file.values(directory, tags(is_tiled=is_tiled)[0]),
        counts=file.values(directory, tags(is_tiled=is_tiled)[1]),
        tables=bytes(file.values(directory, Tag.TABLES)),
    )
    why = _unfit(page, bits, first(Tag.FORMAT, 1), first(Tag.ORDER, 1))
    if why:
        raise source.refuse(
            f"is a TIFF {why}, which cannot be changed here", "convert it to 8-bit RGB first"
        )
    page = _in_parts(page)
    check_frames(source, page.size, 1)
    check_frames(source, block, 1)
    count = page.across * page.down * (1 if page.is_chunky else samples)
    if not count or len(page.offsets) != count or len(page.counts) != count:
        raise source.refuse("has not as many strips as rows", "ask for the file again")
    return page


def _in_parts(page: Page) -> Page:
    """Return a page in one large uncompressed strip as many small ones, which lie in a row."""
    is_one = page.is_chunky and not page.is_tiled and len(page.offsets) == len(page.counts) == 1
    row = page.size[0] * page.samples * page.bits // 8
    rows = max(1, _PART // max(1, page.size[0]))
    if not is_one or page.compression != NONE or page.down != 1 or page.block[1] <= rows:
        return page
    if page.counts[0] < row * page.size[1]:
        return page  # cut off: whoever decodes it will say so
    firsts = range(0, page.size[1], rows)
    return replace(
        page,
        block=(page.size[0], rows),
        offsets=[page.offsets[0] + row * first for first in firsts],
        counts=[row * min(rows, page.size[1] - first) for first in firsts],
    )


def blocks(page: Page, band: Rows, first: int) -> Iterator[tuple[int, Rows]]:
    """Yield (index, samples) of each strip or tile that `band` is made of."""
    row = first // page.block[1]
    planes = [slice(None)] if page.is_chunky else [slice(n, n + 1) for n in range(page.samples)]
    for number, plane in enumerate(planes):
        for column in range(page.across):
            left = column * page.block[0]
            index = (number * page.down + row) * page.across + column
            yield index, band[:, left : left + page.block[0], plane]


def tags(*, is_tiled: bool) -> tuple[Tag, Tag]:
    """Return the tags that say where the strips or tiles are, and how long."""
    return (Tag.TILE_OFFSETS, Tag.TILE_COUNTS) if is_tiled else (Tag.OFFSETS, Tag.COUNTS)


def _unfit(page: Page, bits: list[int], sample_format: int, order: int) -> str:
    """Return what about a page we cannot write again, or nothing."""
    is_jpeg = page.compression == JPEG
    is_plain = page.samples == len(page.layout) and page.bits == 8 and page.is_chunky  # noqa: PLR2004
    known = {NONE, LZW, JPEG, PACKBITS, *ZIPS}
    reasons = {
        "of a kind of colours (palette, Lab or the like)": not page.layout
        or (page.photometric == YCC and not is_jpeg),
        f"of {bits[0]}-bit samples": set(bits) not in ({8}, {16}),
        "of signed or floating samples": sample_format != 1,
        "of a rare compression": page.compression not in known
        or order != 1
        or page.predictor not in {1, DIFFERENCES}
        or (is_jpeg and not is_plain),
        "with too few or too many channels": not len(page.layout) <= page.samples <= _MOST,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
