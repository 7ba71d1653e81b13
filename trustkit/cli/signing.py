"""What the commands that sign share: whom they ask for time stamps, and how each file ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from trustkit.asset import Asset, open_asset
from trustkit.batch.sources import Source, shown
from trustkit.cli import passphrase
from trustkit.cli.targets import as_file, as_target
from trustkit.errors import NoInputError, PublishError, TrustkitError, UsageError
from trustkit.reports import EXIT_ORDER
from trustkit.signers import Signer
from trustkit.timestamps import SECONDS, Given, address
from trustkit.toolbox import open_signer

ADDRESS_HINT = "name an http or https address, like http://tsa.example.org/"

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Result = TypeVar("_Result")


def authorities(command: _Command) -> _Command:
    """Add the options that name time-stamp authorities; `addresses` reads what they give."""
    command = click.option(
        "--tsa-timeout",
        "tsa_seconds",
        type=click.FloatRange(0.1, 25.0),
        default=SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="For each of them.",
    )(command)
    return click.option(
        "--tsa", multiple=True, metavar="URL", help="Time-stamp authority; more are tried in order."
    )(command)


def addresses(named: Sequence[str]) -> tuple[str, ...]:
    """Return the authorities of `--tsa`; raises `UsageError` for what is no address."""
    try:
        return tuple(address(url) for url in named)
    except ValueError as error:
        raise UsageError(f"--tsa: {error}", ADDRESS_HINT) from error


def signer(key: str | None, passphrase_file: str | None) -> Signer:
    """Open the key that a command was given; raises `UsageError` where it was given none."""
    if not key:
        raise UsageError("no key named", "add --key file:DIR; see `trustkit keys generate --help`")
    return open_signer(key, lambda: passphrase.to_sign(passphrase_file))


@dataclass(frozen=True)
class Done(Generic[_Result]):
    """How one file ended: a result, or an error and nothing written."""

    path: str
    output: str = ""
    result: _Result | None = None
    error: TrustkitError | None = None


def attempt(
    source: Source,
    target: Path | TrustkitError,
    work: Callable[[Asset, Path], _Result],
    past: str,
) -> Done[_Result]:
    """Do `work` from `source` to `target`; what goes wrong is this file's error alone.

    `past` is the verb for what could not be done, like "signed".
    """
    if source.missing:
        return Done(source.name, error=NoInputError(source.missing, "check the name, or add -r"))
    if isinstance(target, TrustkitError):
        return Done(source.name, error=target)
    named = shown(str(target))
    try:
        with as_file(source) as path, as_target(target) as place:
            return Done(source.name, named, work(open_asset(path, source.name), place))
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return Done(source.name, named, error=PublishError(error.message, error.hint))
    except OSError as error:
        reason = f"{source.name} cannot be {past}: {error.strerror or error}"
        return Done(source.name, named, error=PublishError(reason, "nothing was written"))


def print_rows(rows: Iterable[Mapping[str, object]], form: str) -> None:
    """Print the rows of all files as JSON, where that was asked for."""
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": list(rows)}, indent=2))
    elif form == "jsonl":
        for row in rows:
            click.echo(json.dumps(row))


def worst(errors: Iterable[TrustkitError | None]) -> int:
    """Return the exit code of a run that ended with these errors."""
    codes = {error.exit_code for error in errors if error}
    return next((code for code in EXIT_ORDER if code in codes), 0)


def told(stamp: Given | None) -> dict[str, str] | None:
    """Return a time stamp as JSON: who gave it, and when."""
    return {"authority": stamp.authority, "at": stamp.at.isoformat()} if stamp else None
