"""Pictures that the tests make: hills, grain and hard edges; and what only looks like a mark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np

from trustkit.watermarks import Array

SIZES = ((640, 480), (480, 720), (900, 500))


@cache
def scene(number: int) -> Array:
    """Return a picture (height, width, 3) of its own for each number, not to be written to."""
    width, height = SIZES[number % len(SIZES)]
    rng = np.random.default_rng(number)
    picture = np.full((height, width, 3), float(rng.integers(90, 160)), np.float32)
    for size, loud in ((80, 38), (20, 14), (6, 7), (2, 6)):  # pixels, steps
        rough = rng.normal(size=(height // size + 2, width // size + 2, 3)).astype(np.float32)
        smooth = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
        picture += loud * rng.uniform(0.6, 1.2) * smooth
    for _ in range(5):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        shade = tuple(map(float, rng.integers(30, 220, 3)))
        cv2.circle(picture, (x, y), height // 10, shade, cv2.FILLED, cv2.LINE_AA)
    eight = np.clip(picture, 0, 255).astype(np.uint8)
    eight.flags.writeable = False
    return eight


def unmarked() -> Iterator[Array]:
    """Yield noise, textures, grids, tilings and gradients: 60 pictures without a mark."""
    for seed in range(12):
        rng = np.random.default_rng(100 + seed)
        yield rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
        rough = cv2.GaussianBlur(rng.normal(size=(300, 420)), (0, 0), 1 + seed / 4)
        yield np.clip(128 + 40 * rough / rough.std(), 0, 255).astype(np.uint8)
        # Repeats just as often as our tiles do, in both directions or in one.
        patch = rng.integers(60, 190, (64, 64)).astype(np.uint8)
        tiled = np.tile(patch, (5, 5 if seed % 2 else 6))
        yield tiled if seed < 6 else cv2.resize(tiled, None, fx=1.5, fy=1.5)
        y, x = np.mgrid[0:320, 0:320]
        waves = np.sin(x * (seed + 3) * 2 * np.pi / 64) + np.sin((x + y) * (seed + 5) * np.pi / 32)
        yield (128 + 50 * waves).astype(np.uint8)
        yield scene(200 + seed)
