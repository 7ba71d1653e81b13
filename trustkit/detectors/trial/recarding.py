"""A trial written into a detector's own folder: the tables of CARD.md, the figures of card.toml.

What people wrote is kept: in CARD.md all that is not between the two markers, in card.toml all but
the parts that are measured.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trustkit import __version__
from trustkit.detectors import Rate
from trustkit.detectors.card import CARD, read_card
from trustkit.detectors.reading import read_plain
from trustkit.detectors.trial import words
from trustkit.detectors.trial.calibrating import RATES, calibrate, thresholds
from trustkit.detectors.trial.deciding import FOLD_OUT, SOURCE_OUT
from trustkit.detectors.trial.metrics import rate
from trustkit.detectors.trial.result import Observation, Result
from trustkit.errors import ConfigError, TrustkitError, UsageError
from trustkit.media.placing import place, temporary

PAGE = "CARD.md"
BEGIN = "<!-- measured: begin (written by `trustkit models bench --card`) -->"
END = "<!-- measured: end -->"
MAX_PAGE = 2 * 2**20  # bytes

_MEASURED = {"calibration", "threshold", "metrics"}
_HEADER = re.compile(r"""^\s*\[{1,2}\s*["']?([A-Za-z0-9_-]+)[^\]=]*\]{1,2}\s*(?:\#.*)?$""")
_HASH = re.compile(r'^(\s*"?CARD\.md"?\s*=\s*")[0-9a-f]{64}(")', re.MULTILINE)


def rewrite(folder: Path, result: Result, labels: dict[str, tuple[int, str]], *,
            recalibrate: bool) -> None:  # fmt: skip
    """Write the trial's tables into CARD.md, and its SHA-256 into card.toml.

    With `recalibrate` calibration, thresholds and metrics of card.toml are replaced as well, by
    what the files show that the model saw no relative of. `labels` has every file's label and the
    name of its generator or source. Raises `ConfigError` for a folder without a proper card, and
    `UsageError` where there is nothing to calibrate on.
    """
    before = read_plain(folder / CARD, MAX_PAGE).decode("utf-8", "replace")
    page = _page(folder / PAGE, result)
    text = _hashed(before, page)
    if recalibrate:
        text = _replaced(text, _measured(result, labels))
    _check(before, text, recalibrate=recalibrate)
    old_page = (folder / PAGE).read_bytes() if (folder / PAGE).is_file() else None
    try:
        _put(folder / PAGE, page)
        _put(folder / CARD, text.encode())
        read_card(folder)
    except TrustkitError:
        # Nothing half done: a card that cannot be read again is put back.
        if old_page is not None:
            _put(folder / PAGE, old_page)
        _put(folder / CARD, before.encode())
        raise


def check_name(folder: Path, name: str) -> None:
    """Raise `UsageError` where the card in a folder is that of another detector than `name`."""
    if (card := read_card(folder)).name != name:
        raise UsageError(f"{folder} is the folder of {card.name}, and measured is {name}",
                         "name the folder of the detector that is measured")  # fmt: skip


def to_markdown(result: Result) -> str:
    """Return the part of CARD.md that is measured."""
    parts = ["\n".join(f"- {_plain(line)}" for line in words.opening(result))]
    for caption, head, rows in words.tables(result):
        lines = [f"### {_plain(caption)}", "", _line(head), _line(["---"] * len(head))]
        parts.append("\n".join([*lines, *map(_line, rows)]))
    parts.append(f"Made by trustkit {__version__}.")
    return "\n\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", shown)


def _page(path: Path, result: Result) -> bytes:
    text = read_plain(path, MAX_PAGE).decode("utf-8", "replace") if path.is_file() else ""
    part = f"{BEGIN}\n\n{to_markdown(result)}\n\n{END}"
    begin, end = text.find(BEGIN), text.find(END)
    if (begin < 0) != (end < 0) or end < begin or text.count(BEGIN) > 1:
        raise ConfigError(f"{path} has one of the two markers alone", f"it needs both: {BEGIN}")
    if begin < 0:
        title = text.rstrip() or f"# {result.about.name}"
        return f"{title}\n\n## Measured\n\n{part}\n".encode()
    return (text[:begin] + part + text[end + len(END) :]).encode()


