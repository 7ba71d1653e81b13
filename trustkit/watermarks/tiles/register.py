"""Lay the tiles exactly: measure block by block how far they are off, and bend the grid to it.

A crop guessed half a per cent too large, a page shot from the side, a print: all leave the tiles
near where they should be, but not near enough for the finer waves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks.tiles.layout import TILE, Layout, all_waves
from trustkit.watermarks.tiles.view import Fit, Matrix, View

_ROUNDS = ((1.2, 5.0, 1.0, 13.0), (0.9, 3.0, 0.75, 19.0), (0.8, 1.5, 0.5, 26.0))
# (window in tiles, reach in samples, step in samples, highest wave) of each round
_AROUND = 1.1  # tiles over which the strength of the mark is averaged
_DEAF = 0.2  # what a tile without any sign of the mark still counts
_LEAST_BLOCKS = 3  # for a plane that can tilt
_LEAST_COVER = 0.15  # of a tile
_SURE = 2.0  # standard deviations: a block below says nothing about its place
_STIFF = 10.0  # how much evidence it takes to bend the grid


@dataclass(frozen=True)
class Waves:
    """The spectra of all tiles, (rows, columns, waves), and where the tiles lie."""

    values: NDArray[np.complex64]
    matrix: Matrix
    covered: NDArray[np.float32]  # (rows, columns): the share of each tile that shows


def waves(view: View, matrix: Matrix, layout: Layout) -> Waves:
    """Cut `view` into tiles and return their waves."""
    tiles, moved = view.tiles(matrix)
    rows, columns = tiles.shape[:2]
    # Two small matrix products are four times as fast as a transform of all frequencies.
    down, across = _transforms()
    parts = tiles.reshape(-1, TILE) @ across
    half = parts.shape[1] // 2
    spectra = down @ (parts[:, :half] + 1j * parts[:, half:]).reshape(rows, columns, TILE, half)
    values = spectra[:, :, layout.ky + len(down) // 2, layout.kx]
    covered = (tiles[:, :, ::4, ::4] != 0).mean((2, 3), dtype=np.float32)
    return Waves(values, moved, covered)


def register(view: View, fit: Fit, layout: Layout) -> Waves:
    """Return the waves of all tiles after the grid was bent to where they are."""
    found = waves(view, fit.matrix, layout)
    before = fitness(found, layout, view.reach)
    first = found
    for window, reach, step, highest in _ROUNDS:
        moved = _bend(found, layout, window, reach, step, min(highest, view.reach))
        if moved is None:
            break
        found = waves(view, found.matrix @ moved, layout)
    return found if fitness(found, layout, view.reach) > before else first


def fitness(found: Waves, layout: Layout, highest: float) -> float:
    """Return how well the waves of fixed phase agree, in standard deviations."""
    chosen = layout.is_sync & (layout.radius <= highest)
    unit = found.values.sum((0, 1))[chosen] * np.conj(layout.phases[chosen])
    return float(unit.real.sum() / np.sqrt((np.abs(unit) ** 2).sum() / 2 + 1e-9))


def spread(found: Waves, layout: Layout, highest: float) -> NDArray[np.float32]:
    """Return how much each tile is worth listening to: (rows, columns), 1 for the best."""
    rows, columns = found.covered.shape
    chosen = layout.is_sync & (layout.radius <= highest)
    unit = found.values[:, :, chosen] * np.conj(layout.phases[chosen])
    heard = _windows(rows, columns, _AROUND) @ unit.real.sum(2).reshape(-1)
    heard /= _windows(rows, columns, _AROUND) @ (found.covered.reshape(-1) + 1e-3)
    heard = np.maximum(heard / max(float(heard.max()), 1e-9), _DEAF)
    return np.asarray(heard.reshape(rows, columns), np.float32)


def _bend(
    found: Waves, layout: Layout, window: float, reach: float, step: float, highest: float
) -> Matrix | None:
    rows, columns = found.covered.shape
    chosen = layout.is_sync & (layout.radius <= highest)
    unit = found.values[:, :, chosen] * np.conj(layout.phases[chosen]) * layout.amplitude[chosen]
    shifts, turning = _shifts(reach, step)
    turning = turning[chosen]
    blur = _windows(rows, columns, window)
    blocks = blur @ unit.reshape(rows * columns, -1)
    noise = np.sqrt((blur**2) @ (np.abs(unit) ** 2).reshape(rows * columns, -1).sum(1) / 2) + 1e-9
    surfaces = (blocks @ turning).real / noise[:, None]
    best = surfaces.argmax(1)
    z = surfaces[np.arange(len(best)), best]
    weights: Matrix = np.maximum(z - _SURE, 0).astype(np.float64) ** 2 * (
        found.covered.reshape(-1) > _LEAST_COVER
    )
    if (weights > 0).sum() < _LEAST_BLOCKS:
        return None
    middles = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
    return _homography(
        np.asarray((middles + 0.5) * TILE, np.float64),
        shifts[best],
        np.asarray(weights, np.float64),
    )


def _homography(
    at: NDArray[np.float64], off: NDArray[np.float64], weights: NDArray[np.float64]
) -> Matrix:
    """Fit the mild perspective that moves `at` by `off`; stiff where the evidence is thin."""
    centre = (at * weights[:, None]).sum(0) / weights.sum()
    scale = 2.5 * TILE
    x, y = ((at - centre) / scale).T
    one, nil = np.ones_like(x), np.zeros_like(x)
    dx, dy = (off / scale).T
    # x' = x + a + bx + cy - x(gx + hy), to the first order; y' likewise.
    top = np.stack([one, x, y, nil, nil, nil, -x * x, -x * y], 1)
    low = np.stack([nil, nil, nil, one, x, y, -x * y, -y * y], 1)
    system = np.concatenate([top, low])
    target = np.concatenate([dx, dy])
    w = np.concatenate([weights, weights])
    stiff = np.diag([0, 1, 1, 0, 1, 1, 4, 4]) * _STIFF
    # Twice, the second time without blocks that disagree with all others.
    for _ in range(2):
        normal = (system * w[:, None]).T @ system + stiff + 1e-9 * np.eye(8)
        a, b, c, d, e, f, g, h = np.linalg.solve(normal, (system * w[:, None]).T @ target)
        residual = np.hypot(*(target - system @ [a, b, c, d, e, f, g, h]).reshape(2, -1)) * scale
        keep = residual < max(2.0, 2.5 * float(np.median(residual[weights > 0])))
        w = np.concatenate([weights * keep] * 2)
    inner = np.array([[1 + b, c, a], [e, 1 + f, d], [g, h, 1]])
    to = np.array(
        [[1 / scale, 0, -centre[0] / scale], [0, 1 / scale, -centre[1] / scale], [0, 0, 1]]
    )
    return np.asarray(np.linalg.inv(to) @ inner @ to)


@cache
def _transforms() -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    # Down all columns (frequencies, samples); across all rows (samples, cosines and sines).
    kx, ky = all_waves()
    turns = 2 * np.pi / TILE * np.arange(TILE)
    down = np.exp(-1j * np.outer(np.arange(-ky.max(), ky.max() + 1), turns))
    across = np.outer(turns, np.arange(kx.max() + 1))
    return (
        down.astype(np.complex64),
        np.concatenate([np.cos(across), -np.sin(across)], 1).astype(np.float32),
    )


@lru_cache(maxsize=4)
def _shifts(reach: float, step: float) -> tuple[NDArray[np.float64], NDArray[np.complex64]]:
    steps = np.arange(-reach, reach + step / 2, step)
    shifts = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    kx, ky = all_waves()
    turning = np.exp(2j * np.pi / TILE * (np.stack([kx, ky], 1) @ shifts.T))
    return shifts, turning.astype(np.complex64)


@lru_cache(maxsize=64)
def _windows(rows: int, columns: int, window: float) -> NDArray[np.float32]:
    y, x = np.mgrid[:rows, :columns].reshape(2, -1)
    squared = (x[:, None] - x) ** 2 + (y[:, None] - y) ** 2
    return np.asarray(np.exp(-squared / (2 * window**2)), np.float32)
