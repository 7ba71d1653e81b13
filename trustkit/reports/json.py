"""The report as one JSON document, schema 1.0."""

from __future__ import annotations

from trustkit.reports import Run
from trustkit.reports.schema import document


def render(run: Run) -> str:
    """See `Renderer`."""
    return document(run).model_dump_json(indent=2) + "\n"
