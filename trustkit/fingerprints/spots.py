"""Spots: a few places of a picture that find themselves again in a crop, a turn or a screenshot.

A code of the whole picture is lost as soon as a tenth of it is cut off. A spot is a square around
a blob of light or shade (Lowe 2004: SIFT's key points), as large and turned as the blob says, so
that it has the same content wherever the picture ends. Its code are the signs of its slowest
cosines, as in PDQ. Few are stored: central ones that were found again in distorted copies. Many
are asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, log, radians, sin

import cv2
import numpy as np

from trustkit.fingerprints import Array
from trustkit.fingerprints.lie import Spot

NAME = "spots.1"
STORED, ASKED = 5, 48  # spots of a picture; each of those asked is asked mirrored, too

_SIDE = 256  # pixels of the longer side at which a picture is looked at
_REACH = 8.0  # half a spot's side in units of its blob's radius
_STORED_LEAST, _ASKED_LEAST, _MOST = 0.12, 0.08, 0.5  # half a side, of the picture's shorter side
_PATCH, _WAVES = 64, 16  # pixels a spot is brought to; cosines each way, without the constant
_CENTRAL, _FAR = 15.0, 0.25  # weight of the distance from the picture's edge; where it is enough
_AGAIN = 2  # distorted copies of four in which a spot must be found again to be stored first
_PLACE, _SIZE, _TURN = 0.06, 0.1, 4.0  # of its reach, in logarithms, degrees: found again
_RICH = 0.25  # of the cosines: a plain edge is found in any number of pictures
_ENOUGH = 2000  # key points looked at, the strongest: noise has any number

_phase = np.pi * (2 * np.arange(_PATCH) + 1) / (2 * _PATCH)
_COSINES = np.cos(np.arange(1, _WAVES + 1)[:, None] * _phase).astype(np.float32)
_MIRROR = (-1.0) ** np.arange(1, _WAVES + 1)[:, None]  # of what is turned upside down


class Spots:
    """The codes of a grey picture's spots (height, width; 8 bits): none where all is flat."""

    name, kind, within = NAME, "image", 72

    def compute(self, array: Array) -> bytes:
        """Return the codes of the spots that are stored, 32 bytes each."""
        return b"".join(code for _, code in self.stored(array))

    def stored(self, array: Array) -> list[tuple[Spot, bytes]]:
        """Return the spots to store."""
        grey = _sized(array)
        found = _find(grey, _STORED_LEAST)
        again = _again(grey, found)
        best = sorted(found, key=lambda place: (again[place] < _AGAIN, -_worth(place, grey)))
        chosen = _chosen(grey, best, STORED, _RICH)
        return [(_spot(place, grey), _code(waves)) for place, waves in chosen]

    def asked(self, array: Array) -> Iterator[tuple[Spot, bytes]]:
        """Yield the spots to ask for, each as it is and mirrored."""
        grey = _sized(array)
        found = sorted(
            _find(grey, _ASKED_LEAST), key=lambda place: -place.strength * place.reach**0.5
        )
        # A spot that is as rich as those stored may be less so in a copy.
        for place, waves in _chosen(grey, found, ASKED, 0.8 * _RICH):
            yield _spot(place, grey), _code(waves)
            yield _spot(place, grey, flip=True), _code(waves * _MIRROR)


@dataclass(frozen=True, slots=True)
class _Place:
    strength: float
    x: float
    y: float
    reach: float  # half a side, in pixels
    angle: float


def _sized(array: Array) -> Array:
    grey = np.asarray(array, np.uint8)
    factor = _SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * factor)), max(1, round(grey.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=how), np.uint8)


def _find(grey: Array, least: float) -> list[_Place]:
    height, width = grey.shape
    seeker = cv2.SIFT_create(  # type: ignore[attr-defined]
        nfeatures=_ENOUGH, nOctaveLayers=4, contrastThreshold=0.015, edgeThreshold=15, sigma=1.6
    )
    found = []
    for point in seeker.detect(grey, None):
        reach, (x, y) = _REACH * point.size / 2, point.pt
        if not least <= reach / min(height, width) <= _MOST:
            continue
        # What a turned square has in its corners beyond the edge is mirrored in.
        if min(x, y, width - x, height - y) >= reach:
            found.append(_Place(point.response, x, y, reach, point.angle))
    return found


