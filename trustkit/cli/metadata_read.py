"""`trustkit metadata read`: what files declare outside of any manifest, and where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from trustkit.asset import open_asset
from trustkit.batch.sources import Source, expand
from trustkit.cli import output as terminal
from trustkit.cli.metadata_rows import FORMS, end, fields, tell
from trustkit.cli.targets import as_file
from trustkit.errors import NoInputError, TrustkitError, UnreadableError
from trustkit.media.metadata import Metadata, read
from trustkit.reports import EXIT_ORDER

_SHOWN = 200  # characters of a value in the text form


@click.command("read")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@FORMS
def command(paths: tuple[str, ...], *, recursive: bool, form: str) -> int:
    """Say what each PATH declares in XMP, IPTC-IIM, EXIF and tags, and where it says so."""
    terminal.set_up_logging()
    rows: list[dict[str, Any]] = []
    codes: set[int] = set()
    for source in expand(paths, recursive=recursive, stdin=terminal.stdin()):
        found = _read(source)
        failed = found if isinstance(found, TrustkitError) else None
        codes |= {failed.exit_code} if failed else set()
        # What could not be read is not known to be absent.
        codes |= {30} if isinstance(found, Metadata) and found.malformed else set()
        row = _read_row(source.name, found)
        if form == "text" and isinstance(found, Metadata):
            for line in _lines(source.name, found):
                terminal.say(line)
        tell(row, rows, form, failed)
    end(rows, form)
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _read(source: Source) -> Metadata | TrustkitError:
    if source.missing:
        return NoInputError(source.missing, "check the name, or add -r")
    try:
        with as_file(source) as path:
            asset = open_asset(path, source.name)
            with path.open("rb") as file:
                return read(file, asset.media_type, source.name)
    except TrustkitError as error:
        return error
    except OSError as error:
        return UnreadableError(f"{source.name} cannot be read: {error.strerror or error}")


def _lines(name: str, found: Metadata) -> Iterator[str]:
    yield f"{name}  {found.media_type}"
    if found.has_manifest:
        yield "  it has a C2PA manifest: see trustkit inspect"
    for said in sorted(found.found, key=lambda said: not said.field):
        yield f"  {said.field or said.key} [{said.place}]: {_short(said.value)}"
    if found.aigc is not None:
        yield f"  AIGC block: {'; '.join(found.aigc.problems) or 'valid in its form'}"
    for broken in found.malformed:
        yield f"  not read: {broken.place}: {broken.why}"
    if not found.found and not found.malformed:
        yield "  nothing is declared"


def _short(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}... ({len(value):,} characters)"


def _aigc(found: Metadata) -> dict[str, object]:
    if found.aigc is None:
        return {"status": "absent", "problems": [], "block": None}
    status = "valid" if found.aigc.is_valid else "malformed"
    return {"status": status, "problems": found.aigc.problems, "block": found.aigc.block}


def _read_row(name: str, found: Metadata | TrustkitError) -> dict[str, Any]:
    if isinstance(found, TrustkitError):
        return {"path": name, "error": terminal.error_row(found)}
    return {
        "path": name,
        "media_type": found.media_type,
        "has_manifest": found.has_manifest,
        "fields": fields(found),
        "aigc": _aigc(found),
        "found": [
            {"place": f.place, "key": f.key, "value": f.value, "field": f.field or None}
            for f in found.found
        ],
        "malformed": [{"place": b.place, "why": b.why} for b in found.malformed],
        "error": None,
    }
