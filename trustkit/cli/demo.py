"""`trustkit demo`: every verdict on sample files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from trustkit.cli import output
from trustkit.demo import Outcome, demonstrate
from trustkit.errors import TrustkitError
from trustkit.reports import table, word

_WIDTH = 118


@click.command("demo")
@click.option("--no-color", is_flag=True, help="No colour.")
def command(*, no_color: bool) -> None:
    """Sign a picture, a clip and a sound as AI-generated, then alter, strip and verify them.

    Works in a temporary folder of its own, with a test key that is made on the spot; takes a few
    seconds and touches nothing else.
    """
    output.set_up_logging()
    folder, outcomes, refusal = demonstrate()
    color = output.may_color(no_color=no_color)
    rows = [(outcome.step.what, outcome.report) for outcome in outcomes]
    click.echo(table.rows(rows, color=color, width=_WIDTH), nl=False)
    click.echo(
        f"\nSigning over the tampered picture was refused at first:\n  {_short(refusal, folder)}"
    )
    click.echo(
        "\nNo verdict says that something is true: see what each one proves in docs/findings.md."
    )
    click.echo(f"\nWritten to {folder}:")
    for path in sorted(folder.iterdir()):
        click.echo(f"  {path.name}{'/' if path.is_dir() else ''}")
    click.echo(f"\nTry: {Path(sys.argv[0]).name} inspect {folder}/laundered.jpg")
    _check(outcomes)


def _short(text: str, folder: Path) -> str:
    return text.replace(f"{folder}/", "")


def _check(outcomes: Sequence[Outcome]) -> None:
    # The demonstration is also a self-test: a verdict that is not the expected one is a bug.
    for outcome in outcomes:
        if word(outcome.report) is not outcome.step.expected:
            raise TrustkitError(
                f"{outcome.step.path.name} should be {outcome.step.expected}, "
                f"not {word(outcome.report)}",
                "this is a bug: please report it",
            )
