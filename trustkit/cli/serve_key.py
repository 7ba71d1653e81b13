"""`trustkit serve key`: API keys, made here, shown once, kept as hashes."""

from __future__ import annotations

import json

import click

from trustkit.cli import output
from trustkit.home import home
from trustkit.service.keys import Key, KeyFile, Role

_FORMAT = click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
    show_default=True,
)  # fmt: skip


@click.group("key")
def group() -> None:
    """Make, list and revoke the API keys of this machine's service."""


@group.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default="read",
              show_default=True, help="What it is good for; each has the one before.")  # fmt: skip
@_FORMAT
def add(name: str, role: str, form: str) -> None:
    """Make a key and show it, this once; NAME says whose it is."""
    key, text = key_file().add(name, Role(role))
    if form == "json":
        click.echo(json.dumps({**_row(key), "key": text}, indent=2))
        return
    click.echo(text)
    output.say(f"key {key.id} for {key.name}, role {key.role}; it is shown this once", err=True)


@group.command("list")
@_FORMAT
def list_command(form: str) -> None:
    """List the keys: id, role, when it was made, whose it is."""
    found = key_file().all()
    if form == "json":
        click.echo(json.dumps([_row(key) for key in found], indent=2))
    elif not found:
        click.echo("no API key was made; make one with `trustkit serve key add NAME`")
    else:
        for key in found:
            gone = f"  revoked {key.revoked}" if key.revoked else ""
            output.say(f"{key.id}  {key.role:<5}  {key.created}  {key.name}{gone}")


@group.command("revoke")
@click.argument("number", metavar="ID")
def revoke(number: str) -> None:
    """Make a key useless, from the next request on, in services that run as well."""
    key = key_file().revoke(number)
    output.say(f"revoked {key.id}, that of {key.name}")


def key_file() -> KeyFile:
    """Return the keys of this machine's service."""
    return KeyFile(home() / "serve-keys.json")


def _row(key: Key) -> dict[str, str]:
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.value,
        "created": key.created,
        "revoked": key.revoked,
    }
