"""The mark in films: the picture engine's, on the luma of every frame.

The residual is the same tile in every frame; only its mask follows the picture, and is made anew
at cuts and every `REFRESH` frames. The reader averages observations of frames spread over the
film: the pictures average out, the mark adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import log10
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.errors import PublishError
from trustkit.media.film import Film, Luma, Progress, Settings
from trustkit.media.film.frames import sample
from trustkit.media.film.look import look
from trustkit.media.film.remake import remake
from trustkit.watermarks import Mark, Plane, Search

REFRESH = 12  # frames: making a residual costs ten times what adding it does
SAMPLES = {Search.FAST: 24, Search.NORMAL: 64, Search.DEEP: 160}  # frames that are looked at
FLOOR = 43.3  # dB of the luma: a film's mark is read from many frames and need not be louder
SEGMENTS = 16  # parts of a film that a span is told in

_THUMBNAIL = (64, 36)
# In predicted frames the mark is dragged along with what moves; but the one I frame may be black.
_I_WEIGHTS, _B_WEIGHT = (20.0, 1.0), 0.3
_CUT = 10.0  # mean change of the thumbnail's luma, of 255, from frame to frame
_DRIFT = 8.0  # the same since the residual was made
# The eye is slow after a cut, and there every encoder begins anew: the best place for the mark.
_AT_CUT, _FRAMES_AT_CUT = 1.26, 2  # times as loud (2 dB), for so many frames
_RESTED = 4  # frames that a residual serves at least when nothing is cut
_FLAT = 2.0  # a frame of less deviation (black, a title card's ground) carries no mark to speak of
_SAME = 0.2  # two frames of less mean difference are one picture
_ROUNDING = 1 / 12  # mean square of rounding to whole steps
_BLACK, _WHITE = 16, 235  # of limited range, in 8 bits (ITU-R BT.601)


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
    The mark is read back from the file before it takes its name. Where it is not readable nothing
    is written and `PublishError` raised, unless `insist` is False.
    """
    marker = _Marker(engine, payload, floor)
    found: list[Mark | None] = []

    def read_back(fresh: Path) -> None:
        mark = read_film(fresh, engine, Search.FAST, windows=False)
        found.append(mark if mark and mark.payload == payload else None)
        if insist and found[-1] is None:
            raise PublishError(
                f"{source.name} does not hold the mark: it was not readable in the copy",
                "use --strength strong or a lower --crf; nothing was written",
            )

    made = remake(source, target, marker, settings, progress=progress, inspect=read_back)
    lost = () if found[0] else ("the mark was not readable in the copy",)
    mean, worst = marker.psnr()
    return MarkedFilm(mean, worst, made.frames, made.codec, found[0], (*made.warnings, *lost))


