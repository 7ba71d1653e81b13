"""`trustkit watermark key`: a secret key of 32 bytes, in a file that only its owner reads."""

from __future__ import annotations

import os
from pathlib import Path

import click

from trustkit.cli import output as terminal
from trustkit.errors import PublishError
from trustkit.watermarks.keys import new_key, to_text


@click.command("key")
@click.option("-o", "--output", "out", required=True, metavar="FILE", help="The file to make.")
def command(out: str) -> None:
    """Make a secret key: what is marked with it is readable with it alone.

    Keep it as long as the marks are to be read; nobody can make it again.
    """
    terminal.set_up_logging()
    path = Path(out)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(to_text(new_key()))
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise PublishError(
            f"{out} exists, and a key is never overwritten", "name another file"
        ) from error
    except OSError as error:
        raise PublishError(
            f"{out} cannot be written: {error.strerror}", "nothing was written"
        ) from error
    terminal.say(f"{out}  a secret watermark key: keep it as long as its marks are to be read")
