"""A table for people: a row a file."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trustkit.policy import Decision, Word
from trustkit.reports import Run, decision, printable, sentence, word
from trustkit.verify import Report

_COLOURS = {Decision.ACCEPT: "green", Decision.REVIEW: "yellow", Decision.REJECT: "red"}
_WIDTH = 110


def render(run: Run, *, color: bool = False, width: int = _WIDTH) -> str:
    """See `Renderer`; `width` in columns."""
    return rows([("", report) for report in run.files], color=color, width=width)


def rows(files: Sequence[tuple[str, Report]], *, color: bool, width: int) -> str:
    """Return a table of files, each with what was done to it where that is told."""
    told = any(what for what, _ in files)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    if told:
        table.add_column("what was done", max_width=20)
    table.add_column("verdict", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    table.add_column("what is known", overflow="fold")
    for what, report in files:
        style = "magenta" if word(report) is Word.ERROR else _COLOURS[decision(report)]
        table.add_row(
            Text(printable(report.path)),
            *([Text(what)] if told else []),
            Text(word(report).value, style=style),
            Text(decision(report).value, style=style),
            Text(printable(sentence(report))),
        )
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, highlight=False
    )
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
