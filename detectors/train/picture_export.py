"""The trained model as one ONNX graph, and proof that it says what torch and numpy say."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from picture_crops import crops
from picture_head import Head, PictureSmall, scores
from picture_traces import SIDE, traces

_OPSET = 17
_MOST_APART = 1e-3  # of scores whose standard deviation is about 1


def export(head: Head, paths: list[Path], folder: Path) -> float:
    """Write model.onnx, and return how far the three are apart at most on crops of `paths`.

    Raises `SystemExit` when that is more than 0.001.
    """
    model = PictureSmall(head).eval()
    where = folder / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that this exporter is the older one
        torch.onnx.export(
            model, (torch.rand(1, 3, SIDE, SIDE) * 255,), str(where), dynamo=False,
            opset_version=_OPSET, input_names=["pixels"], output_names=["logit", "distance"],
            dynamic_axes={name: {0: "crops"} for name in ("pixels", "logit", "distance")},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(where), providers=["CPUExecutionProvider"])
    worst = 0.0
    for path in paths:
        pixels = np.stack(crops(path, "clean")).transpose(0, 3, 1, 2).astype(np.float32)
        with torch.inference_mode():
            expected = [value.numpy() for value in model(torch.from_numpy(pixels))]
            found = traces(torch.from_numpy(pixels)).numpy()
        shown = session.run(None, {"pixels": pixels})
        for ours, torchs, numpys in zip(shown, expected, scores(head, found), strict=True):
            apart = max(np.abs(ours - torchs).max(), np.abs(ours - numpys).max())
            worst = max(worst, float(apart))
    if worst > _MOST_APART:
        raise SystemExit(f"the export is not the model: {worst:.2e} apart")
    return worst
