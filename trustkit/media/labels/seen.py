"""Pictures as a viewer's eye gets them, to measure a label in: RGB as stored, laid on white."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.media.labels import Box
from trustkit.media.pictures.opened import Source, open_image

_FORMATS = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP",),
    "image/avif": ("AVIF",),
    "image/jp2": ("JPEG2000",),
    "image/jxl": ("JXL",),
}
_PLUGINS = {"image/jxl": "pillow_jxl"}
_TIFF = "image/tiff"
_HEIF = {"image/heic", "image/heif"}
# Their decoders turn the pixels upright themselves, whatever the Exif says.
_UPRIGHT = {"image/jxl", "image/heic", "image/heif", "image/gif", "image/bmp", "image/jp2"}
_ORIENTATION = 0x0112
_THUMBNAIL = 0x0201  # Exif 3.0, 4.5.4: in the second directory, where its JPEG begins
_DEEP = 257  # 65535 / 255
_STRIP = 4_000_000  # pixels that are compared at a time


class Seen:
    """One picture file, open; frames or pages by number."""

    def __init__(self, stream: BinaryIO, media_type: str, name: str) -> None:
        self._source = Source(stream, media_type, name)
        self.media_type = media_type
        self._image: Any = None

    def orientation(self, number: int = 0) -> int:
        """Return how viewers turn its pixels, 1 to 8; pages of a document can differ."""
        if self._source.media_type in _UPRIGHT:
            return 1
        if self._source.media_type == _TIFF:
            return int(self._pages().orientation(number))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = self._opened().getexif().get(_ORIENTATION, 1)
        except TrustkitError:
            raise
        except Exception:  # noqa: BLE001  # broken Exif turns nothing; decoders raise what they like
            return 1
        return found if found in range(1, 9) else 1

    def has_thumbnail(self) -> bool:
        """Tell whether its Exif holds a small picture of its own."""
        if self._source.media_type in {_TIFF, *_HEIF}:
            return False  # what a TIFF has of them is told by those who write it
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _THUMBNAIL in self._opened().getexif().get_ifd(ExifTags.IFD.IFD1)
        except TrustkitError:
            raise
        except Exception:  # noqa: BLE001  # broken Exif has none that anybody could show
            return False

    def frame(self, number: int = 0) -> Image.Image:
        """Return a frame or page as RGB of 8 bits; raises `UnreadableError`."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if self._source.media_type == _TIFF:
                    # Pillow turns its pages, and counts previews as pages.
                    return Image.fromarray(self._pages().colours(number))
                image = self._opened()
                if self._source.media_type not in _HEIF and number != image.tell():
                    image.seek(number)
                return _plain(image)
        except (TrustkitError, MemoryError):
            raise
        except Exception as error:  # decoders raise what they like on hostile bytes
            raise UnreadableError(
                f"{self._source.name} cannot be decoded: {type(error).__name__}",
                "ask for the file again",
            ) from error

    def _pages(self) -> Any:
        if self._image is None:
            self._image = import_module("trustkit.media.pictures.tiff").open_codec(self._source)
        return self._image

    def _opened(self) -> Any:
        if self._image is None:
            kind = self._source.media_type
            if kind in _HEIF:
                library = import_module("pillow_heif")
                self._source.stream.seek(0)
                self._image = library.open_heif(self._source.stream).to_pillow()
            else:
                if kind in _PLUGINS:
                    import_module(_PLUGINS[kind])
                self._image = open_image(self._source, *_FORMATS[kind])
        return self._image


def region(image: Image.Image, box: Box, reach: int) -> tuple[NDArray[np.float32], Box]:
    """Return RGB from 0 to 1 of `box` and so many pixels around it, and where the box is there."""
    left, top = max(0, box.x - reach), max(0, box.y - reach)
    right, bottom = min(image.width, box.right + reach), min(image.height, box.bottom + reach)
    part = np.asarray(image.crop((left, top, right, bottom)), np.float32) / np.float32(255)
    return part, Box(box.x - left, box.y - top, box.width, box.height)


def differ_outside(one: Image.Image, other: Image.Image, box: Box) -> tuple[float, int]:
    """Return the share of pixels outside of `box` that differ, and by how much at most (0-255)."""
    step = max(1, _STRIP // one.width)
    differing = most = 0
    for first in range(0, one.height, step):
        last = min(one.height, first + step)
        strips = (np.asarray(i.crop((0, first, i.width, last)), np.int16) for i in (one, other))
        off: NDArray[Any] = np.abs(np.subtract(*strips)).max(axis=2)
        inside = slice(max(0, box.y - first), max(0, box.bottom - first))
        off[inside, box.x : box.right] = 0
        differing += int(np.count_nonzero(off))
        most = max(most, int(off.max()))
    return differing / max(1, one.width * one.height - box.width * box.height), most


def _plain(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut and not scale
        deep = np.asarray(image).astype(np.float64) / _DEEP
        return Image.fromarray(np.clip(np.rint(deep), 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
