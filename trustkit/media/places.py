"""Whether a picture's own metadata, outside any manifest, says where it was taken."""

from __future__ import annotations

import warnings
from typing import BinaryIO

from PIL import Image

from trustkit.media.pixels import FORMATS, MAX_PIXELS

_GPS = 0x8825  # the tag of the GPS directory: Exif 3.0 section 4.6.3
_GPS_XMP = b"GPSLatitude"


def names_a_place(media_type: str, stream: BinaryIO) -> bool | None:
    """Tell whether its Exif or XMP has a position; None where that was not looked for."""
    if media_type not in FORMATS:
        return None
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(stream, formats=[FORMATS[media_type]]) as image:
                xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
                packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
                return bool(image.getexif().get_ifd(_GPS)) or _GPS_XMP in packet
    except Exception:  # noqa: BLE001  # decoders raise what they like on hostile bytes
        return None
