"""Sounds that the tests make from chance: somebody who talks nonsense, and music."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.trial.sound_bed import bed

Sound = NDArray[np.float32]
RATE = 16_000


@cache
def talk(seconds: float, number: int, rate: int = RATE) -> Sound:
    """Return (1, samples) of syllables, each with a pitch that glides, two formants and breath."""
    rng = np.random.default_rng(number)
    out = rng.normal(0, 0.001, round(seconds * rate))
    at = 0.1
    while at < seconds - 0.1:
        long = min(rng.uniform(0.12, 0.3), seconds - at)
        place = slice(round(at * rate), round(at * rate) + round(long * rate))
        out[place] += _syllable(round(long * rate), rate, rng)
        at += long + (rng.uniform(0.15, 0.4) if rng.random() < 0.2 else 0.02)
    return _kept(out[None])


@cache
def music(seconds: float, number: int, rate: int = RATE) -> Sound:
    """Return (1, samples) of chords, bass and drums."""
    return _kept(bed(seconds, rate, np.random.default_rng(number)) * 0.12)


def _syllable(length: int, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    times = np.arange(length) / rate
    pitch = rng.uniform(95, 180) * 2 ** (rng.uniform(-0.3, 0.3) * np.linspace(0, 1, length))
    turns = np.cumsum(pitch) / rate
    out = np.zeros(length)
    formants = rng.uniform((300, 900, 2300), (900, 2200, 3400))
    for number in range(1, int(0.45 * rate / 200)):
        hertz = number * pitch[0]
        near = np.exp(-(((hertz - formants) / (0.15 * formants)) ** 2)) @ (1.0, 0.5, 0.3) + 0.02
        out += near * np.sin(2 * np.pi * number * turns + rng.uniform(0, 6.28))
    hiss = np.diff(rng.normal(size=length + 1)) * rng.uniform(0.02, 0.4)
    rise = np.minimum(1, times / 0.02) * np.minimum(1, times[::-1] / 0.05)
    return rise * rng.uniform(0.06, 0.16) * (out + hiss)


def _kept(sound: NDArray[np.floating]) -> Sound:
    sound = np.ascontiguousarray(np.clip(sound, -1, 1), np.float32)
    sound.flags.writeable = False
    return sound
