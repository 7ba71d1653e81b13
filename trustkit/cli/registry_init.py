"""`trustkit registry init` and `checkpoint`: make a registry, sign its log."""

from __future__ import annotations

import json
from pathlib import Path

import click

from trustkit.cli import output
from trustkit.cli.registry_base import FORMAT, SCHEMA, WHICH, opened
from trustkit.cli.whole import put_file
from trustkit.errors import ConfigError


@click.command("init")
@click.argument("url", default="")
@click.option("--blobs", metavar="URL", default="",
              help="For manifests and thumbnails: a folder, or s3://BUCKET/PREFIX.")  # fmt: skip
@FORMAT
def init(url: str, blobs: str, form: str) -> None:
    """Make a registry at URL: sqlite:///FILE or postgresql://USER@HOST/DATABASE.

    Without URL it is the one that TRUSTKIT_REGISTRY names, or the user's own. The key that signs
    its log is made beside the user's other keys, and stays on this machine.
    """
    from trustkit.stores.registry import default_url, init_registry

    with init_registry(url or default_url(), blobs) as registry:
        told = {
            "registry": registry.shown,
            "id": registry.id,
            "blobs": registry.blobs_url,
            "log_key": registry.key_line,
            "log_key_file": str(registry.keep.path / "log-key.pem"),
        }
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, **told}, indent=2))
        return
    output.say(f"{told['registry']}  a registry, {told['id']}")
    output.say(f"{told['blobs']}  its manifests and thumbnails")
    output.say(f"{told['log_key_file']}  signs its log: keep it secret, and a copy of it safe")
    output.say(f"for whoever is to check the log: {told['log_key']}")


@click.command("checkpoint")
@WHICH
@click.option("-o", "--output", "out", metavar="FILE", help="Write it to FILE.")
def checkpoint(url: str, out: str | None) -> None:
    """Sign the log as it is now, and print the checkpoint, to be kept elsewhere.

    Where there is nothing new the last one is printed again.
    """
    with opened(url) as registry:
        signed = registry.checkpoint()
        if signed is None:
            raise ConfigError(
                f"the key of the log is not here: {registry.keep.path / 'log-key.pem'}",
                "sign on the machine where the registry was made, or copy the key from there",
            )
    if out:
        put_file(Path(out), [signed.note])
    else:
        click.echo(signed.note, nl=False)