class _Marker:
    """Adds the mark to one frame after the other."""

    def __init__(self, engine: FilmEngine, payload: bytes, floor: float) -> None:
        self._engine, self._payload, self._floor_psnr = engine, payload, floor
        self._more: NDArray[Any] = np.empty(0)
        self._less: NDArray[Any] = np.empty(0)
        self._low = self._high = self._floor = self._ceiling = self._more
        self._age, self._made = REFRESH, 0
        self._last: Plane | None = None
        self._base: Plane | None = None
        self._errors: list[float] = []
        self._served: list[int] = []  # frames, by each residual

    def __call__(self, luma: Luma) -> None:
        small = _thumbnail(luma)
        is_cut = _differ(small, self._last) > _CUT
        has_drifted = self._age >= _RESTED and _differ(small, self._base) > _DRIFT
        is_due = is_cut or has_drifted or self._age >= REFRESH
        if is_due:
            self._make(luma, _AT_CUT if is_cut else 1.0)
            self._age, self._base = (REFRESH - _FRAMES_AT_CUT if is_cut else 0), small
            before = luma.plane.copy()
        self._add(luma)
        if is_due:
            difference = cv2.norm(luma.plane, before, cv2.NORM_L2) ** 2 / before.size
            self._errors.append(difference / ((1 << luma.depth) - 1) ** 2)
            self._served.append(0)
        self._served[-1] += 1
        self._age, self._last = self._age + 1, small

    def psnr(self) -> tuple[float, float]:
        """Return the mean over frames, and the worst, as measured where the residual was made."""
        each = [-10 * log10(max(error, 1e-10)) for error in self._errors]
        return float(np.average(each, weights=self._served)), min(each)

    def _make(self, luma: Luma, louder: float) -> None:
        height, width = luma.plane.shape
        small = self._engine.residual(luma.in_eight_bits(), self._payload, film=True)
        loudest = 255**2 / 10 ** (self._floor_psnr / 10) - _ROUNDING
        power = float((small * small).mean())
        small = small * np.float32(louder * min(1.0, (loudest / max(power, 1e-9)) ** 0.5))
        if luma.depth > 8:  # noqa: PLR2004  # bits
            small = small * (1 << (luma.depth - 8))
        whole = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        # Two unsigned planes: adding and taking away those saturates, at a tenth of the cost.
        kind = cv2.CV_8U if luma.depth <= 8 else cv2.CV_16U  # noqa: PLR2004  # bits
        zero = np.zeros_like(luma.plane)
        self._more = cv2.add(zero, whole, dtype=kind)
        self._less = cv2.subtract(zero, whole, dtype=kind)
        if self._low.shape != zero.shape:
            low, high = (0, (1 << luma.depth) - 1)
            if not luma.full:
                low, high = _BLACK << (luma.depth - 8), _WHITE << (luma.depth - 8)
            # Whole planes: OpenCV compares two planes ten times faster than one with a number.
            self._low, self._high = np.full_like(zero, low), np.full_like(zero, high)
            self._floor, self._ceiling = zero.copy(), zero.copy()

    def _add(self, luma: Luma) -> None:
        plane = luma.plane
        # What the source has outside its range stays as it is; the mark leads nothing there.
        cv2.min(plane, self._low, self._floor)
        cv2.max(plane, self._high, self._ceiling)
        cv2.add(plane, self._more, plane)
        cv2.subtract(plane, self._less, plane)
        cv2.max(plane, self._floor, plane)
        cv2.min(plane, self._ceiling, plane)


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
    false-positive bound counts every try. Raises `UnreadableError`.
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
    bound = min(1.0, mark.false_positive_bound * reader.tries)
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


def _observed(
    path: Path, film: Film, engine: FilmEngine, count: int, progress: Progress | None
) -> _Segments | None:
    by_size: dict[tuple[int, int], _Segments] = {}
    last: Plane | None = None
    for luma in sample(path, count, film=film):
        small = _thumbnail(luma)
        if float(small.std()) < _FLAT or _differ(small, last) < _SAME:
            continue
        last = small
        height, width = luma.plane.shape
        end = film.start + (film.seconds or 0.0)
        size = (width, height)
        segments = by_size.setdefault(size, _Segments(size, film.start, end))
        segments.add(luma, engine.observe(luma.in_eight_bits()))
        if progress:
            progress(luma.seconds, film.seconds)
    return max(by_size.values(), key=lambda found: sum(found.weights.values()), default=None)


class _Reader:
    """Reads parts of a film, and counts how often it tried."""

    def __init__(self, engine: FilmEngine, segments: _Segments) -> None:
        self._engine, self._segments, self.tries = engine, segments, 0

    def read(
        self, span: tuple[int, int], search: Search, weight: float = _I_WEIGHTS[0]
    ) -> Mark | None:
        """Read the average over segments from the first to before the last of `span`."""
        plane = self._segments.mean(span, weight)
        if plane is None:
            return None
        self.tries += 1
        return self._engine.read(plane, search, self._segments.size)

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


def _thumbnail(luma: Luma) -> Plane:
    # Averages, not single samples: grain must not look like movement.
    small = cv2.resize(luma.plane, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(1 << (luma.depth - 8))


def _differ(one: Plane, other: Plane | None) -> float:
    if other is None or one.shape != other.shape:
        return 255.0
    return float(np.abs(one - other).mean())
