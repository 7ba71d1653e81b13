"""What an attack does to samples: every function takes a sound with its rate, and returns both.

Sound is float32 of shape (channels, samples), from -1 to 1; all chance comes from the generator
that is passed in. No function changes what it is given.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.sound_bed import bed
from trustkit.watermarks.trial.sound_codecs import (
    Codec,
    Sound,
    aac,
    coded,
    filtered,
    in_range,
    resampled,
)

Heard = tuple[Sound, int]

_SLOPE = 1.1  # from the edge of a band to silence: a seventh of an octave
_STEP = 0.01  # seconds: what is looked at when silence is looked for


def same(samples: Sound, rate: int, _: Rng) -> Heard:
    """Return a copy."""
    return samples.copy(), rate


def through(samples: Sound, rate: int, _: Rng, codecs: tuple[Codec, ...]) -> Heard:
    """Return what is left after one codec, or several in turn."""
    for codec in codecs:
        samples, rate = coded(samples, rate, codec)
    return samples, rate


def at_rates(samples: Sound, rate: int, _: Rng, rates: tuple[int, ...]) -> Heard:
    """Return the sound resampled to each rate (Hz) in turn, and the last of them."""
    for wanted in rates:
        samples, rate = resampled(samples, rate, wanted), wanted
    return samples.copy(), rate


def quantised(samples: Sound, rate: int, _: Rng, bits: int) -> Heard:
    """Return it in steps of integer PCM of `bits` bits, without dither."""
    half = np.float32(2 ** (bits - 1))
    return np.clip(np.rint(samples * half), -half, half - 1) / half, rate


def louder(samples: Sound, rate: int, _: Rng, decibels: float) -> Heard:
    """Return it by as many dB louder; negative: softer."""
    return in_range(samples * np.float32(10 ** (decibels / 20))), rate


def noisy(samples: Sound, rate: int, rng: Rng, snr: float) -> Heard:
    """Return it with white noise `snr` dB below its RMS, another in every channel."""
    noise = rng.standard_normal(samples.shape, np.float32)
    return in_range(samples + noise * np.float32(_rms(samples) * 10 ** (-snr / 20))), rate


def band(samples: Sound, rate: int, _: Rng, low: float = 0.0, high: float = np.inf) -> Heard:
    """Return what lies from `low` to `high` Hz: linear phase, gone a tenth beyond either edge."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(samples.shape[1], 1 / rate)
    gain = np.ones(hertz.size)
    if np.isfinite(high):
        gain *= _ramp((high * _SLOPE - hertz) / (high * (_SLOPE - 1)))
    if low:
        gain *= _ramp((hertz - low / _SLOPE) / (low - low / _SLOPE))
    return _back(spectrum * gain, samples.shape[1]), rate


