"""Music to lay under a clip: chords whose harmonics decay, bass and drums, from chance alone.

It is no good music, yet it does what music does to a reader: something sounds in every octave.
"""

from __future__ import annotations

import numpy as np

from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.sound_codecs import Sound

_A4 = 440.0
_CHORDS = ((0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7, 12), (0, 4, 9, 14))  # semitones over the root
_HARMONICS = 24
_SWING = 0.003  # seconds by which players miss the beat


def bed(seconds: float, rate: int, rng: Rng) -> Sound:
    """Return music of shape (1, samples) with an RMS of 1: 90 to 140 beats a minute."""
    length = max(1, round(seconds * rate))
    beat = 60 / rng.uniform(90, 140)
    out = np.zeros(length, np.float32)
    chords = [_chord(2 * beat, rate, rng) for _ in range(4)]
    kick, snare, hat = _kick(rate), _snare(rate, rng), _hat(rate, rng)
    for number in range(int(seconds / beat) + 1):
        at = number * beat
        _add(out, chords[number // 4 % 4], at, rate, rng)
        _add(out, (kick, snare)[number % 2], at, rate, rng)
        for part in (0.0, 0.5):
            _add(out, hat * np.float32(rng.uniform(0.6, 1.0)), at + part * beat, rate, rng)
    loud = float(np.sqrt(np.mean(np.square(out, dtype=np.float64))))
    return (out / np.float32(loud or 1.0))[None, :]


def _add(out: Sound, note: Sound, at: float, rate: int, rng: Rng) -> None:
    start = max(0, round((at + rng.uniform(-_SWING, _SWING)) * rate))
    part = out[start : start + note.size]
    part += note[: part.size]


def _times(seconds: float, rate: int) -> Sound:
    return np.arange(round(seconds * rate), dtype=np.float32) / np.float32(rate)


def _chord(seconds: float, rate: int, rng: Rng) -> Sound:
    times = _times(seconds, rate)
    root = rng.integers(-24, -9)  # from A2 to C4
    steps = [root - 12, *(root + step for step in _CHORDS[rng.integers(len(_CHORDS))])]
    return sum(
        (_note(_A4 * 2 ** (step / 12), times, rate, rng) for step in steps), np.zeros(1, np.float32)
    )


def _note(pitch: float, times: Sound, rate: int, rng: Rng) -> Sound:
    out = np.zeros_like(times)
    for number in range(1, _HARMONICS + 1):
        # Strings are stiff: their harmonics are too high, and the high ones fade first.
        hertz = pitch * number * (1 + 0.0002 * number * number) ** 0.5
        if hertz > 0.45 * rate:
            break
        alive = times[: round(times.size / (1 + 0.1 * number))]
        phase = np.float32(2 * np.pi * hertz) * alive + np.float32(rng.uniform(0, 2 * np.pi))
        fade = np.exp(-(1.5 + 0.6 * number) * alive) / np.float32(number)
        out[: alive.size] += np.sin(phase) * fade
    return out * np.float32(0.3)


def _kick(rate: int) -> Sound:
    times = _times(0.25, rate)
    phase = 2 * np.pi * (50 * times - 5 * np.exp(-30 * times))  # from 200 Hz down to 50
    return np.asarray(np.sin(phase) * np.exp(-14 * times), np.float32)


def _snare(rate: int, rng: Rng) -> Sound:
    times = _times(0.2, rate)
    rattle = rng.standard_normal(times.size, np.float32) * np.float32(0.5)
    return np.asarray((rattle + np.sin(2 * np.pi * 190 * times)) * np.exp(-22 * times), np.float32)


def _hat(rate: int, rng: Rng) -> Sound:
    times = _times(0.09, rate)
    # The second difference of noise leaves little but the treble.
    hiss = np.diff(rng.standard_normal(times.size + 2, np.float32), 2)
    return np.asarray(np.float32(0.12) * hiss * np.exp(-45 * times), np.float32)
