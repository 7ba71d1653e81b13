"""The second look: the same media, mildly re-encoded and shifted. An answer has to outlast that."""

from __future__ import annotations

import cv2
import numpy as np

from trustkit.detectors import Array

_QUALITY = 85  # what a good upload does to a JPEG
_LEFT, _UP = 3, 5  # pixels: neither falls on the grid of 8 that JPEG works on
_LATER = 0.05  # seconds
_QUIETER = 0.9
_NOISE = 10 ** (-40 / 20)  # of the sound's own level: what a good codec adds


def picture_again(picture: Array) -> Array:
    """Return a picture (height, width, 3), shifted up and to the left and coded as JPEG."""
    return picture_of(coded_again(picture))


def coded_again(picture: Array) -> bytes:
    """Return the JPEG of a picture that was shifted up and to the left, of the same size.

    What is missing at the rims is mirrored.
    """
    height, width = picture.shape[:2]
    left, up = min(_LEFT, width - 1), min(_UP, height - 1)
    whole = cv2.copyMakeBorder(picture[up:, left:], 0, up, 0, left, cv2.BORDER_REFLECT_101)
    done, coded = cv2.imencode(".jpg", whole[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise ValueError("OpenCV codes no JPEG")
    return coded.tobytes()


def picture_of(coded: bytes) -> Array:
    """Return the picture that `coded_again` made."""
    picture = np.asarray(cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR))
    return np.ascontiguousarray(picture[:, :, ::-1])


def sound_again(sound: Array, rate: int) -> Array:
    """Return a sound (samples,) that begins 50 ms later, a little quieter, with a faint noise."""
    later = sound[round(_LATER * rate) :] if len(sound) > rate else sound
    level = float(np.sqrt(np.mean(np.square(later, dtype=np.float64)))) if len(later) else 0.0
    noise = np.random.default_rng(0).standard_normal(len(later), np.float32)
    return np.asarray(np.clip(_QUIETER * later + noise * np.float32(_NOISE * level), -1, 1),
                      np.float32)  # fmt: skip
