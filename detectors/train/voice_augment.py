"""What may happen to a voice on its way, by chance: the same chances for synthetic and recorded.

A model that hears every clip through other rooms, filters and codecs learns less of the channel
that a page, and so a label, happened to have.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from trustkit.detectors.trial import sounds

Sound = NDArray[np.float32]
RATE = 16_000  # Hz


def spoil(sound: Sound, random: np.random.Generator) -> Sound:
    """Return (samples,) after a chance chain of speed, filter, room, band, noise and codec."""
    if random.random() < 0.3:
        sound = _faster(sound, random.uniform(0.93, 1.07))
    if random.random() < 0.7:
        sound = _filtered(sound, random)
    if random.random() < 0.2:
        sound = _room(sound, random)
    if random.random() < 0.35:
        sound = _band(sound, random)
    if random.random() < 0.5:
        sound = _noise(sound, random.uniform(12, 40), random)
    peak = float(np.abs(sound).max()) or 1.0
    sound = (sound * np.float32(random.uniform(0.2, 0.95) / peak)).astype(np.float32)
    choice = random.integers(6)
    if choice == 0:
        sound = sounds.mp3(sound, RATE, random)
    elif choice == 1:
        sound = sounds.opus(sound, RATE, random)
    elif choice == 2:
        sound = sounds.telephone(sound, RATE, random)
    return np.ascontiguousarray(sound, np.float32)


def _faster(sound: Sound, factor: float) -> Sound:
    at = np.arange(0, len(sound) - 1, factor)
    up = signal.resample_poly(sound, 2, 1)  # linear interpolation alone would dull it
    return np.interp(at * 2, np.arange(len(up)), up).astype(np.float32)


def _filtered(sound: Sound, random: np.random.Generator) -> Sound:
    # An equaliser of a few hills and valleys, up to 12 dB.
    pitches = np.linspace(0, 1, 9)
    gains = 10 ** (random.uniform(-12, 12, 9) * random.random() / 20)
    return signal.fftconvolve(sound, signal.firwin2(129, pitches, gains), "same").astype(np.float32)


def _room(sound: Sound, random: np.random.Generator) -> Sound:
    length = int(RATE * random.uniform(0.1, 0.5))
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= random.uniform(0.02, 0.2)
    tail[0] = 1.0
    return signal.fftconvolve(sound, tail)[: len(sound)].astype(np.float32)


def _band(sound: Sound, random: np.random.Generator) -> Sound:
    high = random.uniform(3400, 7800)
    low = random.choice([20.0, 80.0, 150.0, 300.0])
    rows = signal.butter(6, [low, high], "bandpass", fs=RATE, output="sos")
    return signal.sosfilt(rows, sound).astype(np.float32)


def _noise(sound: Sound, under_db: float, random: np.random.Generator) -> Sound:
    white = random.standard_normal(len(sound))
    colour = random.uniform(0, 1.0)  # from white to nearly pink
    spectrum = np.fft.rfft(white) / np.maximum(np.arange(len(white) // 2 + 1), 20) ** (colour / 2)
    noise = np.fft.irfft(spectrum, len(white))
    level = np.sqrt(np.mean(np.square(sound, dtype=np.float64)) / np.mean(noise**2))
    return (sound + noise * level * 10 ** (-under_db / 20)).astype(np.float32)
