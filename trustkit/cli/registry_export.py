"""`trustkit registry export` and `forget`: what leaves a registry, and what is taken out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustkit.cli import output
from trustkit.cli.registry_base import (
    FORMAT,
    PERSONAL,
    SCHEMA,
    WHICH,
    opened,
    record_id,
    unknown,
    whole,
)
from trustkit.cli.whole import put_file
from trustkit.errors import UsageError

if TYPE_CHECKING:
    from trustkit.stores.registry import Registry

_OWNER_ONLY, _ALL = 0o600, 0o644


@click.command("export")
@click.option("-o", "--output", "out", metavar="FILE", help="Write to FILE.")
@PERSONAL
@WHICH
def export(out: str | None, url: str, *, personal: bool) -> None:
    """Write all records as JSON, one a line, in the order they came.

    Without what is kept of people, places and devices, unless --personal asks for it.
    """
    with opened(url) as registry:
        lines = _lines(registry, personal=personal)
        if out:
            put_file(Path(out), lines, _OWNER_ONLY if personal else _ALL)
        else:
            for line in lines:
                click.echo(line, nl=False)


def _lines(registry: Registry, *, personal: bool) -> Iterator[str]:
    for record in registry.records():
        yield json.dumps(whole(record, personal=personal)) + "\n"


@click.command("forget")
@click.argument("records", nargs=-1, required=True, metavar="ID...")
@click.option("--reason", metavar="TEXT", required=True,
              help="Why; it is kept, and should name nobody.")  # fmt: skip
@WHICH
@FORMAT
def forget(records: tuple[str, ...], reason: str, url: str, form: str) -> int:
    """Take records out of a registry, with their manifests, thumbnails and what is personal.

    The log keeps a hash, of which nothing can be read, and says that the record was forgotten.
    """
    names = [record_id(name) for name in records]
    if not reason.strip():
        raise UsageError("why are they to be forgotten?", "tell a --reason, without names")
    rows, code = [], 0
    with opened(url) as registry:
        try:
            for name in dict.fromkeys(names):
                done = registry.forget(name, reason)
                rows.append({"record": name, "forgotten": done})
                if done and form == "text":
                    output.say(f"forgotten  {name}")
                elif not done:
                    missing = unknown(name, registry)
                    output.fail(missing)
                    code = missing.exit_code
        finally:
            registry.checkpoint()
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, "records": rows}, indent=2))
    return code
