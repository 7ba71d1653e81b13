"""The `voice` model: a weighted logistic regression on what the front end measures.

Nothing larger was better on sources and systems held out (logs/voice.txt), and one number a
measurement can be looked at.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn
from voice_front import LENGTH, Front
from voice_hear import Heard
from voice_splits import Row

_MOST = 4.0  # standard deviations: what is further out counts no more
_OPSET = 17
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A direction in the measurements: z = clip((numbers - mean) / spread); logit = z w + b."""

    mean: Floats
    spread: Floats
    weight: Floats
    bias: float

    def logits(self, numbers: NDArray[np.float32]) -> Floats:
        """Return the logit of every window."""
        found = np.clip((numbers - self.mean) / self.spread, -_MOST, _MOST) @ self.weight
        return np.asarray(found + self.bias, np.float64)

    def clips(self, heard: Heard, count: int) -> Floats:
        """Return the mean logit of every clip's windows; NaN for a clip that has none."""
        many = np.bincount(heard.clips, minlength=count)
        total = np.bincount(heard.clips, self.logits(heard.numbers), minlength=count)
        return np.where(many > 0, total / np.maximum(many, 1), np.nan)


def fit(heard: Heard, rows: list[Row], strengths: list[float]) -> list[Line]:
    """Return a line for every strength C, smallest first; each begins where the last one ended."""
    mean = heard.numbers.mean(0, dtype=np.float64)
    spread = heard.numbers.std(0, dtype=np.float64) + 1e-6
    z = np.clip((heard.numbers - mean) / spread, -_MOST, _MOST)
    labels = np.array([rows[clip].label for clip in heard.clips])
    model = LogisticRegression(max_iter=300, tol=1e-4, warm_start=True)
    found = []
    for strength in sorted(strengths):
        model.C = strength
        model.fit(z, labels, sample_weight=_weights(heard, rows, labels))
        found.append(
            Line(mean, spread, model.coef_[0].astype(np.float64).copy(), float(model.intercept_[0]))
        )
    return found


def _weights(heard: Heard, rows: list[Row], labels: NDArray[np.int64]) -> Floats:
    # Recorded and synthetic weigh the same, and a source of four times the clips twice as much.
    groups = [(rows[clip].label, rows[clip].source, rows[clip].family) for clip in heard.clips]
    names = {name: number for number, name in enumerate(sorted(set(groups)))}
    numbers = np.array([names[name] for name in groups])
    weights = np.bincount(numbers)[numbers].astype(np.float64) ** -0.5
    for label in (0, 1):
        weights[labels == label] *= len(labels) / 2 / weights[labels == label].sum()
    return weights


class Voice(nn.Module):
    """What is shipped: (1, 64000) samples of -26 dBFS at 16 kHz to `logit` and `distance`.

    `distance` is the root mean square of the standardised measurements: about 1 for what it was
    trained on.
    """

    def __init__(self, line: Line) -> None:
        super().__init__()
        self.front = Front()
        self.register_buffer("mean", torch.from_numpy(line.mean).float())
        self.register_buffer("spread", torch.from_numpy(line.spread).float())
        self.register_buffer("weight", torch.from_numpy(line.weight).float()[:, None])
        self.register_buffer("bias", torch.tensor([[line.bias]]).float())

    def forward(self, sound: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logit (n, 1) and distance (n, 1)."""
        z = (self.front(sound) - self.mean) / self.spread
        logit = z.clamp(-_MOST, _MOST) @ self.weight + self.bias
        return logit, (z**2).mean(1, keepdim=True).sqrt()


def distances(line: Line, heard: Heard) -> Floats:
    """Return the `distance` of every window."""
    z = (heard.numbers - line.mean) / line.spread
    return np.asarray(np.sqrt((z**2).mean(1)), np.float64)


def export(line: Line, path: Path) -> None:
    """Write the model as ONNX: input `sound`, outputs `logit` and `distance`."""
    with warnings.catch_warnings():
        # The older exporter is meant (the newer one needs onnxscript), and says that it is old.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Voice(line).eval(),
            (torch.zeros(1, LENGTH),),
            str(path),
            input_names=["sound"],
            output_names=["logit", "distance"],
            opset_version=_OPSET,
            dynamo=False,
        )
