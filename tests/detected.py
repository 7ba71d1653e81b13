"""Pictures, films and sounds of which the toy detectors' answers are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

LIKELY, DOUBTFUL, UNLIKELY = 0.9, 0.65, 0.3  # brightness: logits 4, 1.5 and -2 of the toy
SPOKEN_LIKE, HUMMED = 3000.0, 110.0  # Hz: over the highest threshold, and under the lowest


def grey(path: Path, light: float, size: tuple[int, int] = (96, 96)) -> Path:
    """Write an even picture of this brightness (0 to 1), width and height in pixels."""
    return written(path, np.full((size[1], size[0], 3), round(255 * light), np.uint8))


def grainy(path: Path, light: float, spread: float) -> Path:
    """Write a picture whose pixels are far from their neighbours, which no JPEG keeps."""
    rng = np.random.default_rng(1)
    return written(path, np.clip(rng.normal(light, spread, (96, 96, 3)) * 255, 0, 255))


def written(path: Path, rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[:, :, ::-1]).astype(np.uint8))
    return path


def film(
    path: Path, lights: Sequence[float], pitch: float | None, seconds: int = 4, key: int = 5
) -> Path:
    """Write a film whose brightness changes with its shots, with a tone for its sound.

    Every so many frames (`key`) one is coded by itself.
    """
    rate, size = 10, (96, 64)
    with av.open(str(path), "w") as out:
        options = {"g": str(key), "preset": "ultrafast"}
        video: Any = out.add_stream("libx264", rate=rate, options=options)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio: Any = out.add_stream("aac", rate=48000) if pitch else None
        count, heard = seconds * rate, 0
        for number in range(count):
            light = lights[number * len(lights) // count]
            # As full a range as RGB has: what is 0.9 here is 0.9 to the detector.
            rows = np.full((size[1], size[0], 3), round(255 * light), np.uint8)
            frame = av.VideoFrame.from_ndarray(rows, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            out.mux(video.encode(frame))
            while audio and heard < (number + 1) * 48000 // rate:
                out.mux(audio.encode(_block(heard, pitch or 0.0)))
                heard += 1024
        out.mux(video.encode(None))
        if audio:
            out.mux(audio.encode(None))
    return path


def sound(path: Path, pitch: float, seconds: float = 3.0, *, noise: bool = False) -> Path:
    """Write a sound: a tone of `pitch` Hz, or noise, which no detector of voices is for."""
    count = round(seconds * 48000)
    waves = _tone(np.arange(count), pitch)
    if noise:
        waves = np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("pcm_s16le", rate=48000, layout="mono")
        for first in range(0, count, 4800):
            part = (waves[first : first + 4800] * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48000, first
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _tone(at: np.ndarray, pitch: float) -> np.ndarray:
    seconds = at / 48000
    swell = 0.6 + 0.4 * np.sin(2 * np.pi * 2 * seconds)  # as syllables do
    return (0.3 * swell * np.sin(2 * np.pi * pitch * seconds)).astype(np.float32)


def _block(first: int, pitch: float) -> Any:
    waves = _tone(first + np.arange(1024), pitch)
    frame = av.AudioFrame.from_ndarray(np.stack([waves, waves]), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48000, first, Fraction(1, 48000)
    return frame
