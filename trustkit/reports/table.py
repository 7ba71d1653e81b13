"""A table for people: a row a file."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trustkit.policy import Decision, Word
from trustkit.reports import Run, decision, sentence, word

_COLOURS = {Decision.ACCEPT: "green", Decision.REVIEW: "yellow", Decision.REJECT: "red"}
_WIDTH = 110


def render(run: Run, *, color: bool = False, width: int = _WIDTH) -> str:
    """See `Renderer`; `width` in columns."""
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold")
    for name in ("file", "verdict", "decision", "what is known"):
        table.add_column(name, overflow="fold", no_wrap=name in {"verdict", "decision"})
    for report in run.files:
        style = _COLOURS[decision(report)] if word(report) is not Word.ERROR else "magenta"
        table.add_row(
            Text(report.path),
            Text(word(report).value, style=style),
            Text(decision(report).value, style=style),
            Text(sentence(report)),
        )
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, highlight=False
    )
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())
