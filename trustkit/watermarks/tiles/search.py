"""Where may the tiles lie? Each way of guessing, with how well its best guesses fit."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane
from trustkit.watermarks.tiles.layout import TILE
from trustkit.watermarks.tiles.observe import shrink, whiten
from trustkit.watermarks.tiles.register import Waves
from trustkit.watermarks.tiles.view import TURNS, Fit, Matrix, Sync, View

OCTAVES = (
    1.0,
    1.414,
    2.0,
    2.828,
)  # tiles so many times larger: crops to 50, 25 and 12 % of the area
PADDED = 0.707  # the same for copies with a wide frame, or turned in a frame that grew
_LAGS = tuple((i, j) for j in range(4) for i in range(-3, 4) if (j, i) > (0, 0))
_SIZE_STEP = 0.008
_TURN_STEP = 0.45  # degrees
_LEAST_OVERLAP = 0.1  # of the area: less gives nothing but noise
_LEEWAY = 7  # samples: how far a block may be off


def view_of(levelled: Plane, octave: float, native: float) -> View:
    """Return the view for marks about `octave` times larger than in a whole copy.

    `native` is the size of the copy's own pixels, in samples of the canonical plane.
    """
    height, width = levelled.shape
    plane = shrink(levelled, max(8, round(width / octave)), max(8, round(height / octave)))
    ratio = plane.shape[1] / width
    return View(whiten(plane), ratio, TILE / 2 / max(native * ratio, 1e-3))


def similarity(scale: NDArray[np.float64], degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return matrices (n, 2, 2) that turn by `degrees` and enlarge by `scale`."""
    turn = np.deg2rad(degrees)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    return np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)


def whole(found: Waves, sync: Sync, most: int) -> list[Fit]:
    """Guess that nothing was cut off or turned but by right angles."""
    total = found.values[:, :, sync.index].sum((0, 1))
    surface = sync.surfaces(total[None])[0]
    return _best(surface, found.matrix, "whole", most)


def blocks(found: Waves, sync: Sync, most: int) -> list[Fit]:
    """Guess the same of a picture a little bent: nine parts, each with some leeway."""
    rows, columns = found.covered.shape
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    middles = [(rows * (0.5 + 0.32 * j) - 0.5, columns * (0.5 + 0.32 * i) - 0.5)
               for j in (-1, 0, 1) for i in (-1, 0, 1)]  # fmt: skip
    spread = max(0.8, np.sqrt(rows * columns) / 7)
    windows = np.array(
        [np.exp(-((y - j) ** 2 + (x - i) ** 2) / (2 * spread**2)) for j, i in middles], np.float32
    )
    parts = windows @ found.values[:, :, sync.index].reshape(rows * columns, -1)
    surfaces = sync.surfaces(parts)
    half = _LEEWAY // 2
    total = np.zeros((8, TILE, TILE), np.float32)
    square = np.ones((_LEEWAY, _LEEWAY), np.uint8)
    for part in surfaces:
        for turn in range(8):
            around = cv2.copyMakeBorder(part[turn], half, half, half, half, cv2.BORDER_WRAP)
            total[turn] += cv2.dilate(around, square)[half:-half, half:-half]
    # The sum of nine maxima has no simple law; this surface's own scatter is its yardstick.
    total = (total - total.mean()) / (total.std() + 1e-9)
    return _best(total, found.matrix, "bent", most)


def _best(surface: NDArray[np.float32], matrix: Matrix, path: str, most: int) -> list[Fit]:
    fits = []
    surface = surface.copy()
    for _ in range(most):
        turn, y, x = np.unravel_index(int(surface.argmax()), surface.shape)
        # The tile's wave k is met at j = turn k, so its shift is turned with it.
        there = np.eye(3)
        there[:2, :2] = TURNS[turn]
        there[:2, 2] = -TURNS[turn] @ [x, y]
        fits.append(Fit(float(surface[turn, y, x]), matrix @ there, path))
        near = np.arange(-4, 5)
        surface[turn][np.ix_((y + near) % TILE, (x + near) % TILE)] = -np.inf
    return fits


def sizes(view: View, sync: Sync, low: float, high: float) -> list[Fit]:
    """Guess all sizes from `low` to `high` times the whole copy's, upright."""
    scales = np.exp(np.arange(np.log(low), np.log(high), _SIZE_STEP))
    return view.fits(similarity(scales * view.ratio, np.zeros_like(scales)), sync, "size")


def turned(view: View, sync: Sync) -> list[Fit]:
    """Guess all turns within the same frame."""
    degrees = np.arange(-45, 45, _TURN_STEP)
    return view.fits(similarity(np.full_like(degrees, view.ratio), degrees), sync, "turn", 2)


def everywhere(view: View, sync: Sync, octave: float) -> list[Fit]:
    """Guess every size of this octave with every turn, and upright with every squeeze."""
    scales = np.exp(np.arange(np.log(0.84), np.log(1.19), 1.5 * _SIZE_STEP)) * octave * view.ratio
    size, degrees = np.meshgrid(scales, np.arange(-45, 45, 1.5 * _TURN_STEP))
    fits = view.fits(similarity(size.ravel(), degrees.ravel()), sync, "deep")
    across, down = np.meshgrid(scales, scales)
    nil = np.zeros(across.size)
    squeezed = np.stack(
        [np.stack([across.ravel(), nil], -1), np.stack([nil, down.ravel()], -1)], -2
    )
    return fits + view.fits(squeezed, sync, "deep")


@lru_cache(maxsize=2)
def _grid(kind: str) -> NDArray[np.float64]:
    scales = np.exp(np.arange(np.log(0.8), np.log(1.22), 0.007))
    if kind == "echo":
        a, b = np.meshgrid(scales, np.arange(-45, 45, 0.4), indexing="ij")
        return similarity(a, b)
    across, down = np.meshgrid(scales, scales, indexing="ij")
    nil = np.zeros_like(across)
    return np.stack([np.stack([across, nil], -1), np.stack([nil, down], -1)], -2)


@lru_cache(maxsize=2)
def _lags(kind: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    grid = _grid(kind)
    at = np.array([grid @ (np.array(lag, float) * TILE) for lag in _LAGS])
    return np.rint(at[..., 0]).astype(np.int32), np.rint(at[..., 1]).astype(np.int32)


def echoes(view: View, kind: str, most: int) -> NDArray[np.float64]:
    """Guess size and turn (`echo`) or width and height (`squeeze`) from the tiles' repetition."""
    grid = _grid(kind)
    x, y = _lags(kind)
    size = len(view.echo)
    inside = (abs(x) < size // 2) & (abs(y) < size // 2)
    index = np.where(inside, y * size + x, 0) + (size // 2) * (size + 1)
    x, y = abs(x), abs(y)
    height, width = view.white.shape
    share = (np.maximum(width - x, 0) * np.maximum(height - y, 0)).astype(np.float32)
    share[~inside] = 0
    share[share < _LEAST_OVERLAP * width * height] = 0
    total = np.where(share > 0, view.echo.reshape(-1)[index], 0).sum(0)
    score = total / np.sqrt(share.sum(0) + 1)
    found = []
    near = 3
    for _ in range(most):
        i, j = np.unravel_index(int(score.argmax()), score.shape)
        found.append(grid[i, j])
        score[max(i - near, 0) : i + near + 1, max(j - near, 0) : j + near + 1] = -np.inf
    return np.array(found)
