"""`trustkit metadata write`: fields by their standard names, and no broken signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trustkit.asset import open_asset
from trustkit.batch.sources import STDIN, Source, expand, shown
from trustkit.cli import output as terminal
from trustkit.cli.metadata_rows import FORMS, end, fields, tell
from trustkit.cli.targets import Targets, as_file, as_target
from trustkit.disclosure import SOURCE_TYPES, uri
from trustkit.errors import NoInputError, PublishError, TrustkitError, UsageError
from trustkit.media.metadata.edit import Edit
from trustkit.media.metadata.write import Written, block_of, checked, write
from trustkit.reports import EXIT_ORDER


@click.command("write")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--set", "wanted", metavar="FIELD=VALUE", multiple=True,
              help="Set a field, by its standard name; may be repeated.")  # fmt: skip
@click.option("--aigc", metavar="FILE", help="The AIGC block of GB 45438, as JSON.")
@click.option("--remove", "removed", metavar="FIELD", multiple=True,
              help="Take a field away; may be repeated.")  # fmt: skip
@FORMS
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Write fields into each IN, read them back, and leave everything else as it is.

    Fields have the names that the standards give them. A file with a C2PA manifest is refused:
    its signature would not hold. Write metadata first and sign last.
    """
    terminal.set_up_logging()
    edit = _edit(asked)
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    form = asked["form"]
    targets = Targets(asked["output"], asked["in_place"], several, form == "text", sources)
    rows: list[dict[str, Any]] = []
    codes: set[int] = set()
    for source in sources:
        target = targets.of(source)
        done = _write(source, target, edit)
        failed = done if isinstance(done, TrustkitError) else None
        codes |= {failed.exit_code} if failed else set()
        row = _write_row(source.name, target, done)
        if isinstance(done, Written):
            if form == "text":
                terminal.say(f"wrote {row['output']}", err=row["output"] == STDIN)
            for warning in () if asked["quiet"] else done.warnings:
                terminal.say(f"note: {source.name}: {warning}", err=True)
        tell(row, rows, form, failed)
    end(rows, form)
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _edit(asked: dict[str, Any]) -> Edit:
    wanted: dict[str, str] = {}
    pairs = [pair.partition("=") for pair in asked["wanted"]]
    if asked["aigc"]:
        pairs.append(("AIGC", "=", block_of(Path(asked["aigc"]))))
    for name, equal, value in pairs:
        if not equal:
            raise UsageError(f"--set {name} has no value", "write --set FIELD=VALUE")
        if name in wanted:
            raise UsageError(f"{name} is set twice", "name it once")
        wanted[name] = value
    # C2PA's own terms are of manifests alone.
    return checked(wanted, asked["removed"], {term: uri(term) for term in SOURCE_TYPES})


def _write(source: Source, target: Path | TrustkitError, edit: Edit) -> Written | TrustkitError:
    if source.missing:
        return NoInputError(source.missing, "check the name, or add -r")
    if isinstance(target, TrustkitError):
        return target
    try:
        with as_file(source) as path, as_target(target) as place:
            asset, there = open_asset(path, source.name), path.resolve()
            if asset.sidecar.is_file() or there.with_name(f"{there.name}.c2pa").is_file():
                raise PublishError(
                    f"{source.name} has a manifest beside it, which would not hold for other bytes",
                    "write metadata first and sign last",
                )
            return write(path, place, asset.media_type, edit, source.name)
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return PublishError(error.message, error.hint)
    except OSError as error:
        reason = f"{source.name} cannot be written: {error.strerror or error}"
        return PublishError(reason, "nothing was written")


def _write_row(
    name: str, target: Path | TrustkitError, done: Written | TrustkitError
) -> dict[str, Any]:
    is_written = isinstance(done, Written)
    return {
        "path": name,
        "output": shown(str(target)) if is_written else None,
        "fields": fields(done.metadata) if isinstance(done, Written) else None,
        "warnings": list(done.warnings) if isinstance(done, Written) else [],
        "error": terminal.error_row(done) if isinstance(done, TrustkitError) else None,
    }
