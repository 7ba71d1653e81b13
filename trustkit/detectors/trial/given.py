"""Scores that somebody else counted, such as those of a cross-validated training.

A table, tab separated with a header: file, condition, score, and where models were trained fold by
fold the `fold` that was held out when the file was scored. `log_ratio` may stand there too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from trustkit.detectors import Answer
from trustkit.detectors.trial.index import MAX_WORD, Row, finite, read_bytes
from trustkit.detectors.trial.result import CLEAN, Observation
from trustkit.errors import UnreadableError

MAX_LINES = 2_000_000
_SHAPE = "its first line names the columns: file, condition, score, fold"


def read_scores(path: Path, rows: Mapping[str, Row]) -> list[Observation]:
    """Return the scores of the index's files; `answer` is not known yet.

    Raises `UnreadableError` for what is no such table, for a score that is no number, and for a
    file that the index does not name.
    """
    try:
        lines = read_bytes(path).decode("utf-8-sig").split("\n", MAX_LINES + 1)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path.name} is no UTF-8 text", _SHAPE) from error
    if len(lines) > MAX_LINES:
        raise UnreadableError(f"{path.name} has more than {MAX_LINES:,} lines", "split it")
    header = lines[0].rstrip("\r").split("\t")
    if not {"file", "score"} <= set(header) or len(set(header)) < len(header):
        raise UnreadableError(f"{path.name} has no columns file and score", _SHAPE)
    found = [
        _observation(path.name, number, dict(zip(header, cells, strict=False)), rows)
        for number, line in enumerate(lines[1:], 2)
        if (cells := line.rstrip("\r").split("\t")) != [""]
    ]
    if not found:
        raise UnreadableError(f"{path.name} has no scores", _SHAPE)
    ((twice, times),) = Counter((o.file, o.condition) for o in found).most_common(1)
    if times > 1:
        raise UnreadableError(f"{path.name} scores {twice[0]} twice ({twice[1]})", _SHAPE)
    folds: dict[str, str] = {}
    for one in found:
        if folds.setdefault(one.file, one.fold) != one.fold:
            raise UnreadableError(f"{path.name} puts {one.file} into two folds", _SHAPE)
    folded = {bool(o.fold) for o in found}
    if len(folded) > 1:
        raise UnreadableError(f"{path.name} tells the fold of some files alone", _SHAPE)
    return found


def _observation(
    name: str, number: int, cell: Mapping[str, str], rows: Mapping[str, Row]
) -> Observation:
    file = cell["file"]
    if file not in rows:
        raise UnreadableError(
            f"line {number} of {name} scores {file[:80]!r}, which the index does not name",
            "give the index that the scores are of",
        )
    score = finite(cell.get("score", ""))
    if score is None:
        raise UnreadableError(f"line {number} of {name} has no number as score", _SHAPE)
    condition, fold = cell.get("condition", "") or CLEAN, cell.get("fold", "")
    if max(len(condition), len(fold)) > MAX_WORD:
        raise UnreadableError(f"line {number} of {name} has a cell of over {MAX_WORD} characters")
    ratio = finite(cell.get("log_ratio", ""))
    return Observation(
        file, condition, score, float("nan") if ratio is None else ratio,
        Answer.NOT_CHECKED, fold=fold,
    )  # fmt: skip
