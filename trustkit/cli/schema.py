"""`trustkit schema`: the JSON Schema of the report."""

from __future__ import annotations

import json

import click

from trustkit.reports.schema import FilePart, ReportDocument


@click.command("schema")
@click.option("--file", "one_file", is_flag=True, help="The schema of one file: a line of jsonl.")
def command(*, one_file: bool) -> None:
    """Print the JSON Schema of the report (schema_version 1.0)."""
    model = FilePart if one_file else ReportDocument
    click.echo(json.dumps(model.model_json_schema(mode="serialization"), indent=2))
