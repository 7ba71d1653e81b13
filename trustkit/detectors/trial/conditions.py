"""What happens to media between being made and being checked: the conditions of a trial."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from trustkit.detectors import Array, Kind
from trustkit.detectors.trial import sounds
from trustkit.detectors.trial.result import CLEAN
from trustkit.errors import UsageError

_SOCIAL_SIDE = 1080  # pixels; what large platforms reduce a picture to
_HALF = 0.5
_420 = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420


@dataclass(frozen=True, slots=True)
class Condition:
    """A change of one array, the same whenever the file has the same name.

    `apply` takes the array, its rate in Hz (0 of a picture) and a source of chance; it raises
    `ValueError` where an encoder does not take the array.
    """

    name: str
    kind: Kind
    sentence: str
    apply: Callable[[Array, int, np.random.Generator], Array]


def _as_it_is(array: Array, _rate: int, _random: np.random.Generator) -> Array:
    return array


def _half(picture: Array, _rate: int, _random: np.random.Generator) -> Array:
    return _jpeg(_smaller(picture, _HALF), 70)


def _social(picture: Array, _rate: int, _random: np.random.Generator) -> Array:
    return _jpeg(_smaller(picture, _SOCIAL_SIDE / max(picture.shape[:2])), 75)


def _webp(picture: Array, _rate: int, _random: np.random.Generator) -> Array:
    return _coded(picture, ".webp", [cv2.IMWRITE_WEBP_QUALITY, 80])


def _smaller(picture: Array, scale: float) -> Array:
    if scale >= 1:
        return picture
    height, width = picture.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(picture: Array, quality: int) -> Array:
    how = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _420]
    return _coded(picture, ".jpg", how)


def _coded(picture: Array, ending: str, how: Sequence[int]) -> Array:
    try:
        done, coded = cv2.imencode(ending, picture[:, :, ::-1], list(how))
    except cv2.error as error:
        raise ValueError(f"no {ending[1:]} can be made of it") from error
    if not done:
        raise ValueError(f"no {ending[1:]} can be made of it")
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1].copy()


_PICTURES = (
    Condition(CLEAN, Kind.IMAGE, "as the file is", _as_it_is),
    Condition("jpeg70-half", Kind.IMAGE, "half the size (by area), then JPEG of quality 70, 4:2:0",
              _half),
    Condition("social", Kind.IMAGE,
              "longest side at most 1080 pixels, then JPEG of quality 75, 4:2:0", _social),
    Condition("webp", Kind.IMAGE, "WebP of quality 80", _webp),
)  # fmt: skip
_SOUNDS = (
    Condition(CLEAN, Kind.AUDIO, "as the file is", _as_it_is),
    Condition("mp3-64", Kind.AUDIO, "MP3 of 64 kbit/s", sounds.mp3),
    Condition("opus-24", Kind.AUDIO, "Opus of 24 kbit/s", sounds.opus),
    Condition("aac-64", Kind.AUDIO, "AAC of 64 kbit/s", sounds.aac),
    Condition("telephone", Kind.AUDIO, "only 300 to 3400 Hz, sampled at 8 kHz", sounds.telephone),
    Condition("noise-20db", Kind.AUDIO, "with white noise 20 dB under it", sounds.noise),
)
CONDITIONS = {Kind.IMAGE: _PICTURES, Kind.AUDIO: _SOUNDS}


def choose(kind: Kind, names: Sequence[str]) -> tuple[Condition, ...]:
    """Return the named conditions, or all of the kind; raises `UsageError` for an unknown one."""
    known = {condition.name: condition for condition in CONDITIONS[kind]}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no condition {name}", f"choose of {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names)) if names else CONDITIONS[kind]


def sentence_of(name: str) -> str:
    """Return what a condition does, or its name where nobody here knows it."""
    every = {condition.name: condition.sentence for of in CONDITIONS.values() for condition in of}
    return every.get(name, name)


def chance(seed: int, file: str, condition: str) -> np.random.Generator:
    """Return the source of chance of one file in one condition."""
    digest = hashlib.sha256(f"{seed}\0{file}\0{condition}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
