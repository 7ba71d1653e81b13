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
from trustkit.cli import declare, passphrase
from trustkit.cli import output as terminal
from trustkit.cli.signing import Done, attempt, authorities, print_rows, signer, told, worst
from trustkit.cli.statements import identity, statements
from trustkit.cli.targets import Targets
from trustkit.cli.threads import one_each
from trustkit.errors import UsageError
from trustkit.publish import Order, Signed, sign
from trustkit.signers import Signer
from trustkit.timestamps import stamping
from trustkit.toolbox import open_signer, own_status

if TYPE_CHECKING:
    from trustkit.timestamps.relay import Relay


@click.command("sign")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option(
    "--key", metavar="URI", help="file:DIR, a kept name, cmd:, pkcs11:, awskms:, azure:, gcpkms:"
)
@click.option("--passphrase-file", metavar="FILE", help=passphrase.HELP)
@click.option("--template", metavar="FILE", help="A TOML file with what a house always says.")
@click.option("--source-type", metavar="TERM", help="An IPTC digital source type; never guessed.")
@click.option("--system", help="The AI system that made or changed it.")
@click.option("--system-version", help="Its version.")
@click.option("--provider", help="Who provides the system.")
@click.option("--id", "identifier", help="Unique id of this piece; a random UUID by default.")
@click.option("--created", metavar="TIME", help="ISO 8601 with zone; now by default.")
@click.option("--title", help="Title in the manifest; the file's name by default.")
@click.option("--prompt", help="Write the prompt into the manifest, for all to read.")
@click.option("--prompt-hash", metavar="PROMPT", help="Write only the SHA-256 of the prompt.")
@click.option("--edit", "edits", multiple=True, metavar="ACTION[,KEY=VALUE...]",
              help="An edit: c2pa.cropped,source-type=humanEdits,system=NAME,...")  # fmt: skip
@click.option(
    "--reference", "references", multiple=True, metavar="FILE", help="An input it was made from."
)
@click.option(
    "--ingredient", "components", multiple=True, metavar="FILE", help="A file placed in it."
)
@authorities
@click.option("--require-timestamp", is_flag=True, help="Never sign without a time stamp.")
@click.option(
    "--defer-timestamp", is_flag=True, help="Where none is to be had, sign without, and say so."
)
@click.option(
    "--staple-status", is_flag=True, help="Ask the issuer for the certificate's status; keep it."
)
@click.option(
    "--ocsp-host",
    "ocsp_hosts",
    multiple=True,
    metavar="HOST",
    help="With --staple-status: this responder may be on a private address.",
)
@statements
@click.option("--sidecar", is_flag=True, help="Keep the manifest beside the file.")
@click.option("--remote", "remote_url", metavar="URL", help="Only name where the manifest will be.")
@click.option(
    "--whole-hash",
    is_flag=True,
    help="No Merkle chunks in large video: more memory, but read by every engine.",
)
@click.option("--thumbnail", is_flag=True, help="Put a thumbnail into the manifest.")
@click.option(
    "--allow-broken-parent", is_flag=True, help="Sign over a broken manifest, and say so."
)
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
    job = _Job(order, key, _identity(asked, house))
    if asked["ocsp_hosts"] and not asked["staple_status"]:
        raise UsageError("--ocsp-host goes with --staple-status", "add it, or leave the host out")
    if asked["staple_status"]:
        status = own_status(job.signer, asked["ocsp_hosts"])
        job = replace(job, order=replace(job.order, status=status))
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


def _identity(asked: Mapping[str, Any], house: declare.Template) -> Identity | None:
    def opened(uri: str) -> Signer:
        file = asked["identity_passphrase_file"]
        option = "--identity-passphrase-file"
        return open_signer(uri, lambda: passphrase.to_sign(file, passphrase.IDENTITY_ENV, option))

    roles = asked["identity_roles"] or house.identity_roles
    return identity(asked["identity_key"] or house.identity_key, roles, opened)


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
