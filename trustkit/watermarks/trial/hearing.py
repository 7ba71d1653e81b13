"""How far a sound is from another: three measures of numbers, and one of hearing where installed.

Both sounds have one shape, (channels, samples). A frame is silent, and left out, when its power in
the first sound is more than 50 dB below that of its loudest frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from trustkit.watermarks.trial.sound_codecs import Sound, resampled

_SILENT = 1e-5  # of the power of the loudest frame: -50 dB
_SEGMENT = 0.02  # seconds
_SEGMENT_DB = (-10.0, 35.0)  # Hansen and Pellom 1998: beyond, a difference is not heard as more
_WINDOW, _HOP = 2048, 512
_FLOOR = 1e-8  # of the power of the first sound's loudest bin: -80 dB
_FRAMES = 512  # at a time, so that memory stays flat
_PESQ_RATE = 16_000  # Hz, ITU-T P.862.2


def snr(one: Sound, other: Sound) -> float:
    """Return 10 log10 of the first sound's energy over that of the difference, in dB.

    Same sounds: infinity. Raises `ValueError` for sounds that differ in shape.
    """
    _check(one, other)
    return _decibels(_energy(one), _energy(other - one))


def segmental_snr(one: Sound, other: Sound, rate: int) -> float | None:
    """Return the mean SNR in dB of 20 ms frames that are not silent, each within -10 and 35 dB.

    None of a sound shorter than a frame, or silent. Raises `ValueError` for sounds that differ in
    shape.
    """
    _check(one, other)
    size = max(1, round(_SEGMENT * rate))
    whole = one.shape[1] // size * size
    signal, noise = (
        np.square(part[:, :whole], dtype=np.float64).reshape(one.shape[0], -1, size).sum((0, 2))
        for part in (one, other - one)
    )
    heard = _heard(signal)
    if not heard.any():
        return None
    ratio = 10 * np.log10(signal[heard] / np.maximum(noise[heard], 1e-30))
    return float(np.clip(ratio, *_SEGMENT_DB).mean())


def spectral_distance(one: Sound, other: Sound) -> float | None:
    """Return the log-spectral distance in dB.

    Hann windows of 2,048 samples every 512, at the sounds' own rate. A frame's distance is the
    root of the mean, over all 1,025 bins, of the squared difference of 10 log10 of the power, with
    no power taken below -80 dB of the first sound's loudest bin; the result is the mean over the
    frames of all channels that are not silent. None of a sound shorter than a frame, or silent.
    Raises `ValueError` for sounds that differ in shape.
    """
    _check(one, other)
    if one.shape[1] < _WINDOW:
        return None
    power, loudest = _powers(one)
    if loudest == 0:
        return None
    heard, distance = _heard(power), _distances(one, other, loudest * _FLOOR)
    return float(distance[heard].mean())


def pesq(one: Sound, other: Sound, rate: int) -> float | None:
    """Return wideband PESQ (ITU-T P.862.2; 1 to 4.64) of the channels' mean at 16 kHz.

    It was made for speech; of music it is an indication at best. None where it is not installed,
    or finds nothing to compare. Raises `ValueError` for sounds that differ in shape.
    """
    _check(one, other)
    if find_spec("pesq") is None:
        return None
    package = import_module("pesq")
    first, second = (
        resampled(sound.mean(axis=0, keepdims=True), rate, _PESQ_RATE)[0] for sound in (one, other)
    )
    try:
        return float(package.pesq(_PESQ_RATE, first, second, "wb"))
    except package.PesqError:  # silence, or less than a quarter of a second
        return None


def _check(one: Sound, other: Sound) -> None:
    if one.shape != other.shape or one.ndim != 2:  # noqa: PLR2004  # channels and samples
        raise ValueError("only sounds of one shape can be compared")


def _energy(sound: Sound) -> float:
    return float(np.sum(np.square(sound, dtype=np.float64)))


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _heard(power: NDArray[np.float64]) -> NDArray[np.bool_]:
    heard: NDArray[np.bool_] = (power > 0) & (power >= _SILENT * power.max(initial=0.0))
    return heard


def _powers(sound: Sound) -> tuple[NDArray[np.float64], float]:
    """Return the power of every frame, and the highest of any bin."""
    power = [spectra.sum(axis=-1) for spectra in _spectra(sound)]
    loudest = max(float(spectra.max()) for spectra in _spectra(sound))
    return np.concatenate(power, axis=1), loudest


def _distances(one: Sound, other: Sound, floor: float) -> NDArray[np.float64]:
    """Return the distance of every frame."""
    found = []
    for first, second in zip(_spectra(one), _spectra(other), strict=True):
        apart = np.log10(np.maximum(first, floor) / np.maximum(second, floor))
        found.append(10 * np.sqrt(np.mean(apart * apart, axis=-1)))
    return np.concatenate(found, axis=1)


def _spectra(sound: Sound) -> Iterator[NDArray[np.float64]]:
    """Return the power of every bin, (channels, frames, bins), some frames at a time."""
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    frames = sliding_window_view(sound, _WINDOW, axis=1)[:, ::_HOP]
    for start in range(0, frames.shape[1], _FRAMES):
        spectrum = np.fft.rfft(frames[:, start : start + _FRAMES] * window)
        yield np.square(spectrum.real, dtype=np.float64) + np.square(
            spectrum.imag, dtype=np.float64
        )
