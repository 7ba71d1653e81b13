"""BMP: changed where it stands, header and all; palettes become true colour."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from trustkit.media.pictures.canvas import PillowCanvas, View, view
from trustkit.media.pictures.opened import Facts, Scratch, Source, load, open_image
from trustkit.media.pictures.spread import Canvas, Change, Layer, Rows

_HEADER = struct.Struct("<10xIIiiHHI")  # offset, header size, width, height, planes, bits, coding
_OLD = 12  # bytes: the header of OS/2
_RAW, _MASKS = 0, 3
_USUAL = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)  # where red, green and blue are


def open_codec(source: Source) -> Bmp:
    """Return the reader and writer of `source`."""
    return Bmp(source)


class Bmp:
    """A BMP. 24 and 32 bits a pixel are changed in place; all others are written with 24."""

    def __init__(self, source: Source) -> None:
        self._source = source
        image = open_image(source, "BMP")
        self._canvas: Canvas | None = None
        source.stream.seek(0)
        head = source.stream.read(_HEADER.size + 40)
        offset, size, width, height, _, bits, coding = _HEADER.unpack_from(head)
        is_usual = coding == _RAW or (coding == _MASKS and bits == 32 and head[54:66] == _USUAL)  # noqa: PLR2004
        self._plan = (offset, width, height, bits) if size > _OLD and is_usual else None
        if bits not in {24, 32}:
            self._plan = None
        self.facts = Facts(
            size=image.size,
            frames=1,
            bits=8,
            layout="L" if image.mode in {"1", "L"} else "RGB",
            has_manifest=False,
            has_remote_manifest=False,
            notes=() if self._plan else ("it is written anew, with 8 bits a colour",),
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
        if isinstance(canvas, _Raw):
            target.write(canvas.content)
        elif isinstance(canvas, PillowCanvas):
            canvas.image.save(target, "BMP", dpi=canvas.image.info.get("dpi", (96, 96)))
        return change

    def _decoded(self) -> Canvas:
        if self._canvas is None:
            if self._plan:
                content = bytearray(self._source.stream.seek(0, 2))
                self._source.stream.seek(0)
                self._source.stream.readinto(content)  # type: ignore[attr-defined]
                self._canvas = _Raw(content, *self._plan)
            else:
                image = load(open_image(self._source, "BMP"))
                self._canvas = PillowCanvas(image.convert(self.facts.layout))
        return self._canvas


class _Raw:
    """The file's own bytes as a canvas: rows of blue, green, red, from the bottom up."""

    def __init__(self, content: bytearray, offset: int, width: int, height: int, bits: int) -> None:
        self.content = content
        self.layout, self.full = "BGR", 255
        self.key: tuple[int, ...] | None = None
        self.size = (width, abs(height))
        step = -(-width * bits // 32) * 4  # rows end at multiples of four bytes
        raw: NDArray[np.uint8] = np.frombuffer(content, np.uint8, step * abs(height), offset)
        rows = raw.reshape(abs(height), step)[:, : width * bits // 8]
        self._pixels = rows.reshape(abs(height), width, bits // 8)[
            :: -1 if height > 0 else 1, :, :3
        ]

    def rows(self, first: int, last: int) -> Rows:
        """Return a copy of rows."""
        return np.ascontiguousarray(self._pixels[first:last])

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""
        self._pixels[first : first + len(rows)] = rows
