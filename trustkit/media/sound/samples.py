"""Samples to listen to: a stream of sound or a part of it, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from trustkit.media.film.look import opened
from trustkit.media.sound import Block, Damaged, Progress, Sound
from trustkit.media.sound.decode import Decoder, packets_of
from trustkit.media.sound.line import BLOCK
from trustkit.media.sound.waves import LAYOUTS, as_floats, frame_of, samples_of

_NEAR = 10.0  # seconds that are sooner decoded than sought
_AHEAD = 1.0  # seconds a decoder needs at most until it gives what everybody hears there
_NOT_SOUGHT = {"adts"}  # it has no times


def blocks(
    path: Path,
    sound: Sound,
    *,
    rate: int | None = None,
    mono: bool = False,
    start: float = 0.0,
    seconds: float | None = None,
    progress: Progress | None = None,
    damaged: Damaged | None = None,
) -> Iterator[Block]:
    """Give the samples of `sound`: float32 (channels, n), from -1 to 1, or beyond; not clipped.

    From `start` on, in seconds after the first sample, for `seconds`; with another `rate` (Hz)
    resampled; with `mono` the mean of the channels. A late start is sought: to the sample, but to
    1 ms in Matroska, and roughly in an MP3 of varying bit rate without an index.

    Where a packet cannot be decoded there is silence, and `damaged` is told. Raises
    `UnreadableError` for what cannot be opened, is damaged beyond that, or changes its rate or
    channels.
    """
    found = _floats(path, sound, start, damaged or _ignore)
    if seconds is not None:
        found = _cut(found, round(seconds * sound.rate))
    if progress:
        found = _told(found, sound, progress, seconds)
    if mono:
        found = (block.mean(axis=0, keepdims=True, dtype=np.float32) for block in found)
    found = _gathered(found)
    return found if rate in {None, sound.rate} else _resampled(found, sound, rate or sound.rate)


def _ignore(_seconds: float) -> None:
    """Pass over a damaged place."""


def _floats(path: Path, sound: Sound, start: float, damaged: Damaged) -> Iterator[Block]:
    with opened(path) as container:
        stream = container.streams[sound.stream]
        skipped: int | None = (from_start := round(start * sound.rate))
        if start > _NEAR and sound.container not in _NOT_SOUGHT:
            skipped = _seek(container, stream, sound.start + start - _AHEAD, from_start)
        decoder = Decoder(path.name, sound, damaged)
        for packet in packets_of(container, [stream], path.name, damaged):
            for samples, time in decoder.decode(packet):
                if skipped is None and time is not None:
                    skipped = round((sound.start + start - float(time)) * sound.rate)
                if skipped is not None:
                    yield _numbers(as_floats(samples[:, max(0, skipped) :]))
                    skipped -= samples.shape[1]
        for samples, _ in decoder.finish():
            yield _numbers(as_floats(samples[:, max(0, skipped or 0) :]))


def _numbers(block: Block) -> Block:
    # A broken float file may hold what is none, and that would spread.
    return np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _seek(container: Any, stream: Any, seconds: float, skipped: int) -> int | None:
    """Return how many samples are to be skipped: None when that is told by the next one's time."""
    try:
        container.seek(int(seconds / stream.time_base), stream=stream, backward=True)
    except av.FFmpegError:
        return skipped  # not a file to seek in
    return None


def _cut(found: Iterable[Block], length: int) -> Iterator[Block]:
    for block in found:
        if block.shape[1]:
            yield block[:, :length]
        length -= block.shape[1]
        if length <= 0:
            return


def _told(
    found: Iterable[Block], sound: Sound, progress: Progress, seconds: float | None
) -> Iterator[Block]:
    done = 0
    for block in found:
        yield block
        done += block.shape[1]
        progress(done / sound.rate, seconds or sound.seconds)


def _gathered(found: Iterable[Block]) -> Iterator[Block]:
    waiting: list[Block] = []
    for block in found:
        if block.shape[1]:
            waiting.append(block)
        if sum(b.shape[1] for b in waiting) >= BLOCK:
            yield np.concatenate(waiting, axis=1)
            waiting.clear()
    if waiting:
        yield np.concatenate(waiting, axis=1)


def _resampled(found: Iterable[Block], sound: Sound, rate: int) -> Iterator[Block]:
    resampler: Any = None
    done = 0
    for block in found:
        layout = LAYOUTS[len(block)]
        # Packed: of planes PyAV (18.1) would read more than 7 wrongly.
        resampler = resampler or av.AudioResampler(format="flt", layout=layout, rate=rate)
        frame = frame_of(block, "flt", layout, sound.rate, done)
        done += block.shape[1]
        yield from (samples_of(made) for made in resampler.resample(frame))
    if resampler is not None:
        yield from (samples_of(made) for made in resampler.resample(None))
