"""`trustkit registry proof` and `verify-proof`: that one record is in the log, shown alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from trustkit.cli import output
from trustkit.cli.registry_base import FORMAT, SCHEMA, WHICH, opened, record_id, unknown
from trustkit.cli.registry_log import KEY, NOT_CHECKED, believed
from trustkit.cli.whole import put_file
from trustkit.errors import ConfigError, UnreadableError


@click.command("proof")
@click.argument("record", metavar="ID")
@click.option("-o", "--output", "out", metavar="FILE", help="Write it to FILE.")
@click.option("--since", metavar="FILE", default="",
              help="Show too that the log goes on from this checkpoint.")  # fmt: skip
@WHICH
def proof(record: str, out: str | None, since: str, url: str) -> None:
    """Write the proof that the record ID is in the signed log: JSON that is checked alone.

    It holds the record without what is personal, the path to the log's root, and the checkpoint.
    """
    from trustkit.stores.proofs import prove

    name, earlier = record_id(record), last_note(since)
    with opened(url) as registry:
        if registry.store.get(name) is None:
            raise unknown(name, registry)
        text = json.dumps(prove(registry, name, earlier), indent=2) + "\n"
    if out:
        put_file(Path(out), [text])
    else:
        click.echo(text, nl=False)


@click.command("verify-proof")
@click.argument("file", metavar="FILE")
@KEY
@click.option("--since", metavar="FILE", default="",
              help="A checkpoint that you kept: the log must go on from there.")  # fmt: skip
@FORMAT
def verify_proof(file: str, key: str, since: str, form: str) -> int:
    """Check a proof alone, without the registry that it is of.

    Exit 0 when it holds for the key that is believed, 10 when it does not, 30 when only the key
    that stands in the proof itself is known: then it may be anybody's.
    """
    from trustkit.stores.proofs import check, parse
    from trustkit.stores.registry import keep_of

    found = parse(_bytes(Path(file)))
    known, doubt = believed(keep_of(found.key.name), key)
    checkpoint = check(found, known or found.key, last_note(since))
    told: dict[str, Any] = {
        "record": found.record.get("id"),
        "sha256": found.record.get("sha256"),
        "created": found.record.get("created"),
        "log": checkpoint.origin,
        "place": found.place,
        "size": checkpoint.size,
        "since": found.since_size,
        "key": (known or found.key).line,
        "answer": "holds" if known else "not_checked",
        "reason": "" if known else doubt,
    }
    if form == "json":
        click.echo(json.dumps({"schema_version": SCHEMA, **told}, indent=2))
    else:
        output.say(f"{told['record']}  recorded {told['created']}, SHA-256 {told['sha256']}")
        output.say(
            f"  is entry {told['place']} of the {told['size']} that {told['log']} has signed"
        )
        if told["since"] is not None:
            output.say(f"  and the log goes on from its checkpoint of {told['since']} entries")
        output.say("holds" if known else f"not checked:  {doubt}")
    return 0 if known else NOT_CHECKED


def last_note(file: str) -> str:
    """Return the last signed note in a file, or nothing where no file is named."""
    from trustkit.stores.checkpoints import split

    if not file:
        return ""
    notes, _ = split(_bytes(Path(file)).decode("utf-8", "replace"))
    if not notes:
        raise ConfigError(f"{file} holds no checkpoint", "name a file of signed checkpoints")
    return notes[-1]


def _bytes(path: Path) -> bytes:
    from trustkit.stores.proofs import MAX_PROOF

    try:
        with path.open("rb") as stream:
            return stream.read(MAX_PROOF + 1)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}", "check it") from error
