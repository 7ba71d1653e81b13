"""`trustkit detect`: what detectors say of media files, each in a worker process, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click

from trustkit.batch.sources import expand
from trustkit.cli import output as terminal
from trustkit.cli.each import counted, each
from trustkit.cli.targets import Originals, outside
from trustkit.detectors import Answer
from trustkit.detectors.explain import SHOWS
from trustkit.detectors.explain.keep import keep, open_folder
from trustkit.detectors.explain.names import stems
from trustkit.detectors.explain.words import ANSWERS, answer_of, quoted, scored
from trustkit.detectors.explain.work import Detected, Wish, check, open_detective
from trustkit.detectors.panel import RATE, RATES
from trustkit.errors import PublishError, TrustkitError
from trustkit.evidence.detectors import times, told
from trustkit.isolation import Limits
from trustkit.policy import Limits as FileLimits
from trustkit.reports import EXIT_ORDER

_MEMORY = 4 * 2**30  # bytes of address space: a large picture, and a model of 350 MB
_TO_EXPLAIN = 120.0  # seconds more
_REVIEW = 20  # the exit code: somebody should look at it

Said = Detected | TrustkitError


@click.command("detect")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--detector", "names", multiple=True, metavar="NAME",
              help="Ask this detector; may be repeated. All by default.")  # fmt: skip
@click.option("--device", metavar="NAME", default="cpu", show_default=True,
              help="Where the models run.")  # fmt: skip
@click.option("--false-positive-rate", "rate", type=click.Choice([f"{rate:g}" for rate in RATES]),
              default=f"{RATE:g}", show_default=True, help="Which threshold counts.")  # fmt: skip
@click.option("--explain", metavar="DIR", help="Write heat maps, time lines and JSON into DIR.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No bar on stderr.")
def command(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    names: tuple[str, ...],
    device: str,
    rate: str,
    explain: str | None,
    jobs: int,
    form: str,
    quiet: bool,
) -> int:
    """Ask detectors of generated media about each PATH: files, folders (-r), globs, or -.

    An answer is a lead for a person and proves nothing; "no indications" is no sign that a camera
    made it. Exit 0 where no file needs a look, 20 where one is likely or inconclusive, 30 when one
    could not be read.
    """
    terminal.set_up_logging()
    patience = FileLimits().max_seconds_per_file
    wish = Wish(names, device, float(rate), 0.8 * patience, explains=explain is not None)
    check(wish)  # a wrong name is to be said once, not of every file
    sources = list(expand(paths, recursive=recursive, stdin=terminal.stdin()))
    sources = sources if explain is None else outside(sources, explain)
    written = None if explain is None else _Written(open_folder(explain), Originals(sources))
    limits = Limits(patience + (_TO_EXPLAIN if written else 0), _MEMORY)
    rows, codes = [], set()
    answers = each(sources, partial(open_detective, wish), limits, jobs)
    shown = counted(answers, len(sources), "detect", quiet=quiet or form != "json")
    called = stems(source.name for source in sources)
    for (source, said), stem in zip(shown, called, strict=True):
        row = _row(source.name, said) | ({"explained": None} if written else {})
        codes.add(_code(said))
        trouble = said if isinstance(said, TrustkitError) else None
        if written and isinstance(said, Detected):
            row["explained"], trouble = written.put(stem, row, said)
            codes |= {trouble.exit_code} if trouble else set()
        rows.append(row)
        if form == "jsonl":
            click.echo(json.dumps(row))
        elif form == "text" and isinstance(said, Detected):
            for line in _lines(source.name, said, row):
                terminal.say(line)
        if trouble:
            terminal.fail(trouble)
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _code(said: Said) -> int:
    if isinstance(said, TrustkitError):
        return said.exit_code
    answer = answer_of(said.parts)
    return _REVIEW if answer in {Answer.LIKELY, Answer.INCONCLUSIVE} else 0


def _lines(name: str, said: Detected, row: dict[str, Any]) -> Iterator[str]:
    yield f"{ANSWERS[answer_of(said.parts)]}  {name}"
    for part in said.parts:
        yield f"  {quoted(part.judgement)}"
        for opinion in part.judgement.opinions:
            yield f"    {scored(opinion, part.judgement.rate)}"
        for start, end in times(part).get("spans", [])[:3]:  # type: ignore[index]
            yield f"    reaches the threshold from {start:.1f} to {end:.1f} s"
        if part.judgement.opinions:
            for unasked, why in part.unusable:
                yield f"    {unasked} was not asked: {why}"
    for file in (row.get("explained") or {}).get("files", [])[:1]:
        yield f"  explained in {file}"


def _row(name: str, said: Said) -> dict[str, Any]:
    error = said if isinstance(said, TrustkitError) else None
    parts = () if isinstance(said, TrustkitError) else said.parts
    reasons = [part.judgement.reason for part in parts if part.judgement.reason]
    return {
        "path": name,
        "synthetic": None if error else answer_of(parts).value,
        "sentence": "; ".join(part.judgement.sentence for part in parts) or None,
        "reason": "; ".join(reasons) or None,
        "detectors": [
            told(opinion, part.judgement)
            | {"kind": part.kind.value}
            | (times(part) if number == 0 else {})
            for part in parts
            for number, opinion in enumerate(part.judgement.opinions)
        ],
        "not_asked": [
            {"name": unasked, "reason": why} for part in parts for unasked, why in part.unusable
        ],
        "error": terminal.error_row(error),
    }


@dataclass(frozen=True)
class _Written:
    """Writes explanations into a folder, and never over an input."""

    folder: Path
    inputs: Originals

    def put(
        self, stem: str, row: dict[str, Any], said: Detected
    ) -> tuple[dict[str, Any], PublishError | None]:
        """Write what explains `row`; returns what the row says of it, and what went wrong."""
        drawn = {f"{stem}.{why.detector}.png": why.png for why in said.whys if why.png}
        gone = [f"{stem}.{why.detector}.png" for why in said.whys if not why.png]
        told_whys = [
            why.facts | {"file": f"{stem}.{why.detector}.png" if why.png else None}
            for why in said.whys
        ]
        page = {"made_by": "trustkit detect", "explanation": 1, "shows": SHOWS}
        text = json.dumps(page | row | {"explanations": told_whys}) + "\n"
        try:
            page_and_drawings = {f"{stem}.json": text.encode(), **drawn}
            files = keep(self.folder, page_and_drawings, self.inputs.holds, gone)
        except PublishError as error:
            return {"files": [], "error": terminal.error_row(error)}, error
        return {"files": files, "error": None}, None
