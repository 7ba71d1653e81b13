"""`trustkit timestamp`: time stamps for files that were signed without one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.asset import Asset
from trustkit.batch.sources import STDIN, expand
from trustkit.cli import output as terminal
from trustkit.cli import passphrase
from trustkit.cli.signing import (
    Done,
    addresses,
    attempt,
    authorities,
    print_rows,
    signer,
    told,
    worst,
)
from trustkit.cli.targets import Targets
from trustkit.errors import PublishError, UsageError
from trustkit.restamp import Restamped, StampedAlready, add_timestamp
from trustkit.timestamps.relay import Relay, open_relay

if TYPE_CHECKING:
    from trustkit.signers import Signer


@click.group("timestamp")
def group() -> None:
    """Stamp files that were signed without a time stamp."""


@group.command("add")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--key", metavar="URI", help="The key that signs the manifest with the stamp.")
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
@authorities
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def add(inputs: tuple[str, ...], **asked: Any) -> int:
    """Have the signature of each IN time-stamped, in a manifest above the one it has.

    It says that the signature existed at that time, and of the content nothing new. A file that
    is stamped already is left as it is.
    """
    terminal.set_up_logging()
    urls = addresses(asked["tsa"])
    if not urls:
        raise UsageError(
            "no time-stamp authority named", "add --tsa URL; several are tried in order"
        )
    key = signer(asked["key"], asked["passphrase_file"])
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    several = len(inputs) > 1 or asked["recursive"]
    targets = Targets(asked["output"], asked["in_place"], several, asked["form"] == "text", sources)
    with open_relay(urls, asked["tsa_seconds"]) as stamper:

        def work(asset: Asset, place: Path) -> Restamped | StampedAlready:
            return _stamp(asset, place, key, stamper, is_stdout=asked["output"] == STDIN)

        done = [attempt(source, targets.of(source), work, "stamped") for source in sources]
    _print(done, asked["form"], quiet=asked["quiet"])
    return worst(entry.error for entry in done)


_Done = Done[Restamped | StampedAlready]


def _stamp(
    asset: Asset, place: Path, key: Signer, stamper: Relay, *, is_stdout: bool
) -> Restamped | StampedAlready:
    if is_stdout and asset.sidecar.is_file():
        raise PublishError("a sidecar does not fit on standard output", "name -o OUT")
    result = add_timestamp(asset, place, key, stamper)
    if is_stdout and isinstance(result, StampedAlready):
        raise PublishError(f"{asset.name} {_already(result)}", "it can be used as it is")
    return result


def _already(result: StampedAlready) -> str:
    when = f" ({result.at:%Y-%m-%d %H:%M:%S} UTC)" if result.at else ""
    return f"is time-stamped already{when}; nothing was written"


def _print(done: Sequence[_Done], form: str, *, quiet: bool) -> None:
    print_rows(map(_row, done), form)
    for entry in done:
        if entry.error:
            terminal.fail(entry.error)
        elif form == "text" and entry.output != STDIN and isinstance(entry.result, Restamped):
            beside = "  (manifest in {}.c2pa)" if entry.result.sealed.sidecar else ""
            terminal.say(f"stamped  {entry.output}{beside.format(entry.output)}")
        if not quiet:
            for warning in _warnings(entry):
                terminal.say(f"note: {entry.path}: {warning}", err=True)


def _warnings(entry: _Done) -> list[str]:
    match entry.result:
        case Restamped():
            return list(entry.result.warnings)
        case StampedAlready():
            return [_already(entry.result)]
    return []


def _row(entry: _Done) -> dict[str, object]:
    result = entry.result
    sealed = result.sealed if isinstance(result, Restamped) else None
    return {
        "path": entry.path,
        "output": entry.output if sealed else None,
        "sidecar": f"{entry.output}.c2pa" if sealed and sealed.sidecar else None,
        "manifest_id": sealed.manifest_id if sealed else None,
        "timestamp": told(result.stamp) if isinstance(result, Restamped) else None,
        "was_stamped": isinstance(result, StampedAlready),
        "warnings": _warnings(entry),
        "error": terminal.error_row(entry.error),
    }