def equalised(samples: Sound, rate: int, rng: Rng, decibels: float) -> Heard:
    """Return it with a random gain of up to `decibels` either way in each octave from 63 Hz."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(samples.shape[1], 1 / rate)
    octaves = np.log2(np.maximum(hertz, 1.0) / 62.5)
    gains = rng.uniform(-decibels, decibels, 9)  # to 16 kHz
    curve = 10 ** (np.interp(octaves, np.arange(9), gains) / 20)
    return _back(spectrum * curve, samples.shape[1]), rate


def tempo(samples: Sound, rate: int, _: Rng, factor: float) -> Heard:
    """Return it `factor` times as fast, the pitch kept."""
    return filtered(samples, rate, f"atempo={factor}")


def speed(samples: Sound, rate: int, _: Rng, factor: float) -> Heard:
    """Return it `factor` times as fast, the pitch moving along."""
    return filtered(samples, rate, f"asetrate={round(rate * factor)},aresample={rate}")


def pitch(samples: Sound, rate: int, _: Rng, semitones: float) -> Heard:
    """Return it higher by as many semitones, the tempo kept."""
    factor = 2 ** (semitones / 12)
    filters = f"asetrate={round(rate * factor)},atempo={1 / factor:.9f},aresample={rate}"
    return filtered(samples, rate, filters)


def reverberant(samples: Sound, rate: int, rng: Rng, seconds: float) -> Heard:
    """Return it in a room whose echo falls by 60 dB in `seconds`, as loud as it was.

    The response is synthetic: the direct sound, then from 2 ms on Gaussian noise of as much
    energy that decays exponentially, another in every channel.
    """
    length, tail = samples.shape[1], round(1.2 * seconds * rate)
    response = rng.standard_normal((samples.shape[0], tail))
    response *= 10 ** (-3 * np.arange(tail) / (seconds * rate))
    response[:, : round(0.002 * rate)] = 0
    response /= np.sqrt(np.sum(response**2, axis=1, keepdims=True)) + 1e-12
    response[:, 0] = 1
    size = 1 << (length + tail - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    wet = np.fft.irfft(spectrum, size)[:, :length].astype(np.float32)
    return in_range(wet * np.float32(_rms(samples) / (_rms(wet) or 1.0))), rate


def across_a_room(samples: Sound, rate: int, rng: Rng) -> Heard:
    """Return it played and recorded: 120 Hz to 12 kHz, reverb, noise at 25 dB, AAC 64."""
    played, _ = band(samples, rate, rng, 120.0, 12_000.0)
    heard, _ = noisy(reverberant(played, rate, rng, 0.45)[0], rate, rng, 25.0)
    return coded(heard, rate, aac(64))


def cropped(samples: Sound, rate: int, rng: Rng, seconds: float) -> Heard:
    """Return `seconds` of it from anywhere; of a sound no longer raises `ValueError`."""
    wanted = round(seconds * rate)
    if samples.shape[1] <= wanted:
        raise ValueError(f"it is no longer than {seconds:g} s")
    start = int(rng.integers(samples.shape[1] - wanted, endpoint=True))
    return samples[:, start : start + wanted].copy(), rate


def trimmed(samples: Sound, rate: int, rng: Rng, seconds: float) -> Heard:
    """Return it without up to `seconds` at either end, though never more than a quarter."""
    most = min(samples.shape[1] // 4, round(seconds * rate))
    start, end = (int(rng.integers(most, endpoint=True)) for _ in range(2))
    return samples[:, start : samples.shape[1] - end].copy(), rate


def edited(samples: Sound, rate: int, rng: Rng, seconds: float) -> Heard:
    """Return it without `seconds` from its middle third; of a short sound, without a tenth."""
    length = samples.shape[1]
    gone = min(length // 10, round(seconds * rate))
    start = int(rng.integers(length // 3, max(length // 3, 2 * length // 3 - gone), endpoint=True))
    return np.delete(samples, slice(start, start + gone), axis=1), rate


def under_music(samples: Sound, rate: int, rng: Rng, snr: float) -> Heard:
    """Return it over music whose RMS is `snr` dB below its own.

    The music is made, not another clip: so a clip fares the same in any company.
    """
    music = bed(samples.shape[1] / rate, rate, rng)[:, : samples.shape[1]]
    return in_range(samples + music * np.float32(_rms(samples) * 10 ** (-snr / 20))), rate


def compressed(samples: Sound, rate: int, _: Rng) -> Heard:
    """Return it through a compressor, 8 to 1 from 12 dB below its RMS, and a limiter.

    The limiter cuts what is left of peaks to 9 dB over that RMS, where FFmpeg's can: -24 dB to 0.
    """
    loud = _rms(samples)
    threshold, limit = np.clip([loud / 4, 2.8 * loud], [0.001, 0.0625], 1.0)
    squeeze = f"acompressor=threshold={threshold:.6f}:ratio=8:attack=5:release=80:makeup=4"
    return filtered(samples, rate, f"{squeeze},alimiter=limit={limit:.6f}:level=0:latency=1")


def without_silence(samples: Sound, rate: int, _: Rng, decibels: float, seconds: float) -> Heard:
    """Return it without what stays `decibels` below its loudest 10 ms for over `seconds`."""
    step = max(1, round(_STEP * rate))
    count = -(-samples.shape[1] // step)
    padded = np.pad(samples, ((0, 0), (0, count * step - samples.shape[1])))
    power = np.mean(padded.reshape(samples.shape[0], count, step).astype(np.float64) ** 2, (0, 2))
    quiet = power < power.max(initial=0.0) * 10 ** (-decibels / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    for start, end in edges.reshape(-1, 2):
        quiet[start:end] = (end - start) * _STEP > seconds
    return samples[:, ~np.repeat(quiet, step)[: samples.shape[1]]], rate


def one_channel(samples: Sound, rate: int, _: Rng, mixed: bool) -> Heard:
    """Return the mean of all channels, or the first alone; of one channel raises `ValueError`."""
    if samples.shape[0] == 1:
        raise ValueError("it has one channel already")
    return samples.mean(axis=0, keepdims=True) if mixed else samples[:1].copy(), rate


def _rms(samples: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def _ramp(value: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    ramp: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * np.clip(value, 0.0, 1.0))
    return ramp


def _back(spectrum: NDArray[np.complex128], length: int) -> Sound:
    return in_range(np.fft.irfft(spectrum, length))
