"""What the `voice` model measures of a window: the front end, all of it inside the ONNX graph.

Nearly all of its numbers ignore what a microphone, a room or an equaliser does to every moment
alike: the mean spectrum of the window is taken away first, or only phases are compared. The mean
spectrum tells recordings of one page from those of another better than it tells speech from
synthesis, and would be learned instead.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

RATE, LENGTH = 16_000, 64_000  # Hz, samples: 4 s
SIZE, HOP = 512, 160  # samples: 32 ms every 10 ms
BINS = SIZE // 2 + 1
_FLOOR = 1e-6  # of the mean power: 60 dB under it everything is noise
_GATE = 1e-4  # of the loudest frames' power: 40 dB under them nobody speaks
_LAGS = (1, 2, 4, 8)  # frames
_TINY = 1e-12


class Front(nn.Module):
    """From (n, 64000) samples to (n, `width`) numbers."""

    def __init__(self) -> None:
        super().__init__()
        shape = torch.hann_window(SIZE, periodic=True, dtype=torch.float64)
        angle = (
            2 * math.pi / SIZE
            * torch.arange(BINS, dtype=torch.float64)[:, None]
            * torch.arange(SIZE, dtype=torch.float64)[None]
        )  # fmt: skip
        kernels = torch.cat([torch.cos(angle) * shape, -torch.sin(angle) * shape])
        self.register_buffer("kernels", (kernels / shape.sum())[:, None].float())
        self.register_buffer("fine", _triangles(64))
        self.register_buffer("coarse", _triangles(32))
        self.register_buffer("wide", _triangles(16))
        self.register_buffer("cosines", _cosines(BINS, 60))
        self.register_buffer("pitch", _cosines(BINS, 201)[40:])  # periods of 2.5 to 12.5 ms
        self.register_buffer("back", _inverse())
        self.register_buffer("modulation", _modulation())
        self.register_buffer("smooth", torch.ones(1, 1, 9) / 9)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Return what is measured: see the private functions, one a kind."""
        spectrum = nn.functional.conv1d(sound[:, None], self.kernels, stride=HOP)
        real, imaginary = spectrum[:, :BINS], spectrum[:, BINS:]
        power = real**2 + imaginary**2
        whole = power.mean((1, 2), keepdim=True)
        loud = power.mean(1)
        weights = (loud > _GATE * loud.amax(1, keepdim=True)).to(sound.dtype) + 1e-6
        weights = (weights / weights.sum(1, keepdim=True))[:, None]  # (n, 1, frames)
        log = torch.log(power + _FLOOR * whole + _TINY)
        bands = torch.log(self.fine @ power + _FLOOR * whole + _TINY)
        return torch.cat(
            [
                self._motion(bands, weights),
                self._cepstra(log, weights),
                self._harmonics(log, weights),
                self._phases(real, imaginary, power, whole, weights),
                self._residual(real, imaginary, log, weights),
                self._rhythm(power, whole, weights),
            ],
            1,
        )

    def _motion(self, bands: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        # How far and how fast each band moves about its own mean.
        centred = bands - (bands * weights).sum(2, keepdim=True)
        spread = ((centred**2 * weights).sum(2) + _TINY).sqrt()
        skew = (centred**3 * weights).sum(2) / (spread**3 + 0.1)
        found = [spread, skew]
        for lag in _LAGS:
            step = (centred[:, :, lag:] - centred[:, :, :-lag]).abs()
            both = _both(weights, lag)
            found.append((step * both).sum(2))
        turn = centred[:, :, 2:] - 2 * centred[:, :, 1:-1] + centred[:, :, :-2]
        found.append((turn.abs() * _both(weights, 2)).sum(2))
        return torch.cat(found, 1)

    def _cepstra(self, log: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        cepstra = self.cosines @ log
        centred = cepstra - (cepstra * weights).sum(2, keepdim=True)
        spread = ((centred**2 * weights).sum(2) + _TINY).sqrt()
        step = centred[:, :, 1:] - centred[:, :, :-1]
        speed = ((step**2 * _both(weights, 1)).sum(2) + _TINY).sqrt()
        return torch.cat([spread.log(), (speed / (spread + 1e-6))], 1)

    def _harmonics(self, log: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        # The comb of the voice: its depth in each band, and how it and its pitch move.
        n, bins, frames = log.shape
        rows = log.transpose(1, 2).reshape(n * frames, 1, bins)
        rows = rows - nn.functional.conv1d(nn.functional.pad(rows, (4, 4), mode="replicate"),
                                           self.smooth)  # fmt: skip
        comb = rows.reshape(n, frames, bins).transpose(1, 2)
        depth = torch.log(self.coarse @ comb**2 + 1e-3)
        mean = (depth * weights).sum(2, keepdim=True)
        spread = (((depth - mean) ** 2 * weights).sum(2) + _TINY).sqrt()
        peaks = self.pitch @ log
        high = peaks.amax(1, keepdim=True)
        sharp = torch.softmax(peaks * 40, 1)
        at = (sharp * torch.arange(peaks.shape[1], dtype=log.dtype)[None, :, None]).sum(
            1, keepdim=True
        )
        jump = (at[:, :, 1:] - at[:, :, :-1]).abs()
        voiced = torch.sigmoid((high - 0.1) * 40) * weights
        voiced = voiced / (voiced.sum(2, keepdim=True) + 1e-6)
        middle = (high * voiced).sum(2)
        few = torch.cat(
            [
                middle,
                (high * weights).sum(2),
                ((((high - middle[:, :, None]) ** 2) * weights).sum(2) + _TINY).sqrt(),
                ((high[:, :, 1:] - high[:, :, :-1]).abs() * _both(voiced, 1)).sum(2),
                (torch.log1p(jump) * _both(voiced, 1)).sum(2),
                ((jump < 1.0).to(log.dtype) * _both(voiced, 1)).sum(2),
            ],
            1,
        )
        return torch.cat([mean[:, :, 0], spread, few], 1)

    def _phases(
        self,
        real: torch.Tensor,
        imaginary: torch.Tensor,
        power: torch.Tensor,
        whole: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        # How steadily phases advance in time, along frequency, and in both.
        size = (power + _TINY * 1e-6).sqrt() + 1e-9
        a, b = real / size, imaginary / size
        gate = (power > 1e-4 * whole).to(real.dtype) * weights
        found = []
        ahead = _turned(a[:, :, 1:], b[:, :, 1:], a[:, :, :-1], b[:, :, :-1])
        along = _turned(a[:, 1:], b[:, 1:], a[:, :-1], b[:, :-1])
        for (c, d), axis in ((ahead, 2), (along, 1), (along, 2)):
            first, second = (slice(1, None), slice(None, -1))
            if axis == 2:
                e, f = _turned(c[:, :, first], d[:, :, first], c[:, :, second], d[:, :, second])
            else:
                e, f = _turned(c[:, first], d[:, first], c[:, second], d[:, second])
            g = gate[:, : e.shape[1], : e.shape[2]]
            bank = self.coarse[:, : e.shape[1]]
            mass = (bank @ g).sum(2) + 1e-4
            cosine, sine = (bank @ (e * g)).sum(2) / mass, (bank @ (f * g)).sum(2) / mass
            found += [cosine, (cosine**2 + sine**2 + _TINY).sqrt()]
        return torch.cat(found, 1)

    def _residual(
        self,
        real: torch.Tensor,
        imaginary: torch.Tensor,
        log: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        # What is left when the envelope is flattened: how peaked it is in time, by thirds of band.
        keep = self.cosines[:25]
        envelope = keep.T @ (keep @ log) * (BINS - 1) * 2
        envelope = envelope - (keep[:1].T @ (keep[:1] @ log)) * (BINS - 1)
        flat = torch.exp(-0.5 * envelope)
        a, b = real * flat, imaginary * flat
        found = []
        for low, high in ((3, 64), (64, 128), (128, 250)):
            kernel = torch.cat([self.back[:, low:high], self.back[:, BINS + low : BINS + high]], 1)
            wave = kernel @ torch.cat([a[:, low:high], b[:, low:high]], 1)
            square = wave**2
            peaked = torch.log((square**2).mean(1) / (square.mean(1) ** 2 + _TINY) + _TINY)
            crest = torch.log(square.amax(1) / (square.mean(1) + _TINY) + _TINY)
            for each in (peaked, crest):
                mean = (each * weights[:, 0]).sum(1, keepdim=True)
                spread = (((each - mean) ** 2 * weights[:, 0]).sum(1, keepdim=True) + _TINY).sqrt()
                found += [mean, spread]
        return torch.cat(found, 1)

    def _rhythm(
        self, power: torch.Tensor, whole: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        # The spectrum of each band's movement: from 2 to 50 Hz.
        bands = torch.log(self.wide @ power + 1e-4 * whole + _TINY)
        centred = bands - (bands * weights).sum(2, keepdim=True)
        moved = centred @ self.modulation
        half = moved.shape[2] // 2
        energy = moved[:, :, :half] ** 2 + moved[:, :, half:] ** 2
        share = torch.stack(
            [energy[:, :, first:last].mean(2) for first, last in _rates()], 2
        ) / (energy.mean(2, keepdim=True) + _TINY)  # fmt: skip
        return torch.log(share + 1e-4).flatten(1)


FRAMES = (LENGTH - SIZE) // HOP + 1


def _both(weights: torch.Tensor, lag: int) -> torch.Tensor:
    both = torch.minimum(weights[:, :, lag:], weights[:, :, :-lag])
    return both / (both.sum(2, keepdim=True) + 1e-6)


def _turned(
    a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    # (a + ib) times the conjugate of (c + id).
    return a * c + b * d, b * c - a * d


def _triangles(count: int) -> torch.Tensor:
    centres = torch.linspace(3, BINS - 4, count)
    step = float(centres[1] - centres[0])
    rows = (1 - (torch.arange(BINS)[None] - centres[:, None]).abs() / step).clamp(min=0)
    return rows / rows.sum(1, keepdim=True)


def _cosines(bins: int, count: int) -> torch.Tensor:
    at = torch.arange(bins, dtype=torch.float64)
    rows = torch.cos(math.pi / (bins - 1) * torch.arange(count, dtype=torch.float64)[:, None] * at)
    ends = torch.ones(bins, dtype=torch.float64)
    ends[0] = ends[-1] = 0.5
    return (rows * ends / (bins - 1)).float()


def _inverse() -> torch.Tensor:
    angle = 2 * math.pi / SIZE * torch.arange(SIZE)[:, None] * torch.arange(BINS)[None]
    return torch.cat([torch.cos(angle), -torch.sin(angle)], 1)


def _modulation() -> torch.Tensor:
    shape = torch.hann_window(FRAMES, periodic=True)
    angle = 2 * math.pi / FRAMES * torch.arange(FRAMES)[:, None] * torch.arange(1, 200)[None]
    return torch.cat([torch.cos(angle), torch.sin(angle)], 1) * shape[:, None] / FRAMES


def _rates() -> list[tuple[int, int]]:
    edges = [6, 10, 16, 24, 36, 52, 72, 96, 128, 160, 199]  # quarters of a Hz, nearly
    return list(pairwise(edges))
