"""One whitened plane, ready to be asked whether the tiles lie on it in a certain way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane
from trustkit.watermarks.tiles.layout import TILE, Layout

Matrix = NDArray[np.float64]

# The eight ways to lay a square: four quarter turns, and each of them mirrored.
TURNS: tuple[Matrix, ...] = tuple(
    np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), turn) @ np.diag([mirror, 1.0])
    for turn in range(4)
    for mirror in (1.0, -1.0)
)


@dataclass(frozen=True)
class Fit:
    """How the tiles may lie: `matrix` from tile to plane coordinates, `z` how well they fit."""

    z: float
    matrix: Matrix
    path: str


@dataclass(frozen=True)
class Sync:
    """The waves of fixed phase, laid out for searching in all eight ways at once."""

    index: NDArray[np.int64]  # which of the layout's waves these are
    k: NDArray[np.float64]  # (waves, 2): kx, ky
    reference: NDArray[np.complex64]  # (8, waves): conjugated, at the turned wave's place
    place: NDArray[np.int64]  # (8, waves): where the turned wave goes in the 64 x 64 array
    mirror: NDArray[np.int64]  # (8, waves): where its conjugate goes

    def surfaces(self, seen: NDArray[np.complex64], turns: int = 8) -> NDArray[np.float32]:
        """Correlate waves (n, waves) with the first `turns` (even) and each shift.

        Returns (n, turns, 64, 64) in standard deviations.
        """
        count = len(seen)
        power = (np.abs(seen) ** 2 * np.abs(self.reference[0]) ** 2).sum(1) / 2
        seen = seen / (np.sqrt(power) + 1e-9)[:, None]
        # Two real surfaces fit into one complex transform.
        spectra = np.zeros((count, turns // 2, TILE * TILE), np.complex64)
        for turn in range(turns):
            waves = seen * self.reference[turn] * (0.5j if turn % 2 else 0.5)
            spectra[:, turn // 2, self.place[turn]] += waves
            back = waves.conj() * (-1 if turn % 2 else 1)
            spectra[:, turn // 2, self.mirror[turn]] += back
        both = np.fft.fft2(spectra.reshape(count, -1, TILE, TILE))
        surfaces = np.stack([both.real, both.imag], 2).reshape(count, turns, TILE, TILE)
        return np.asarray(surfaces, np.float32)


def open_sync(layout: Layout, reach: float) -> Sync:
    """Return the waves of fixed phase up to `reach` cycles a tile."""
    chosen = layout.is_sync & (layout.radius <= reach)
    k = np.stack([layout.kx[chosen], layout.ky[chosen]], 1)
    weight = layout.amplitude[chosen]
    own = {
        (int(x), int(y)): phase
        for (x, y), phase in zip(k, layout.phases[chosen] * weight, strict=True)
    }
    reference, place, mirror = [], [], []
    for turn in TURNS:
        # Wave k of the tile is met at j = turn k, so what is met at j belongs to k = turn' j.
        source = np.rint(k @ turn).astype(int)
        phases = [
            own[(x, y)] if (x, y) in own else np.conj(own[(-x, -y)]) for x, y in source.tolist()
        ]
        reference.append(np.conj(phases))
        place.append((source[:, 1] % TILE) * TILE + source[:, 0] % TILE)
        mirror.append((-source[:, 1] % TILE) * TILE + -source[:, 0] % TILE)
    return Sync(
        np.flatnonzero(chosen),
        k.astype(float),
        np.array(reference, np.complex64),
        np.array(place),
        np.array(mirror),
    )


@dataclass(frozen=True)
class View:
    """A whitened plane; `ratio` is its size against the canonical plane's.

    `reach` is the highest wave, in cycles a tile, that the copy's own pixels can hold.
    """

    white: Plane
    ratio: float
    reach: float = 32.0

    @property
    def middle(self) -> Matrix:
        """The plane's middle, which is where the transform has its origin."""
        height, width = self.white.shape
        return np.array([width // 2, height // 2], float)

    @cached_property
    def padded(self) -> int:
        """The size of the padded transform: fine enough to be read between its bins."""
        return min(1024, max(192, 2 * cv2.getOptimalDFTSize(max(self.white.shape))))

    @cached_property
    def spectrum(self) -> NDArray[np.complex64]:
        """The padded transform about the middle, low frequencies in the middle of the array."""
        height, width = self.white.shape
        size = self.padded
        x, y = self.middle.astype(int)
        # Rolled, so that the plane's middle is at (0, 0) and the low frequencies in the middle.
        padded = np.zeros((size, size), np.float32)
        rows, columns = min(height, size), min(width, size)
        padded[:rows, :columns] = self.white[:rows, :columns]
        padded = np.roll(padded, (-y, -x), (0, 1))
        padded[1::2] *= -1
        padded[:, 1::2] *= -1
        both = cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT)
        return both.view(np.complex64)[..., 0]

    @cached_property
    def echo(self) -> Plane:
        """The autocorrelation, lag 0 in the middle."""
        power = np.abs(self.spectrum)
        power *= power
        power[1::2] *= -1
        power[:, 1::2] *= -1
        back = cv2.dft(power, flags=cv2.DFT_COMPLEX_OUTPUT)[..., 0] / power.size
        back[1::2] *= -1
        back[:, 1::2] *= -1
        return np.asarray(back, np.float32)

    def sample(self, frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Return the transform at `frequencies` (..., 2) in cycles a sample, between its bins."""
        size = self.padded
        at = np.clip(frequencies * size + size // 2, 0, size - 2).astype(np.float32)
        low = at.astype(np.int32)
        part = at - low
        fx, fy = part[..., 0], part[..., 1]
        flat = self.spectrum.reshape(-1)
        index = low[..., 1] * size + low[..., 0]
        upper = flat[index] * (1 - fx) + flat[index + 1] * fx
        lower = flat[index + size] * (1 - fx) + flat[index + size + 1] * fx
        return np.asarray(upper * (1 - fy) + lower * fy, np.complex64)

    def fits(
        self, matrices: NDArray[np.float64], sync: Sync, path: str, turns: int = 8
    ) -> list[Fit]:
        """Return for each of `matrices` (n, 2, 2), tile to plane, the best shift and turn."""
        found = []
        for chunk in np.array_split(matrices, max(1, len(matrices) // 16)):
            frequencies = np.einsum("kj,nji->nki", sync.k / TILE, np.linalg.inv(chunk))
            surfaces = sync.surfaces(self.sample(frequencies), turns)
            best = surfaces.reshape(len(chunk), -1).argmax(1)
            for index, (matrix, where) in enumerate(zip(chunk, best, strict=True)):
                turn, shift = divmod(int(where), TILE * TILE)
                y, x = divmod(shift, TILE)
                whole = np.eye(3)
                whole[:2, :2] = matrix @ TURNS[turn]
                whole[:2, 2] = self.middle - whole[:2, :2] @ [x, y]
                found.append(Fit(float(surfaces[index, turn, y, x]), whole, path))
        return found

    def tiles(self, matrix: Matrix, most: int = 12) -> tuple[NDArray[np.float32], Matrix]:
        """Return the plane cut into tiles as `matrix` lays them: (rows, columns, 64, 64).

        The matrix returned is moved by whole tiles, so that tile (0, 0) is the first that shows.
        """
        height, width = self.white.shape
        corners = np.array([[[0, 0], [width, 0], [0, height], [width, height]]], float)
        there = cv2.perspectiveTransform(corners, np.linalg.inv(matrix))[0]
        low = np.floor(there.min(0) / TILE + 0.1)
        high = np.ceil(there.max(0) / TILE - 0.1)
        columns, rows = np.clip(high - low, 1, most).astype(int)
        move = np.eye(3)
        move[:2, 2] = low * TILE
        moved = matrix @ move
        flat = cv2.warpPerspective(
            self.white,
            moved,
            (int(columns) * TILE, int(rows) * TILE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        tiles = flat.reshape(rows, TILE, columns, TILE).swapaxes(1, 2)
        return np.asarray(tiles, np.float32), moved
