"""JPEG 2000: a new codestream in the old boxes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

import cv2
import numpy as np

from trustkit.media.pictures.boxes import Box, boxes, has_manifest, pack, part
from trustkit.media.pictures.canvas import ArrayCanvas, PillowCanvas, View, view
from trustkit.media.pictures.opened import Facts, Scratch, Source, load, open_image
from trustkit.media.pictures.provenance import blank, is_manifest_box
from trustkit.media.pictures.spread import Change, Layer

_STREAM = b"jp2c"
_SIZE, _CODING = b"\xff\x51", b"\xff\x52"
_LAYOUTS = {"L", "LA", "RGB", "RGBA", "I;16"}
_COLOURS = 3


def open_codec(source: Source) -> Jp2:
    """Return the reader and writer of `source`."""
    return Jp2(source)


class Jp2:
    """A JP2: what was lossless stays so, what was not gets as many bytes as it had."""

    def __init__(self, source: Source) -> None:
        self._source = source
        image = open_image(source, "JPEG2000")
        self._boxes = list(boxes(source.stream))
        self._stream = next(box for box in self._boxes if box.kind == _STREAM)
        head = part(source.stream, self._stream, 4096)
        size = head.index(_SIZE)
        self._channels = int.from_bytes(head[size + 38 : size + 40], "big")
        depths = {head[size + 40 + 3 * n] for n in range(self._channels)}
        self._bits = max(depths) + 1
        coding = head.index(_CODING)
        self._is_lossless = head[coding + 13] == 1  # the 5-3 transform
        is_deep = self._bits > 8  # noqa: PLR2004
        fits = image.mode in _LAYOUTS and len(depths) == 1 and self._bits in {8, 16}
        if not fits or (is_deep and self._channels == 2):  # noqa: PLR2004
            raise source.refuse(
                f"is a JPEG 2000 of {self._bits} bits and {self._channels} channels, "
                "which cannot be written again",
                "convert it to 8-bit RGB first",
            )
        self._canvas: PillowCanvas | ArrayCanvas | None = None
        self.facts = Facts(
            size=image.size,
            frames=1,
            bits=self._bits,
            layout="L" if image.mode == "I;16" else image.mode,
            has_manifest=has_manifest(source.stream),
            has_remote_manifest=any(self._content(b) != blank(self._content(b)) for b in self._xmp),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma."""
        del frame, quick
        return view(self._decoded(), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew, box by box."""
        del scratch
        canvas = self._decoded()
        change = spreads[0].apply(canvas)
        for box in self._boxes:
            if is_manifest_box(box.kind, part(self._source.stream, box, 128)):
                continue
            content = self._encode(canvas) if box is self._stream else self._content(box)
            target.write(pack(box.kind, blank(content) if box in self._xmp else content))
        return change

    @property
    def _xmp(self) -> list[Box]:
        return [box for box in self._boxes if box.kind in {b"uuid", b"xml "}]

    def _content(self, box: Box) -> bytes:
        return part(self._source.stream, box)

    def _decoded(self) -> PillowCanvas | ArrayCanvas:
        if self._canvas is None:
            if self._bits > 8 and self._channels >= _COLOURS:  # noqa: PLR2004
                self._source.stream.seek(0)
                coded = np.frombuffer(self._source.stream.read(), np.uint8)
                array = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
                if array is None or array.dtype != np.uint16:
                    raise ValueError("16-bit samples expected")
                self._canvas = ArrayCanvas(array)
            else:
                self._canvas = PillowCanvas(load(open_image(self._source, "JPEG2000")))
        return self._canvas

    def _encode(self, canvas: PillowCanvas | ArrayCanvas) -> bytes:
        size = self._stream.end - self._stream.content
        raw = canvas.size[0] * canvas.size[1] * self._channels * self._bits / 8
        if isinstance(canvas, ArrayCanvas):
            share = 1000 if self._is_lossless else max(1, round(1000 * size / raw))
            done, whole = cv2.imencode(
                ".jp2", canvas.array, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, share]
            )
            coded = BytesIO(whole.tobytes() if done else b"")
        else:
            coded = BytesIO()
            canvas.image.save(
                coded,
                "JPEG2000",
                irreversible=not self._is_lossless,
                mct=int(self._channels >= _COLOURS),
                quality_layers=None if self._is_lossless else [raw / size],
            )
        return next(part(coded, box) for box in boxes(coded) if box.kind == _STREAM)
