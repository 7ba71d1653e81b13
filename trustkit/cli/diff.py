"""`trustkit diff`: what two files say of themselves, and where that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from trustkit.c2pa.compare import compare
from trustkit.cli import output
from trustkit.errors import TrustkitError
from trustkit.isolation import Limits, run
from trustkit.policy import Limits as FileLimits
from trustkit.reports import comparison
from trustkit.toolbox import open_comparer

_DIFFER = 10  # with --exit-code; 1 is kept for bugs


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
@click.option("--exit-code", is_flag=True, help=f"Exit {_DIFFER} where they differ.")
def command(first: str, second: str, *, form: str, exit_code: bool) -> int:
    """Compare what A and B say of themselves: file, manifest, signer, actions, history, statements.

    Nothing is judged and nothing is fetched; `trustkit verify` says what each is worth.
    """
    output.set_up_logging()
    a, b = _sides([Path(first), Path(second)])
    found = compare(a, b)
    if form == "json":
        document = {"schema_version": "1.0", "a": a, "b": b, **found}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo(comparison.render(a, b, found), nl=False)
    return _DIFFER if exit_code and not found["same"] else 0


def _sides(paths: list[Path]) -> list[Any]:
    # The files are as untrusted here as they are for `verify`.
    limits = Limits(FileLimits().max_seconds_per_file, FileLimits().max_memory)
    answers = dict(run(list(paths), open_comparer, limits, 1))
    for answer in (answers[0], answers[1]):
        if isinstance(answer, TrustkitError):
            raise answer
    return [answers[0], answers[1]]
