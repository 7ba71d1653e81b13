"""`trustkit registry search`, `show` and `list`: what is in a registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from trustkit.cli import output
from trustkit.cli.registry_base import (
    FORMAT,
    PERSONAL,
    ROWS,
    SCHEMA,
    WHICH,
    line,
    opened,
    record_id,
    short,
    unknown,
    whole,
)
from trustkit.errors import NoInputError, UsageError
from trustkit.record import Record

if TYPE_CHECKING:
    from trustkit.stores.registry import Registry

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LIMIT = click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True,
                      help="How many at the most.")  # fmt: skip


@click.command("search")
@click.argument("record", metavar="[ID]", default="")
@click.option("--sha256", metavar="HEX", default="", help="Of the published file, or its source.")
@click.option("--text", metavar="WORDS", default="",
              help="In what was declared, the manifest's name, the kind or the time.")  # fmt: skip
@_LIMIT
@PERSONAL
@WHICH
@ROWS
def search(
    record: str, sha256: str, text: str, limit: int, url: str, form: str, *, personal: bool
) -> int:
    """Find records by ID, by hash or by words; 3 when there is none.

    With --personal words are looked for in file names, names, places and serial numbers as well.
    To look for a file, ask `trustkit recover`.
    """
    if sum(map(bool, (record, sha256, text))) != 1:
        raise UsageError("what is to be found?", "name an ID, or --sha256, or --text")
    if sha256 and not _SHA256.fullmatch(sha256.lower()):
        raise UsageError("--sha256 is no SHA-256", "write its 64 hex digits")
    with opened(url) as registry:
        found = list(islice(_found(registry, record, sha256, text, limit, personal), limit))
    _print(found, form, personal=personal)
    if not found and form == "text":
        raise NoInputError("no record was found", "see `trustkit registry list`")
    return 0 if found else NoInputError.exit_code


def _found(
    registry: Registry, record: str, sha256: str, text: str, limit: int, personal: bool
) -> Iterator[Record]:
    if record:
        there = registry.store.get(record_id(record))
        yield from [there] if there else []
    elif sha256:
        yield from registry.store.hashed(sha256.lower())
    else:
        yield from registry.mentioning(text, limit, personal=personal)


@click.command("show")
@click.argument("record", metavar="ID")
@PERSONAL
@WHICH
@FORMAT
def show(record: str, url: str, form: str, *, personal: bool) -> int:
    """Show all that is kept of the record ID; of one that was forgotten, when and why."""
    name = record_id(record)
    with opened(url) as registry:
        there = registry.store.get(name)
        place, reasons = registry.place_of(name), registry.reasons(name)
        if there is None and not reasons:
            raise unknown(name, registry)
    told: dict[str, Any] = {
        "place": place,
        "forgotten": [{"time": time, "reason": reason} for time, reason in reasons],
        "record": whole(there, personal=personal) if there else None,
    }
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, **told}, indent=2))
    else:
        for text in _lines(name, told):
            output.say(text)
    return 0 if there else NoInputError.exit_code


def _lines(name: str, told: dict[str, Any]) -> Iterator[str]:
    yield name
    for one in told["forgotten"]:
        yield f"  forgotten          {one['time']}: {one['reason'] or 'no reason was told'}"
    record = told["record"]
    if record is None:
        return
    place = told["place"]
    yield f"  place in the log   {'reserved, not yet in it' if place is None else place}"
    for key, value in record.items():
        if key == "codes":
            for code in value[:_MOST_CODES]:
                at = f" at {code['at']:g} s" if code["at"] else ""
                yield f"  {'code':<18} {code['alg']} {code['bits']}{at} {code['view']}".rstrip()
            if len(value) > _MOST_CODES:
                yield f"  {'code':<18} and {len(value) - _MOST_CODES} more; --format json has all"
        elif key == "bindings":
            for one in value:
                yield f"  {'mark':<18} {one['alg']} {one['value']}"
        elif isinstance(value, dict):
            for inner, text in value.items():
                yield f"  {f'{key}.{inner}'.replace('_', ' '):<18} {text}"
        elif value != "" and key != "id":
            yield f"  {key.replace('_', ' '):<18} {value}"


_MOST_CODES = 10


@click.command("list")
@click.option("--after", metavar="ID", default="", help="Those that came after this one.")
@_LIMIT
@PERSONAL
@WHICH
@ROWS
def list_command(after: str, limit: int, url: str, form: str, *, personal: bool) -> None:
    """List records in the order they came."""
    with opened(url) as registry:
        start = record_id(after) if after else ""
        found = list(islice(registry.records(start), limit))
        total = registry.store.count()
    _print(found, form, personal=personal)
    if form == "text":
        output.say(f"{len(found)} of {total} records", err=True)


def _print(records: Iterable[Record], form: str, *, personal: bool) -> None:
    rows = [short(record, personal=personal) for record in records]
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, "records": rows}, indent=2))
    elif form == "jsonl":
        for row in rows:
            click.echo(json.dumps(row))
    else:
        for record in records:
            output.say(line(record, personal=personal))
