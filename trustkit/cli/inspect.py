"""`trustkit inspect`: everything in a file's manifest, unjudged."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from trustkit.cli import output
from trustkit.errors import TrustkitError
from trustkit.isolation import Limits, run
from trustkit.policy import Limits as FileLimits
from trustkit.reports import inspection
from trustkit.toolbox import open_inspector


@click.command("inspect")
@click.argument("path")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
@click.option("--raw", is_flag=True, help="The C2PA engine's own report, as it is.")
def command(path: str, *, form: str, raw: bool) -> None:
    """Show what is in the manifest of PATH: who made and signed it, its actions and ingredients.

    Nothing is judged and nothing is fetched; `trustkit verify` says what it is worth.
    """
    output.set_up_logging()
    described = _isolated(Path(path), raw=raw)
    if raw or form == "json":
        click.echo(json.dumps(described, indent=2, ensure_ascii=False))
    else:
        click.echo(inspection.render(described), nl=False)


def _isolated(path: Path, *, raw: bool) -> dict[str, Any]:
    # The file is as untrusted here as it is for `verify`.
    limits = Limits(FileLimits().max_seconds_per_file, FileLimits().max_memory)
    _, answer = next(run([path], partial(open_inspector, raw=raw), limits, 1))
    if isinstance(answer, TrustkitError):
        raise answer
    described: dict[str, Any] = answer
    return described
