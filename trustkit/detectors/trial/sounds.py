"""What codecs, telephones and rooms leave of a sound: (samples,) float32 from -1 to 1."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from trustkit.detectors import Array
from trustkit.media.sound.waves import as_floats, frame_of, samples_of
from trustkit.media.streams import open_container

Random = np.random.Generator

_PIECE = 1 << 14  # samples a frame
_BAND = (300.0, 3400.0)  # Hz; ITU-T G.712 of a telephone channel
_TELEPHONE_RATE = 8000  # Hz
_NOISE = 10 ** (-20 / 20)


def mp3(sound: Array, rate: int, _random: Random) -> Array:
    """Return the sound after MP3 of 64 kbit/s."""
    return _through(sound, rate, "libmp3lame", "mp3", 64_000)


def opus(sound: Array, rate: int, _random: Random) -> Array:
    """Return the sound after Opus of 24 kbit/s."""
    return _through(sound, rate, "libopus", "ogg", 24_000)


def aac(sound: Array, rate: int, _random: Random) -> Array:
    """Return the sound after AAC-LC of 64 kbit/s."""
    return _through(sound, rate, "aac", "adts", 64_000)


def telephone(sound: Array, rate: int, _random: Random) -> Array:
    """Return what a telephone channel passes, sampled at 8 kHz and brought back to `rate`."""
    spectrum = np.fft.rfft(sound)
    pitches = np.fft.rfftfreq(len(sound), 1 / rate)
    spectrum[(pitches < _BAND[0]) | (pitches > _BAND[1])] = 0
    passed = np.fft.irfft(spectrum, len(sound)).astype(np.float32)
    narrow = _resampled(passed, rate, _TELEPHONE_RATE)
    return _fitted(_resampled(narrow, _TELEPHONE_RATE, rate), len(sound))


def noise(sound: Array, _rate: int, random: Random) -> Array:
    """Return the sound with white noise of a tenth of its effective value."""
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    white = random.standard_normal(len(sound)).astype(np.float32)
    return np.asarray(np.clip(sound + np.float32(_NOISE * level) * white, -1, 1), np.float32)


def _through(sound: Array, rate: int, codec: str, container: str, bit_rate: int) -> Array:
    file = io.BytesIO()
    try:
        with open_container(file, "w", format=container) as out:
            stream = out.add_stream(codec, rate=rate, layout="mono")
            stream.bit_rate = bit_rate
            resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono",
                                          rate=rate)  # fmt: skip
            for at in range(0, len(sound), _PIECE):
                frame = frame_of(sound[None, at : at + _PIECE], "flt", "mono", rate, at)
                for ready in resampler.resample(frame):
                    out.mux(stream.encode(ready))
            for ready in resampler.resample(None):
                out.mux(stream.encode(ready))
            out.mux(stream.encode(None))
        file.seek(0)
        return _fitted(_decoded(file, rate), len(sound))
    except (av.FFmpegError, ValueError) as error:
        raise ValueError(f"{codec} does not take it at {rate} Hz") from error


def _decoded(file: io.BytesIO, rate: int) -> Array:
    with open_container(file) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        frames = [
            ready for frame in container.decode(audio=0) for ready in resampler.resample(frame)
        ]
        frames += resampler.resample(None)
    return _joined(frames)


def _resampled(sound: Array, rate: int, to: int) -> Array:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=to)
    frame = frame_of(np.ascontiguousarray(sound[None], np.float32), "flt", "mono", rate, 0)
    return _joined([*resampler.resample(frame), *resampler.resample(None)])


def _joined(frames: list[Any]) -> Array:
    pieces: list[NDArray[Any]] = [as_floats(samples_of(frame))[0] for frame in frames]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def _fitted(sound: Array, length: int) -> Array:
    # Encoders put some samples before, and fill the last frame.
    short = max(0, length - len(sound))
    return np.asarray(np.clip(np.pad(sound[:length], (0, short)), -1, 1), np.float32)
