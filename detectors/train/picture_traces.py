"""What a crop shows of how it was made: how often steps in its channels come together.

Cameras interpolate, denoise and compress their three channels in ways that tie the fine steps of
one to those of the others; generators decode all of them from one latent code. So for three
filters (a step to the right, a step down, the second derivative), at the crop's own size, at half
and at a quarter of it, in RGB and in YCbCr, the residues of the three channels are rounded to five
levels each, and the 125 combinations are counted: a colour rich model (compare Goljan, Fridrich
and Cogranne, "Rich model for steganalysis of color images", 2014). Opposite signs count as one.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor
from torch.nn import functional

SIDE = 128  # pixels: what is counted is a share, so any side works; this one was measured
LEVELS = 5
BINS = LEVELS**3
# Steps of rounding, in levels of 255, for luma and both chroma channels or for R, G and B.
FINE = {"ycc": (2.0, 0.6, 0.6), "rgb": (1.5, 1.5, 1.5)}
COARSE = {"ycc": (6.0, 1.8, 1.8), "rgb": (5.0, 5.0, 5.0)}
SCALES = ((1, (FINE, COARSE)), (2, (FINE, COARSE)), (4, (COARSE,)))


def traces(pixels: Tensor) -> Tensor:
    """Return the square roots of the shares, (N, 1890), of crops (N, 3, side, side), 0 to 255."""
    fold, found = _mirrored(), []
    for scale, steps in SCALES:
        rgb = functional.avg_pool2d(pixels, scale) if scale > 1 else pixels
        spaces = {"ycc": _ycc(rgb), "rgb": rgb}
        for residue in (_right, _down, _second):
            for name, channels in spaces.items():
                residues = residue(channels)
                for step in steps:
                    found.append(_shares(residues, step[name]) @ fold)
    return torch.sqrt(torch.cat(found, 1) + 1e-5)


def _ycc(rgb: Tensor) -> Tensor:
    red, green, blue = rgb[:, 0], rgb[:, 1], rgb[:, 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, (blue - luma) * 0.564, (red - luma) * 0.713], 1)


def _right(channels: Tensor) -> Tensor:
    return channels[..., :, 1:] - channels[..., :, :-1]


def _down(channels: Tensor) -> Tensor:
    return channels[..., 1:, :] - channels[..., :-1, :]


def _second(channels: Tensor) -> Tensor:
    return _right(_right(_down(_down(channels)))) * -0.25


def _shares(residues: Tensor, steps: tuple[float, float, float]) -> Tensor:
    half = (LEVELS - 1) / 2
    code = torch.zeros_like(residues[:, 0])
    for channel, step in enumerate(steps):
        level = torch.clamp(torch.round(residues[:, channel] * (1 / step)), -half, half) + half
        code = code * LEVELS + level
    places = code.flatten(1).to(torch.int64)
    empty = torch.zeros(places.shape[0], BINS)
    return empty.scatter_add(1, places, torch.ones(places.shape)) / places.shape[1]


def _mirrored() -> Tensor:
    # (125, 63): a combination and the one with every sign turned fall together.
    kinds: dict[tuple[int, ...], int] = {}
    rows = []
    for triple in itertools.product(range(LEVELS), repeat=3):
        turned = tuple(LEVELS - 1 - level for level in triple)
        rows.append(kinds.setdefault(min(triple, turned), len(kinds)))
    fold = torch.zeros(BINS, len(kinds))
    fold[torch.arange(BINS), torch.tensor(rows)] = 1
    return fold
