"""The engine invisible-watermark: its own library writes, our reader reads where it can.

The library has no presence test: it returns bits for every picture. This engine therefore spends
bits on a check and returns a mark only when the check holds, so a mark of the same library with
another payload is not its own; `dwtdct.decode` reads those. It says nothing when it finds none.

dwtDct and dwtDctSvd carry 64 bits and a CRC-32, and are read without the library. rivaGan has 32
bits in all: 16 and a CRC-16, so it finds a mark in one unmarked picture of 65,536; it needs the
library, and with it torch, ten seconds of CPU and a gigabyte of memory a megapixel.

Read back whole from an untouched copy: dwtDct in 5 pictures of 40, dwtDctSvd in 40 of 40, rivaGan
in 3 of 6. So the default is dwtDctSvd.
"""

from __future__ import annotations

import binascii
import importlib
import zlib
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.errors import ConfigError, MissingBackendError, UsageError
from trustkit.watermarks import Array, Mark, Search
from trustkit.watermarks.foreign import as_rgb8, carry_over
from trustkit.watermarks.foreign.dwtdct import MIN_AREA, Method, decode

RIVA_GAN = "rivaGan"
MAX_RIVA_GAN = 4_000_000  # pixels: the network asks for a gigabyte a million
METHODS = (*(str(method) for method in Method), RIVA_GAN)
_WORD = 96  # bits: the payload and its check
_EXTRA = "pip install 'trustkit[invisible-watermark]'"
# Its opencv-python and our opencv-python-headless unpack into one folder; the last one wins.
_HEADLESS = "pip install --force-reinstall --no-deps opencv-python-headless"


class InvisibleWatermark:
    """An engine of the `Watermark` protocol; all three methods mark colour alone."""

    kind = "image"

    def __init__(self, method: str = Method.DWT_DCT_SVD) -> None:
        if method not in METHODS:
            raise ConfigError(
                f"invisible-watermark has no method {method!r}", f"one of {', '.join(METHODS)}"
            )
        self._method = str(method)

    @property
    def name(self) -> str:
        """The name with the version of our payload and check."""
        return f"invisible-watermark.{self._method}.1"

    @property
    def capacity(self) -> int:
        """The payload's size in bits: 64, or 16 for rivaGan."""
        return 16 if self._method == RIVA_GAN else 64

    def embed(self, array: Array, payload: bytes) -> Array:
        """Return a marked copy; it is not read back, and may not hold its mark.

        Raises `UsageError` for a grey picture, one that is too small, or a payload of another
        size, and `MissingBackendError` without the library.
        """
        if len(payload) * 8 != self.capacity:
            raise UsageError(
                f"{self.name} carries {self.capacity} bits, not {len(payload) * 8}",
                f"give {self.capacity // 4} hex digits",
            )
        before = as_rgb8(array, "invisible-watermark")
        self._check_size(before)
        library = self._library()
        encoder = library.WatermarkEncoder()
        encoder.set_watermark("bits", _bits(payload + self._check(payload)))
        bgr = encoder.encode(cv2.cvtColor(before, cv2.COLOR_RGB2BGR), self._method)
        return carry_over(array, before, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """Return the mark when its check holds; there is but one way to read, so no search."""
        if array.ndim != 3 or array.shape[0] * array.shape[1] < MIN_AREA:  # noqa: PLR2004
            return None
        word = np.packbits(self._read(as_rgb8(array, "invisible-watermark"))).tobytes()
        payload, check = word[: self.capacity // 8], word[self.capacity // 8 :]
        if check != self._check(payload):
            return None
        return Mark(
            payload=payload,
            engine=self.name,
            # The whole word agrees with the nearest code word: every one of its bits.
            confidence=float(len(word) * 8) ** 0.5,
            false_positive_bound=2.0 ** -(len(check) * 8),
            search=search,
            path="direct",
        )

    def _check(self, payload: bytes) -> bytes:
        if self._method == RIVA_GAN:
            return binascii.crc_hqx(payload, 0xFFFF).to_bytes(2, "big")
        return zlib.crc32(payload).to_bytes(4, "big")

    def _read(self, rgb: Array) -> NDArray[np.bool_]:
        if self._method != RIVA_GAN:
            if (rgb.shape[0] // 8) * (rgb.shape[1] // 8) < _WORD:
                return np.zeros(_WORD, np.bool_)  # a strip too thin to hold the word
            return decode(rgb, _WORD, Method(self._method))
        self._check_riva_gan(rgb)
        decoder = self._library().WatermarkDecoder("bits", 32)
        bits = decoder.decode(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), self._method)
        return np.asarray(bits, np.bool_)

    def _check_size(self, rgb: Array) -> None:
        height, width = rgb.shape[:2]
        if height * width < MIN_AREA or (height // 8) * (width // 8) < _WORD:
            raise UsageError(
                f"{width} x {height} pixels are too few for invisible-watermark",
                "it needs the area of 256 x 256 and no very thin strip",
            )
        self._check_riva_gan(rgb)

    def _check_riva_gan(self, rgb: Array) -> None:
        if self._method == RIVA_GAN and rgb.shape[0] * rgb.shape[1] > MAX_RIVA_GAN:
            raise UsageError(
                f"rivaGan takes {MAX_RIVA_GAN // 1_000_000} megapixels at most",
                "make the picture smaller, or use dwtDctSvd",
            )

    def _library(self) -> Any:
        try:
            library = importlib.import_module("imwatermark")
            if self._method == RIVA_GAN:
                library.WatermarkEncoder.loadModel()
        except ModuleNotFoundError as error:
            raise MissingBackendError(
                f"invisible-watermark needs {error.name}", f"{_EXTRA}, then {_HEADLESS}"
            ) from error
        except (ImportError, OSError) as error:  # a wheel whose system libraries are not there
            raise MissingBackendError(
                f"invisible-watermark cannot be loaded: {error}", _HEADLESS
            ) from error
        return library


def _bits(word: bytes) -> list[int]:
    return [int(bit) for bit in np.unpackbits(np.frombuffer(word, np.uint8))]
