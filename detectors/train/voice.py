"""Train the `voice` detector: hear the clips, measure it fold by fold, write the model.

    python voice.py score DATA CACHE SCORES.tsv   # scores of models that knew nothing of the fold
    python voice.py licences DATA CACHE           # what clips of other licences add
    python voice.py ship DATA CACHE FOLDER        # the model of all that may be given away

DATA is the folder of INDEX.tsv; CACHE keeps what the front end measured. Nothing is by chance but
what a seed fixes. Afterwards `trustkit models bench FOLDER INDEX.tsv --scores SCORES.tsv --card
FOLDER --recalibrate` fills in calibration, thresholds and the tables of CARD.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import voice_card
import voice_model
import voice_splits
from numpy.typing import NDArray
from voice_hear import SPOILED, Heard, hear, together
from voice_model import Line, fit
from voice_splits import FOLDS, Row, training

from trustkit.detectors.trial.metrics import auc, figures
from trustkit.detectors.trial.result import CLEAN

STRENGTHS = [3e-4, 1e-3, 3e-3, 1e-2]
_MIDDLE = 3e-3  # where nothing is left to choose on
MEASURED = (CLEAN, "mp3-64", "opus-24", "telephone", "noise-20db")  # others of every third clip
_FARTHEST = 0.995  # quantile of the training windows' distance
Floats = NDArray[np.float64]
Keep = Callable[[Row], bool]


def strength(heard: Heard, rows: list[Row], usable: list[int]) -> float:
    """Return the C that is best on inner folds: sources and families of `usable` held out."""
    folds = sorted({rows[number].fold for number in usable})
    allowed = set(usable)
    scores = np.full((len(STRENGTHS), len(rows)), np.nan)
    for fold in folds:
        learned = [number for number in training(rows, fold) if number in allowed]
        if len({rows[number].label for number in learned}) < 2:  # both labels
            continue
        inner = heard.of(learned)
        tested = heard.of([number for number in usable if rows[number].fold == fold])
        for number, line in enumerate(fit(inner, rows, STRENGTHS)):
            found = line.clips(tested, len(rows))
            scores[number] = np.where(np.isnan(found), scores[number], found)
    labels = np.array([row.label for row in rows])
    known = ~np.isnan(scores[0])
    if len(set(labels[known])) < 2:
        return _MIDDLE
    found = [auc(one[known], labels[known]) for one in scores]
    return STRENGTHS[int(np.argmax(found))]


def out_of_fold(parts: list[Heard], rows: list[Row], keep: Keep) -> list[tuple[Line, float]]:
    """Return for every fold the line that was trained without it, and its strength."""
    heard, lines = together(parts), []
    for fold in range(FOLDS):
        usable = [number for number in training(rows, fold) if keep(rows[number])]
        chosen = strength(parts[0], rows, usable)
        (line,) = fit(heard.of(usable), rows, [chosen])
        lines.append((line, chosen))
        print(f"fold {fold}: {len(usable)} clips, C {chosen:g}", file=sys.stderr, flush=True)
    return lines


def scored(lines: list[tuple[Line, float]], heard: Heard, rows: list[Row]) -> Floats:
    """Return for every clip the score of the line that did not know its fold."""
    folds = np.array([row.fold for row in rows])
    scores = np.full(len(rows), np.nan)
    for fold, (line, _) in enumerate(lines):
        own = heard.of(np.flatnonzero(folds == fold).tolist())
        scores[folds == fold] = line.clips(own, len(rows))[folds == fold]
    return scores


def told(scores: Floats, rows: list[Row]) -> str:
    """Return the figures of pooled scores, and the AUC of every fold."""
    known = ~np.isnan(scores)
    labels = np.array([row.label for row in rows])
    folds = np.array([row.fold for row in rows])
    each = [auc(scores[known & (folds == f)], labels[known & (folds == f)]) for f in range(FOLDS)]
    return (
        "  ".join(f"{name} {v:.3f}" for name, v in figures(scores[known], labels[known]).items())
        + "  folds "
        + " ".join(f"{value:.2f}" for value in each)
    )


def paired(scores: Floats, rows: list[Row]) -> list[tuple[str, float, int, int]]:
    """Return for every source with both labels: AUC within it, and how many of each label."""
    found = []
    for source in sorted({row.source for row in rows}):
        own = [n for n, row in enumerate(rows) if row.source == source and not np.isnan(scores[n])]
        labels = [rows[number].label for number in own]
        if 0 < sum(labels) < len(labels):
            found.append((source, auc(scores[own], labels), len(labels) - sum(labels), sum(labels)))
    return found


def _parts(rows: list[Row], data: Path, cache: Path) -> list[Heard]:
    return [hear(rows, data, kind, cache) for kind in (CLEAN, f"{SPOILED}1")]


def _score(rows: list[Row], data: Path, cache: Path, out: Path) -> None:
    parts = _parts(rows, data, cache)
    lines = out_of_fold(parts, rows, lambda row: row.stated)
    table = ["file\tcondition\tfold\tscore"]
    for condition in MEASURED:
        part = "" if condition == CLEAN else "third"
        scores = scored(lines, hear(rows, data, condition, cache, part), rows)
        print(f"{condition:11} {told(scores, rows)}", flush=True)
        for row, score in zip(rows, scores, strict=True):
            if not np.isnan(score):
                table.append(f"{row.file}\t{condition}\t{row.fold}\t{score:.6f}")
        if condition == CLEAN:
            for source, value, recorded, synthetic in paired(scores, rows):
                print(f"  pair  {source:42} {value:.3f}  ({recorded} recorded, {synthetic})")
    out.write_text("\n".join(table) + "\n", encoding="utf-8")


def _licences(rows: list[Row], data: Path, cache: Path, _out: Path) -> None:
    parts = _parts(rows, data, cache)
    clean = hear(rows, data, CLEAN, cache)
    rules: list[tuple[str, Keep]] = [
        ("a licence is stated (shipped)", lambda row: row.stated),
        ("all but non-commercial", lambda row: row.commercial),
        ("all", lambda _row: True),
    ]
    for name, keep in rules:
        scores = scored(out_of_fold(parts, rows, keep), clean, rows)
        print(f"{name:34} {sum(map(keep, rows)):5} clips  {told(scores, rows)}", flush=True)


def _ship(rows: list[Row], data: Path, cache: Path, out: Path) -> None:
    parts = _parts(rows, data, cache)
    usable = [number for number, row in enumerate(rows) if row.stated]
    heard = together(parts).of(usable)
    chosen = strength(parts[0], rows, usable)
    (line,) = fit(heard, rows, [chosen])
    out.mkdir(parents=True, exist_ok=True)
    voice_model.export(line, out / "model.onnx")
    print(f"C {chosen:g}, {len(usable)} clips, {len(heard.clips)} windows")
    farthest = float(np.quantile(voice_model.distances(line, heard), _FARTHEST))
    if not (out / "CARD.md").exists():
        (out / "CARD.md").write_text("# voice\n", encoding="utf-8")
    voice_card.write(out, [rows[number] for number in usable], farthest)
    print(f"C {chosen:g}, {len(usable)} clips, {len(heard.clips)} windows, farthest {farthest:.2f}")


def main() -> None:
    """Run what the command line asks for."""
    commands = {"score": _score, "licences": _licences, "ship": _ship}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=commands)
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=Path("voice"))
    asked = parser.parse_args()
    rows = voice_splits.read(asked.data / "INDEX.tsv")
    commands[asked.command](rows, asked.data, asked.cache, asked.out)


if __name__ == "__main__":
    main()
