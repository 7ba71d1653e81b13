"""GIF: each frame's pixels anew, with a palette of its own; timing and all other blocks stay."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image

from trustkit.media.pictures.canvas import PillowCanvas, View, view
from trustkit.media.pictures.opened import Facts, Frames, Scratch, Source, load, open_image
from trustkit.media.pictures.provenance import blank
from trustkit.media.pictures.spread import Change, Layer, Rows

_TABLE, _INTERLACED, _LOCAL_256 = 0x80, 0x40, 0x87  # flags: a table follows; one of 256 colours
_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_XMP, _MANIFEST = b"XMP DataXMP", b"C2PA_GIF"
_COLOURS = 256
_FEW = 8  # colours of a frame that may be given up for new ones
_HALF = 127  # a pixel of less alpha is not seen
_DESCRIPTOR = struct.Struct("<HHHHB")  # x, y, width, height, flags


@dataclass(frozen=True, slots=True)
class _Block:
    """An extension as it stands, or an image: its place, colour table and coded pixels."""

    kind: int
    data: bytes
    table: bytes = b""


def open_codec(source: Source) -> Gif:
    """Return the reader and writer of `source`."""
    return Gif(source)


class Gif:
    """A GIF, still or moving. 256 chosen colours and dithering carry what a palette can.

    Where all new colours fit in beside those that a frame has, its other pixels stay as they are.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shown = Frames(source, "GIF")
        image = open_image(source, "GIF")
        applications = [b.data for b in self._blocks() if b.kind == _APPLICATION]
        self.facts = Facts(
            size=image.size,
            frames=getattr(image, "n_frames", 1),
            bits=8,
            layout="RGBA",
            has_manifest=any(data[3:11] == _MANIFEST for data in applications),
            has_remote_manifest=any(data != _clean(data) for data in applications),
            notes=("each frame gets a palette of its own, and is dithered",),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a frame as it is shown."""
        del quick
        return view(PillowCanvas(self._shown[frame].convert("RGBA")), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew, block by block."""
        del scratch
        change = Change()
        control = b""
        target.write(self._head())
        for block in self._blocks():
            if block.kind == _CONTROL:
                control = block.data
            elif block.kind == _IMAGE:
                hidden = control[6] if control and control[3] & 1 else None
                coded, changed = _changed(block, hidden, spreads[0])
                if hidden is not None:
                    control = control[:6] + bytes([_COLOURS - 1]) + control[7:]
                target.write(control + coded)
                control = b""
                change += changed
            elif block.data[3:11] != _MANIFEST:
                target.write(_clean(block.data))
        target.write(bytes([_END]))
        return change

    def _head(self) -> bytes:
        self._source.stream.seek(0)
        head = self._source.stream.read(13)
        return b"GIF89a" + head[6:] + self._source.stream.read(_table_size(head[10]))

    def _blocks(self) -> Iterator[_Block]:
        head = self._head()
        stream, shared = self._source.stream, head[13:]
        at = stream.tell()
        while True:
            stream.seek(at)  # whoever reads between two blocks moves the stream
            introducer = stream.read(1) or bytes([_END])
            if introducer[0] == _EXTENSION:
                label = stream.read(1)
                block = _Block(label[0], introducer + label + _parts(stream))
            elif introducer[0] == _IMAGE:
                place = stream.read(9)
                table = stream.read(_table_size(place[8])) or shared
                block = _Block(_IMAGE, place + stream.read(1) + _parts(stream), table)
            else:
                return
            at = stream.tell()
            yield block


def _changed(block: _Block, hidden: int | None, spread: Layer) -> tuple[bytes, Change]:
    x, y, width, height, _ = _DESCRIPTOR.unpack_from(block.data)
    indices = _indices(block, width, height)
    table = np.zeros((_COLOURS, 4), np.uint8)
    colours = np.frombuffer(block.table, np.uint8).reshape(-1, 3)
    table[: len(colours), :3] = colours
    table[:, 3] = 255
    if hidden is not None:
        table[hidden, 3] = 0
    canvas = PillowCanvas(Image.fromarray(table[indices]))
    change = spread.apply(canvas, (x, y))
    visible = np.asarray(canvas.image)[..., 3] > _HALF
    fresh, palette = _kept(canvas.image, indices, table, hidden) or _quantised(
        canvas.image.convert("RGB"), visible, hidden is not None
    )
    place = _DESCRIPTOR.pack(x, y, width, height, _LOCAL_256)
    return bytes([_IMAGE]) + place + palette + _coded(fresh), change


def _kept(
    image: Image.Image, indices: Rows, table: Rows, hidden: int | None
) -> tuple[Rows, bytes] | None:
    """Return exact pixels and a palette where all new colours find a free place, or None."""
    pixels = np.ascontiguousarray(image)
    changed = (pixels != table[indices]).any(axis=2)
    last = _COLOURS - 1
    if hidden is not None and (pixels[changed][:, 3] <= _HALF).any():
        return None
    new, which = np.unique(pixels[changed][:, :3], axis=0, return_inverse=True)
    used = set(np.unique(indices[~changed]).tolist())
    fresh, colours = indices.copy(), table[:, :3].copy()
    if hidden not in {None, last}:
        # What is hidden has the last place, as in every frame of ours: who is there, moves.
        free = [n for n in range(_COLOURS) if n not in used | {hidden, last}]
        if last in used:
            if not free:
                return None
            fresh[indices == last], colours[free[0]] = free[0], colours[last]
            used = (used - {last}) | {free[0]}
        fresh[indices == hidden] = last
        used = (used - {hidden}) | {last}
    free = [n for n in range(_COLOURS) if n not in used and (hidden is None or n != last)]
    if len(new) > len(free) + _FEW:
        return None
    if len(new) > len(free):
        kept = used - ({last} if hidden is not None else set())
        free += _given_up(fresh, colours, kept, len(new) - len(free), ~changed)
    if len(new) > len(free):
        return None
    places = np.array(free[: len(new)], np.uint8)
    colours[places] = new
    fresh[changed] = places[which.reshape(-1)]
    return fresh, colours.tobytes()


def _given_up(fresh: Rows, colours: Rows, used: set[int], count: int, stays: Rows) -> list[int]:
    """Free the places of the rarest colours, whose pixels take the nearest of the others."""
    often = np.bincount(fresh[stays], minlength=_COLOURS)
    rare = sorted(used, key=lambda n: int(often[n]))[:count]
    others = sorted(used - set(rare))
    if not others:
        return []
    for place in rare:
        away = np.abs(colours[others].astype(np.int16) - colours[place].astype(np.int16)).sum(
            axis=1
        )
        fresh[fresh == place] = others[int(np.argmin(away))]
    return rare


def _quantised(image: Image.Image, visible: Rows, has_hidden: bool) -> tuple[Rows, bytes]:
    """Return the pixels as indices, the last of which is for hidden ones, and the palette."""
    count = _COLOURS - has_hidden
    seen = np.asarray(image)[visible]
    if not len(seen):
        return np.full(visible.shape, _COLOURS - 1, np.uint8), bytes(3 * _COLOURS)
    chosen = Image.fromarray(seen[None]).quantize(count, Image.Quantize.MEDIANCUT, kmeans=1)
    dithered = image.quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG)
    indices = np.array(dithered)
    indices[~visible] = _COLOURS - 1
    palette = bytes(chosen.getpalette() or [])[: 3 * count]
    return indices, palette.ljust(3 * _COLOURS, b"\0")


