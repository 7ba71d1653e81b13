"""`trustkit models bench`: how often a detector is right, on an index of one's own."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from trustkit.asset import open_asset
from trustkit.cli import output as terminal
from trustkit.cli.progress import bar
from trustkit.cli.whole import put_file
from trustkit.detectors import Kind
from trustkit.detectors.shelf import Entry
from trustkit.detectors.trial import page, recarding, report, words
from trustkit.detectors.trial.conditions import choose
from trustkit.detectors.trial.given import read_scores
from trustkit.detectors.trial.index import Index, Row, join, read_index, spread
from trustkit.detectors.trial.result import About, Result
from trustkit.detectors.trial.running import Opening, Task, headers, look
from trustkit.detectors.trial.trial import Chance, counted, judged
from trustkit.errors import ConfigError, TrustkitError, UnreadableError, UsageError


@click.command("bench")
@click.argument("name", metavar="NAME")
@click.argument("indexes", metavar="INDEX.tsv...", nargs=-1, required=True)
@click.option("--scores", metavar="FILE",
              help="Count these scores (file, condition, score, fold); run nothing.")  # fmt: skip
@click.option("--conditions", metavar="NAME,...", default="", help="These alone; all by default.")
@click.option("--group", "groups", metavar="COLUMN", multiple=True,
              help="A further column of the index to have tables by; may be repeated.")  # fmt: skip
@click.option("--beside", metavar="NAME", multiple=True,
              help="Another detector that can make this one doubt; may be repeated.")  # fmt: skip
@click.option("--limit", type=click.IntRange(2), metavar="N",
              help="So many files, spread evenly over generators and sources.")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("--draws", type=click.IntRange(0, 10_000), default=500, show_default=True,
              help="How often groups are drawn for the intervals.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="All chance comes from it.")  # fmt: skip
@click.option("--device", default="cpu", metavar="NAME", show_default=True,
              help="Where the models run.")  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write every single score to FILE.")
@click.option("--html", "html_file", metavar="FILE", help="Write a page with plots to FILE.")
@click.option("--card", metavar="FOLDER", help="Write the tables into CARD.md of this detector.")
@click.option("--recalibrate", is_flag=True,
              help="With --card: new calibration, thresholds, metrics in card.toml.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No bar on stderr.")
def command(name: str, indexes: tuple[str, ...], **asked: Any) -> int:
    """Show a detector media with known labels, and count how often it is right.

    NAME is a detector of `models list`, or the folder of one. Media whose generator, family or
    gallery it was trained on are left out of every headline. Of several indexes files are called
    FOLDER/file, after the folder that the index is in. Exit 30 when a file could not be
    looked at, or nothing was left to count.
    """
    terminal.set_up_logging()
    if asked["recalibrate"] and not asked["card"]:
        raise UsageError("--recalibrate needs --card FOLDER", "name the detector's folder")
    _check_places(indexes, asked)
    table = join([read_index(Path(index), asked["groups"]) for index in indexes])
    rows = spread(table.rows, asked["limit"]) if asked["limit"] else table.rows
    chance = Chance(asked["draws"], asked["seed"])
    opening = _opening(name, asked["device"])
    if asked["card"]:
        recarding.check_name(Path(asked["card"]), _name(opening))
    if asked["scores"]:
        result = _counted(opening, table, rows, chance, asked)
    else:
        result = _run(opening, table, rows, chance, asked)
    _write(result, table, asked)
    return UnreadableError.exit_code if result.missed or result.why_no_headline else 0


def _opening(name: str, device: str) -> Opening:
    folder = Path(name)
    is_folder = os.sep in name or name in {".", ".."}
    if is_folder and not folder.is_dir():
        raise UsageError(f"there is no folder {name}", "name a detector of `models list`")
    return Opening(name, folder.resolve() if is_folder else None, device)


def _run(
    opening: Opening, index: Index, rows: Sequence[Row], chance: Chance, asked: dict[str, Any]
) -> Result:
    entry = opening.entry
    kind = opening.open().kind
    task = Task(
        opening,
        kind,
        tuple(one.name for one in choose(kind, _names(asked["conditions"]))),
        tuple(_opening(other, asked["device"]) for other in asked["beside"]),
        asked["seed"],
    )
    for other in task.others:
        if other.open().kind is not kind:
            raise UsageError(f"{other.name} is no detector of the same kind", "see `models list`")
    with bar("bench", quiet=asked["quiet"]) as tell:
        looked = look(task, index, rows, jobs=asked["jobs"], progress=tell)
    return judged(_about(entry, kind), index, rows, looked, chance)


def _counted(
    opening: Opening, index: Index, rows: Sequence[Row], chance: Chance, asked: dict[str, Any]
) -> Result:
    scores = Path(asked["scores"])
    given = read_scores(scores, {row.file: row for row in index.rows})
    if wanted := _names(asked["conditions"]):
        given = [one for one in given if one.condition in wanted]
    try:
        entry: Entry | None = opening.entry
    except ConfigError:
        entry = None  # a model that is only being trained has no card yet
    kind = entry.kind if entry and entry.kind else _kind_of(index, rows)
    name = entry.name if entry else opening.name
    about = About(name, entry.version if entry else "", kind, scores=scores.name)
    return counted(about, index, rows, given, headers(index, rows, kind), chance)


def _about(entry: Entry, kind: Kind) -> About:
    detector = entry.open()
    trained = entry.card.trained_on if entry.card else ()
    names = frozenset(word.lower() for one in trained for word in (one.name, one.source))
    return About(entry.name, entry.version, kind, tuple(detector.thresholds), names)


def _kind_of(index: Index, rows: Sequence[Row]) -> Kind:
    for row in rows:
        try:
            found = open_asset(index.path(row), row.file).kind
        except TrustkitError:
            continue
        return Kind.IMAGE if found == "image" else Kind.AUDIO
    raise UnreadableError(f"not one file of {index.name} can be read", "are they beside it?")


def _names(asked: str) -> list[str]:
    return [name.strip() for name in asked.split(",") if name.strip()]


def _name(opening: Opening) -> str:
    try:
        card = opening.entry.card
    except ConfigError:
        card = None  # a model that is only being trained has no card yet
    return card.name if card else opening.name


def _check_places(indexes: Sequence[str], asked: dict[str, Any]) -> None:
    # An hour of work is not to be lost to a wrong name, nor an index to its own figures.
    taken = {Path(name).resolve() for name in (*indexes, asked["scores"]) if name}
    for name in (asked["json_file"], asked["html_file"]):
        if not name:
            continue
        if not Path(name).absolute().parent.is_dir():
            raise UsageError(f"there is no folder {Path(name).parent}", "make it first")
        if Path(name).resolve() in taken:
            raise UsageError(f"{name} is named twice", "name another file to write")
        taken.add(Path(name).resolve())
    if asked["card"] and not os.access(asked["card"], os.W_OK):
        raise UsageError(f"nothing can be written into {asked['card']}", "check the folder")


def _write(result: Result, index: Index, asked: dict[str, Any]) -> None:
    text = json.dumps(report.document(result), indent=1, allow_nan=False) + "\n"
    if asked["form"] == "table":
        for line in words.to_text(result).split("\n")[:-1]:  # a name may hold other line ends
            terminal.say(line)
    if asked["json_file"]:
        put_file(Path(asked["json_file"]), [text])
    if asked["html_file"]:
        put_file(Path(asked["html_file"]), [page.to_html(result)])
    if asked["card"]:
        labels = {row.file: (row.label, row.name) for row in index.rows}
        recarding.rewrite(Path(asked["card"]), result, labels, recalibrate=asked["recalibrate"])
    if asked["form"] == "json":  # last: on stdout is one document, and it may be of an error
        click.echo(text, nl=False)
