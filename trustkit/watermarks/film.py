"""The mark in films: the picture engine's, on the luma of every frame.

The residual is the same tile in every frame; only its mask follows the picture, and is made anew
at cuts and now and then (see `film_marker`). The reader averages observations of frames spread
over the film: the pictures average out, the mark adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from trustkit.errors import PublishError
from trustkit.media.film import Film, Luma, Progress, Settings
from trustkit.media.film.frames import begin, sample
from trustkit.media.film.look import look
from trustkit.media.film.remake import remake
from trustkit.watermarks import Mark, Plane, Search
from trustkit.watermarks.film_marker import Marker, differ, thumbnail

SAMPLES = {Search.FAST: 24, Search.NORMAL: 64, Search.DEEP: 160}  # frames that are looked at
FLOOR = 43.3  # dB of the luma: a film's mark is read from many frames and need not be louder
SEGMENTS = 16  # parts of a film that a span is told in

_HEAD, _LATER = 8, 2  # frames and later key frames that a fresh copy is checked by
_SIDE = 700  # pixels, the square root of an area: larger frames are made smaller to be looked at
# In predicted frames the mark is dragged along with what moves; but the one I frame may be black.
_I_WEIGHTS, _B_WEIGHT = (20.0, 1.0), 0.3
_FLAT = 2.0  # a frame of less deviation (black, a title card's ground) carries no mark to speak of
_SAME = 0.2  # two frames of less mean difference are one picture


class FilmEngine(Protocol):
    """What a picture engine must be able to do to serve films."""

    def residual(self, luma: Plane, payload: bytes, *, film: bool = False) -> Plane:
        """Return a small plane that, enlarged to the picture's size, is to be added to `luma`.

        With `film` nothing but its mask may hang on the frame: the next ones share it.
        """

    def observe(self, luma: Plane) -> Plane:
        """Return what the reader sees of a frame; observations of one size may be averaged."""

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        """Return the mark in an average of observations of frames of `size` (width, height)."""

    def bound(self, search: Search) -> float:
        """Return the odds that one such reading finds a mark where there is none."""


@dataclass(frozen=True, slots=True)
class MarkedFilm:
    """What was written: PSNR in dB of the luma before encoding, mean and worst of those taken.

    `mark` is what was read back from the written file.
    """

    psnr: float
    worst_psnr: float
    frames: int
    codec: str
    mark: Mark | None
    warnings: tuple[str, ...]


def mark_film(
    source: Path,
    target: Path,
    engine: FilmEngine,
    payload: bytes,
    settings: Settings | None = None,
    *,
    floor: float = FLOOR,
    progress: Progress | None = None,
    insist: bool = True,
) -> MarkedFilm:
    """Write the film with the mark to `target`; raises as `remake` does.

    Where the engine would lower the luma's PSNR below `floor` (dB), the mark is made quieter.
    The mark is read back from the file before it takes its name: from its first frames and a few
    more, or where those do not tell from frames of the whole film. Where it is not readable
    nothing is written and `PublishError` raised, unless `insist` is False.
    """
    marker = Marker(partial(engine.residual, payload=payload, film=True), floor)
    found: list[Mark | None] = []

    def read_back(fresh: Path) -> None:
        mark = _read_head(fresh, engine, payload)
        found.append(mark)
        if insist and found[-1] is None:
            raise PublishError(
                f"{source.name} does not hold the mark: it was not readable in the copy",
                "use --strength strong or a lower --crf; nothing was written",
            )

    made = remake(source, target, marker, settings, progress=progress, inspect=read_back)
    lost = () if found[0] else ("the mark was not readable in the copy",)
    mean, worst = marker.psnr()
    return MarkedFilm(mean, worst, made.frames, made.codec, found[0], (*made.warnings, *lost))


def read_film(
    path: Path,
    engine: FilmEngine,
    search: Search = Search.NORMAL,
    *,
    windows: bool = True,
    progress: Progress | None = None,
) -> Mark | None:
    """Return the mark with the span it comes from, or None when none is readable.

    Looks at `SAMPLES` frames spread over the film, whatever its length. Where their average has
    no mark, parts of the film are tried too, unless `windows` is False: a marked clip that was cut
    into another film is found when it is longer than about a sixteenth of the film. The
    false-positive bound is the sum of those of all readings up to the one that found the mark.
    Raises `UnreadableError`.
    """
    film = look(path)
    segments = _observed(path, film, engine, SAMPLES[search], progress)
    if segments is None:
        return None
    reader = _Reader(engine, segments)
    span = (0, SEGMENTS)
    marks = (reader.read(span, search, weight) for weight in _I_WEIGHTS)
    mark = next((mark for mark in marks if mark), None)
    if mark is None and windows:
        span, mark = reader.try_windows(search)
    if mark is None:
        return None
    # Those by which the span is found come after, and could not find any other mark.
    bound = reader.bound(mark)
    if windows:
        span = reader.fit(span, mark.payload)
    return replace(mark, span=segments.seconds(span), false_positive_bound=bound)


@dataclass(slots=True)
class _Segments:
    """Sums of observations: for each part of the film, those of I frames apart from the others."""

    size: tuple[int, int]
    start: float
    end: float
    sums: dict[tuple[int, bool], Plane] = field(default_factory=dict)
    weights: dict[tuple[int, bool], float] = field(default_factory=dict)

    def add(self, luma: Luma, plane: Plane) -> None:
        """Add an observation of a frame."""
        share = (luma.seconds - self.start) / max(self.end - self.start, 1e-6)
        key = min(SEGMENTS - 1, max(0, int(share * SEGMENTS))), luma.kind == "I"
        weight = _B_WEIGHT if luma.kind == "B" else 1.0
        plane = plane * np.float32(weight)
        self.sums[key] = self.sums[key] + plane if key in self.sums else plane
        self.weights[key] = self.weights.get(key, 0.0) + weight

    def mean(self, span: tuple[int, int], weight: float) -> Plane | None:
        """Return the average over segments of `span`, I frames of `weight`; None without frames."""
        there = {key: weight if key[1] else 1.0 for key in self.sums if span[0] <= key[0] < span[1]}
        if not there:
            return None
        total: Plane = np.sum([self.sums[key] * np.float32(w) for key, w in there.items()], axis=0)
        return total / np.float32(sum(self.weights[key] * w for key, w in there.items()))

    def seconds(self, span: tuple[int, int]) -> tuple[float, float]:
        """Return where segments begin and end."""
        length = (self.end - self.start) / SEGMENTS
        first, last = span
        return round(self.start + first * length, 3), round(self.start + last * length, 3)


def _read_head(path: Path, engine: FilmEngine, payload: bytes) -> Mark | None:
    """Read the mark `payload` from the film's beginning, and only else from frames all over it."""
    film = look(path)
    head = _gathered(film, engine, begin(path, _HEAD, _LATER, film))
    mark = _read_whole(head, engine, payload)
    if mark:
        return mark
    return _read_whole(_observed(path, film, engine, SAMPLES[Search.FAST], None), engine, payload)


