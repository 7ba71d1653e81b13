"""From a sound to the windows that a model takes: where there is a voice, at one level.

Training scripts cut with these same functions. The recipe, in this order:

1. The sound is cut into frames of 20 ms. A frame is loud when its power from 100 to 4000 Hz stands
   `gate_db` over the quiet tenth of the frames; this bar is held between 35 and 15 dB under the
   loudest twentieth (a clip without pauses has no quiet tenth, and a click is no voice), and over
   -65 dBFS.
2. It is tonal when that band's spectral flatness is under 0.25: noise is flatter. There is a voice
   in a loud frame when a fifth of the loud frames within a quarter of a second are tonal.
3. Windows of `window_s` start every `hop_s`; the last one ends where the sound ends. Those with a
   voice in `min_voice` of their frames are kept; if none is, the one with the most voice. Of more
   than `most_windows` as many are taken, evenly spread. A shorter sound is repeated to fill one.
4. Each is shifted to a mean of zero and scaled to a level of `level_dbfs` (root mean square), by at
   most 40 dB; what then passes full scale is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trustkit.detectors.card import AudioInput

Sound = NDArray[np.float32]
Flags = NDArray[np.bool_]

FRAME_S = 0.02
_BAND = (100.0, 4000.0)  # Hz; where voices have most of their power
_QUIET, _LOUD = 10, 95  # percentiles
_DEEPEST, _SHALLOWEST = 35.0, 15.0  # dB under the loud frames
_SILENCE = -65.0  # dBFS
_FLAT = 0.25
_TONAL_SHARE = 0.2
_AROUND = 12  # frames to either side: a quarter of a second
_MOST_GAIN = 100.0  # 40 dB
_AT_ONCE = 2048  # frames
_BANDWIDTH_DROP = 55.0  # dB under the strongest frequency
_TINY = 1e-20


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of sound as the model takes it, its place (seconds from and to), share of voice."""

    samples: Sound
    place: tuple[float, float]
    voice: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The windows of a sound; seconds of voice in all of it, and up to where its spectrum goes."""

    windows: tuple[Window, ...]
    voice_s: float
    bandwidth_hz: float


def listen(sound: Sound, wanted: AudioInput) -> Heard:
    """Return the windows of a sound: (samples,) from -1 to 1 at `wanted.rate` Hz, at least one."""
    voiced, bandwidth = voice(sound, wanted)
    starts, length = _chosen(len(sound), voiced, wanted)
    windows = tuple(
        Window(
            levelled(_whole(sound[start : start + length], length), wanted.level_dbfs),
            (start / wanted.rate, min(len(sound), start + length) / wanted.rate),
            _share(voiced, start, length, wanted.rate),
        )
        for start in starts
    )
    return Heard(windows, float(voiced.sum()) * FRAME_S, bandwidth)


def voice(sound: Sound, wanted: AudioInput) -> tuple[Flags, float]:
    """Tell for each frame of 20 ms whether there is a voice, and the bandwidth in Hz of those."""
    powers, flatness = _frames(sound, wanted.rate)
    if not len(powers):
        return np.zeros(0, bool), 0.0
    levels = 10 * np.log10(powers + _TINY)
    quiet, loud = np.percentile(levels, [_QUIET, _LOUD])
    bar = np.clip(quiet + wanted.gate_db, loud - _DEEPEST, loud - _SHALLOWEST)
    is_loud = levels > max(bar, _SILENCE)
    tonal = _around(is_loud & (flatness < _FLAT))
    voiced = is_loud & (tonal >= _TONAL_SHARE * np.maximum(_around(is_loud), 1))
    return voiced, _bandwidth(sound, voiced, wanted.rate)


def levelled(samples: Sound, level_dbfs: float | None) -> Sound:
    """Return samples with a mean of zero and a root mean square of `level_dbfs`; None: as it is."""
    if level_dbfs is None:
        return samples
    centred = samples - np.float32(samples.mean(dtype=np.float64))
    rms = float(np.sqrt(np.mean(np.square(centred, dtype=np.float64))))
    gain = min(_MOST_GAIN, 10 ** (level_dbfs / 20) / max(rms, 1e-12))
    return np.asarray(np.clip(centred * np.float32(gain), -1, 1), np.float32)


def grid(length: int, wanted: AudioInput) -> list[int]:
    """Return the first sample of every window of a sound of `length` samples."""
    window, hop = round(wanted.window_s * wanted.rate), round(wanted.hop_s * wanted.rate)
    if length <= window:
        return [0]
    return list(dict.fromkeys([*range(0, length - window, hop), length - window]))


def _chosen(length: int, voiced: Flags, wanted: AudioInput) -> tuple[list[int], int]:
    window = round(wanted.window_s * wanted.rate)
    starts = grid(length, wanted)
    shares = [_share(voiced, start, window, wanted.rate) for start in starts]
    kept = [s for s, share in zip(starts, shares, strict=True) if share >= wanted.min_voice]
    if not kept:
        kept = [starts[int(np.argmax(shares))]]
    if len(kept) > wanted.most_windows:
        kept = [kept[i] for i in _spread(len(kept), wanted.most_windows)]
    return kept, window


def _spread(count: int, most: int) -> list[int]:
    # The middle of each of `most` equal stretches.
    return [(2 * i + 1) * count // (2 * most) for i in range(most)]


def _share(voiced: Flags, start: int, length: int, rate: int) -> float:
    first, last = (int(at / rate / FRAME_S) for at in (start, start + length))
    part = voiced[first:last]
    return float(part.mean()) if len(part) else 0.0


def _whole(samples: Sound, length: int) -> Sound:
    if len(samples) == length or not len(samples):
        return samples if len(samples) else np.zeros(length, np.float32)
    return np.resize(samples, length)


def _frames(sound: Sound, rate: int) -> tuple[NDArray[Any], NDArray[Any]]:
    # Power and flatness of the band of each frame.
    size = round(FRAME_S * rate)
    count = len(sound) // size
    band = slice(*np.searchsorted(np.fft.rfftfreq(size, 1 / rate), _BAND))
    powers, flatness = np.zeros(count), np.zeros(count)
    for first in range(0, count, _AT_ONCE):  # an hour's spectra would fill 200 MB
        last = min(count, first + _AT_ONCE)
        inside = _spectra(sound[first * size : last * size].reshape(-1, size))[:, band] + _TINY
        powers[first:last] = 2 * inside.sum(1)
        flatness[first:last] = np.exp(np.log(inside).mean(1)) / inside.mean(1)
    return powers, flatness


def _spectra(frames: Sound) -> NDArray[Any]:
    # Power by frequency: of a sine at full scale they sum up to a quarter.
    size = frames.shape[1]
    shape = np.hanning(size)
    spectrum = np.abs(np.fft.rfft(frames.astype(np.float64) * shape))
    return np.asarray(np.square(spectrum) / (np.square(shape).sum() * size))


def _around(flags: Flags) -> NDArray[np.int64]:
    # How many are set within _AROUND frames to either side.
    total = np.concatenate([[0], np.cumsum(flags)])
    at = np.arange(len(flags))
    first, last = np.maximum(0, at - _AROUND), np.minimum(len(flags), at + _AROUND + 1)
    return np.asarray(total[last] - total[first], np.int64)


def _bandwidth(sound: Sound, voiced: Flags, rate: int) -> float:
    numbers = np.flatnonzero(voiced)
    if not len(numbers):
        return 0.0
    size = round(FRAME_S * rate)
    taken = numbers[:: -(-len(numbers) // _AT_ONCE)]
    mean = _spectra(sound[: len(voiced) * size].reshape(-1, size)[taken]).mean(0)
    inside = np.flatnonzero(10 * np.log10(mean / mean.max() + _TINY) > -_BANDWIDTH_DROP)
    return float((inside[-1] + 1) * rate / 2 / len(mean))
