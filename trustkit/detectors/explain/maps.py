"""Maps of a picture: from the model itself, else from its parts, else by covering places."""

from __future__ import annotations

import math
import time

import cv2
import numpy as np

from trustkit.detectors import Array, Detector, Map, Part, Score
from trustkit.detectors.card import PictureCard
from trustkit.detectors.explain import HeatMap, Way
from trustkit.detectors.views import scaled
from trustkit.errors import UnreadableError

SECONDS = 60.0  # for the places of one file, by all detectors
_WINDOWS = 49  # at most; of CLIP they take 15 s of one core
_FEWEST = 6  # windows or parts that make a map
_ALONG = (3, 6)  # covered places along the longer side, at least and at most
_CROPS = 64  # that all covered pictures together may have
_FINEST = 64  # places along a side
_REACH = 2.0  # the least distance (logit) at which the colours are full


def heat_map(
    detector: Detector,
    picture: Array,
    score: Score,
    threshold: float,
    seconds: float = SECONDS,
) -> HeatMap | str:
    """Return a map of what `detector` saw in `picture`, or why there is none.

    `score` is what it said of the whole. The map tells places apart on the scale of the score,
    around the threshold; only where places had to be covered it tells how much the score falls.
    """
    height, width = picture.shape[:2]
    whole = 0.0, 0.0, float(width), float(height)
    end = time.monotonic() + seconds
    own = detector.map(picture)
    if own is not None and own.size > 1:
        return HeatMap(_coarser(own), Way.MODEL, threshold, _spread(detector), whole)
    try:
        parts = _windows(detector, picture, end) or list(score.parts)
        if len({part.place for part in parts}) >= _FEWEST:
            frame = _around(parts)
            return HeatMap(_of_parts(parts, frame), Way.PARTS, threshold, _spread(detector), frame)
        falls = _covered(detector, picture, score, end)
    except TimeoutError:
        return f"its places take longer than the {SECONDS:g} seconds that a file is given"
    except UnreadableError as error:  # the whole has a score, and so an answer
        return f"one of its places has none: {error.message}"
    return HeatMap(falls, Way.COVERED, 0.0, _spread(detector), whole)


def hottest(heat: HeatMap, most: int = 5) -> tuple[Part, ...]:
    """Return the places above the centre, in pixels of the picture, the highest score first."""
    rows, columns = heat.scores.shape
    left, top, right, bottom = heat.frame
    across, down = (right - left) / columns, (bottom - top) / rows
    flat = np.nan_to_num(heat.scores, nan=-np.inf).ravel()
    found = []
    for number in np.argsort(-flat, kind="stable")[:most]:
        if flat[number] > heat.centre:
            row, column = divmod(int(number), columns)
            x, y = left + column * across, top + row * down
            found.append(Part((x, y, x + across, y + down), float(flat[number])))
    return tuple(found)


def _spread(detector: Detector) -> float:
    # Between its thresholds lies what is measured: beyond that, more colour would say nothing.
    scores = [one.score for one in detector.thresholds]
    return max(_REACH, max(scores) - min(scores)) if scores else _REACH


def _around(parts: list[Part]) -> tuple[float, float, float, float]:
    edges = np.array([part.place for part in parts], np.float64)
    least, most = edges.min(0), edges.max(0)
    return float(least[0]), float(least[1]), float(most[2]), float(most[3])


def _of_parts(parts: list[Part], frame: tuple[float, float, float, float]) -> Map:
    left, top, right, bottom = frame
    # Half a part is as fine as overlapping parts can tell.
    across = min(part.place[2] - part.place[0] for part in parts) / 2
    down = min(part.place[3] - part.place[1] for part in parts) / 2
    columns = min(_FINEST, max(1, round((right - left) / max(across, 1.0))))
    rows = min(_FINEST, max(1, round((bottom - top) / max(down, 1.0))))
    x = left + (np.arange(columns) + 0.5) * (right - left) / columns
    y = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    total, count = np.zeros((rows, columns)), np.zeros((rows, columns))
    for part in parts:
        inside = np.outer(
            (y >= part.place[1]) & (y < part.place[3]), (x >= part.place[0]) & (x < part.place[2])
        )
        total[inside] += part.score
        count[inside] += 1
    seen = count > 0
    return np.where(seen, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _coarser(found: Map) -> Map:
    rows, columns = found.shape
    if max(rows, columns) <= _FINEST:
        return found
    size = min(columns, _FINEST), min(rows, _FINEST)
    # Places that nobody looked at have no part in the mean of those around them.
    seen = np.isfinite(found).astype(np.float32)
    total, count = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        for plane in (np.where(seen > 0, found, 0).astype(np.float32), seen)
    )
    none = np.full_like(total, np.nan)
    return np.asarray(np.divide(total, count, out=none, where=count > 0), np.float32)


def _windows(detector: Detector, picture: Array, end: float) -> list[Part]:
    """Score windows that overlap by half, each as if it were a picture; none: too few fit."""
    card = getattr(detector, "card", None)
    if not isinstance(card, PictureCard):
        return []
    size, small = card.input.size, scaled(picture, card.input)
    high, wide = small.shape[:2]
    rows, columns = (max(1, math.ceil(2 * (side - size) / size) + 1) for side in (high, wide))
    if rows * columns < _FEWEST:
        return []
    fewer = min(1.0, math.sqrt(_WINDOWS / (rows * columns)))
    rows, columns = (max(1, int(number * fewer)) for number in (rows, columns))
    y, x = picture.shape[0] / high, picture.shape[1] / wide
    found = []
    for top in np.linspace(0, high - size, rows).round().astype(int):
        for left in np.linspace(0, wide - size, columns).round().astype(int):
            window = np.ascontiguousarray(small[top : top + size, left : left + size])
            place = left * x, top * y, (left + size) * x, (top + size) * y
            found.append(Part(tuple(map(float, place)), _scored(detector, window, end)))
    return found


def _covered(detector: Detector, picture: Array, score: Score, end: float) -> Map:
    height, width = picture.shape[:2]
    longer = max(height, width)
    least, most = _ALONG
    along = min(most, max(least, math.isqrt(_CROPS // max(1, len(score.parts)))))
    rows, columns = (min(side, max(1, round(along * side / longer))) for side in (height, width))
    ys = np.linspace(0, height, rows + 1).round().astype(int)
    xs = np.linspace(0, width, columns + 1).round().astype(int)
    blurred = _blurred(picture)
    falls = np.zeros((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            here = slice(ys[row], ys[row + 1]), slice(xs[column], xs[column + 1])
            tried = picture.copy()
            tried[here] = blurred[here]
            falls[row, column] = score.value - _scored(detector, tried, end)
    return falls


def _scored(detector: Detector, picture: Array, end: float) -> float:
    if time.monotonic() > end:
        raise TimeoutError
    return detector.score(picture).value


def _blurred(picture: Array) -> Array:
    # What is left of a place is its mean colour, softly: neither an edge nor a texture of ours.
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture, (max(1, width // 32), max(1, height // 32)), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))