def _hashed(text: str, page: bytes) -> str:
    digest = hashlib.sha256(page).hexdigest()
    found, count = _HASH.subn(rf"\g<1>{digest}\g<2>", text)
    if count != 1:
        raise ConfigError(f"[files] of {CARD} does not name {PAGE} on a line of its own",
                          f'write "{PAGE}" = "<sha256>" there')  # fmt: skip
    return found


def _measured(result: Result, labels: dict[str, tuple[int, str]]) -> str:
    if result.why_no_headline:
        raise UsageError(f"nothing to calibrate on: {result.why_no_headline}",
                         "give an index of media that the model saw no relative of")  # fmt: skip
    unseen = {o.condition for o in result.outcomes}
    seen = [o for o in result.fresh if o.condition in unseen]
    curve = calibrate(
        [o.score for o in seen],
        [labels[o.file][0] for o in seen],
        [labels[o.file][1] for o in seen],
        len(seen) / len({o.file for o in seen}),
    )
    lines = [
        "[calibration]",
        f"scores = {_numbers(curve.scores)}",
        f"log_likelihood_ratios = {_numbers(curve.log_likelihood_ratios)}",
    ]
    others = [o for o in seen if labels[o.file][0] == 0]
    scores = [o.score for o in others]
    for asked, score, *_ in thresholds(scores, [labels[o.file][1] for o in others], RATES):
        counted = _left_out(result, asked, others)
        lines += ["", "[[threshold]]", f"false_positive_rate = {asked:g}", f"score = {score!r}",
                  *(f"{key} = {value!r}" for key, value in _rounded(counted).items()),
                  f"total = {counted.total}"]  # fmt: skip
    for one in result.outcomes:
        lines += ["", f"[metrics.{_key(one.condition)}]"]
        lines += [f"{name} = {_metric(figure)}" for name, figure in one.figures.items()]
    return "\n".join(lines) + "\n"


def _left_out(result: Result, asked: float, others: Sequence[Observation]) -> Rate:
    """Return the false positives of thresholds that the file's own fold or source did not set.

    Over all conditions, and yet of as many files as there are: copies are no new witnesses.
    """
    found = [
        at.false
        for one in result.outcomes
        for at in one.thresholds
        if at.how in {FOLD_OUT, SOURCE_OUT} and at.asked == asked
    ]
    files = len({o.file for o in others})
    total = sum(one.total for one in found)
    if not total:
        raise UsageError("one source alone sets no threshold", "give an index of several")
    return rate(files * sum(one.value * one.total for one in found) / total, files)


def _rounded(counted: Rate) -> dict[str, float]:
    return {"measured": round(counted.value, 6), "low": round(counted.low, 6),
            "high": round(counted.high, 6)}  # fmt: skip


def _numbers(values: Sequence[float]) -> str:
    return "[" + ", ".join(repr(float(value)) for value in values) + "]"


def _metric(figure: Rate) -> str:
    three = _numbers([round(number, 4) for number in (figure.value, figure.low, figure.high)])
    return f"{three[:-1]}, {figure.total}]"


def _key(condition: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", condition.lower())[:60]


def _replaced(text: str, part: str) -> str:
    """Return a card with its measured tables taken out, and `part` where the first of them was."""
    kept: list[str] = []
    place, inside = -1, False
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line):
            inside = header[1] in _MEASURED
            if inside and place < 0:
                place = len(kept)
        if not inside:
            kept.append(line)
    if place < 0:
        place = len(kept)
    rest = kept[place:]
    return "".join([*kept[:place], part, "\n" if rest else "", *rest])


def _check(before: str, after: str, *, recalibrate: bool) -> None:
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{CARD} cannot be rewritten: {error}",
            "write its tables as [calibration], [[threshold]]",
        ) from error
    measured = _MEASURED if recalibrate else set()
    if _others(old, measured) != _others(new, measured):
        raise ConfigError(
            f"{CARD} cannot be rewritten without losing something",
            "give what is measured tables of its own: [calibration], [[threshold]], [metrics.x]",
        )


def _others(card: dict[str, Any], measured: set[str]) -> dict[str, Any]:
    kept = {key: value for key, value in card.items() if key not in measured}
    files = {k: v for k, v in kept.get("files", {}).items() if k != PAGE}
    return {**kept, "files": files}


def _put(path: Path, data: bytes) -> None:
    try:
        with temporary(path) as fresh:
            fresh.write_bytes(data)
            place(fresh, path, like=path if path.exists() else fresh)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", "check the folder"
        ) from error
