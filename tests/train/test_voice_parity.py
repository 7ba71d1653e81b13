"""The `voice` model as shipped is the one that the training script describes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

TRAIN = Path(__file__).parents[2] / "detectors" / "train"
MODEL = Path(__file__).parents[2] / "detectors" / "voice" / "model.onnx"


def _voice(seed: int) -> np.ndarray:
    # A hum of 140 Hz with its harmonics, in syllables, and some breath.
    random = np.random.default_rng(seed)
    at = np.arange(64_000) / 16_000
    hum = sum(np.sin(2 * np.pi * 140 * k * at + k) / k for k in range(1, 30))
    shape = np.clip(np.sin(2 * np.pi * 3 * at), 0, 1)
    sound = hum * shape + 0.02 * random.standard_normal(len(at))
    return np.asarray(0.05 * sound / sound.std(), np.float32)[None]


def _session(model: bytes):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime runs the model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def test_the_shipped_voice_model_gives_a_finite_score_and_a_distance():
    session = _session(MODEL.read_bytes())
    assert [entry.shape for entry in session.get_inputs()] == [[1, 64_000]]
    for sound in (_voice(1), np.zeros((1, 64_000), np.float32)):
        logit, distance = session.run(["logit", "distance"], {session.get_inputs()[0].name: sound})
        assert np.isfinite(logit).all()
        assert np.isfinite(distance).all()
        assert logit.shape == distance.shape == (1, 1)


def test_the_shipped_voice_model_hears_the_same_at_another_level():
    session = _session(MODEL.read_bytes())
    (loud,), (quiet,) = (
        session.run(["logit"], {session.get_inputs()[0].name: _voice(1) * np.float32(gain)})
        for gain in (1.0, 0.5)
    )
    assert loud.item() == pytest.approx(quiet.item(), abs=0.05)


def test_exported_voice_model_says_what_the_trained_one_says(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="torch comes with the extra [train] alone")
    pytest.importorskip("onnx", reason="onnx comes with the extra [train] alone")
    pytest.importorskip("sklearn", reason="scikit-learn comes with the extra [train] alone")
    monkeypatch.syspath_prepend(str(TRAIN))
    from voice_front import Front  # only where torch is there
    from voice_model import Line, Voice, export

    torch.set_num_threads(1)
    with torch.no_grad():
        width = Front()(torch.zeros(1, 64_000)).shape[1]
    random = np.random.default_rng(3)
    line = Line(random.standard_normal(width), 1 + random.random(width),
                0.05 * random.standard_normal(width), 0.3)  # fmt: skip
    export(line, tmp_path / "model.onnx")
    session = _session((tmp_path / "model.onnx").read_bytes())
    for seed in (1, 2, 3):
        with torch.no_grad():
            wanted = [each.numpy() for each in Voice(line)(torch.from_numpy(_voice(seed)))]
        found = session.run(["logit", "distance"], {"sound": _voice(seed)})
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-3)
