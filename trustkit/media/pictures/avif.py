"""AVIF through Pillow: 8 bits, still or moving; coded anew with all that describes it."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from trustkit.media.pictures import boxes
from trustkit.media.pictures.canvas import PillowCanvas, View, view
from trustkit.media.pictures.opened import (
    Facts,
    Frames,
    Scratch,
    Source,
    load,
    open_image,
    too_large,
)
from trustkit.media.pictures.spread import Change, Layer
from trustkit.media.pixels import MAX_PIXELS

_QUALITY = 90  # the file does not say with which it was coded
_SPEED = 6
_DEEP, _MONO, _HALF_WIDE, _HALF_HIGH = 0x40, 0x10, 0x08, 0x04  # flags in av1C


def open_codec(source: Source) -> Avif:
    """Return the reader and writer of `source`; refuses what would lose bits."""
    return Avif(source)


class Avif:
    """An AVIF. Its quality is not known, so it is coded at a high one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shown = Frames(source, "AVIF")
        image = open_image(source, "AVIF")
        self._head = boxes.head(source.stream)
        self._flags = self._coding()
        if self._flags & _DEEP:
            raise source.refuse(
                "is an AVIF of 10 or 12 bits, which would be cut down to 8", "convert it first"
            )
        frames = image.n_frames  # type: ignore[attr-defined]
        if image.width * image.height * frames > MAX_PIXELS:
            raise too_large(source)  # the encoder wants all frames at once
        _, points_away = boxes.xmp_of(image.info)
        notes = [f"it is coded anew at quality {_QUALITY}"]
        if frames > 1:
            notes.append("how often it repeats is not kept")
        self._canvas: PillowCanvas | None = None
        self.facts = Facts(
            size=image.size,
            frames=frames,
            bits=8,
            layout=image.mode,
            has_manifest=boxes.has_manifest(source.stream),
            has_remote_manifest=points_away,
            notes=tuple(notes),
        )

    def view(self, frame: int, max_side: int, *, quick: bool) -> View:
        """Return the small luma of a frame."""
        if self.facts.frames == 1 and not quick:
            self._canvas = self._canvas or PillowCanvas(load(open_image(self._source, "AVIF")))
            return view(self._canvas, max_side)
        return view(PillowCanvas(self._shown[frame]), max_side)

    def write(self, target: BinaryIO, spreads: Sequence[Layer], scratch: Scratch) -> Change:
        """Write the file anew."""
        del scratch
        change = Change()
        source = open_image(self._source, "AVIF")
        info = dict(source.info)
        frames: list[Image.Image] = []
        durations = []
        for number in range(self.facts.frames):
            if self._canvas is None:
                source.seek(number)
                load(source)
                canvas = PillowCanvas(source if self.facts.frames == 1 else source.copy())
                durations.append(int(source.info.get("duration", 0)))
            else:
                canvas = self._canvas
            change += spreads[0].apply(canvas)
            frames.append(canvas.image)
        coded = BytesIO()
        first, *others = frames
        more = {"save_all": True, "append_images": others, "duration": durations} if others else {}
        xmp, _ = boxes.xmp_of(info)
        first.save(
            coded,
            "AVIF",
            quality=_QUALITY,
            speed=_SPEED,
            subsampling=self._sampling(),
            exif=info.get("exif", b""),
            icc_profile=info.get("icc_profile", b""),
            xmp=xmp,
            **more,
        )
        target.write(self._with_colours(coded.getvalue()))
        return change

    def _coding(self) -> int:
        at = self._head.find(b"av1C")
        return self._head[at + 6] if 0 <= at < len(self._head) - 6 else 0

    def _sampling(self) -> str:
        flags = self._flags
        if flags & _MONO:
            return "4:0:0"
        if flags & _HALF_HIGH:
            return "4:2:0"
        return "4:2:2" if flags & _HALF_WIDE else "4:4:4"

    def _with_colours(self, coded: bytes) -> bytes:
        # Primaries and curve say how samples are to be seen; the matrix is the coder's own.
        at, new = self._head.find(b"colrnclx"), coded.find(b"colrnclx")
        if at < 0 or new < 0:
            return coded
        return coded[: new + 8] + self._head[at + 8 : at + 12] + coded[new + 12 :]
