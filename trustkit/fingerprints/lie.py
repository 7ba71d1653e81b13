"""How a copy lies in the picture that it was made from, told by one spot that both have."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, degrees, isfinite, log, radians, sin

import cv2
import numpy as np

from trustkit.fingerprints import Array

_FIELDS = ("x", "y", "reach", "angle", "wide", "high")
_UPRIGHT = 2.5  # degrees: what is nearer to a quarter turn than a spot's angle can tell
# Of two spots that have the copy lie alike: how far apart, in units of their reach, how far off,
# how much larger (logarithm), how much turned (degrees).
_ELSEWHERE, _OFF, _LARGER, _TURNED = 0.5, 0.2, 0.15, 8.0
_WHOLE, _FULL = 0.97, 0.95  # shares from which on nothing is said to be cut off, or added


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a picture: middle and half a side in units of the longer side, angle in degrees.

    `wide` and `high` are those of the picture in the same unit; `flip`: the spot was mirrored.
    """

    x: float
    y: float
    reach: float
    angle: float
    wide: float
    high: float
    flip: bool = False

    def __str__(self) -> str:
        """Return how a code's `view` names it."""
        numbers = [f"{getattr(self, field):.4g}" for field in _FIELDS]
        return " ".join(["spot", *numbers, *(["flip"] if self.flip else [])])


def read_spot(view: str) -> Spot | None:
    """Return the spot that a code's `view` names, or None."""
    word, *fields = view.split() or [""]
    flip = fields[-1:] == ["flip"]
    if word != "spot" or len(fields) != len(_FIELDS) + flip:
        return None
    try:
        x, y, reach, angle, wide, high = map(float, fields[: len(_FIELDS)])
    except ValueError:
        return None
    if not all(map(isfinite, (x, y, reach, angle, wide, high))) or min(reach, wide, high) <= 0:
        return None
    return Spot(x, y, reach, angle, wide, high, flip)


@dataclass(frozen=True, slots=True)
class Lie:
    """How a copy lies in the picture it was made from.

    `turn` in degrees counter-clockwise; `kept` is the share of the picture that the copy shows,
    `filled` the share of the copy that is the picture; 1 each where nothing was done.
    """

    turn: float
    flip: bool
    kept: float
    filled: float

    def words(self) -> tuple[str, ...]:
        """Return what was done to the copy."""
        quarter = 90 * round(self.turn / 90)
        turn = (quarter if abs(self.turn - quarter) <= _UPRIGHT else round(self.turn)) % 360
        return (
            *(["flip"] if self.flip else []),
            *([f"turn {turn}"] if turn else []),
            *([f"crop to {100 * self.kept:.0f} %"] if self.kept < _WHOLE else []),
            *(["border"] if self.filled < _FULL else []),
        )


Pair = tuple[Spot, Spot]  # of the copy that was asked for, and of the picture that is stored


def lie_of(pair: Pair) -> Lie:
    """Return how a copy lies in the picture with which it has a spot in common."""
    asked, stored = pair
    corners = np.array([(0, 0), (asked.wide, 0), (asked.wide, asked.high), (0, asked.high)])
    here = _into(pair, corners)
    whole = np.array([(0, 0), (stored.wide, 0), (stored.wide, stored.high), (0, stored.high)])
    common, _ = cv2.intersectConvexConvex(here.astype(np.float32), whole.astype(np.float32))
    side = here[1] - here[0]
    # The copy's upper edge, as it runs in the picture. Mirroring turns the other way round.
    turn = degrees(atan2(side[1], side[0]))
    if asked.flip:
        turn = 180 - turn
    area = asked.wide * asked.high * (stored.reach / asked.reach) ** 2
    kept = min(1.0, common / (stored.wide * stored.high))
    return Lie(turn % 360, asked.flip, kept, min(1.0, common / area))


def agree(one: Pair, other: Pair) -> bool:
    """Tell whether two spots in common, of different places, have the copy lie in the same way."""
    (mine, there), (also, yonder) = one, other
    if mine.flip != also.flip:
        return False
    away = float(np.hypot(there.x - yonder.x, there.y - yonder.y))
    if away < _ELSEWHERE * max(there.reach, yonder.reach):
        return False  # the same blob, seen twice
    expected = _into(one, np.array([[also.x, also.y]]))[0]
    off = float(np.hypot(expected[0] - yonder.x, expected[1] - yonder.y))
    larger = log(yonder.reach / also.reach * mine.reach / there.reach)
    way = -1 if mine.flip else 1
    turned = (yonder.angle - there.angle) - way * (also.angle - mine.angle)
    return (
        off <= _OFF * max(there.reach, yonder.reach)
        and abs(larger) <= _LARGER
        and abs((turned + 180) % 360 - 180) <= _TURNED
    )


def _into(pair: Pair, points: Array) -> Array:
    """Return where points of the copy lie in the picture."""
    asked, stored = pair
    # Seen from its spot's middle, turned and mirrored as the spot is, both have the same content.
    there = _turned(points - np.array([asked.x, asked.y]), -asked.angle) / asked.reach
    if asked.flip:
        there[:, 1] *= -1
    inside: Array = _turned(there * stored.reach, stored.angle) + np.array([stored.x, stored.y])
    return inside


def _turned(points: Array, angle: float) -> Array:
    turn = radians(angle)
    rows: Array = points @ np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
    return rows
