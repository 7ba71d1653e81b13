"""`trustkit keys`: make, request, import, check and rotate signing keys."""

from __future__ import annotations

from pathlib import Path

import click

from trustkit.cli import keys_check, keys_keep, keys_request, output, passphrase
from trustkit.errors import UsageError
from trustkit.signers import ALGORITHMS
from trustkit.signers.generate import DAYS, generate
from trustkit.signers.keep import About
from trustkit.signers.request import Subject
from trustkit.toolbox import key_folder


@click.group("keys")
def group() -> None:
    """Make, request, import, check and rotate signing keys."""


@group.command("generate")
@click.option("-o", "--output", "folder", metavar="DIR", help="Folder to make.")
@click.option("--keep", metavar="NAME", help="Keep it under this name instead.")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default="es256", show_default=True)
@click.option("--organisation", default="trustkit TEST ONLY", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=DAYS, show_default=True)
@click.option(
    "--encrypt", is_flag=True, help=f"Ask for a passphrase (or take it from {passphrase.ENV})."
)
def generate_command(
    folder: str | None,
    keep: str | None,
    algorithm: str,
    organisation: str,
    days: int,
    *,
    encrypt: bool,
) -> None:
    """Make a test CA and a signing key under it: key.pem, chain.pem, root.pem.

    Good for trying things out and inside a house that adds root.pem to its trust lists; nobody
    else will trust it.
    """
    if bool(folder) == bool(keep):
        raise UsageError("where to?", "name either -o DIR or --keep NAME")
    secret = passphrase.to_set() if encrypt else ""
    if keep:
        kept = key_folder()
        about = About("generated", Subject(organisation), algorithm, days=days)
        with kept.adding(keep, about) as place:
            generate(place, algorithm, organisation, secret, days)
        folder = str(kept.in_use(keep))
    else:
        generate(Path(str(folder)), algorithm, organisation, secret, days)
    output.say(f"{folder}/key.pem    the private key: keep it secret")
    output.say(f"{folder}/chain.pem  its certificate chain")
    output.say(
        f"{folder}/root.pem   for whoever is to trust it: trustkit trust add {folder}/root.pem"
    )


group.add_command(keys_request.request)
group.add_command(keys_request.import_command)
group.add_command(keys_keep.list_command)
group.add_command(keys_keep.show)
group.add_command(keys_check.command)
group.add_command(keys_keep.rotate)
