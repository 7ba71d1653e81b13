"""`trustkit registry add`: records of published files that were made elsewhere."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from trustkit.adding import open_recorder
from trustkit.batch.sources import expand
from trustkit.cli import output
from trustkit.cli.each import counted, each
from trustkit.cli.registry_base import ROWS, SCHEMA, WHICH, opened
from trustkit.errors import TrustkitError
from trustkit.isolation import Limits
from trustkit.policy import Limits as FileLimits
from trustkit.record import Record
from trustkit.reports import EXIT_ORDER

if TYPE_CHECKING:
    from trustkit.stores.registry import Registry

_MEMORY = 4 * 2**30  # bytes of address space, as of `recover`


@click.command("add")
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--watermark-key", "mark_keys", multiple=True, metavar="FILE",
              help="Read marks with this key too, beside the public one.")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No bar on stderr.")
@WHICH
@ROWS
def add(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    mark_keys: tuple[str, ...],
    jobs: int,
    quiet: bool,
    url: str,
    form: str,
) -> int:
    """Record each FILE as it was published: files, folders (with -r), globs, or -.

    Kept are its manifest, fingerprint, hash and a thumbnail, under the id in its mark or a fresh
    one. The file itself stays as it is, and is not kept. A file that is recorded already is left
    out. Exit 30 when a file could not be read, 40 when its mark is that of another record.
    """
    output.set_up_logging()
    sources = list(expand(paths, recursive=recursive, stdin=output.stdin()))
    rows: list[dict[str, Any]] = []
    codes: set[int] = set()
    with opened(url) as registry:
        work = partial(open_recorder, registry.blobs_url, mark_keys)
        work()  # a wrong key or place is to be said once, not of every file
        limits = Limits(FileLimits().max_seconds_per_file * (1 + len(mark_keys)), _MEMORY)
        answers = each(sources, work, limits, jobs)
        try:
            for source, answer in counted(
                answers, len(sources), "add", quiet=quiet or form != "json"
            ):
                row = _recorded(registry, source.name, answer)
                rows.append(row)
                codes.add(row.pop("exit"))
                if form == "jsonl":
                    click.echo(json.dumps(row))
                if form == "text" and row["record"]:
                    output.say(f"{row['state']:<6}  {row['record']}  {source.name}")
        finally:
            registry.checkpoint()
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _recorded(registry: Registry, name: str, answer: Record | TrustkitError) -> dict[str, Any]:
    try:
        if isinstance(answer, TrustkitError):
            raise answer
        record, state = _put(registry, answer)
    except TrustkitError as error:
        output.fail(error)
        told = output.error_row(error)
        return {"path": name, "record": None, "state": "error", "error": told,
                "exit": error.exit_code}  # fmt: skip
    return {"path": name, "record": record, "state": state, "error": None, "exit": 0}


def _put(registry: Registry, record: Record) -> tuple[str, str]:
    """Return the id under which a file is recorded now, and whether it was added or kept."""
    for there in registry.store.hashed(record.sha256):
        if there.sha256 == record.sha256:
            return there.id, "kept"
    registry.store.put([record])
    return record.id, "added"
