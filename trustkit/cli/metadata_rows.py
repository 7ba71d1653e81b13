"""What both `trustkit metadata` commands tell: rows, errors, one JSON document."""

from __future__ import annotations

import json
from typing import Any

import click

from trustkit.cli import output as terminal
from trustkit.errors import TrustkitError
from trustkit.media.metadata import Metadata
from trustkit.media.metadata.aigc import Aigc
from trustkit.media.metadata.fields import FIELDS

FORMS = click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
                      default="text", show_default=True)  # fmt: skip


def tell(
    row: dict[str, Any], rows: list[dict[str, Any]], form: str, failed: TrustkitError | None
) -> None:
    """Print or keep a file's row, and say on stderr why it failed."""
    if form == "jsonl":
        click.echo(json.dumps(row))
    elif form == "json":
        rows.append(row)
    if failed:
        terminal.fail(failed)


def end(rows: list[dict[str, Any]], form: str) -> None:
    """Print the rows that were kept, as one document."""
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))


def fields(found: Metadata) -> dict[str, str]:
    """Return the fields found, by their standard names."""
    values = ((field.name, getattr(found, field.attribute)) for field in FIELDS)
    return {n: v.raw if isinstance(v, Aigc) else v for n, v in values if v is not None}
