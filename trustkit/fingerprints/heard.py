"""The codes of a sound file, or of a film's sound: two a second, each of what four seconds tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trustkit.fingerprints import iscc
from trustkit.fingerprints.chroma import LEAP, LENGTH, NAME, RATE, STEP, raw_vector
from trustkit.media.sound import Sound
from trustkit.media.sound.look import look
from trustkit.media.sound.samples import blocks
from trustkit.record import Code, Query

WITHIN = 60

_EVERY = 4  # values from one stored code to the next: as many asked in a row meet one of them
_PLACES = 16  # of a copy where codes are asked for
_STRETCHES, _STRETCH = 8, 12.0  # of a long copy, in seconds
_VARIED = 5  # different values of the eight in a code: silence and hums have fewer, and are alike


def codes_of_sound(path: Path) -> tuple[Code, ...]:
    """Return the codes of the first stream of sound; none of less than four and a half seconds.

    Raises `UnreadableError`.
    """
    return stored_of(_vector(path, look(path)[0]))


def queries_of_sound(path: Path) -> tuple[Query, ...]:
    """Return what is asked of a copy's first stream; of a long one of eight stretches."""
    sound = look(path)[0]
    return tuple(Query(code, WITHIN) for code in _asked(path, sound))


def audio_code(path: Path) -> str | None:
    """Return `ISCC:...` of the first stream of sound; None where it is too short for one."""
    values = _vector(path, look(path)[0])
    return iscc.audio_code(values.view(np.int32).tolist()) if len(values) else None


def stored_of(values: NDArray[np.uint32]) -> tuple[Code, ...]:
    """Return the codes that are stored of a whole sound's values."""
    return tuple(_code(values, n, 0.0) for n in _places(values) if n % _EVERY == 0)


def asked_of(values: NDArray[np.uint32]) -> tuple[Code, ...]:
    """Return the codes that are asked of a short copy's values."""
    return tuple(_spread(values, 0.0, _PLACES))


def _vector(
    path: Path, sound: Sound, start: float = 0.0, seconds: float | None = None
) -> NDArray[np.uint32]:
    return raw_vector(blocks(path, sound, rate=RATE, mono=True, start=start, seconds=seconds))


def _asked(path: Path, sound: Sound) -> Iterator[Code]:
    length = sound.seconds or 0.0
    if length <= 2 * _STRETCHES * _STRETCH:
        yield from _spread(_vector(path, sound), 0.0, _PLACES)
        return
    for n in range(_STRETCHES):
        start = (length - _STRETCH) * n / (_STRETCHES - 1)
        yield from _spread(_vector(path, sound, start, _STRETCH), start, _PLACES // _STRETCHES)


def _spread(values: NDArray[np.uint32], start: float, places: int) -> Iterator[Code]:
    there = _places(values)
    if len(there) <= places * _EVERY:
        chosen = there
    else:
        firsts = [(len(there) - _EVERY) * n // max(1, places - 1) for n in range(places)]
        chosen = sorted({there[first + k] for first in firsts for k in range(_EVERY)})
    for n in chosen:
        yield _code(values, n, start)


def _places(values: NDArray[np.uint32]) -> list[int]:
    """Return where codes can begin that tell something."""
    return [
        n
        for n in range(len(values) - LENGTH + 1)
        if len(set(values[n : n + LENGTH : LEAP].tolist())) >= _VARIED
    ]


def _code(values: NDArray[np.uint32], first: int, start: float) -> Code:
    bits = values[first : first + LENGTH : LEAP].astype(">u4").tobytes()
    return Code(NAME, bits, at=round(start + first * STEP, 3))
