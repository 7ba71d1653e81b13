"""Train picture-clip: a linear probe on the embedding and inner layers of a frozen CLIP tower.

    python detectors/train/picture_clip.py --data DIR [--data DIR] --out detectors/picture-clip

Each DIR has an INDEX.tsv as `splits.read` takes it, and pictures of 256 x 256. Written are the
probe and, beside --scores FILE, the score of every picture by a probe that saw neither its source
nor its generator, and once more without its whole family and gallery: `trustkit models bench`
makes calibration and thresholds of these alone.
"""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import clip_features
import numpy as np
import onnx
import splits
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trustkit.detectors.trial.calibrating import calibrate, thresholds
from trustkit.detectors.trial.metrics import auc, bootstraps, ece, eer, even_odds, tpr_at

Features = NDArray[np.float32]

SEED = 7
RIDGE = 3e-2  # the first tried; from 1e-2 to 3e-1 the AUC differs by 0.01
STEPS = 40
AXES = 48  # of the space in which the distance to all training pictures is measured


@dataclass(frozen=True)
class Probe:
    """A line through standardised features: `(x - mean) / spread @ slope + offset`."""

    mean: Features
    spread: Features
    slope: Features
    offset: float

    def __call__(self, features: Features) -> Features:
        """Return a logit for each row."""
        return ((features - self.mean) / self.spread) @ self.slope + np.float32(self.offset)


@dataclass(frozen=True)
class Space:
    """How far from all training pictures: whitened principal axes, the mean square as 1."""

    axes: Features

    def __call__(self, standard: Features) -> Features:
        """Return the distance of each row of standardised features."""
        return np.asarray(np.sqrt(((standard @ self.axes) ** 2).mean(1)), np.float32)


def weights(rows: list[splits.Row]) -> Features:
    """Return a weight a row: both labels alike, large families and sources held back."""
    labels = np.array([row.label for row in rows])
    groups = np.array([row.family if row.label else row.name for row in rows])
    found = np.zeros(len(rows), np.float32)
    for group in np.unique(groups):
        found[groups == group] = (groups == group).sum() ** -0.5
    for label in (0, 1):
        found[labels == label] /= found[labels == label].sum()
    return found * np.float32(len(rows) / 2)


def fit(features: Features, labels: NDArray[Any], weight: Features) -> Probe:
    """Return the probe of least weighted logistic loss with a ridge, by L-BFGS."""
    torch.manual_seed(SEED)
    mean, spread = features.mean(0), features.std(0) + np.float32(1e-4)
    x = torch.from_numpy((features - mean) / spread)
    y, w = torch.from_numpy(labels.astype(np.float32)), torch.from_numpy(weight)
    line = torch.zeros(x.shape[1] + 1, requires_grad=True)
    search = torch.optim.LBFGS([line], max_iter=STEPS, history_size=10,
                               line_search_fn="strong_wolfe")  # fmt: skip
    loss = torch.nn.functional.binary_cross_entropy_with_logits

    def step() -> torch.Tensor:
        search.zero_grad()
        logits = x @ line[:-1] + line[-1]
        lost = (w * loss(logits, y, reduction="none")).mean() + RIDGE * (line[:-1] ** 2).sum()
        lost.backward()
        return lost

    search.step(step)
    found = line.detach().numpy()
    return Probe(mean, spread, found[:-1].copy(), float(found[-1]))


def space(standard: Features) -> Space:
    """Return the whitened axes of most variance of standardised features."""
    sizes, axes = np.linalg.eigh(standard.T @ standard / np.float32(len(standard)))
    largest = slice(None, -AXES - 1, -1)  # they come from small to large
    return Space(np.ascontiguousarray(axes[:, largest] / np.sqrt(sizes[largest]), np.float32))


def learn(rows: list[splits.Row], seen: dict[str, Features], numbers: list[int]) -> Probe:
    """Return the probe that learns from all views of the rows of these numbers."""
    chosen = [rows[number] for number in numbers]
    labels = np.array([row.label for row in chosen])
    return fit(
        np.concatenate([found[numbers] for found in seen.values()]),
        np.concatenate([labels] * len(seen)),
        np.concatenate([weights(chosen)] * len(seen)),
    )


