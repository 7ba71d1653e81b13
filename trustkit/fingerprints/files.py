"""The fingerprints of a file: what is stored of it, and what is asked of a copy.

PyAV is imported for films and sounds alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from trustkit.asset import Asset
from trustkit.errors import UnreadableError
from trustkit.fingerprints import iscc
from trustkit.fingerprints.iscc import Iscc
from trustkit.fingerprints.judge import Lead, judge
from trustkit.fingerprints.spots import Spots
from trustkit.media.pictures import TYPES
from trustkit.media.shown import Grey, shown
from trustkit.record import Code, Query

__all__ = ["Lead", "codes_of", "iscc_text", "judge", "queries_of", "unasked"]

_LOG = logging.getLogger(__name__)
_Made = TypeVar("_Made")

_FLAT = 3.0  # of 255: the deviation of what a code of the whole picture can tell
_SMALL, _WAVES = 32, 16  # pixels that the Image-Code is made of, cosines each way
_DETAIL = 0.5  # of 255: what rounding and weak noise leave half of the cosines below
_SIDE = 512  # pixels: what all codes of a picture are made from, but the stored Image-Code


def codes_of(asset: Asset) -> tuple[Code, ...]:
    """Return what is stored of a file; nothing for a kind that has no fingerprint.

    Of a picture the Image-Code and up to five spots; of a film a frame a second, and what its
    sound says; of a sound two codes a second. Nothing either of what tells nothing: one colour,
    a gradient, silence, less than four and a half seconds of sound. Raises `UnreadableError`, and
    `MissingBackendError` where a part is not installed.
    """
    match _kind(asset):
        case "picture":
            return tuple(_codes_of_picture(asset))
        case "film":
            from trustkit.fingerprints.heard import codes_of_sound
            from trustkit.fingerprints.seen import codes_of_film

            return (*codes_of_film(asset.path), *_of_sound(asset, codes_of_sound))
        case "sound":
            from trustkit.fingerprints.heard import codes_of_sound

            return codes_of_sound(asset.path)
    return ()


def queries_of(asset: Asset) -> tuple[Query, ...]:
    """Return what is asked of a copy; raises as `codes_of`."""
    match _kind(asset):
        case "picture":
            return tuple(_queries_of_picture(asset))
        case "film":
            from trustkit.fingerprints.heard import queries_of_sound
            from trustkit.fingerprints.seen import queries_of_film

            return (*queries_of_film(asset.path), *_of_sound(asset, queries_of_sound))
        case "sound":
            from trustkit.fingerprints.heard import queries_of_sound

            return queries_of_sound(asset.path)
    return ()


def iscc_text(asset: Asset) -> str | None:
    """Return `ISCC:...`, the standard's code of a picture or a sound; None where it has none.

    Films have none here: the Video-Code is made of MPEG-7 signatures, which nothing in Python
    gives. `iscc.value` makes of it what a manifest's soft binding `io.iscc.v0` has.
    """
    match _kind(asset):
        case "picture":
            return _image_code(asset)
        case "sound":
            from trustkit.fingerprints.heard import audio_code

            return audio_code(asset.path)
    return None


def unasked(asset: Asset) -> str:
    """Say why a file has no fingerprint to ask for; empty where `queries_of` looks for one."""
    return "" if _kind(asset) else f"no fingerprint is made of {asset.media_type}"


def _kind(asset: Asset) -> str:
    if asset.media_type in TYPES:
        return "picture"
    if asset.kind == "video":
        from trustkit.media.film.look import has_picture

        return "film" if has_picture(asset.path) else "sound"
    return "sound" if asset.kind == "audio" else ""


def _of_sound(asset: Asset, make: Callable[[Path], tuple[_Made, ...]]) -> tuple[_Made, ...]:
    from trustkit.media.sound.look import has_sound

    try:
        return make(asset.path) if has_sound(asset.path) else ()
    except UnreadableError as error:
        # Its frames have their codes all the same.
        _LOG.warning("no fingerprint of the sound of %s: %s", asset.name, error.message)
        return ()


def _codes_of_picture(asset: Asset) -> Iterator[Code]:
    grey = _grey(asset)
    if _tells(grey):
        text = _image_code(asset)
        yield Code(iscc.NAME, iscc.digest(text) if text else Iscc().compute(grey))
    for spot, code in Spots().stored(grey):
        yield Code(Spots.name, code, view=str(spot))


def _queries_of_picture(asset: Asset) -> Iterator[Query]:
    grey = _grey(asset)
    if _tells(grey):
        for view, turned in _turns(grey):
            yield Query(Code(iscc.NAME, Iscc().compute(turned), view=view), Iscc.within)
    for spot, code in Spots().asked(grey):
        yield Query(Code(Spots.name, code, view=str(spot)), Spots.within)


def _tells(grey: Grey) -> bool:
    # Of one colour, or nearly: the code would be that of every other such picture.
    if float(np.std(grey)) < _FLAT:
        return False
    # Nor of a gradient or of one row of pixels: most bits would be those of their rounding.
    small = cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA)
    waves = np.abs(cv2.dct(small.astype(np.float32))[:_WAVES, :_WAVES])
    return float(np.median(waves)) >= _DETAIL


def _turns(grey: Grey) -> Iterator[tuple[str, Grey]]:
    """Yield the picture with what may have been done to it undone, each with the words for it."""
    for mirrored, flip in ((grey, ""), (grey[:, ::-1], "flip")):
        for quarters in range(4):
            # A copy that was mirrored, then turned by an angle, is the picture when it is turned
            # by that angle, too, and then mirrored.
            turn = f"turn {90 * quarters}" if quarters else ""
            back = quarters if flip else -quarters
            yield (
                ", ".join(filter(None, (flip, turn))),
                np.ascontiguousarray(np.rot90(mirrored, back)),
            )


def _grey(asset: Asset) -> Grey:
    with asset.open() as stream:
        return shown(stream, asset.media_type, asset.name, _SIDE)


def _image_code(asset: Asset) -> str | None:
    with asset.open() as stream:
        try:
            return iscc.image_code_of(stream, asset.media_type)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise what they like on hostile bytes
            raise UnreadableError(
                f"{asset.name} cannot be decoded: {type(error).__name__}",
                "ask for the file again",
            ) from error
