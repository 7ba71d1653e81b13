"""`trustkit trust update`: published lists, fetched, checked, shown, and only then in effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from trustkit.c2pa.lists import ListFolder
from trustkit.c2pa.sources import PRODUCTS, SOURCES
from trustkit.c2pa.update import Row
from trustkit.c2pa.updating import Ready, find_target, ready
from trustkit.cli import output
from trustkit.errors import TrustkitError, UsageError
from trustkit.reports import EXIT_ORDER
from trustkit.toolbox import information_shelf, list_folder

_SHOWN = 40  # lines of added and removed entries shown a list; JSON has them all


@click.command("update")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "everything", is_flag=True, help="Every list that is known by name, too.")
@click.option("--source", "sources", multiple=True, metavar="NAME=URL",
              help="Fetch the list from this address instead; may be repeated.")  # fmt: skip
@click.option("--from", "disk", metavar="FILE|FOLDER", help="Take it from disk; fetch nothing.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--accept-shrink", is_flag=True, help="Let a list lose more than half its entries.")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
def update(
    names: tuple[str, ...],
    *,
    everything: bool,
    sources: tuple[str, ...],
    disk: str | None,
    dry_run: bool,
    accept_shrink: bool,
    form: str,
) -> int:
    """Fetch published lists anew, or for the first time; without NAME, those installed.

    Known by name: c2pa, c2pa-tsa, iptc, interim, products. Each list is checked and shown, and
    then takes effect in one step, with the one before kept. One that fails changes nothing.
    """
    folder, information = list_folder(), information_shelf()
    asked = _asked(sources)
    place = Path(disk).expanduser() if disk else None
    chosen = _chosen(names, folder, everything=everything)
    if place and place.is_file() and len(chosen) != 1:
        raise UsageError("one file is one list", "name the list, or give a folder")
    if extra := set(asked) - set(chosen):
        raise UsageError(f"--source for {min(extra)}, which is not updated", "name it as well")
    rows: list[dict[str, Any]] = []
    codes = set()
    for name in chosen:
        try:
            target = find_target(name, asked.get(name, ()), folder)
            found = ready(target, folder, information, disk=place, accept_shrink=accept_shrink)
            if form == "text":
                _show(name, found, dry_run=dry_run)
            if not dry_run:
                found.take()
            status = _status(found, dry_run=dry_run)
            rows.append(_row(name, status, found))
            if form == "text":
                output.say(f"{name}: {_words(status, found)}")
        except TrustkitError as error:
            if isinstance(error, UsageError):
                raise
            codes.add(error.exit_code)
            rows.append(_failed(name, error))
            output.say(f"trustkit: {name}: {error.message}; nothing was changed", err=True)
            output.say(f"  hint: {error.hint}", err=True)
    code = next((code for code in EXIT_ORDER if code in codes), 0)
    if form == "json":
        click.echo(json.dumps({"lists": rows, "exit_code": code}, indent=2))
    return code


def _asked(sources: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    asked: dict[str, tuple[str, ...]] = {}
    for text in sources:
        name, equals, url = text.partition("=")
        if not equals or not url.startswith("https://"):
            raise UsageError(f"--source {text} is not NAME=https://...", "see docs/trust.md")
        asked[name] = (*asked.get(name, ()), url)
    return asked


def _chosen(names: tuple[str, ...], folder: ListFolder, *, everything: bool) -> list[str]:
    if names and everything:
        raise UsageError("either NAME or --all", "drop one of the two")
    if names:
        return list(dict.fromkeys(names))
    there = [name for name in folder.names() if _has_address(name, folder)]
    there += [PRODUCTS] if PRODUCTS in information_shelf().names() else []
    chosen = list(dict.fromkeys((*SOURCES, *there))) if everything else there
    if not chosen:
        raise UsageError(
            "no list with an address is installed",
            f"name one, or --all: {', '.join(SOURCES)}",
        )
    return chosen


def _has_address(name: str, folder: ListFolder) -> bool:
    try:
        find_target(name, (), folder)
    except UsageError:
        return False
    return True


def _show(name: str, found: Ready, *, dry_run: bool) -> None:
    change = found.change
    kept = len(change.rows) - len(change.added)
    output.say(
        f"{name}: {len(change.added)} added, {len(change.removed)} removed, {kept} as before"
        f"{' (dry run)' if dry_run else ''}"
    )
    dates = [f"issued {found.issued[:10]}" if found.issued else "without a date"]
    dates += [f"next update {found.next_update[:10]}"] if found.next_update else []
    output.say(f"  {', '.join(dates)}, SHA-256 {found.sha256}")
    for line in _lines(change.added, change.removed):
        output.say(f"  {line}")
    for warning in change.warnings:
        output.say(f"  note: {warning}")


def _lines(added: tuple[Row, ...], removed: tuple[Row, ...]) -> Iterator[str]:
    lines = [*(f"- {row.line()}  {row.sha256[:16]}" for row in removed),
             *(f"+ {row.line()}  {row.sha256[:16]}" for row in added)]  # fmt: skip
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"... and {len(lines) - _SHOWN} more; -f json has them all"


def _status(found: Ready, *, dry_run: bool) -> str:
    if found.change.is_same:
        return "unchanged"
    if dry_run:
        return "would_change"
    return "installed" if found.change.is_new else "updated"


def _words(status: str, found: Ready) -> str:
    match status:
        case "unchanged":
            return "as published, nothing to change"
        case "would_change":
            return "nothing was changed"
    return f"{status}, {len(found.change.rows)} entries in effect"


def _row(name: str, status: str, found: Ready) -> dict[str, Any]:
    change = found.change
    return {
        "name": name,
        "status": status,
        "sha256": found.sha256,
        "issued": found.issued,
        "next_update": found.next_update,
        "entries": len(change.rows),
        "added": [_entry(row) for row in change.added],
        "removed": [_entry(row) for row in change.removed],
        "warnings": list(change.warnings),
        "error": None,
    }


def _entry(row: Row) -> dict[str, str]:
    return {
        "sha256": row.sha256,
        "name": row.name,
        "organisation": row.organisation,
        "entity": row.entity,
        "until": row.until,
        "kind": row.kind,
    }


def _failed(name: str, error: TrustkitError) -> dict[str, Any]:
    return {
        "name": name,
        "status": "failed",
        "sha256": "",
        "issued": "",
        "next_update": "",
        "entries": 0,
        "added": [],
        "removed": [],
        "warnings": [],
        "error": output.error_row(error),
    }
