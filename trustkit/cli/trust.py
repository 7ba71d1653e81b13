"""`trustkit trust`: named lists of who may sign, and who may time-stamp."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trustkit.c2pa.lists import MAX_LIST
from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.cli import output
from trustkit.errors import ConfigError
from trustkit.toolbox import NO_LIST_HINT, list_folder


@click.group("trust")
def group() -> None:
    """Keep named lists of who may sign and who may time-stamp."""


@group.command("add")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", help="Name of the list; the first file's by default.")
@click.option("--tsa", is_flag=True, help="A list of time-stamp authorities, not of signers.")
def add(files: tuple[str, ...], name: str | None, *, tsa: bool) -> None:
    """Install the PEM certificates of the FILEs together as one named list.

    CA certificates vouch for what they issued; any other certificate only for itself.
    """
    pems = [_read(Path(file)) for file in files]
    chosen = name or Path(files[0]).stem.lower().replace(" ", "-")
    purpose = Purpose.TIMESTAMPS if tsa else Purpose.SIGNERS
    source = ", ".join(str(Path(file).resolve()) for file in files)
    for trust_list in list_folder().add(chosen, purpose, pems, source):
        output.say(_line(trust_list))


@group.command("list")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text")
def list_command(form: str) -> None:
    """List what is installed: name, purpose, certificates, date, SHA-256, source."""
    folder = list_folder()
    lists = [trust_list for name in folder.names() for trust_list in folder.load(name)]
    if form == "json":
        click.echo(json.dumps([_about(trust_list) for trust_list in lists], indent=2))
    elif not lists:
        click.echo(f"no trust list is installed; {NO_LIST_HINT}")
    else:
        for trust_list in lists:
            output.say(_line(trust_list))


@group.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Show the certificates of one list."""
    for trust_list in list_folder().load(name):
        output.say(_line(trust_list))
        for certificate in trust_list.certificates:
            kind = "CA  " if certificate.is_ca else "self"
            until = certificate.parsed.not_valid_after_utc
            output.say(f"  {kind}  until {until:%Y-%m-%d}  {certificate.name}")


@group.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Remove one list."""
    list_folder().remove(name)
    output.say(f"removed {name}")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_LIST:
            raise ConfigError(f"{path} is larger than {MAX_LIST:,} bytes", "is it a PEM file?")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "check its name") from error


def _line(trust_list: TrustList) -> str:
    return (
        f"{trust_list.name:<12}  {trust_list.purpose:<10}  {len(trust_list.certificates):>4} "
        f"certificates  {trust_list.date}  {trust_list.sha256[:16]}  {trust_list.source}"
    )


def _about(trust_list: TrustList) -> dict[str, object]:
    return {
        "name": trust_list.name,
        "purpose": trust_list.purpose.value,
        "certificates": len(trust_list.certificates),
        "date": trust_list.date,
        "sha256": trust_list.sha256,
        "source": trust_list.source,
    }
