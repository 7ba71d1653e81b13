"""`trustkit sign`: a signed C2PA manifest with an AI disclosure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.asset import Asset
from trustkit.batch.sources import STDIN, expand
from trustkit.c2pa.identity_write import Identity
from trustkit.cli import declare
from trustkit.cli import output as terminal
from trustkit.cli.declared import declared, stated_by, status
from trustkit.cli.signing import Done, attempt, print_rows, signer, told, worst
from trustkit.cli.targets import Targets
from trustkit.cli.threads import one_each
from trustkit.errors import UsageError
from trustkit.publish import Order, Signed, sign
from trustkit.signers import Signer
from trustkit.timestamps import stamping

if TYPE_CHECKING:
    from trustkit.timestamps.relay import Relay


@click.command("sign")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@declared
@click.option(
    "--watermark-key", "mark_keys", multiple=True, metavar="FILE",
    help="Look for a mark with this key too, beside the public one.",
)  # fmt: skip
@click.option(
    "--no-soft-binding", is_flag=True, help="Do not look for a mark for the manifest to name."
)
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Attach a signed C2PA manifest with an AI disclosure to each IN.

    The output is read back and verified before it takes its place; an original is never
    overwritten without --in-place. The source type is one of the IPTC digital source types.
    """
    terminal.set_up_logging()
    one_each()
    house = declare.read_template(asked["template"])
    order = declare.order(asked, house)
    key = signer(asked["key"] or house.key, asked["passphrase_file"])
    order = replace(order, status=status(asked, key))
    job = _Job(order, key, stated_by(asked, house))
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    targets = Targets(asked["output"], asked["in_place"], several, _fits(asked), sources)
    # One opening for all files: connections are kept, and who is down is asked once.
    with stamping(job.order.tsa, job.order.tsa_seconds) as stamper:
        done = [
            attempt(source, targets.of(source), partial(_sign, job, stamper), "signed")
            for source in sources
        ]
    _print(done, asked["form"], quiet=asked["quiet"])
    return worst(entry.error for entry in done)


@dataclass(frozen=True)
class _Job:
    order: Order
    signer: Signer
    identity: Identity | None = None


def _sign(job: _Job, stamper: Relay | None, asset: Asset, place: Path) -> Signed:
    return sign(asset, place, job.order, job.signer, stamper, job.identity)


def _fits(asked: Mapping[str, Any]) -> bool:
    if asked["output"] == STDIN and (asked["sidecar"] or asked["remote_url"]):
        raise UsageError("a sidecar does not fit on standard output", "name -o OUT")
    return bool(asked["form"] == "text")


def _print(done: Sequence[Done[Signed]], form: str, *, quiet: bool) -> None:
    print_rows(map(_row, done), form)
    for entry in done:
        if entry.error:
            terminal.fail(entry.error)
        elif form == "text" and entry.output != STDIN and entry.result:
            beside = f"  (manifest in {entry.output}.c2pa)" if entry.result.sealed.sidecar else ""
            terminal.say(f"signed  {entry.output}{beside}")
        if entry.result and not quiet:
            for warning in entry.result.warnings:
                terminal.say(f"note: {entry.path}: {warning}", err=True)


def _row(entry: Done[Signed]) -> dict[str, object]:
    signed = entry.result
    sealed = signed.sealed if signed else None
    return {
        "path": entry.path,
        "output": entry.output if sealed else None,
        "sidecar": f"{entry.output}.c2pa" if sealed and sealed.sidecar else None,
        "manifest_id": sealed.manifest_id if sealed else None,
        "record": None,
        "timestamp": told(signed.stamp) if signed else None,
        "soft_bindings": [
            {"alg": mark.algorithm, "value": mark.value}
            for mark in (signed.marks if signed else ())
        ],
        "warnings": list(signed.warnings) if signed else [],
        "error": terminal.error_row(entry.error),
    }
