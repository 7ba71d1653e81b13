"""`trustkit keys`: make signing keys."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from trustkit.cli import output
from trustkit.errors import UsageError
from trustkit.signers import ALGORITHMS
from trustkit.signers.generate import DAYS, generate

_ENV = "TRUSTKIT_KEY_PASSPHRASE"


@click.group("keys")
def group() -> None:
    """Make signing keys."""


@group.command("generate")
@click.option("-o", "--output", "folder", required=True, metavar="DIR", help="Folder to make.")
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default="es256", show_default=True)
@click.option("--organisation", default="trustkit TEST ONLY", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=DAYS, show_default=True)
@click.option("--encrypt", is_flag=True, help=f"Ask for a passphrase (or take it from {_ENV}).")
def generate_command(
    folder: str, algorithm: str, organisation: str, days: int, *, encrypt: bool
) -> None:
    """Make a test CA and a signing key under it: key.pem, chain.pem, root.pem.

    Good for trying things out and inside a house that adds root.pem to its trust lists; nobody
    else will trust it.
    """
    generate(Path(folder), algorithm, organisation, _passphrase() if encrypt else "", days)
    output.say(f"{folder}/key.pem    the private key: keep it secret")
    output.say(f"{folder}/chain.pem  its certificate chain")
    output.say(
        f"{folder}/root.pem   for whoever is to trust it: trustkit trust add {folder}/root.pem"
    )


def _passphrase() -> str:
    if _ENV in os.environ:
        given = os.environ[_ENV]
    elif sys.stdin.isatty():
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    else:
        raise UsageError("no passphrase was given", f"set {_ENV}")
    if not given:
        raise UsageError("the passphrase is empty", "leave --encrypt out for a key in clear")
    return given
