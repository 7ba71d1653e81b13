"""HEIC through pillow-heif: 8, 10 or 12 bits; coded anew with all that describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import pillow_heif

from trustkit.media.pictures import boxes
from trustkit.media.pictures.canvas import View, view
from trustkit.media.pictures.opened import Facts, Scratch, Source, check_frames
from trustkit.media.pictures.spread import Change, Layer, Rows

_QUALITY = 90  # the file does not say with which it was coded
_LAYOUTS = {"L", "LA", "RGB", "RGBA"}


def open_codec(source: Source) -> Heic:
    """Return the reader and writer of `source`."""
    return Heic(source)


class Heic:
    """A HEIC. Decoders turn its pixels upright themselves, so they are written upright."""

    def __init__(self, source: Source) -> None:
        self._source = source
        source.stream.seek(0)
        self._file = pillow_heif.open_heif(source.stream, convert_hdr_to_8bit=False)
        self._image = self._file[self._file.primary_index]
        self._mode = str(self._image.mode)
        layout = self._mode.partition(";")[0]
        check_frames(source, self._image.size, len(self._file))
        if layout not in _LAYOUTS:
            raise source.refuse(f"is a HEIC of mode {self._mode}", "convert it to RGB first")
        info = self._image.info
        notes = [f"it is coded anew at quality {_QUALITY}"]
        if len(self._file) > 1:
            notes.append("only its main picture is kept")
        if info.get("depth_images") or info.get("aux"):
            notes.append("depth and gain maps are not kept")
        _, points_away = boxes.xmp_of(info)
        self._canvas: _Samples | None = None
        self.facts = Facts(
            size=self._image.size,
            frames=1,
            bits=info.get("bit_depth", 8),
            layout=layout,
            has_manifest=boxes.has_manifest(source.stream),
            has_remote_manifest=points_away,
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
        fresh = pillow_heif.from_bytes(self._mode, canvas.size, canvas.array.tobytes())
        xmp, _ = boxes.xmp_of(self._image.info)
        kept = {"exif", "icc_profile", "icc_profile_type", "nclx_profile"}
        fresh.info.update({key: v for key, v in self._image.info.items() if key in kept})
        if xmp:
            fresh.info["xmp"] = xmp
        pillow_heif.options.SAVE_HDR_TO_12_BIT = self.facts.bits > 10  # noqa: PLR2004
        fresh.save(target, quality=_QUALITY, chroma=self._image.info.get("chroma") or 420)
        return change

    def _decoded(self) -> _Samples:
        if self._canvas is None:
            self._canvas = _Samples(np.array(self._image), self.facts.layout)
        return self._canvas


class _Samples:
    """An array of samples in the order of red, green, blue."""

    def __init__(self, array: Rows, layout: str) -> None:
        self.array = array
        self.layout = layout
        self.size = (array.shape[1], array.shape[0])
        self.full = int(np.iinfo(array.dtype).max)
        self.key: tuple[int, ...] | None = None

    def rows(self, first: int, last: int) -> Rows:
        """Return rows."""
        return self.array[first:last]

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""
        self.array[first : first + len(rows)] = rows
