"""A small JPEG by which a person recognises a picture or a film again."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from trustkit.errors import UnreadableError
from trustkit.media.pixels import FORMATS, MAX_PIXELS

SIDE = 512  # pixels of the longer side
_QUALITY = 75


def of_picture(stream: BinaryIO, media_type: str, name: str) -> bytes:
    """Return the JPEG of a picture, turned as it is shown; empty for a kind not decoded here.

    Raises `UnreadableError`.
    """
    if media_type not in FORMATS:
        return b""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(stream, formats=[FORMATS[media_type]]) as image:
                image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded small
                image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
                return _jpeg(ImageOps.exif_transpose(image))
    except MemoryError:
        raise
    except Exception as error:  # decoders raise what they like on hostile bytes
        raise UnreadableError(
            f"{name} cannot be decoded: {type(error).__name__}", "ask for the file again"
        ) from error


def of_film(path: Path) -> bytes:
    """Return the JPEG of a film's first frame; raises `UnreadableError`."""
    from trustkit.media.film.look import first_frame, look, opened  # brings PyAV along

    film = look(path)
    with opened(path) as container:
        image: Image.Image = first_frame(path, container, container.streams[film.stream]).to_image()
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits of grey
        image = image.convert("F").point(lambda value: value / 257).convert("L")
    if "A" in image.mode or "transparency" in image.info:
        whole = image.convert("RGBA")
        image = Image.new("RGB", image.size, "white")
        image.paste(whole, mask=whole.getchannel("A"))
    out = BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
