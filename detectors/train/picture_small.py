"""Train `picture-small` from scratch: python detectors/train/picture_small.py --data DIR --out DIR.

(1) Traces of every picture's crops, clean and degraded. (2) Six folds: each is scored by a model
that saw none of its generators, galleries and sources, nor any picture whose licence forbids giving
weights away. (3) The same recipe on all pictures that may be learned from. (4) ONNX, compared with
torch. (5) Card and scores: thresholds and calibration come from (2) alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from picture_card import write_card
from picture_crops import CONDITIONS, Traces, all_traces, rows_of
from picture_export import export
from picture_head import Head, family_weights, fit, scores
from sklearn.metrics import roc_auc_score
from splits import FOLDS, Row, by_generator, testing, training

SEED = 7
_LEARNED_FROM = (("clean", 0, 0.25), ("clean", -1, 0.25), ("degraded", 0, 0.5))  # crop, share
_RESAMPLED = 1000


def learn(found: Traces, rows: list[Row], chosen: list[int]) -> Head:
    """Return the head that is learned from the pictures `chosen`."""
    labels = np.array([rows[number].label for number in chosen])
    weights = family_weights([rows[number].family for number in chosen], labels)
    views = [found[condition][chosen, crop] for condition, crop, _ in _LEARNED_FROM]
    shares = [weights * share for _, _, share in _LEARNED_FROM]
    return fit(
        np.concatenate(views).astype(np.float32), np.tile(labels, len(views)),
        np.concatenate(shares), SEED,
    )  # fmt: skip


def judged(head: Head, found: NDArray[np.float16]) -> tuple[NDArray[np.float64], ...]:
    """Return score and distance of pictures (n, crops, traces), as the product pools them."""
    count, each, width = found.shape
    score, distance = scores(head, found.reshape(-1, width).astype(np.float32))
    return score.reshape(count, each).mean(1), distance.reshape(count, each).mean(1)


def held_out(found: Traces, rows: list[Row], all_licences: bool) -> dict[str, NDArray[np.float64]]:
    """Return for each condition the score and distance (n, 2) of every picture, left out."""
    results = {condition: np.full((len(rows), 2), np.nan) for condition in CONDITIONS}
    for fold in range(FOLDS):
        chosen = [n for n in training(rows, fold) if all_licences or rows[n].shippable]
        head, tested = learn(found, rows, chosen), testing(rows, fold)
        for condition in CONDITIONS:
            results[condition][tested] = np.stack(judged(head, found[condition][tested]), 1)
    return results


def interval(values: NDArray[np.float64], rows: list[Row]) -> tuple[float, float, float, int]:
    """Return AUC and its 95 % interval: whole families are drawn again, of either label."""
    labels = np.array([row.label for row in rows])
    families = np.array([row.family for row in rows])
    chance = np.random.default_rng(SEED)
    members = {name: np.nonzero(families == name)[0] for name in np.unique(families)}
    sides = [sorted(set(families[labels == label])) for label in (0, 1)]
    drawn = []
    for _ in range(_RESAMPLED):
        picked = np.concatenate(
            [members[name] for side in sides for name in chance.choice(side, len(side))]
        )
        drawn.append(roc_auc_score(labels[picked], values[picked]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(roc_auc_score(labels, values)), float(low), float(high), len(rows)


def table(title: str, results: dict[str, NDArray[np.float64]], rows: list[Row]) -> dict[str, tuple]:
    """Print pooled AUC with interval and that of each fold; return the pooled ones."""
    found = {}
    for condition in CONDITIONS:
        values = results[condition][:, 0]
        found[condition] = interval(values, rows)
        folds = []
        for fold in range(FOLDS):
            tested = testing(rows, fold)
            folds.append(roc_auc_score([rows[n].label for n in tested], values[tested]))
        auc, low, high, total = found[condition]
        each = " ".join(f"{value:.3f}" for value in folds)
        print(f"{title:34} {condition:9} AUC {auc:.3f} [{low:.3f}, {high:.3f}] n={total} {each}")
    return found


def _first(results: dict[str, NDArray[np.float64]], count: int) -> dict[str, NDArray[np.float64]]:
    return {name: values[:count] for name, values in results.items()}


def main() -> None:
    """Train, measure, export, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with INDEX.tsv")
    parser.add_argument("--extra", type=Path, help="folder with further photographs")
    parser.add_argument("--out", type=Path, required=True, help="folder of the detector")
    parser.add_argument("--work", type=Path, required=True, help="traces and scores go here")
    parser.add_argument("--compare", action="store_true", help="what was left out would have added")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    pictures = rows_of(asked.data, asked.extra)
    rows = [row for _, row in pictures]
    found = all_traces([path for path, _ in pictures], asked.work / "traces.npz")
    first = len(rows_of(asked.data, None))
    main_rows = rows[:first]

    results = held_out(found, rows, all_licences=False)
    metrics = table("families and galleries held out", _first(results, first), main_rows)
    folded = by_generator(rows)
    relatives = held_out(found, folded, all_licences=False)
    table("relatives of a generator known", _first(relatives, first), folded[:first])
    with (asked.work / "scores.tsv").open("w", encoding="utf-8") as stream:
        stream.write("file\tcondition\tfold\tscore\tdistance\n")
        for condition in CONDITIONS:
            for row, (score, distance) in zip(rows, results[condition], strict=True):
                line = f"{row.file}\t{condition}\t{row.fold}\t{score:.5f}\t{distance:.5f}\n"
                stream.write(line)

    chosen = [number for number, row in enumerate(rows) if row.shippable]
    head = learn(found, rows, chosen)
    for condition in CONDITIONS:
        final = judged(head, found[condition])[0]
        mine = results[condition][:, 0]
        print(f"scale {condition}: final mean {final.mean():.3f} std {final.std():.3f}; "
              f"held out mean {mine.mean():.3f} std {mine.std():.3f}")  # fmt: skip
    asked.out.mkdir(parents=True, exist_ok=True)
    worst = export(head, [path for path, _ in pictures][:: len(pictures) // 40], asked.out)
    print(f"torch against onnxruntime: at most {worst:.2e} apart")
    learned, clean = [rows[number] for number in chosen], found["clean"].shape[1]
    write_card(asked.out, rows, learned, results, metrics, clean)
    if not asked.compare:
        return
    every = held_out(found, rows, all_licences=True)
    table("non-commercial ones too", _first(every, first), main_rows)
    if first < len(rows):
        alone = {name: values[:first] for name, values in found.items()}
        table("without further photographs", held_out(alone, main_rows, False), main_rows)


if __name__ == "__main__":
    main()
