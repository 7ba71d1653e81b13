"""A picture and a film with enough texture to hold a mark, made by the tests."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image


def texture(width: int, height: int, seed: int = 1) -> np.ndarray:
    """Return RGB of soft shapes with finer ones upon them."""
    rng = np.random.default_rng(seed)
    made = np.full((height, width, 3), 128, np.float32)
    for step, height_ in ((4, 6), (16, 14), (64, 30)):
        size = (-(-height // step), -(-width // step), 3)
        made += height_ * cv2.resize(
            rng.normal(size=size).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
    return np.clip(made, 0, 255).astype(np.uint8)


def picture(path: Path, seed: int = 1, size: tuple[int, int] = (640, 480)) -> Path:
    """Write a picture and return where it is."""
    Image.fromarray(texture(*size, seed)).save(path)
    return path


def clip(path: Path, seconds: float = 2.0, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a film whose ground slides by, and return where it is."""
    width, height = size
    count = round(25 * seconds)
    ground = texture(width + 2 * count, height + count)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            part = ground[number : number + height, 2 * number : 2 * number + width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
