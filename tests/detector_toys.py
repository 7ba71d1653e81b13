"""Detectors of a few bytes, so that what is asked is known beforehand.

A toy of pictures tells bright ones ("brightness": logit 10 * (mean - 0.5), from -5 to 5) or grainy
ones ("grain": falls when a picture is saved as JPEG or shifted to blur). A toy of sounds tells high
ones: about -5 for 100 Hz, 0 for 1000 Hz, over 5 from 2500 Hz.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64  # pixels of a toy's crop
RATE = 16_000  # Hz
SECONDS = 1.0  # of a toy's window
Card = dict[str, Any]


def picture_toy(
    parent: Path, name: str = "toy-picture", of: str = "brightness", **changes: Any
) -> Path:
    """Write a detector of pictures into `parent`/`name`; `changes` are keys of its card.

    `distance` is 4 * |mean of red - mean of blue|: over 2, the domain's bound, for loud colours.
    """
    logit = _bright() if of == "brightness" else _grainy()
    return write(parent, name, picture_model(logit), {**picture_card(name), **changes})


def sound_toy(parent: Path, name: str = "toy-sound", **changes: Any) -> Path:
    """Write a detector of sounds into `parent`/`name`; `changes` are keys of its card."""
    return write(parent, name, sound_model(), {**sound_card(name), **changes})


def write(parent: Path, name: str, model: onnx.ModelProto | bytes, card: Card) -> Path:
    """Write model, CARD.md and card.toml into `parent`/`name`, with their hashes."""
    folder = parent / name
    folder.mkdir(parents=True, exist_ok=True)
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    (folder / "CARD.md").write_text(f"# {name}\n\nA toy: measured on nothing.\n")
    files = {
        file: hashlib.sha256((folder / file).read_bytes()).hexdigest()
        for file in ("model.onnx", "CARD.md")
    }
    (folder / "card.toml").write_text(toml({"files": files, **card}))
    return folder


def picture_card(name: str = "toy-picture") -> Card:
    """Return the card of a toy of pictures, without its files."""
    return {
        **_card(name, "image"),
        "input": {"size": SIZE, "crops": 4, "layout": "grid", "largest_short_side": 256},
        "output": {"score": "logit", "map": "map", "distance": "distance"},
        "domain": {"min_side": 32, "max_aspect": 4.0, "max_distance": 2.0},
    }


def sound_card(name: str = "toy-sound") -> Card:
    """Return the card of a toy of sounds, without its files."""
    return {
        **_card(name, "audio"),
        "input": {"rate": RATE, "window_s": SECONDS, "hop_s": SECONDS / 2, "most_windows": 20},
        "output": {"score": "logit"},
        "domain": {"min_seconds": 0.5, "min_bandwidth_hz": 0.0},
    }


def picture_model(logit: list[onnx.NodeProto] | None = None) -> onnx.ModelProto:
    """Return the model: `pixels` (1, 3, SIZE, SIZE) to `logit` (1, 1), `map` (8, 8), `distance`."""
    nodes = [
        *(logit or _bright()),
        helper.make_node("ReduceMean", ["pixels"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["grey"], ["tiles"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Sub", ["tiles", "half"], ["tiles0"]),
        helper.make_node("Mul", ["tiles0", "ten"], ["map"]),
        helper.make_node("ReduceMean", ["pixels"], ["colours"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["colours", "first"], ["red"], axis=1),
        helper.make_node("Gather", ["colours", "third"], ["blue"], axis=1),
        helper.make_node("Sub", ["red", "blue"], ["apart"]),
        helper.make_node("Abs", ["apart"], ["apart0"]),
        helper.make_node("Mul", ["apart0", "four"], ["distance"]),
    ]
    return model(
        nodes,
        {"pixels": [1, 3, SIZE, SIZE]},
        {"logit": [1, 1], "map": [1, 1, 8, 8], "distance": [1, 1]},
    )


def sound_model() -> onnx.ModelProto:
    """Return the model: `samples` (1, SIZE) to `logit` (1, 1)."""
    count = round(SECONDS * RATE)
    nodes = [
        helper.make_node("Slice", ["samples", "one", "end"], ["later"]),
        helper.make_node("Slice", ["samples", "zero", "last"], ["sooner"]),
        helper.make_node("Sub", ["later", "sooner"], ["steps"]),
        helper.make_node("Abs", ["steps"], ["steps0"]),
        helper.make_node("ReduceMean", ["steps0"], ["speed"], axes=[1], keepdims=1),
        helper.make_node("Abs", ["samples"], ["loud0"]),
        helper.make_node("ReduceMean", ["loud0"], ["loud"], axes=[1], keepdims=1),
        helper.make_node("Add", ["loud", "tiny"], ["loud1"]),
        helper.make_node("Div", ["speed", "loud1"], ["pitch"]),
        helper.make_node("Sub", ["pitch", "bar"], ["pitch0"]),
        helper.make_node("Mul", ["pitch0", "slope"], ["logit"]),
    ]
    more = {
        "one": np.array([0, 1], np.int64), "end": np.array([1, count], np.int64),
        "zero": np.array([0, 0], np.int64), "last": np.array([1, count - 1], np.int64),
        "tiny": np.float32(1e-6), "bar": np.float32(0.39), "slope": np.float32(14.0),
    }  # fmt: skip
    return model(nodes, {"samples": [1, count]}, {"logit": [1, 1]}, more)


def model(
    nodes: list[onnx.NodeProto],
    inputs: Mapping[str, list[int]],
    outputs: Mapping[str, list[int]],
    more: Mapping[str, Any] | None = None,
) -> onnx.ModelProto:
    """Return a model of these nodes, whose inputs and outputs are float32."""
    constants = {
        "half": np.float32(0.5), "ten": np.float32(10), "four": np.float32(4),
        "first": np.array([0], np.int64), "third": np.array([2], np.int64), **(more or {}),
    }  # fmt: skip
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if n in used],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    return made


def toml(table: Mapping[str, Any], above: str = "") -> str:
    """Return a table as TOML: plain values first, then its tables."""
    plain, nested = [], []
    for key, value in table.items():
        name = json.dumps(key)
        if isinstance(value, Mapping):
            nested.append(f"\n[{above}{name}]\n{toml(value, f'{above}{name}.')}")
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            nested += [f"\n[[{above}{name}]]\n{toml(row, f'{above}{name}.')}" for row in value]
        else:
            plain.append(f"{name} = {json.dumps(value)}\n")
    return "".join([*plain, *nested])


def _card(name: str, kind: str) -> Card:
    limits = [(0.05, 1.0), (0.01, 2.0), (0.001, 3.0)]
    return {
        "card": 1,
        "name": name,
        "version": "1",
        "kind": kind,
        "title": "A toy",
        "licence": "Apache-2.0",
        "summary": "Measured on nothing.",
        "rank": 1,
        "pooling": {"how": "mean"},
        "calibration": {
            "scores": [-5.0, 0.0, 2.0, 5.0],
            "log_likelihood_ratios": [-3.0, 0.0, 2.5, 4.0],
        },
        "threshold": [
            {
                "false_positive_rate": rate,
                "score": score,
                "measured": rate,
                "low": rate / 2,
                "high": min(1.0, rate * 2),
                "total": 1000,
            }
            for rate, score in limits
        ],
        "trained_on": [{"name": "nothing", "licence": "none", "count": 1, "source": "nowhere"}],
        "fails_on": ["Everything: it is a toy."],
        "metrics": {"clean": {"auc": [0.9, 0.85, 0.95, 1000]}},
    }


def _bright() -> list[onnx.NodeProto]:
    return [
        helper.make_node("ReduceMean", ["pixels"], ["mean4"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["mean4"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "half"], ["mean0"]),
        helper.make_node("Mul", ["mean0", "ten"], ["logit"]),
    ]


def _grainy() -> list[onnx.NodeProto]:
    # How far pixels are from the mean of 3 x 3 around them; 0 at half a tenth.
    return [
        helper.make_node("AveragePool", ["pixels"], ["soft"], kernel_shape=[3, 3],
                         strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=0),
        helper.make_node("Sub", ["pixels", "soft"], ["grain"]),
        helper.make_node("Abs", ["grain"], ["grain0"]),
        helper.make_node("ReduceMean", ["grain0"], ["grain1"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["grain1"], ["grain2"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["grain2", "ten"], ["grain3"]),
        helper.make_node("Sub", ["grain3", "half"], ["grain4"]),
        helper.make_node("Mul", ["grain4", "ten"], ["logit"]),
    ]  # fmt: skip
