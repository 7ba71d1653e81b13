"""What the commands share: where text goes, what tool and run are called, how logs are set."""

from __future__ import annotations

import logging
import os
import sys
from typing import BinaryIO

import click

from trustkit import __version__
from trustkit.errors import TrustkitError
from trustkit.reports import printable

_PARTS = {
    "c2pa": "c2pa-python",
    "onnxruntime": "onnxruntime",
    "opencv": "opencv-python-headless",
    "pyav": "av",
    "pillow": "pillow",
}


def tool() -> dict[str, object]:
    """Return the tool's name, version and the versions of its engines, without importing them."""
    # Here, since it brings the mail library, and few commands ask.
    from importlib.metadata import PackageNotFoundError, version

    parts = {}
    for name, distribution in _PARTS.items():
        try:
            parts[name] = version(distribution)
        except PackageNotFoundError:
            parts[name] = "not installed"
    return {"name": "trustkit", "version": __version__, "parts": parts}


def failure_json(error: TrustkitError) -> str:
    """Return the JSON document of a call that failed."""
    from trustkit.reports.schema import failure

    return failure(error, tool()).model_dump_json(indent=2) + "\n"


def say(text: str, *, err: bool = False) -> None:
    """Print one line for a person, without what a hostile name could do to a terminal."""
    click.echo(printable(text), err=err)


def fail(error: TrustkitError) -> None:
    """Tell on stderr what went wrong, in a sentence, and what to do."""
    say(f"trustkit: {error.message}", err=True)
    if error.hint:
        say(f"  hint: {error.hint}", err=True)


def error_row(error: TrustkitError | None) -> dict[str, str] | None:
    """Return an error as JSON has it."""
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def may_color(*, no_color: bool) -> bool:
    """Tell whether standard output is a terminal that wants colour (no-color.org)."""
    return not no_color and not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def stdin() -> BinaryIO:
    """Return standard input as bytes."""
    return sys.stdin.buffer


def set_up_logging() -> None:
    """Send our log to stderr when TRUSTKIT_LOG names a level, and nowhere otherwise."""
    level = os.environ.get("TRUSTKIT_LOG", "").upper()
    logger = logging.getLogger("trustkit")
    if level in logging.getLevelNamesMapping():
        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        logger.setLevel(level)
    else:
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
