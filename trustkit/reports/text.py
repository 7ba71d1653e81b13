"""One line a file, then its sentence; for people who read a terminal."""

from __future__ import annotations

from trustkit.reports import Run, counts, decision, printable, sentence, word

_WIDTH = 15  # the longest verdict word
_TOO_MANY = 1


def render(run: Run) -> str:
    """See `Renderer`. Never wraps: one line stays one line for grep."""
    lines = []
    for report in run.files:
        lines.append(f"{word(report):<{_WIDTH}}  {decision(report):<6}  {printable(report.path)}")
        lines.append(f"{'':<{_WIDTH}}  {printable(sentence(report))}")
    if len(run.files) > _TOO_MANY:
        words, _ = counts(run.files)
        told = ", ".join(f"{number} {name}" for name, number in words.items())
        lines.append(f"{len(run.files)} files: {told}")
    return "".join(f"{line}\n" for line in lines)
