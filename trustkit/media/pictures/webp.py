"""WebP, still or moving: new bitstreams, every other chunk and all timing as they were."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from trustkit.media.pictures import vp8
from trustkit.media.pictures.canvas import PillowCanvas, View, view
from trustkit.media.pictures.opened import Facts, Frames, Scratch, Source, load, open_image
from trustkit.media.pictures.provenance import blank
from trustkit.media.pictures.spread import Change, Layer

_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
_EXTENDED, _FRAME = b"VP8X", b"ANMF"
_HAS_ALPHA = 0x10  # of VP8X's flags
_FRAME_HEAD = 16  # bytes: place, size, duration, flags

Chunk = tuple[bytes, bytes]


def open_codec(source: Source) -> Webp:
    """Return the reader and writer of `source`."""
    return Webp(source)


class Webp:
    """A WebP; what was lossless stays so, what was not is quantised about as finely as before."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shown = Frames(source, "WEBP")
        image = open_image(source, "WEBP")
        self._moves = image.n_frames > 1  # type: ignore[attr-defined]
        self._canvas: PillowCanvas | None = None
        chunks = list(self._chunks())
        self.facts = Facts(
            size=image.size,
            frames=image.n_frames,  # type: ignore[attr-defined]
            bits=8,
            layout=image.mode,
            has_manifest=any(kind == b"C2PA" for kind, _ in chunks),
            has_remote_manifest=any(d != blank(d) for kind, d in chunks if kind == b"XMP "),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a frame as it is shown."""
        if not self._moves and not quick:
            return view(self._decoded(), max_side)
        return view(PillowCanvas(self._shown[frame]), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew, chunk by chunk."""
        del scratch  # libwebp holds what it writes anyway
        spread = spreads[0]
        change = Change()
        target.write(b"RIFF\0\0\0\0WEBP")
        chunks = self._chunks()
        for kind, data in chunks:
            fresh = [(kind, blank(data) if kind == b"XMP " else data)]
            if kind == b"C2PA":
                continue
            if kind in _PIXELS:
                picture = [(kind, data)]
                if kind == b"ALPH":
                    picture.append(next(chunks))
                change += spread.apply(self._decoded())
                fresh = _encode(self._decoded().image, picture)
                self._canvas = None
            elif kind == _FRAME:
                frame, changed = self._frame(data, spread)
                fresh = [(kind, frame)]
                change += changed
            for chunk in fresh:
                target.write(_packed(*chunk))
        size = target.tell()
        target.seek(4)
        target.write(struct.pack("<I", size - 8))
        return change

    def _frame(self, data: bytes, spread: Layer) -> tuple[bytes, Change]:
        head, parts = data[:_FRAME_HEAD], list(_split(data[_FRAME_HEAD:]))
        x, y = (2 * int.from_bytes(head[at : at + 3], "little") for at in (0, 3))
        width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (6, 9))
        bare = BytesIO(_alone(parts, width, height))
        canvas = PillowCanvas(load(open_image(Source(bare, "image/webp", ""), "WEBP")))
        change = spread.apply(canvas, (x, y))
        return head + b"".join(_packed(*part) for part in _encode(canvas.image, parts)), change

    def _decoded(self) -> PillowCanvas:
        if self._canvas is None:
            self._canvas = PillowCanvas(load(open_image(self._source, "WEBP")))
        return self._canvas

    def _chunks(self) -> Iterator[Chunk]:
        stream = self._source.stream
        at = 12
        while True:
            stream.seek(at)
            head = stream.read(8)
            if len(head) < 8:  # noqa: PLR2004  # kind and length
                return
            kind, length = struct.unpack("<4sI", head)
            data = stream.read(length)
            at += 8 + length + length % 2
            yield kind, data


def _split(data: bytes) -> Iterator[Chunk]:
    at = 0
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _packed(kind: bytes, data: bytes) -> bytes:
    return struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)


def _alone(parts: list[Chunk], width: int, height: int) -> bytes:
    """Return a frame's bitstream as a file of its own."""
    pixels = [part for part in parts if part[0] in _PIXELS]
    if any(kind == b"ALPH" for kind, _ in pixels):
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        pixels = [(_EXTENDED, bytes([_HAS_ALPHA, 0, 0, 0]) + sides), *pixels]
    body = b"".join(_packed(*part) for part in pixels)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _encode(image: Image.Image, parts: list[Chunk]) -> list[Chunk]:
    """Return `image` in the way that `parts` were coded."""
    old = dict(parts)
    lossless = b"VP8L" in old
    coded = BytesIO()
    image.save(
        coded,
        "WEBP",
        lossless=lossless,
        quality=80 if lossless else vp8.quality(old[b"VP8 "]),  # effort, where nothing is lost
        exact=True,  # what lies under transparent pixels stays too
    )
    return [part for part in _split(coded.getvalue()[12:]) if part[0] in _PIXELS]
