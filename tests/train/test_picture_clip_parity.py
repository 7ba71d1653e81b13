"""The ONNX graph of `picture-clip` says what the training code says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

TRAIN = Path(__file__).parents[2] / "detectors" / "train"


def test_the_exported_probe_scores_as_the_training_code_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch", reason="training needs trustkit[train]")
    pytest.importorskip("onnx", reason="training needs trustkit[train]")
    monkeypatch.setattr(sys, "path", [str(TRAIN), *sys.path])
    from picture_clip import Probe, export, parity, space

    chance = np.random.default_rng(3)
    seen = chance.normal(0.2, 1.5, (64, 512 + 3 * 768)).astype(np.float32)
    slope = chance.normal(0, 0.02, seen.shape[1]).astype(np.float32)
    probe = Probe(seen.mean(0), seen.std(0) + np.float32(1e-4), slope, 0.4)
    around = space((seen - probe.mean) / probe.spread)

    export(probe, around, tmp_path / "model.onnx")

    assert parity(tmp_path / "model.onnx", probe, around, seen) < 1e-3
    wrong = Probe(probe.mean, probe.spread, slope, 0.5)
    assert parity(tmp_path / "model.onnx", wrong, around, seen) > 0.05
