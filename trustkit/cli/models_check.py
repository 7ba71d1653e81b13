"""`trustkit models check`: detectors held against their cards, and tried."""

from __future__ import annotations

import json
from typing import Any

import click

from trustkit.cli import output
from trustkit.detectors.adding import check
from trustkit.detectors.shelf import Entry, entries, entry
from trustkit.errors import ConfigError, MissingBackendError, TrustkitError, UnreadableError


@click.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--device", default="cpu", metavar="NAME", show_default=True, help="Where to try it.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(names: tuple[str, ...], device: str, form: str) -> int:
    """Check detectors, all by default: card, hashes, and a trial on grey or silence.

    Exit 33 when one is not as its card says, 30 when a part of one is not here.
    """
    found = [entry(name) for name in names] if names else entries()
    answers = [(one, _trouble(one, device)) for one in found]
    if form == "json":
        click.echo(json.dumps([_row(one, trouble) for one, trouble in answers], indent=2))
    else:
        for one, trouble in answers:
            output.say(_line(one, trouble))
            if trouble and trouble.hint:
                output.say(f"  hint: {trouble.hint}", err=True)
    codes = {trouble.exit_code for _, trouble in answers if trouble}
    return next((code for code in (ConfigError.exit_code, *sorted(codes)) if code in codes), 0)


def _trouble(one: Entry, device: str) -> TrustkitError | None:
    try:
        if one.card is not None and one.folder is not None:
            check(one.card, one.folder, device)
        one.open(device)
    except UnreadableError as error:
        return ConfigError(error.message, error.hint)
    except TrustkitError as error:
        return error
    return None


def _line(one: Entry, trouble: TrustkitError | None) -> str:
    version = f"{one.name} {one.version}".strip()
    if trouble is None:
        return f"ok           {version}"
    word = "not checked" if isinstance(trouble, MissingBackendError) else "not ok"
    return f"{word:<11}  {version}  {trouble.message}"


def _row(one: Entry, trouble: TrustkitError | None) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "ok": trouble is None,
        "error": output.error_row(trouble),
    }
