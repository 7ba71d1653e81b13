"""The report as JSON lines: a file object a line, in input order."""

from __future__ import annotations

from trustkit.reports import Run
from trustkit.reports.schema import file_part


def render(run: Run) -> str:
    """See `Renderer`."""
    return "".join(f"{file_part(report).model_dump_json()}\n" for report in run.files)
