"""Stills of a film: whole frames in RGB, spread over it and where its scenes change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from trustkit.media.film import Film
from trustkit.media.film.frames import decoded
from trustkit.media.film.look import opened
from trustkit.media.labels.turning import of_matrix
from trustkit.media.shown import turned

_EVERY_FRAME = 256  # frames of a film that is decoded whole: ten seconds
_FEW = 5  # key frames with which a film is well enough known
_BETWEEN = 12  # frames from a key frame to the next that tells something new: half a second
_GLANCE = (32, 18)  # pixels in which a change of scene is looked for
_CUT = 20.0  # mean difference of luma (of 255) from which on it is another scene
_SHARE_OF_CUTS = 3  # one in so many stills is kept for changes of scene


@dataclass(frozen=True, slots=True)
class Still:
    """A frame as it is shown: (height, width, 3) of uint8, and its seconds from the start."""

    pixels: NDArray[np.uint8]
    seconds: float


def stills(path: Path, film: Film, count: int) -> Iterator[Still]:
    """Give at most `count` frames in their order, each to be let go before the next.

    Key frames are taken where there are enough: they are decoded without others, and codecs spend
    most on them. About a third are the first key frames after a change of scene, if it has any.
    The cost hangs on `count` and not on the length. Raises `UnreadableError`.
    """
    orientation = of_matrix(film.turned) or 1
    cuts = count // _SHARE_OF_CUTS
    picked = _Picked(count - cuts, cuts, film.seconds or 0.0)
    with opened(path) as container:
        stream = container.streams[film.stream]
        stream.thread_type = "SLICE"  # frames decoded ahead would be in vain
        given = 0
        for frame in _candidates(container, stream, film, count):
            at = max(0.0, float(frame.pts * stream.time_base) - film.start)
            if not picked.takes(_glance(frame), at):
                continue
            rows = frame.to_ndarray(format="rgb24")
            yield Still(turned(rows, orientation), round(at, 3))
            del rows
            given += 1
            if given == count:
                return


class _Picked:
    """Which of the candidates are taken: one of each stretch of time, and those after a cut."""

    def __init__(self, even: int, cuts: int, seconds: float) -> None:
        self._even, self._cuts, self._seconds = even, cuts, seconds
        self._turn = -1
        self._used = 0
        self._last: NDArray[np.uint8] | None = None

    def takes(self, glance: NDArray[np.uint8], at: float) -> bool:
        before, self._last = self._last, glance
        share = min(1.0, at / self._seconds) if self._seconds else 0.0
        turn = int(share * self._even) if self._seconds else self._turn + 1
        if turn > self._turn:
            self._turn = turn
            return True
        changed = before is not None and float(
            np.mean(np.abs(before.astype(np.int16) - glance))
        ) > _CUT  # fmt: skip
        # Not all at the beginning: at each moment no more than its share.
        if changed and self._used < 1 + share * (self._cuts - 1):
            self._used += 1
            return True
        return False


def _glance(frame: Any) -> NDArray[np.uint8]:
    small = frame.reformat(*_GLANCE, format="gray", interpolation="AREA")
    rows: NDArray[np.uint8] = small.to_ndarray()
    return rows


def _candidates(container: Any, stream: Any, film: Film, count: int) -> Iterator[Any]:
    if not film.seconds:
        yield from islice(decoded(container, stream), 0, None, _BETWEEN)
        return
    keys = _keys(container, stream, film, 2 * count)
    if len(keys) >= _FEW:
        for key in keys:
            yield from _alone(container, stream, key)
        return
    container.seek(_ticks(film.start, stream), stream=stream, backward=True)
    if film.seconds * float(film.rate) <= _EVERY_FRAME:
        yield from decoded(container, stream)
        return
    each = -(-count // max(1, len(keys)))
    for key, following in zip(keys, [*keys[1:], None], strict=True):
        container.seek(key, stream=stream, backward=True)
        last = (each - 1) * _BETWEEN + 1
        for frame in islice(decoded(container, stream), 0, last, _BETWEEN):
            if following is not None and frame.pts >= following:
                break
            yield frame


def _alone(container: Any, stream: Any, key: int) -> Iterator[Any]:
    # A decoder that is not told that this was all would wait for frames that may come before it.
    context = stream.codec_context
    try:
        container.seek(key, stream=stream, backward=True)
        packet = next(container.demux(stream), None)
        frames = [*context.decode(packet), *context.decode(None)] if packet else []
    except av.FFmpegError:
        frames = []  # a damaged place
    context.flush_buffers()
    yield from (f for f in frames[:1] if f.pts is not None and not f.is_corrupt)


def _keys(container: Any, stream: Any, film: Film, probes: int) -> list[int]:
    found = set()
    for number in range(probes):
        wanted = film.start + number * (film.seconds or 0.0) / probes
        try:
            container.seek(_ticks(wanted, stream), stream=stream, backward=True)
            packet = next(container.demux(stream), None)
        except av.FFmpegError:
            continue  # a damaged place
        if packet is not None and packet.pts is not None:
            found.add(int(packet.pts))
    return sorted(found)


def _ticks(seconds: float, stream: Any) -> int:
    return int(Fraction(seconds) / stream.time_base)
