"""The codes of a film: PDQ of a frame a second, without black bars; four a second are asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from trustkit.fingerprints import Array
from trustkit.fingerprints.pdq import NAME, Pdq
from trustkit.media.film import Film, Luma
from trustkit.media.film.frames import paced
from trustkit.media.film.look import look
from trustkit.record import Code, Query

WITHIN = 88

_STORED, _ASKED = 1.0, 0.25  # seconds from one frame to the next
_MOST = 20_000  # frames stored of a film: of one longer than five hours they lie further apart
_STRETCHES, _STRETCH = 2, 10.0  # of a copy, in seconds
_MOST_ASKED = 160  # frames of a stretch, or of a copy that does not tell how long it is
_SIDE = 128  # pixels: PDQ looks at 64
_CLEAR = 50  # PDQ's own bound of quality: below it frames are black, or nearly
_BLACK = 30  # of 255: the brightest that bars of limited range and a codec's ringing get
_SHOWN = 0.4  # share of a side that a film without its bars has at least
_SAME = 8  # bits between frames of which the later one is not asked


@dataclass(frozen=True, slots=True)
class _Frame:
    at: float
    grey: Array


def codes_of_film(path: Path) -> tuple[Code, ...]:
    """Return the codes of a film's frames; `at` counts from its first. Raises `UnreadableError`."""
    film = look(path)
    step = max(_STORED, (film.seconds or 0.0) / _MOST)
    return tuple(_codes(_small(paced(path, step, film=film), film)))


def queries_of_film(path: Path) -> tuple[Query, ...]:
    """Return what is asked of a copy: of two stretches, each frame as it is and mirrored."""
    film = look(path)
    found: list[Query] = []
    for span in _spans(film):
        frames = _small(paced(path, _ASKED, span, film), film, _MOST_ASKED)
        last = b""
        for code in _codes(frames):
            if last and _differ(code.bits, last) < _SAME:
                continue
            last = code.bits
            found.append(Query(code, WITHIN))
        mirrored = [_Frame(frame.at, np.ascontiguousarray(frame.grey[:, ::-1])) for frame in frames]
        asked = {query.code.at for query in found}
        found += [Query(code, WITHIN) for code in _codes(mirrored, "flip") if code.at in asked]
    return tuple(found)


def _spans(film: Film) -> list[tuple[float, float] | None]:
    length = film.seconds or 0.0
    if length <= _STRETCHES * _STRETCH:
        return [None]
    # The middles of equal shares: titles and credits say little.
    starts = [length * (2 * n + 1) / (2 * _STRETCHES) - _STRETCH / 2 for n in range(_STRETCHES)]
    return [(film.start + start, film.start + start + _STRETCH) for start in starts]


def _small(lumas: Iterable[Luma], film: Film, most: int = _MOST) -> list[_Frame]:
    frames = []
    for luma in lumas:
        plane = luma.plane if luma.depth == 8 else luma.plane >> (luma.depth - 8)  # noqa: PLR2004
        factor = min(1.0, _SIDE / max(plane.shape))
        size = (max(8, round(plane.shape[1] * factor)), max(8, round(plane.shape[0] * factor)))
        grey = cv2.resize(np.asarray(plane, np.uint8), size, interpolation=cv2.INTER_AREA)
        frames.append(_Frame(round(luma.seconds - film.start, 3), np.asarray(grey, np.uint8)))
        if len(frames) >= most:
            break
    return frames


def _codes(frames: list[_Frame], view: str = "") -> Iterator[Code]:
    rows, columns = _within_bars(frames)
    for frame in frames:
        shown = np.ascontiguousarray(frame.grey[rows, columns])
        if Pdq().quality(shown) >= _CLEAR:
            yield Code(NAME, Pdq().compute(shown), at=frame.at, view=view)


def _within_bars(frames: list[_Frame]) -> tuple[slice, slice]:
    """Return the rows and columns that are not black in all frames."""
    if not frames:
        return slice(None), slice(None)
    brightest = np.maximum.reduce([frame.grey for frame in frames])
    return _lit(brightest.max(axis=1)), _lit(brightest.max(axis=0))


def _lit(line: Array) -> slice:
    there = np.flatnonzero(line > _BLACK)
    if len(there) == 0 or there[-1] + 1 - there[0] < _SHOWN * len(line):
        return slice(None)
    return slice(int(there[0]), int(there[-1]) + 1)


def _differ(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
