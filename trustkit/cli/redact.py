"""`trustkit redact`: statements taken out of a file's history, with a recorded reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from trustkit.asset import Asset
from trustkit.batch.sources import STDIN, Source, expand
from trustkit.c2pa.personal import PRESETS
from trustkit.c2pa.redact import GONE, REASONS, is_reason
from trustkit.cli import output as terminal
from trustkit.cli import passphrase
from trustkit.cli.signing import (
    Done,
    addresses,
    attempt,
    authorities,
    print_rows,
    signer,
    worst,
)
from trustkit.cli.targets import Targets, as_file
from trustkit.errors import NoInputError, PublishError, TrustkitError, UsageError
from trustkit.isolation import Limits, run
from trustkit.policy import Limits as FileLimits
from trustkit.redact import Choice, Order, Redacted, Row, redact
from trustkit.timestamps import stamping
from trustkit.toolbox import open_lister

_MAX_TEXT = 1000  # characters of the recorded text


@click.command("redact")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--assertion", "names", multiple=True, metavar="LABEL",
              help="Take out what has this label or JUMBF address.")  # fmt: skip
@click.option("--preset", type=click.Choice(PRESETS), help="Places, people and devices.")
@click.option("--thumbnails", is_flag=True, help="With the preset: small pictures as well.")
@click.option("--ingredient", metavar="LABEL", help="Only from the manifest with this label.")
@click.option("--reason", metavar="CODE", help=f"{', '.join(REASONS)}, or namespaced; recorded.")
@click.option("--text", default="", help="Recorded beside the reason, for all to read.")
@click.option("--key", metavar="URI", help="The key that signs the new manifest.")
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
@authorities
@click.option("--list", "only_list", is_flag=True, help="Only say what could be taken out.")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Take statements out of the history of each IN, by a new manifest that says so and why.

    What a manifest below states can go: Exif with a position, an author's name, a thumbnail.
    Bindings, actions and ingredients stay. What is gone cannot be brought back from OUT.
    """
    terminal.set_up_logging()
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    if asked["only_list"]:
        return _list(sources, asked["form"])
    order = _order(asked)
    urls = addresses(asked["tsa"])
    key = signer(asked["key"], asked["passphrase_file"])
    several = len(inputs) > 1 or asked["recursive"]
    targets = Targets(asked["output"], asked["in_place"], several, asked["form"] == "text", sources)
    with stamping(urls, asked["tsa_seconds"]) as stamper:

        def work(asset: Asset, place: Path) -> Redacted:
            if asked["output"] == STDIN and asset.sidecar.is_file():
                raise PublishError("a sidecar does not fit on standard output", "name -o OUT")
            return redact(asset, place, order, key, stamper)

        done = [attempt(source, targets.of(source), work, "redacted") for source in sources]
    _print(done, asked["form"], quiet=asked["quiet"])
    return worst(entry.error for entry in done)


def _order(asked: Mapping[str, Any]) -> Order:
    choice = Choice(
        asked["names"], asked["preset"] or "", asked["ingredient"] or "", asked["thumbnails"]
    )
    if not choice.names and not choice.preset:
        raise UsageError("nothing named to take out", "add --assertion LABEL or --preset personal")
    if choice.thumbnails and not choice.preset:
        raise UsageError("--thumbnails goes with --preset", "or name --assertion LABEL")
    reason = asked["reason"]
    if not reason:
        raise UsageError("no reason named, and it is recorded", f"--reason: {', '.join(REASONS)}")
    if not is_reason(reason):
        raise UsageError(
            f"{reason!r} is no reason that C2PA knows",
            f"one of {', '.join(REASONS)}, or one of your own like org.example.reason; "
            "words go into --text",
        )
    if len(asked["text"]) > _MAX_TEXT:
        raise UsageError(f"--text has more than {_MAX_TEXT} characters", "shorten it")
    return Order(choice, reason, asked["text"])


def _print(done: Sequence[Done[Redacted]], form: str, *, quiet: bool) -> None:
    print_rows(map(_row, done), form)
    for entry in done:
        if entry.error:
            terminal.fail(entry.error)
        elif form == "text" and entry.output != STDIN and entry.result:
            beside = f"  (manifest in {entry.output}.c2pa)" if entry.result.sealed.sidecar else ""
            terminal.say(f"redacted  {entry.output}{beside}")
            for statement in entry.result.taken:
                terminal.say(f"  gone: {statement.label}  of {statement.manifest}")
        if entry.result and not quiet:
            for warning in entry.result.warnings:
                terminal.say(f"note: {entry.path}: {warning}", err=True)


def _row(entry: Done[Redacted]) -> dict[str, object]:
    done = entry.result
    return {
        "path": entry.path,
        "output": entry.output if done else None,
        "sidecar": f"{entry.output}.c2pa" if done and done.sealed.sidecar else None,
        "manifest_id": done.sealed.manifest_id if done else None,
        "redacted": [
            {"manifest": one.manifest, "label": one.label} for one in (done.taken if done else ())
        ],
        "kept": [_listed(row) for row in (done.kept if done else ())],
        "warnings": list(done.warnings) if done else [],
        "error": terminal.error_row(entry.error),
    }


def _list(sources: Sequence[Source], form: str) -> int:
    found = []
    for source in sources:
        with as_file(source) as path:
            found.append((source, _listing(source, path)))
    if form == "text":
        for source, answer in found:
            _tell(source.name, answer)
    else:
        print_rows((_list_row(source, answer) for source, answer in found), form)
    errors = [answer for _, answer in found if isinstance(answer, TrustkitError)]
    for error in errors:
        terminal.fail(error)
    return worst(errors)


def _listing(source: Source, path: Path) -> list[Row] | TrustkitError:
    if source.missing:
        return NoInputError(source.missing, "check the name, or add -r")
    # The file may be anybody's: it is looked at as `inspect` does.
    limits = Limits(FileLimits().max_seconds_per_file, FileLimits().max_memory)
    _, answer = next(run([(path, source.name)], partial(open_lister), limits, 1))
    rows: list[Row] | TrustkitError = answer
    return rows


def _tell(name: str, rows: list[Row] | TrustkitError) -> None:
    if isinstance(rows, TrustkitError):
        return
    terminal.say(name)
    above = ""
    for row in rows:
        one = row.statement
        if one.manifest != above:
            above = one.manifest
            terminal.say(f"  {above}  {'made by ' + one.made_by if one.made_by else ''}".rstrip())
        why = one.why_not or row.kept or row.holds
        mark = "gone" if one.why_not == GONE else "stays" if one.why_not else "may go"
        preset = _preset(row)
        terminal.say(f"    {mark:6}  {one.label}{preset}{'  ' + why if why else ''}")


def _preset(row: Row) -> str:
    if not row.holds or row.kept or row.statement.why_not:
        return ""
    is_small = row.statement.label.startswith("c2pa.thumbnail.")
    return "  [personal, with --thumbnails]" if is_small else "  [personal]"


def _list_row(source: Source, rows: list[Row] | TrustkitError) -> dict[str, object]:
    return {
        "path": source.name,
        "statements": [] if isinstance(rows, TrustkitError) else [_listed(row) for row in rows],
        "error": terminal.error_row(rows) if isinstance(rows, TrustkitError) else None,
    }


def _listed(row: Row) -> dict[str, object]:
    one = row.statement
    return {
        "manifest": one.manifest,
        "depth": one.depth,
        "label": one.label,
        "uri": one.uri,
        "made_by": one.made_by,
        "redactable": not one.why_not,
        "why_not": one.why_not,
        "personal": row.holds,
        "kept": row.kept,
    }