def _read_whole(segments: _Segments | None, engine: FilmEngine, payload: bytes) -> Mark | None:
    whole = (0, SEGMENTS)
    if segments is None:
        return None
    marks = (_Reader(engine, segments).read(whole, Search.FAST, weight) for weight in _I_WEIGHTS)
    mark = next((mark for mark in marks if mark), None)
    if mark is None or mark.payload != payload:
        return None
    return replace(mark, span=segments.seconds(whole))


def _observed(
    path: Path, film: Film, engine: FilmEngine, count: int, progress: Progress | None
) -> _Segments | None:
    return _gathered(film, engine, sample(path, count, film=film), progress)


def _gathered(
    film: Film, engine: FilmEngine, lumas: Iterator[Luma], progress: Progress | None = None
) -> _Segments | None:
    by_size: dict[tuple[int, int], _Segments] = {}
    last: Plane | None = None
    for luma in lumas:
        small = thumbnail(luma)
        if float(small.std()) < _FLAT or differ(small, last) < _SAME:
            continue
        last = small
        height, width = luma.plane.shape
        end = film.start + (film.seconds or 0.0)
        size = (width, height)
        segments = by_size.setdefault(size, _Segments(size, film.start, end))
        segments.add(luma, engine.observe(_small(luma).in_eight_bits()))
        if progress:
            progress(luma.seconds, film.seconds)
    return max(by_size.values(), key=lambda found: sum(found.weights.values()), default=None)


