"""Pictures through Pillow: their measures, from the header alone."""

from __future__ import annotations

import warnings
from typing import BinaryIO

from PIL import Image

MAX_PIXELS = 200_000_000  # the largest picture we take on; medium-format backs make 150 million

FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/x-adobe-dng": "TIFF",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
    "image/jp2": "JPEG2000",
}


def measure(media_type: str, stream: BinaryIO) -> dict[str, object]:
    """Return `width` and `height` in pixels, or a `note` why not.

    Raises what Pillow raises on damaged bytes: see `media.measure`.
    """
    if media_type not in FORMATS:
        return {"note": f"the size of {media_type} is not read"}
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata, not about the size
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Only the decoder that the bytes ask for: the fewer parsers, the smaller the target.
            with Image.open(stream, formats=[FORMATS[media_type]]) as image:
                return {"width": image.width, "height": image.height}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"note": f"it declares more than {MAX_PIXELS:,} pixels"}


def resave(source: BinaryIO, target: BinaryIO, quality: int = 80) -> None:
    """Write the picture anew as JPEG of `quality`, as an upload does: all metadata is gone."""
    with Image.open(source) as image:
        image.convert("RGB").save(target, "JPEG", quality=quality)
