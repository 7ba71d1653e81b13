"""What the tests of labels share: plain pictures, contrast as WCAG defines it, recordings."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def plain(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (640, 480)) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def busy(path: Path, size: tuple[int, int] = (640, 480)) -> Path:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    Image.fromarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8))).save(path)
    return path


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The definition of WCAG 2.2, written down a second time."""
    value = rgb.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def ratio(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def inside(path: Path, box: list[int]) -> NDArray[np.uint8]:
    x, y, width, height = box
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").crop((x, y, x + width, y + height)))


def recording(
    path: Path, seconds: float, rate: int = 16000, hertz: float = 440.0, level: float = 0.2
) -> Path:
    """A tone that swells and falls, as speech does, in 16-bit WAV."""
    at = np.arange(round(seconds * rate)) / rate
    tone = level * np.sin(2 * np.pi * hertz * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * at))
    return write_wav(path, np.rint(tone * 32767).astype("<i2")[None], rate)


def write_wav(path: Path, samples: NDArray[np.int16], rate: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(samples))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.ascontiguousarray(samples.T).tobytes())
    return path


def read_wav(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.reshape(-1, file.getnchannels()).T
