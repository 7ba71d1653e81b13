"""The ONNX graph of `picture-small` says what the training code says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

TRAIN = Path(__file__).parents[2] / "detectors" / "train"


def test_the_exported_graph_scores_as_the_training_code_does(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="training needs trustkit[train]")
    pytest.importorskip("onnx", reason="training needs trustkit[train]")
    monkeypatch.setattr(sys, "path", [str(TRAIN), *sys.path])
    from picture_export import export
    from picture_head import Head
    from PIL import Image

    chance = np.random.default_rng(1)
    paths = []
    for number in range(3):
        coarse = chance.integers(0, 256, (32, 32, 3), np.uint8)
        path = tmp_path / f"{number}.jpg"
        Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    torch.set_num_threads(1)
    width, kept, marks = 1890, 16, 20
    numbers = {
        name: chance.normal(0, 0.1, shape).astype(np.float32)
        for name, shape in (
            ("axes", (width, kept)),
            ("centre", kept),
            ("landmarks", (marks, kept)),
            ("weights", marks),
        )
    }
    mean, spread = np.full((2, width), 0.1, np.float32)
    head = Head(mean=mean, spread=spread, width=40.0, offset=-0.5, **numbers)

    assert export(head, paths, tmp_path) < 1e-3
    assert (tmp_path / "model.onnx").stat().st_size < 10_000_000
