"""Sounds to attack, and how to: tones that are told apart by their frequency."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from trustkit.watermarks.trial.attacks import generator
from trustkit.watermarks.trial.sound_attacks import SOUND_ATTACKS
from trustkit.watermarks.trial.sound_codecs import Sound

BY_NAME = {attack.name: attack for attack in SOUND_ATTACKS}
RATE = 24_000  # none of the rates that attacks resample to


def two_channels() -> Sound:
    """Return 10.5 s of a low and a high tone that fade now and then, with some hiss."""
    times = np.arange(round(10.5 * RATE)) / RATE
    fade = 0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * times)
    tones = 0.25 * np.sin(2 * np.pi * 300 * times) + 0.15 * np.sin(2 * np.pi * 6000 * times)
    hiss = np.random.default_rng(7).normal(0, 0.02, (2, times.size))
    return np.asarray(np.stack([tones * fade, 0.5 * tones]) + hiss, np.float32)


def tone(hertz: float, seconds: float = 4.0) -> Sound:
    times = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.3 * np.sin(2 * np.pi * hertz * times), np.float32)[None, :]


def done(name: str, samples: Sound, seed: int = 1) -> tuple[Sound, int]:
    return BY_NAME[name].apply(samples, RATE, generator(seed, "a.wav", name))


def written(path: Path, samples: Sound) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(samples.shape[0])
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.rint(samples.T * 32767).astype("<i2").tobytes())
    return path
