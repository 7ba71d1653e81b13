"""`trustkit models add`: a detector from a folder, an archive, or an address with its hash."""

from __future__ import annotations

import re
from pathlib import Path

import click

from trustkit.cli import output
from trustkit.detectors.adding import add, add_archive
from trustkit.detectors.reading import read_named, verified
from trustkit.detectors.shelf import own_folder
from trustkit.detectors.unpack import MAX_UNPACKED
from trustkit.errors import UsageError


@click.command("add")
@click.argument("source", metavar="FOLDER|FILE|URL")
@click.option("--sha256", metavar="HEX", help="Of the archive at URL, which is not taken without.")
def command(source: str, sha256: str | None) -> None:
    """Install the detector in FOLDER, in the archive FILE (zip or tar), or in the one at URL.

    It is held against its card and tried first. Nothing else is fetched, whatever the card says.
    """
    if sha256 and not re.fullmatch("[0-9A-Fa-f]{64}", sha256):
        raise UsageError("--sha256 is no SHA-256", "it has 64 digits from 0 to f")
    if "://" in source:
        if not sha256:
            raise UsageError(
                "what is fetched is taken only with its hash", "give --sha256, from who made it"
            )
        from trustkit.cli.models_source import model_fetcher

        archive = model_fetcher(source, MAX_UNPACKED, is_named=True)(source)
        card = add_archive(_as_pinned(archive, sha256))
    elif sha256:
        if Path(source).is_dir():
            raise UsageError("a folder has no hash of its own", "its card has one of every file")
        card = add_archive(_as_pinned(read_named(Path(source), MAX_UNPACKED), sha256))
    else:
        card = add(Path(source))
    output.say(f"added {card.name} {card.version}  {own_folder() / card.name}")
    if card.base is not None:
        output.say(f"it sits on a large model: `trustkit models fetch {card.name}`", err=True)


def _as_pinned(archive: bytes, sha256: str) -> bytes:
    return verified(archive, sha256.lower(), "the archive", "nothing was installed")
