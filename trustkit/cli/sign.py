"""`trustkit sign`: a signed C2PA manifest with an AI disclosure."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from trustkit.asset import MAX_BYTES, open_asset
from trustkit.batch.sources import STDIN, Source, expand, shown, spool
from trustkit.cli import declare
from trustkit.cli import output as terminal
from trustkit.cli.targets import Originals, another_input
from trustkit.errors import NoInputError, PublishError, TrustkitError, UsageError
from trustkit.publish import Order, Signed, sign
from trustkit.reports import EXIT_ORDER
from trustkit.signers import Signer
from trustkit.toolbox import open_signer

_PASSPHRASE_ENV = "TRUSTKIT_KEY_PASSPHRASE"  # noqa: S105  # the name of a variable


@click.command("sign")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--key", metavar="URI", help="file:DIR or file:KEY.pem?chain=CHAIN.pem.")
@click.option("--passphrase-file", metavar="FILE", help=f"Else {_PASSPHRASE_ENV}, else a prompt.")
@click.option("--template", metavar="FILE", help="A TOML file with what a house always says.")
@click.option("--source-type", metavar="TERM", help="An IPTC digital source type; never guessed.")
@click.option("--system", help="The AI system that made or changed it.")
@click.option("--system-version")
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
@click.option("--tsa", metavar="URL", help="RFC 3161 time-stamp authority.")
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
@click.option("-q", "--quiet", is_flag=True, help="No warnings on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Attach a signed C2PA manifest with an AI disclosure to each IN.

    The output is read back and verified before it takes its place; an original is never
    overwritten without --in-place. The source type is one of the IPTC digital source types.
    """
    terminal.set_up_logging()
    house = declare.read_template(asked["template"])
    job = _Job(declare.order(asked, house), _signer(asked, house))
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    taken: set[Path] = set()
    originals = Originals(sources)
    done = []
    for source in sources:
        target = _free(_target(source, asked, several=several), taken)
        if isinstance(target, Path) and originals.holds(target) and not _same(source.path, target):
            target = PublishError(*another_input(target))
        done.append(_one(source, target, job))
    _print(done, asked["form"], quiet=asked["quiet"])
    codes = {d.error.exit_code for d in done if d.error}
    return next((code for code in EXIT_ORDER if code in codes), 0)


@dataclass(frozen=True)
class _Job:
    order: Order
    signer: Signer


@dataclass(frozen=True)
class _Done:
    path: str
    output: str
    signed: Signed | None = None
    error: TrustkitError | None = None


def _one(source: Source, target: Path | TrustkitError, job: _Job) -> _Done:
    if source.missing:
        return _Done(
            source.name, "", error=NoInputError(source.missing, "check the name, or add -r")
        )
    if isinstance(target, TrustkitError):
        return _Done(source.name, "", error=target)
    try:
        with _as_file(source) as path, _as_target(target) as place:
            asset = open_asset(path, source.name)
            return _Done(source.name, shown(str(target)), sign(asset, place, job.order, job.signer))
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return _Done(source.name, shown(str(target)), error=PublishError(error.message, error.hint))
    except OSError as error:
        reason = f"{source.name} cannot be signed: {error.strerror or error}"
        return _Done(
            source.name, shown(str(target)), error=PublishError(reason, "nothing was written")
        )


@contextmanager
def _as_file(source: Source) -> Iterator[Path]:
    if source.name != STDIN:
        yield source.path
        return
    path = spool(terminal.stdin(), MAX_BYTES)
    try:
        yield path
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


@contextmanager
def _as_target(target: Path) -> Iterator[Path]:
    if str(target) != STDIN:
        yield target
        return
    with tempfile.TemporaryDirectory(prefix="trustkit-") as folder:
        place = Path(folder, "out")
        yield place
        with place.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, 2**20)


def _target(source: Source, asked: Mapping[str, Any], *, several: bool) -> Path | TrustkitError:
    output: str | None = asked["output"]
    if output is None:
        if asked["in_place"]:
            return source.path
        raise UsageError("where to?", "name -o OUT, or --in-place to replace the input")
    if output == STDIN:
        if asked["sidecar"] or asked["remote_url"] or several or asked["form"] != "text":
            raise UsageError(
                "only one file, its manifest inside, fits on standard output", "name -o OUT"
            )
        return Path(STDIN)
    target = Path(output)
    if several or output.endswith(os.sep) or target.is_dir():
        if target.exists() and not target.is_dir():
            raise UsageError(f"{output} is no folder", "several inputs need -o to be a folder")
        target /= source.below if source.below.name else source.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
    if _same(source.path, target) and not asked["in_place"]:
        return PublishError(
            f"{target} is the original, which is never overwritten unasked", "add --in-place"
        )
    if not target.parent.is_dir():
        return PublishError(f"there is no folder {target.parent}", "make it first")
    return target


def _free(target: Path | TrustkitError, taken: set[Path]) -> Path | TrustkitError:
    if isinstance(target, Path) and str(target) != STDIN:
        if target in taken:
            return PublishError(
                f"{target} was just written for another input of that name",
                "sign them into different folders",
            )
        taken.add(target)
    return target


def _same(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:
        return False


def _signer(asked: Mapping[str, Any], house: declare.Template) -> Signer:
    key = asked["key"] or house.key
    if not key:
        raise UsageError("no key named", "add --key file:DIR; see `trustkit keys generate --help`")
    return open_signer(key, lambda: _passphrase(asked["passphrase_file"]))


def _passphrase(file: str | None) -> str:
    if file:
        try:
            return Path(file).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise PublishError(f"the passphrase file {file} cannot be read", "check it") from error
    if _PASSPHRASE_ENV in os.environ:
        return os.environ[_PASSPHRASE_ENV]
    if not sys.stdin.isatty():
        raise PublishError(
            "the key is encrypted and no passphrase was given",
            f"use --passphrase-file FILE or set {_PASSPHRASE_ENV}",
        )
    typed: str = click.prompt("Passphrase of the key", hide_input=True, err=True)
    return typed


def _print(done: Sequence[_Done], form: str, *, quiet: bool) -> None:
    rows = [_row(entry) for entry in done]
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    elif form == "jsonl":
        for row in rows:
            click.echo(json.dumps(row))
    for entry in done:
        if entry.error:
            terminal.fail(entry.error)
        elif form == "text" and entry.output != STDIN and entry.signed:
            beside = f"  (manifest in {entry.output}.c2pa)" if entry.signed.sealed.sidecar else ""
            terminal.say(f"signed  {entry.output}{beside}")
        if entry.signed and not quiet:
            for warning in entry.signed.warnings:
                terminal.say(f"note: {entry.path}: {warning}", err=True)


def _row(entry: _Done) -> dict[str, object]:
    sealed = entry.signed.sealed if entry.signed else None
    error = entry.error
    return {
        "path": entry.path,
        "output": entry.output if sealed else None,
        "sidecar": f"{entry.output}.c2pa" if sealed and sealed.sidecar else None,
        "manifest_id": sealed.manifest_id if sealed else None,
        "record": None,
        "soft_bindings": [
            {"alg": mark.algorithm, "value": mark.value}
            for mark in (entry.signed.marks if entry.signed else ())
        ],
        "warnings": list(entry.signed.warnings) if entry.signed else [],
        "error": {"code": error.code, "message": error.message, "hint": error.hint}
        if error
        else None,
    }
