"""Capital letters drawn by us, as strokes: Latin with its accents, Greek, Bulgarian Cyrillic.

The shapes are data, in `strokes.toml`, which says how they are written.
"""

from __future__ import annotations

import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from math import ceil, cos, radians, sin

import numpy as np

from trustkit.media.labels import Plane

CAPITAL = 10.0  # units
_SPACE, _GAP = 3.6, 2.9  # units: a space, and between the middles of two letters' strokes
_STEP = 9.0  # degrees of an arc's pieces
_PLAIN, _BOLD = 1.3, 1.75  # units, a stroke's width
_NARROW = {"I": 0.5}  # how much further apart than their width asks for

_TONOS, _GREEK = "\u0301", range(0x391, 0x3AA)  # Greek capitals, Unicode's block
_LATVIAN = set("GKLN")  # their cedilla is written as a comma

_Path = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The letters with their widths, which letter looks as which, and the marks above and below."""

    letters: dict[str, tuple[float, str]]
    same: dict[str, str]
    marks: dict[str, str]

    def name(self, letter: str) -> str:
        """Return the letter that is drawn for `letter`."""
        return self.same.get(letter, letter)


def missing(text: str) -> str:
    """Return the characters of `text` that we have not drawn."""
    shapes = _shapes()

    def is_drawn(part: str) -> bool:
        return part.isspace() or part in shapes.marks or shapes.name(part) in shapes.letters

    drawn = {
        character: all(is_drawn(part) for part in unicodedata.normalize("NFD", character.upper()))
        for character in text
    }
    return "".join(character for character, is_there in drawn.items() if not is_there)


def line(text: str, capital: float, *, bold: bool = False) -> tuple[Plane, int]:
    """Return `text` in capitals of so many pixels as a mask, and the row of its base line.

    All characters must be among those we have drawn; see `missing`.
    """
    paths, at = list[_Path](), 0.0
    for letter, marks in _clusters(text):
        if letter.isspace():
            at += _SPACE
            continue
        width, shape = _shapes().letters[letter]
        loose = _NARROW.get(letter, 0.0)
        at += loose
        paths += _moved(shape, at)
        for mark in marks:
            name = "\u0326" if mark == "\u0327" and letter in _LATVIAN else mark
            paths += _moved(_shapes().marks[name], at + width / 2)
        at += width + loose + _GAP
    scale = capital / CAPITAL
    return _drawn(paths, scale, (_BOLD if bold else _PLAIN) * scale)


def _clusters(text: str) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    last = " "
    for character in unicodedata.normalize("NFD", text.upper()):
        if unicodedata.combining(character) and found:
            # Greek capitals are written without the tonos.
            if character != _TONOS or ord(last) not in _GREEK:
                found[-1][1].append(character)
        else:
            last = character
            found.append((_shapes().name(character), []))
    return found


def _moved(shape: str, by: float) -> list[_Path]:
    return [[(x + by, y) for x, y in path] for path in _paths(shape)]


@cache
def _shapes() -> _Shapes:
    text = files("trustkit.media.labels").joinpath("strokes.toml").read_text("utf-8")
    read = tomllib.loads(text)
    letters = {name: (float(one["width"]), one["shape"]) for name, one in read["letters"].items()}
    return _Shapes(letters, read["same"], read["marks"])


@lru_cache(maxsize=256)
def _paths(shape: str) -> list[_Path]:
    found = []
    for part in shape.split(";"):
        path: _Path = []
        for word in part.split():
            numbers = [float(number) for number in word.lstrip("@").split(",")]
            path += _arc(*numbers) if word.startswith("@") else [(numbers[0], numbers[1])]
        found.append(path)
    return found


def _arc(x: float, y: float, wide: float, high: float, begin: float, end: float) -> _Path:
    pieces = max(2, ceil(abs(end - begin) / _STEP))
    angles = (radians(begin + (end - begin) * n / pieces) for n in range(pieces + 1))
    return [(x + wide * cos(angle), y + high * sin(angle)) for angle in angles]


def _drawn(paths: list[_Path], scale: float, stroke: float) -> tuple[Plane, int]:
    points = [point for path in paths for point in path]
    reach = stroke / 2 + 1
    left, right = (edge(x for x, _ in points) * scale for edge in (min, max))
    low, high = (edge(y for _, y in points) * scale for edge in (min, max))
    # A letter's outermost stroke ends, to the half pixel, where its mask does.
    width, base = ceil(right - left + 2 * reach), ceil(high + reach)
    mask = np.zeros((base + ceil(reach - low), width), np.float32)
    for path in paths:
        steps = [(reach + x * scale - left, base - y * scale) for x, y in path]
        for begin, end in zip(steps, [*steps[1:], steps[-1]], strict=True):
            _segment(mask, begin, end, stroke)
    columns = np.flatnonzero(mask.any(0))
    rows = np.flatnonzero(mask.any(1))
    tight = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return tight, base - int(rows[0])


def _segment(
    mask: Plane, begin: tuple[float, float], end: tuple[float, float], stroke: float
) -> None:
    """Draw a line of the width `stroke` with round ends, its rim smoothed over one pixel."""
    (x0, y0), (x1, y1) = begin, end
    reach = stroke / 2 + 1
    left, top = (max(0, int(min(pair) - reach)) for pair in ((x0, x1), (y0, y1)))
    right, bottom = (int(max(pair) + reach) + 2 for pair in ((x0, x1), (y0, y1)))
    part = mask[top:bottom, left:right]
    x = np.arange(left, left + part.shape[1], dtype=np.float32)[None] + np.float32(0.5)
    y = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] + np.float32(0.5)
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / max(length, 1e-9)
    along = np.clip(along, 0, 1)
    away = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
    np.maximum(part, np.clip(stroke / 2 - away + 0.5, 0, 1), out=part)