def out_of_fold(
    rows: list[splits.Row], seen: dict[str, Features], *, shippable: bool
) -> tuple[dict[str, Features], Features]:
    """Return the scores by view, each by a probe that saw no relative, and the distances."""
    scores = {name: np.full(len(rows), np.nan, np.float32) for name in seen}
    far = np.full(len(rows), np.nan, np.float32)
    for fold in range(splits.FOLDS):
        known = [n for n in splits.training(rows, fold) if rows[n].shippable or not shippable]
        tested = splits.testing(rows, fold)
        probe = learn(rows, seen, known)
        for name, found in seen.items():
            scores[name][tested] = probe(found[tested])
        around = space((seen["clean"][known] - probe.mean) / probe.spread)
        far[tested] = around((seen["clean"][tested] - probe.mean) / probe.spread)
    return scores, far


def export(probe: Probe, around: Space, path: Path) -> None:
    """Write the probe as ONNX: inputs as the tower gives them, outputs logit and distance."""
    kept = {
        "zero": np.array(0, np.int64),
        "mean": probe.mean, "spread": probe.spread,
        "slope": probe.slope[:, None], "offset": np.array([probe.offset], np.float32),
        "axes": around.axes, "one": np.array([1], np.int64),
    }  # fmt: skip
    inputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, 512])]
    nodes, parts = [], ["embedding"]
    for layer in (6, 9, 12):
        name = f"layer{layer}"
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 197, 768]))
        nodes.append(helper.make_node("Gather", [name, "zero"], [f"token{layer}"], axis=1))
        parts.append(f"token{layer}")
    nodes += [
        helper.make_node("Concat", parts, ["all"], axis=1),
        helper.make_node("Sub", ["all", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "spread"], ["standard"]),
        helper.make_node("MatMul", ["standard", "slope"], ["line"]),
        helper.make_node("Add", ["line", "offset"], ["logit"]),
        helper.make_node("MatMul", ["standard", "axes"], ["within"]),
        helper.make_node("Mul", ["within", "within"], ["squared"]),
        helper.make_node("ReduceMean", ["squared"], ["square"], axes=[1], keepdims=1),
        helper.make_node("Sqrt", ["square"], ["distance"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1])
        for name in ("logit", "distance")
    ]
    del kept["one"]
    graph = helper.make_graph(
        nodes, "picture-clip", inputs, outputs,
        [numpy_helper.from_array(value, name) for name, value in kept.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def parity(path: Path, probe: Probe, around: Space, features: Features) -> float:
    """Return the largest difference between the exported model and this file's own numbers."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes())
    worst = 0.0
    for row in features[:50]:
        tokens = [np.tile(part, (1, 197, 1)) for part in np.split(row[512:], 3)]
        fed = {"embedding": row[None, :512],
               **{f"layer{n}": t for n, t in zip((6, 9, 12), tokens, strict=True)}}  # fmt: skip
        logit, far = session.run(["logit", "distance"], fed)
        own = probe(row[None])[0], around(((row - probe.mean) / probe.spread)[None])[0]
        worst = max(worst, abs(float(logit[0, 0]) - own[0]), abs(float(far[0, 0]) - own[1]))
    return worst


def table(rows: list[splits.Row], scores: dict[str, Features], of: NDArray[Any]) -> list[str]:
    """Return lines of figures of the rows of these numbers, pooled over the folds."""
    labels = np.array([row.label for row in rows])[of]
    groups = [row.family if row.label else row.name for row in rows]
    lines = []
    for name, found in scores.items():
        told = bootstraps(found[of], labels, [groups[n] for n in of])
        folds = []
        for fold in range(splits.FOLDS):
            mine = [n for n in of if rows[n].fold == fold]
            folds.append(auc(found[mine], [rows[n].label for n in mine]))
        shown = " ".join(f"{k} {v.value:.3f} [{v.low:.3f} {v.high:.3f}]" for k, v in told.items())
        lines.append(f"{name:9} n={len(of)} {shown} folds {' '.join(f'{a:.3f}' for a in folds)}")
    return lines


def write_scores(path: Path, rows: list[splits.Row], scores: dict[str, Features]) -> None:
    """Write the out-of-fold scores for `trustkit models bench --scores`."""
    lines = ["file\tcondition\tfold\tscore"]
    lines += [
        f"{row.file}\t{name}\t{row.fold}\t{scores[name][number]:.5f}"
        for name in scores
        for number, row in enumerate(rows)
    ]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Train, report, export."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--data", type=Path, action="append", required=True)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--cache", type=Path)
    ask.add_argument("--scores", type=Path)
    asked = ask.parse_args()
    torch.set_num_threads(1)
    rows, files, first = [], [], 0
    for number, folder in enumerate(asked.data):
        read = splits.read(folder / "INDEX.tsv")
        files += [folder / row.file for row in read]
        # As `trustkit models bench` calls the files of several indexes.
        named = [replace(row, file=f"{folder.name}/{row.file}") for row in read]
        rows += named if len(asked.data) > 1 else read
        first = first or len(read) if number == 0 else first
    seen = {name: clip_features.features(files, name, asked.cache) for name in clip_features.VIEWS}
    everything = np.arange(len(rows))
    for held_out, shippable in (("families", False), ("families", True), ("generators", True)):
        folded = rows if held_out == "families" else splits.by_generator(rows)
        scores, far = out_of_fold(folded, seen, shippable=shippable)
        print(f"{held_out} held out, learning from "
              f"{'what may be shipped' if shippable else 'everything'}:")  # fmt: skip
        for line in table(folded, scores, everything[:first]):
            print("  first index:", line)
        for line in table(folded, scores, everything):
            print("  all:        ", line, flush=True)
        if asked.scores and shippable:
            write_scores(asked.scores.with_suffix(f".{held_out}.tsv"), folded, scores)
    known = [n for n in range(len(rows)) if rows[n].shippable]
    probe = learn(rows, seen, known)
    around = space((seen["clean"][known] - probe.mean) / probe.spread)
    asked.out.mkdir(parents=True, exist_ok=True)
    export(probe, around, asked.out / "model.onnx")
    print(f"parity: {parity(asked.out / 'model.onnx', probe, around, seen['clean']):.2g}")
    print(f"sha256: {hashlib.sha256((asked.out / 'model.onnx').read_bytes()).hexdigest()}")
    report(rows, scores, far, probe, seen)


def report(
    rows: list[splits.Row], scores: dict[str, Features], far: Features, probe: Probe,
    seen: dict[str, Features],
) -> None:  # fmt: skip
    """Print what the card needs: the calibration, the thresholds, the farthest distance."""
    labels = np.array([row.label for row in rows])
    groups = [row.family if row.label else row.name for row in rows]
    both = np.concatenate([scores[name] for name in clip_features.VIEWS])
    curve = calibrate(both, np.tile(labels, 2), groups * 2, copies=2)
    print("[calibration]\nscores =", list(curve.scores))
    print("log_likelihood_ratios =", list(curve.log_likelihood_ratios))
    others = [n for n in range(len(rows)) if not rows[n].label]
    for found in thresholds(np.concatenate([scores[name][others] for name in clip_features.VIEWS]),
                            [groups[n] for n in others] * 2):  # fmt: skip
        print("[[threshold]]", found)
        at = {
            name: f"{(scores[name][labels == 1] >= found[1]).mean():.3f}"
            for name in clip_features.VIEWS
        }
        print("  true positives", at)
    print(f"distance: 99.5 % of pictures held out within {np.quantile(far, 0.995):.3f}")
    for name in clip_features.VIEWS:
        own = probe(seen[name])
        print(f"{name}: EER {eer(scores[name], labels):.3f}, TPR at 1 % "
              f"{tpr_at(scores[name], labels, 0.01):.3f}, calibration error "
              f"{ece(even_odds(curve(scores[name])), labels):.3f}; scores held out "
              f"{scores[name].mean():.2f} +- {scores[name].std():.2f}, of the final probe "
              f"{own.mean():.2f} +- {own.std():.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