def _again(grey: Array, found: Sequence[_Place]) -> dict[_Place, int]:
    """Return in how many of four distorted copies each place was found again."""
    counts = dict.fromkeys(found, 0)
    dark = np.asarray(255 * (np.arange(256) / 255) ** 1.5, np.uint8)[grey]
    copies = [(_scaled(grey, factor), factor) for factor in (0.7, 0.83, 1.15)]
    copies.append((np.asarray(cv2.GaussianBlur(dark, (0, 0), 1.0), np.uint8), 1.0))
    for copy, factor in copies:
        seen = np.array([(p.x, p.y, p.reach, p.angle) for p in _find(copy, 0.0)]).reshape(-1, 4)
        x, y, reach, angle = (seen / (factor, factor, factor, 1.0)).T
        for place in found:
            away = np.abs(x - place.x) + np.abs(y - place.y)
            turned = np.abs((angle - place.angle + 180) % 360 - 180)
            counts[place] += bool(
                np.any(
                    (away <= _PLACE * np.minimum(reach, place.reach))
                    & (np.abs(np.log(reach / place.reach)) <= _SIZE)
                    & (turned <= _TURN)
                )
            )
    return counts


def _scaled(grey: Array, factor: float) -> Array:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how), np.uint8)


def _worth(place: _Place, grey: Array) -> float:
    # Central spots outlive crops; strong ones noise; large ones tell more.
    height, width = grey.shape
    inside = min(place.x, place.y, width - place.x, height - place.y) - place.reach
    share = min(inside / min(height, width), _FAR)
    return float((1 + _CENTRAL * share) * place.strength * place.reach**0.5)


def _chosen(
    grey: Array, places: Sequence[_Place], most: int, rich: float
) -> list[tuple[_Place, Array]]:
    """Return the first places that lie apart and are rich enough, with their cosines."""
    kept: list[tuple[_Place, Array]] = []
    for place in places:
        if len(kept) == most:
            break
        if any(_alike(place, other) for other, _ in kept):
            continue
        waves = _cosines(grey, place)
        sizes = np.abs(waves)
        # From 1/256, all in one wave, to 1, all waves alike.
        if sizes.sum() ** 2 / max(1e-9, float(np.square(sizes).sum())) / sizes.size >= rich:
            kept.append((place, waves))
    return kept


def _alike(one: _Place, other: _Place) -> bool:
    # So near to each other that a second code would tell nothing new.
    return (
        abs(one.x - other.x) + abs(one.y - other.y) <= 0.25 * min(one.reach, other.reach)
        and abs(log(one.reach / other.reach)) <= 0.2  # noqa: PLR2004
        and abs((one.angle - other.angle + 180) % 360 - 180) <= 20  # noqa: PLR2004
    )


def _cosines(grey: Array, place: _Place) -> Array:
    turn, step = radians(place.angle), 2 * place.reach / _PATCH
    across, down = step * cos(turn), step * sin(turn)
    middle = (_PATCH - 1) / 2
    view = np.array(
        [
            [across, -down, place.x - middle * (across - down)],
            [down, across, place.y - middle * (down + across)],
        ]
    )
    patch = cv2.warpAffine(
        grey,
        view,
        (_PATCH, _PATCH),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    waves: Array = _COSINES @ np.asarray(patch, np.float32) @ _COSINES.T
    return waves


def _code(waves: Array) -> bytes:
    return np.packbits(waves > np.median(waves)).tobytes()


def _spot(place: _Place, grey: Array, *, flip: bool = False) -> Spot:
    height, width = grey.shape
    unit = max(height, width)
    return Spot(
        place.x / unit,
        place.y / unit,
        place.reach / unit,
        place.angle,
        width / unit,
        height / unit,
        flip,
    )
