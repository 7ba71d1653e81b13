"""`trustkit registry verify-log`: whether the log and the records are what was signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.cli import output
from trustkit.cli.registry_base import FORMAT, SCHEMA, WHICH, opened
from trustkit.errors import ConfigError

if TYPE_CHECKING:
    from trustkit.stores.checkpoints import Keep
    from trustkit.stores.notes import PublicKey
    from trustkit.stores.registry import Registry
    from trustkit.stores.walk import Audit, Note

KEY = click.option("--key", "key", metavar="KEY", default="",
                   help="The log's key: its line, or a file with it or with a PEM.")  # fmt: skip
CHANGED, NOT_CHECKED = 10, 30
_MAX_FILE = 2**28  # bytes of checkpoints: a million
_MAX_KEY = 2**14


@click.command("verify-log")
@click.option("--blobs", is_flag=True, help="Read every manifest and thumbnail as well.")
@click.option("--checkpoint", "checkpoints", multiple=True, metavar="FILE",
              help="Checkpoints that were kept elsewhere; may be repeated.")  # fmt: skip
@KEY
@WHICH
@FORMAT
def verify_log(checkpoints: tuple[str, ...], key: str, url: str, form: str, *, blobs: bool) -> int:
    """Check that no record was changed, dropped or moved since it was signed.

    Exit 0 when all is as it was signed, 10 when something is not, 30 when something could not be
    checked: what nobody has signed yet, or where no checkpoint kept elsewhere is at hand.
    """
    from trustkit.stores.audit import audit

    with opened(url) as registry:
        known, doubt = believed(registry.keep, key)
        notes = [*_own(registry), *(note for name in checkpoints for note in _notes(Path(name)))]
        found = audit(registry, known or registry.own_key, notes, blobs=blobs)
        shown = registry.shown
    if known is None:
        found.doubt(doubt)
    told = {
        "registry": shown,
        "answer": "changed" if found.wrong else "not_checked" if found.unchecked else "whole",
        **asdict(found),
        "blobs": found.blobs if blobs else None,
    }
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, **told}, indent=2))
    else:
        for line in _lines(told, found):
            output.say(line)
    return CHANGED if found.wrong else NOT_CHECKED if found.unchecked else 0


def believed(keep: Keep, asked: str) -> tuple[PublicKey | None, str]:
    """Return the log's key that is to be believed; none with the reason.

    It is that asked for, else the one in the folder of whoever signs here. Raises `ConfigError`.
    """
    from trustkit.stores.notes import read_key

    if not asked:
        return keep.known_key(), (
            "whose signature it is: the key was taken from what is checked itself; name it with "
            "--key"
        )
    try:
        is_file = Path(asked).is_file()
    except (OSError, ValueError):  # too long for a name, as a PEM is
        is_file = False
    if not is_file:
        return read_key(asked, keep.name), ""
    with Path(asked).open("rb") as stream:
        return read_key(stream.read(_MAX_KEY).decode("utf-8", "replace"), keep.name), ""


def _own(registry: Registry) -> Iterator[Note]:
    keep = registry.keep
    yield from _parted(keep.text(), str(keep.path / "checkpoints"))


def _notes(path: Path) -> Iterator[Note]:
    try:
        with path.open("rb") as stream:
            text = stream.read(_MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "check the name") from error
    if len(text) > _MAX_FILE:
        raise ConfigError(f"{path} has more than {_MAX_FILE:,} bytes", "cut it up")
    if not text.strip():
        raise ConfigError(f"{path} holds no checkpoint", "name a file of signed checkpoints")
    yield from _parted(text.decode("utf-8", "replace"), str(path))


def _parted(text: str, where: str) -> Iterator[Note]:
    from trustkit.stores.checkpoints import split
    from trustkit.stores.walk import Note

    notes, pieces = split(text)
    for number, note in enumerate(notes, 1):
        yield Note(note, f"{where}, number {number}")
    if pieces:
        yield Note("", where, pieces=pieces)


def _lines(told: dict[str, Any], found: Audit) -> Iterator[str]:
    yield f"{told['registry']}"
    yield f"  entries in the log    {found.entries}"
    yield f"  records               {found.records}, and {found.forgotten} forgotten"
    signed = found.entries - found.unsigned
    yield f"  signed checkpoints    {found.checkpoints}, the last of {signed} entries"
    if told["blobs"] is not None:
        yield f"  whole blobs           {found.blobs}"
    for sentence in found.wrong:
        yield f"changed:      {sentence}"
    for sentence in found.unchecked:
        yield f"not checked:  {sentence}"
    if found.untold:
        yield f"and {found.untold} more of these"
    if not found.wrong and not found.unchecked:
        yield "whole: every record is as it was signed"