def _small(luma: Luma) -> Luma:
    # Whole numbers of samples make one: that takes a quarter of the time, and nothing of the mark.
    height, width = luma.plane.shape
    factor = max(1, int((width * height) ** 0.5 / _SIDE))
    if factor == 1:
        return luma
    size = (width // factor, height // factor)
    return replace(luma, plane=cv2.resize(luma.plane, size, interpolation=cv2.INTER_AREA))


class _Reader:
    """Reads parts of a film, and counts how often it tried."""

    def __init__(self, engine: FilmEngine, segments: _Segments) -> None:
        self._engine, self._segments = engine, segments
        self._tries: list[Search] = []

    def read(
        self, span: tuple[int, int], search: Search, weight: float = _I_WEIGHTS[0]
    ) -> Mark | None:
        """Read the average over segments from the first to before the last of `span`."""
        plane = self._segments.mean(span, weight)
        if plane is None:
            return None
        self._tries.append(search)
        return self._engine.read(plane, search, self._segments.size)

    def bound(self, mark: Mark) -> float:
        """Return the odds that the readings so far find a mark in an unmarked film."""
        told = getattr(self._engine, "bound", None)
        if told is None:  # an adapter that knows no odds of its own
            return min(1.0, mark.false_positive_bound * len(self._tries))
        odds: float = sum(told(search) for search in self._tries)
        return min(1.0, odds)

    def try_windows(self, search: Search) -> tuple[tuple[int, int], Mark | None]:
        """Read windows from long to short: all of them quickly, the longest with patience."""
        for span in _windows(2):
            mark = self.read(span, Search.FAST)
            if mark:
                return span, mark
        for span in () if search is Search.FAST else _windows(SEGMENTS // 2):
            mark = self.read(span, Search.NORMAL)
            if mark:
                return span, mark
        return (0, SEGMENTS), None

    def fit(self, span: tuple[int, int], payload: bytes) -> tuple[int, int]:
        """Return from where to where parts by themselves have the mark; `span` where none has."""
        first = self._edge(payload, 1)
        last = None if first is None else self._edge(payload, -1)
        return span if first is None or last is None else (first, last)

    def _edge(self, payload: bytes, way: int) -> int | None:
        # From the film's end inwards: the first part, as short as can be, that has the mark.
        for inwards in range(SEGMENTS):
            for length in (1, 2, 4):
                if not self._has(payload, inwards, length, way):
                    continue
                # The mark may begin within this part.
                later = range(1, length // 2 + 1)
                found = [n for n in later if self._has(payload, inwards + n, length // 2, way)]
                begin = inwards + (found[0] if found else 0)
                return begin if way > 0 else SEGMENTS - begin
        return None

    def _has(self, payload: bytes, inwards: int, length: int, way: int) -> bool:
        first = inwards if way > 0 else SEGMENTS - inwards - length
        if first < 0 or first + length > SEGMENTS:
            return False
        mark = self.read((first, first + length), Search.FAST)
        return mark is not None and mark.payload == payload


def _windows(shortest: int) -> Iterator[tuple[int, int]]:
    length = SEGMENTS // 2
    while length >= shortest:
        for first in range(0, SEGMENTS - length + 1, length // 2):
            yield first, first + length
        length //= 2