def _indices(block: _Block, width: int, height: int) -> Rows:
    # A GIF of this one image, at its own size, with a palette in which each index is a gray.
    flags = (block.data[8] & _INTERLACED) | _LOCAL_256
    grays = bytes(value for value in range(_COLOURS) for _ in range(3))
    screen = struct.pack("<HHBBB", width, height, 0, 0, 0)
    place = _DESCRIPTOR.pack(0, 0, width, height, flags)
    whole = b"GIF89a" + screen + bytes([_IMAGE]) + place + grays + block.data[9:] + bytes([_END])
    image = load(open_image(Source(BytesIO(whole), "image/gif", ""), "GIF"))
    return np.asarray(image).astype(np.uint8)


def _coded(indices: Rows) -> bytes:
    image = Image.fromarray(indices)
    image.putpalette(bytes(value for value in range(_COLOURS) for _ in range(3)))
    coded = BytesIO()
    image.save(coded, "GIF", interlace=0, optimize=False)
    return next(
        block.data[9:]
        for block in Gif(Source(coded, "image/gif", ""))._blocks()
        if block.kind == _IMAGE
    )


def _table_size(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & _TABLE else 0


def _parts(stream: BinaryIO) -> bytes:
    """Return a row of sub-blocks up to and with the empty one that ends it."""
    found = []
    while size := stream.read(1):
        found.append(size + stream.read(size[0]))
        if not size[0]:
            break
    return b"".join(found)


def _clean(data: bytes) -> bytes:
    # XMP stands there as if it were no sub-blocks; a ramp behind it leads readers out.
    return blank(data) if data[3:14] == _XMP else data
