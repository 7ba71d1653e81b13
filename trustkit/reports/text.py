"""One line a file, then its sentence; for people who read a terminal."""

from __future__ import annotations

from trustkit.reports import Run, counts, decision, sentence, word

_WIDTH = 15  # the longest verdict word
_TOO_MANY = 1


def render(run: Run) -> str:
    """See `Renderer`. Never wraps: one line stays one line for grep."""
    lines = []
    for report in run.files:
        lines.append(f"{word(report):<{_WIDTH}}  {decision(report):<6}  {_printable(report.path)}")
        lines.append(f"{'':<{_WIDTH}}  {_printable(sentence(report))}")
    if len(run.files) > _TOO_MANY:
        words, _ = counts(run.files)
        told = ", ".join(f"{number} {name}" for name, number in words.items())
        lines.append(f"{len(run.files)} files: {told}")
    return "".join(f"{line}\n" for line in lines)


def _printable(text: str) -> str:
    # A file names itself: control characters must not reach the terminal.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
