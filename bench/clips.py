"""Varied clips for the video bench, made from photos: pans, zooms, cuts, grain, shake, overlays.

Seeded: the same photos give the same clips. They are made into a folder and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]


@dataclass(frozen=True)
class Clip:
    """A clip to be made: `draw` gives frame after frame, as BGR."""

    name: str
    size: tuple[int, int]
    rate: int
    frames: int
    draw: Callable[[Clip, list[Picture], np.random.Generator], Iterator[Picture]]


def view(
    photo: Picture, size: tuple[int, int], x: float, y: float, zoom: float, turn: float = 0.0
) -> Picture:
    """Return a window of the photo: its centre at `x`, `y` (0 to 1), `zoom` 1 fills the window."""
    width, height = size
    fit = max(width / photo.shape[1], height / photo.shape[0]) * zoom
    matrix = cv2.getRotationMatrix2D((x * photo.shape[1], y * photo.shape[0]), turn, fit)
    matrix[:, 2] += (width / 2 - x * photo.shape[1], height / 2 - y * photo.shape[0])
    return cv2.warpAffine(
        photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def grain(picture: Picture, rng: np.random.Generator, deviation: float) -> Picture:
    noise = rng.normal(0, deviation, picture.shape[:2]).astype(np.float32)
    noisy: Picture = np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)
    return noisy


def pan(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    for n in range(clip.frames):
        at = n / clip.frames
        yield view(photos[0], clip.size, 0.35 + 0.3 * at, 0.5, 1.3)


def zoom(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    for n in range(clip.frames):
        at = n / clip.frames
        yield view(photos[1], clip.size, 0.5, 0.5, 1.05 + 0.5 * at, 3 * np.sin(4 * at))


def cuts(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    for n in range(clip.frames):
        shot, at = divmod(n, 20)
        photo = photos[shot % len(photos)]
        yield grain(view(photo, clip.size, 0.45 + 0.005 * at, 0.5, 1.15), rng, 4)


def overlay(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    width, height = clip.size
    for n in range(clip.frames):
        picture = view(photos[2], clip.size, 0.5 + 0.0006 * n, 0.5, 1.1)
        for k in range(6):
            x = int((n * (7 + 3 * k) + 190 * k) % width)
            y = int(height * (0.5 + 0.4 * np.sin(n / (9 + k) + k)))
            colour = tuple(int(c) for c in np.roll((230, 90, 30), k))
            cv2.circle(picture, (x, y), height // 14, colour, -1, cv2.LINE_AA)
        words = f"NEWS AT {n // clip.rate:02d}   breaking story   " * 3
        cv2.rectangle(picture, (0, height * 9 // 10), (width, height), (40, 20, 20), -1)
        place = (width - 6 * n, height * 97 // 100)
        cv2.putText(picture, words, place, 0, height / 540, (250, 250, 250), 2, cv2.LINE_AA)
        yield picture


def shake(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    place = np.zeros(3)
    for n in range(clip.frames):
        place = 0.9 * place + rng.normal(0, (0.004, 0.004, 0.25))
        picture = view(photos[3], clip.size, 0.5 + place[0], 0.5 + place[1], 1.2, place[2])
        light = 0.85 + 0.25 * np.sin(n / 17)
        fade = min(1.0, (n + 2) / 12)
        yield np.clip(picture * light * fade, 0, 255).astype(np.uint8)


def scroll(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    # A screen that is read: still, then scrolled, then still.
    for n in range(clip.frames):
        at = np.clip((n - 40) / 40, 0, 1)
        yield view(photos[4], clip.size, 0.5, 0.4 + 0.2 * at, 1.1)


def night(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    for n in range(clip.frames):
        picture = view(photos[5], clip.size, 0.5, 0.45 + 0.0008 * n, 1.2).astype(np.float32)
        dark = (255 * (picture / 255) ** 2.2 * 0.6).astype(np.uint8)
        yield grain(dark, rng, 6)


def camera(clip: Clip, photos: list[Picture], rng: np.random.Generator) -> Iterator[Picture]:
    # Held by hand, with a sensor's grain, and one cut.
    place = np.zeros(2)
    for n in range(clip.frames):
        place = 0.9 * place + rng.normal(0, 0.0006, 2)
        photo = photos[2 * n // clip.frames]
        picture = view(photo, clip.size, 0.5 + place[0] + 0.0008 * n, 0.5 + place[1], 1.05)
        yield grain(picture, rng, 2.5)


CLIPS = (
    Clip("pan-360p", (640, 360), 25, 150, pan),
    Clip("zoom-720p", (1280, 720), 30, 120, zoom),
    Clip("cuts-540p", (960, 540), 25, 140, cuts),
    Clip("overlay-1080p", (1920, 1080), 25, 100, overlay),
    Clip("shake-480p", (854, 480), 30, 150, shake),
    Clip("scroll-1080p", (1920, 1080), 30, 120, scroll),
    Clip("night-720p", (1280, 720), 25, 100, night),
    Clip("camera-1080p", (1920, 1080), 25, 80, camera),
)


def make(photos: list[Path], folder: Path) -> list[Path]:
    """Make all clips from at least eight photos, of good quality, and return where they are."""
    made = []
    for number, clip in enumerate(CLIPS):
        path = folder / f"{clip.name}.mkv"
        made.append(path)
        if path.exists():
            continue
        rng = np.random.default_rng(number)
        chosen = [photos[(number + k) % len(photos)] for k in range(8)]
        pictures: list[Picture] = [np.asarray(cv2.imread(str(photo))) for photo in chosen]
        _write(clip, clip.draw(clip, pictures, rng), path)
    return made


def _write(clip: Clip, pictures: Iterator[Picture], path: Path) -> None:
    fresh = path.with_suffix(".part.mkv")
    with av.open(str(fresh), "w") as out:
        stream: Any = out.add_stream(
            "libx264", rate=clip.rate, options={"crf": "12", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = *clip.size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, clip.rate)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, clip.rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    fresh.rename(path)
