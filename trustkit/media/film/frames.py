"""Frames to look at: spread over a film or a part of it, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np

from trustkit.errors import UnreadableError
from trustkit.media.film import Film, Luma
from trustkit.media.film.encoders import changes_in_place
from trustkit.media.film.look import look, opened

_KINDS = {1: "I", 2: "P", 3: "B"}  # AVPictureType
_DAMAGED_RUN = 50  # packets in a row without a frame before a film is given up
_SAME_TIME = 2e-3  # seconds: Matroska rounds its time stamps to milliseconds
_BLIND_STEP = 10  # every how many frames of a film that does not tell its length
_DECODED = 6  # frames decoded for each that is wanted, at most: neighbours tell little new


def luma_of(frame: Any, *, full: bool) -> Luma:
    """Return a view of the frame's luma and chroma; writing to it changes the frame."""
    depth = frame.format.components[0].bits
    kind = np.uint8 if depth <= 8 else np.uint16  # noqa: PLR2004  # bits
    first, *others = (
        np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind().itemsize)
        for plane in frame.planes
    )
    widths = [plane.width for plane in frame.planes]
    if len(others) == 1:  # NV12 and NV16: both in one plane, in turn
        both = others[0][:, : 2 * widths[1]]
        chroma: tuple[Any, ...] = (both[:, ::2], both[:, 1::2])
    else:
        chroma = tuple(rows[:, :width] for rows, width in zip(others, widths[1:], strict=True))[:2]
    at = float(frame.pts * frame.time_base)
    coded = _KINDS.get(int(frame.pict_type), "")
    return Luma(first[:, : widths[0]], depth, full, at, coded, chroma)


def sample(
    path: Path, count: int, span: tuple[float, float] | None = None, film: Film | None = None
) -> Iterator[Luma]:
    """Give about `count` frames of the film, or of `span` (in seconds), in their order.

    Long films are sought in, so that the cost hangs on `count` and not on their length; key
    frames are preferred then, since codecs spend most on them. Damaged places are passed over.
    Raises `UnreadableError` when the film cannot be opened or has no frame.
    """
    film = film or look(path)
    start, end = span or (film.start, film.start + (film.seconds or 0.0))
    with opened(path) as container:
        stream = container.streams[film.stream]
        stream.thread_type = "AUTO"
        frames = (end - start) * float(film.rate)
        if not film.seconds or (start <= film.start and frames <= _DECODED * count):
            step = max(1, round(frames / count)) if film.seconds else _BLIND_STEP
            found = _in_turn(container, stream, step, end if film.seconds else float("inf"))
        else:
            found = _sought(container, stream, count, start, end)
        for frame in found:
            yield _readable(frame, film)


def begin(path: Path, count: int, later: int, film: Film) -> Iterator[Luma]:
    """Give the first `count` frames of a film, and `later` key frames spread over its rest."""
    with opened(path) as container:
        stream = container.streams[film.stream]
        stream.thread_type = "AUTO"
        last = film.start
        for frame in islice(decoded(container, stream), count):
            last = float(frame.pts * frame.time_base)
            yield _readable(frame, film)
        end = film.start + (film.seconds or 0.0)
        for key in sorted({*_key_frames(container, stream, later, last, end)}):
            if float(key * stream.time_base) > last:
                container.seek(key, stream=stream, backward=True)
                yield from (
                    _readable(frame, film) for frame in islice(decoded(container, stream), 1)
                )


def frame_at(path: Path, seconds: float, film: Film) -> Luma | None:
    """Return the frame that is shown `seconds` after the film's beginning, or the next one."""
    wanted = film.start + seconds
    with opened(path) as container:
        stream = container.streams[film.stream]
        stream.thread_type = "AUTO"
        if seconds > 0:
            container.seek(int(wanted / stream.time_base), stream=stream, backward=True)
        last: Any = None
        for frame in decoded(container, stream):
            if float(frame.pts * frame.time_base) > wanted + _SAME_TIME:
                return _readable(last or frame, film)
            last = frame
        return _readable(last, film) if last is not None else None


def paced(
    path: Path, step: float, span: tuple[float, float] | None = None, film: Film | None = None
) -> Iterator[Luma]:
    """Give a frame every `step` seconds of the film, or of `span`, each the first of its turn.

    Raises as `sample`.
    """
    film = film or look(path)
    start, end = span or (film.start, float("inf"))
    with opened(path) as container:
        stream = container.streams[film.stream]
        stream.thread_type = "AUTO"
        # Frames that no other one needs are not decoded: others are near enough in time.
        stream.codec_context.skip_frame = "NONREF"
        if start > film.start:
            container.seek(int(start / stream.time_base), stream=stream, backward=True)
        turn = -1
        for frame in decoded(container, stream):
            at = float(frame.pts * frame.time_base)
            if at > end:
                return
            if at >= start and int((at - start) / step) > turn:
                turn = int((at - start) / step)
                yield _readable(frame, film)


def _readable(frame: Any, film: Film) -> Luma:
    readable = frame
    if not changes_in_place(frame.format.name):
        readable = frame.reformat(format="gray")
        readable.pts, readable.time_base = frame.pts, frame.time_base
    return luma_of(readable, full=film.colour.full)


def _in_turn(container: Any, stream: Any, step: int, end: float) -> Iterator[Any]:
    owed = 0
    for number, frame in enumerate(decoded(container, stream)):
        is_turn = number % step == step // 2
        # Frames coded by themselves tell most: those out of turn stand in for the next.
        if (int(frame.pict_type) == 1 and owed < 1) or (is_turn and owed < 1):
            owed += not is_turn
            yield frame
        elif is_turn:
            owed -= 1
        if float(frame.pts * frame.time_base) > end:
            return


def _sought(container: Any, stream: Any, count: int, start: float, end: float) -> Iterator[Any]:
    keys = sorted({*_key_frames(container, stream, count, start, end)})
    each = -(-count // max(1, len(keys)))
    for number, key in enumerate(keys):
        following = keys[number + 1] if number + 1 < len(keys) else None
        container.seek(key, stream=stream, backward=True)
        taken = 0
        for place, frame in enumerate(decoded(container, stream)):
            if taken == each or (following is not None and frame.pts >= following):
                break
            # Where key frames are rare, frames between them too, but not all of them.
            if place % _DECODED == 0:
                taken += 1
                if start <= float(frame.pts * frame.time_base) <= end:
                    yield frame


def _key_frames(container: Any, stream: Any, count: int, start: float, end: float) -> Iterator[int]:
    for number in range(count):
        wanted = start + (number + 0.5) * (end - start) / count
        try:
            container.seek(int(wanted / stream.time_base), stream=stream, backward=True)
            packet = next(container.demux(stream), None)
        except av.FFmpegError:
            continue  # a damaged place
        if packet is not None and packet.pts is not None:
            yield packet.pts


def decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Give every whole frame from where the container stands; damaged ones are passed over."""
    bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.FFmpegError as error:
            bad += 1
            if bad > _DAMAGED_RUN:
                raise UnreadableError("its video is damaged", "is the file whole?") from error
            continue
        for frame in frames:
            if frame.pts is not None and not frame.is_corrupt:
                bad = 0
                yield frame
