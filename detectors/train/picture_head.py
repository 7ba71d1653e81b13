"""From traces to one number: ridge regression on the nearness to crops that were learned from.

Deliberately stiff: families of generators that nobody has seen are what it is for, and on inner
folds a stronger ridge did better than a weaker one, on these traces and on all others tried.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from picture_traces import traces
from scipy.linalg import eigh
from torch import Tensor, nn

Floats = NDArray[np.float32]

CLIP = 4.0  # standard deviations: nothing a single count says weighs more
KEPT = 128  # principal components
LANDMARKS = 500
RIDGE = 2e-3
_FLOOR = 1e-4
_GAIN = 4.0  # ridge regression answers -1 to 1; a card's scores read better when spread


@dataclass(frozen=True)
class Head:
    """What was learned: see `fit`. Arrays of float32; d traces, k components, m landmarks."""

    mean: Floats  # d
    spread: Floats  # d
    axes: Floats  # d, k
    centre: Floats  # k
    landmarks: Floats  # m, k
    width: float
    weights: Floats  # m
    offset: float


def family_weights(families: list[str], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a weight for each picture: a family of n weighs as sqrt(n), either label one half."""
    sizes = Counter(families)
    weights = np.array([sizes[family] ** -0.5 for family in families])
    for label in (0, 1):
        weights[labels == label] /= 2 * weights[labels == label].sum()
    return weights


def fit(found: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64], seed: int) -> Head:
    """Learn from traces (n, d), labels 0 and 1, and weights that sum to 1."""
    chance = np.random.default_rng(seed)
    share = weights.astype(np.float32)[:, None]
    mean = (share * found).sum(0)
    spread = np.sqrt((share * (found - mean) ** 2).sum(0)) + np.float32(1e-3)
    scaled = np.clip((found - mean) / spread, -CLIP, CLIP)
    centred = scaled - (share * scaled).sum(0)
    spread_out = centred.T @ (share * centred)
    last = len(spread_out) - 1
    _, vectors = eigh(spread_out, subset_by_index=[last - KEPT + 1, last])
    axes = np.ascontiguousarray(vectors, np.float32)
    points = scaled @ axes
    centre = (share * points).sum(0)
    points = points - centre
    chosen = chance.choice(len(points), LANDMARKS, replace=False, p=weights / weights.sum())
    landmarks = points[chosen]
    width = float(2 * np.median(_squares(landmarks, landmarks)))
    near = np.exp(-_squares(points, landmarks) / width)
    values, vectors = np.linalg.eigh(near[chosen].astype(np.float64))
    whiten = (vectors / np.sqrt(np.maximum(values, _FLOOR))).astype(np.float32)
    inner = near @ whiten
    middle, target = (share * inner).sum(0), labels * 2.0 - 1.0
    level = float((weights * target).sum())
    inner = inner - middle
    ridge = inner.T @ (share * inner) + np.float32(RIDGE) * np.eye(LANDMARKS, dtype=np.float32)
    slope = np.linalg.solve(ridge, inner.T @ (weights * (target - level)).astype(np.float32))
    return Head(
        mean, spread, axes, centre, landmarks, width,
        (whiten @ slope * _GAIN).astype(np.float32), float(level - middle @ slope) * _GAIN,
    )  # fmt: skip


def scores(head: Head, found: Floats) -> tuple[Floats, Floats]:
    """Return the scores of traces (n, d), and their distances to all that was learned from."""
    scaled = np.clip((found - head.mean) / head.spread, -CLIP, CLIP)
    squares = _squares(scaled @ head.axes - head.centre, head.landmarks)
    near = np.exp(-squares / head.width)
    return near @ head.weights + np.float32(head.offset), 2 * squares.min(1) / head.width


class PictureSmall(nn.Module):
    """Traces and head in one graph: pixels (n, 3, side, side), 0 to 255 -> logit, distance (n)."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        for name in ("mean", "spread", "axes", "centre", "landmarks", "weights"):
            self.register_buffer(name, torch.from_numpy(getattr(head, name)))
        self.width, self.offset = head.width, head.offset

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return score and distance of every crop."""
        scaled = torch.clamp((traces(pixels) - self.mean) / self.spread, -CLIP, CLIP)
        points = scaled @ self.axes - self.centre
        squares = (points * points).sum(1, keepdim=True) + (self.landmarks**2).sum(1)
        squares = torch.relu(squares - 2 * points @ self.landmarks.T)
        near = torch.exp(squares * (-1 / self.width))
        return near @ self.weights + self.offset, squares.amin(1) * (2 / self.width)


def _squares(points: Floats, others: Floats) -> Floats:
    squares = (points**2).sum(1)[:, None] + (others**2).sum(1) - 2 * points @ others.T
    return np.maximum(squares, np.float32(0))
