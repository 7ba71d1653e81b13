"""The ISCC Image-Code and Audio-Code (ISO 24138), 256 bits each, through iscc-lib."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from typing import BinaryIO

import iscc_lib
import numpy as np
from PIL import Image, ImageChops, ImageOps

from trustkit.fingerprints import Array
from trustkit.media.pixels import FORMATS, MAX_PIXELS
from trustkit.record import Code

NAME, SOUND = "iscc-image.0", "iscc-audio.0"
BINDING = "io.iscc.v0"  # entry 3 of the C2PA soft binding algorithm list
_BITS, _SIDE = 256, 32
_ORIENTATION = 0x0112  # Exif 2.32, 4.6.4
_LAST_UNIT, _CONTENT = 4, 2  # main types: up to the Instance-Code; the Content-Code
_NAMES = {1: NAME, 2: SOUND}  # by subtype
# Modes whose pixels Pillow turns into 8-bit colours without cutting anything off.
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"}


class Iscc:
    """The Image-Code of a grey picture (height, width) of 8 bits."""

    name, kind, within = NAME, "image", 72

    def compute(self, array: Array) -> bytes:
        """Return 32 bytes."""
        return digest(image_code(Image.fromarray(np.asarray(array, np.uint8))))


def image_code(image: Image.Image) -> str:
    """Return `ISCC:...` of a picture as it is shown, borders in one colour being cut off."""
    small = _trimmed(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return str(iscc_lib.gen_image_code_v0(small.tobytes(), _BITS)["iscc"])


def image_code_of(stream: BinaryIO, media_type: str) -> str | None:
    """Return `ISCC:...` of a picture file, prepared at full size as the standard's authors do.

    None for a file whose pixels Pillow does not give in 8 bits. Raises what Pillow raises on
    damaged bytes.
    """
    if media_type not in FORMATS:
        return None
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata, not about the size
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(stream, formats=[FORMATS[media_type]]) as image:
            if image.mode not in _MODES:
                return None
            # What is not turned would be copied for nothing.
            is_turned = image.getexif().get(_ORIENTATION, 1) != 1
            return image_code(_on_white(ImageOps.exif_transpose(image) if is_turned else image))


def audio_code(values: Sequence[int]) -> str:
    """Return `ISCC:...` of a sound by Chromaprint's raw vector: 32-bit integers, with a sign."""
    return str(iscc_lib.gen_audio_code_v0(list(values), _BITS)["iscc"])


def digest(code: str) -> bytes:
    """Return the 32 bytes of a code; raises `ValueError` for what is none of 256 bits."""
    _, _, _, _, body = iscc_lib.iscc_decode(code)
    if len(body) * 8 != _BITS:
        raise ValueError("not an ISCC of 256 bits")
    return bytes(body)


def value(code: str) -> bytes:
    """Return a code, or several one after the other, as `io.iscc.v0` has it in a manifest.

    IEP-0020: header and body of each unit, without separators; base64 of that in the Soft Binding
    Resolution API.
    """
    text = code.removeprefix("ISCC:")
    return base64.b32decode(text + "=" * (-len(text) % 8))


def codes_in(content: bytes) -> tuple[Code, ...]:
    """Return the Image-Codes and Audio-Codes of 256 bits in a value of `io.iscc.v0`.

    Units of other kinds or lengths are passed over. Raises `ValueError` for what IEP-0020 has
    decoders reject.
    """
    found: list[Code] = []
    at = 0
    while at == 0 or at < len(content):
        if len(content) < at + 2:
            raise ValueError("an ISCC unit ends within its header")
        (main, sub), (version, length) = (divmod(byte, 16) for byte in content[at : at + 2])
        # Each field of a permitted unit is below 8, and then four bits long.
        if main > _LAST_UNIT or max(sub, version, length) > 7:  # noqa: PLR2004
            raise ValueError("not a sequence of ISCC units")
        end = at + 2 + 4 * (length + 1)
        if len(content) < end:
            raise ValueError("an ISCC unit ends within its body")
        if (main, version, length) == (_CONTENT, 0, 7) and sub in _NAMES:
            found.append(Code(_NAMES[sub], content[at + 2 : end]))
        at = end
    return tuple(found)


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode in {"L", "RGB"} else image.convert("RGB")
    whole = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", whole.size, (255, 255, 255, 255)), whole)


def _trimmed(image: Image.Image) -> Image.Image:
    # The upper left pixel is the border's colour. Most pictures have none: their edges tell.
    width, height = image.size
    edges = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height),
             (width - 1, 0, width, height)]  # fmt: skip
    corner = image.getpixel((0, 0))
    if all(_differing(image.crop(edge), corner) for edge in edges):
        return image
    box = _differing(image, corner)
    return image.crop(box) if box else image


def _differing(image: Image.Image, colour: object) -> tuple[int, int, int, int] | None:
    alike = Image.new(image.mode, image.size, colour)  # type: ignore[arg-type]
    return ImageChops.difference(image, alike).getbbox(alpha_only=False)
