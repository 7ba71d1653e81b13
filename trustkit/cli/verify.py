"""`trustkit verify`: what is known of files, by a policy."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from trustkit import plugins
from trustkit.batch.local import verify_all
from trustkit.batch.sources import Source, expand, read_list
from trustkit.cli import output
from trustkit.cli.targets import refuse_input
from trustkit.errors import UsageError
from trustkit.evidence.trust import NO_LIST_HINT
from trustkit.policies import DEFAULT
from trustkit.policy import Word
from trustkit.reports import Run, exit_code
from trustkit.toolbox import Toolbox, Wish, open_toolbox, open_worker
from trustkit.verify import Report


def wishes(command: Any) -> Any:
    """Add the options that say what files are judged by, to any command that judges."""
    options = [
        click.option("--policy", default=DEFAULT, help="A shipped policy or a TOML file."),
        click.option("--trust", multiple=True, metavar="LIST", help="Who may sign: a list or PEM."),
        click.option("--tsa-trust", multiple=True, metavar="LIST", help="Who may time-stamp."),
        click.option(
            "--identity-trust",
            multiple=True,
            metavar="LIST",
            help="Who may vouch for a CAWG identity.",
        ),
        click.option(
            "--fetch-remote",
            multiple=True,
            metavar="HOST",
            help="Fetch remote manifests from this host; '*' is any public one. Off by default.",
        ),
        click.option(
            "--fast", is_flag=True, envvar="TRUSTKIT_FAST", help="Leave the detectors out."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("verify")
@click.argument("paths", nargs=-1)
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--files-from", metavar="FILE", help="Read names from FILE, or - for standard input.")
@wishes
@click.option("--ocsp", is_flag=True,
              help="Ask issuers of known signers about revocation. Off by default.")  # fmt: skip
@click.option("--ocsp-host", "ocsp_hosts", multiple=True, metavar="HOST",
              help="The same, and this responder may be on a private address.")  # fmt: skip
@click.option("--crl", "crls", multiple=True, metavar="FILE",
              help="A revocation list (PEM or DER) of an issuer.")  # fmt: skip
@click.option("--validation-time", metavar="TIME",
              help="Judge as of this time; ISO 8601 with zone.")  # fmt: skip
@click.option("--second-opinion", is_flag=True, help="Ask a second C2PA engine too; an extra.")
@click.option("--only", multiple=True, metavar="NAME", help="Ask only this collector.")
@click.option("--skip", multiple=True, metavar="NAME", help="Do not ask this collector.")
@click.option("--watermark-key", "mark_keys", multiple=True, metavar="FILE",
              help="Read marks with this key too, beside the public one.")  # fmt: skip
@click.option("--registry", metavar="URL", default="",
              help="Look for records here; none: nowhere.")  # fmt: skip
@click.option("--device", metavar="NAME", default="cpu", show_default=True,
              help="Where detectors run.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "table", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-o", "--output", "out", metavar="FILE", help="Write the report to FILE.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("--timings", is_flag=True, help="Say how long each collector took.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the verdicts.")
@click.option("--fail-on", metavar="WORD,...", help="Exit 10 on these verdicts, 0 on all others.")
@click.option("-q", "--quiet", is_flag=True, help="No notes on stderr.")
@click.option("--no-color", is_flag=True, help="No colour.")
def command(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    files_from: str | None,
    policy: str,
    trust: tuple[str, ...],
    tsa_trust: tuple[str, ...],
    identity_trust: tuple[str, ...],
    fetch_remote: tuple[str, ...],
    fast: bool,
    ocsp: bool,
    ocsp_hosts: tuple[str, ...],
    crls: tuple[str, ...],
    validation_time: str | None,
    second_opinion: bool,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    mark_keys: tuple[str, ...],
    registry: str,
    device: str,
    form: str,
    out: str | None,
    jobs: int,
    timings: bool,
    exit_zero: bool,
    fail_on: str | None,
    quiet: bool,
    no_color: bool,
) -> int:
    """Say in one line what is known of each file, how well, and what is not.

    PATHS are files, folders (with -r), globs, or - for standard input. Nothing leaves this
    machine unless --fetch-remote or --ocsp asks for it. The exit code follows the policy: 0
    accepted, 10 rejected, 20 for review, 30 could not be checked.
    """
    output.set_up_logging()
    wish = Wish(policy, trust, tsa_trust, only, skip, fetch_remote, mark_keys, identity_trust)
    as_of = _moment(validation_time, quiet=quiet)
    wish = replace(wish, second_opinion=second_opinion, registry=registry)
    wish = replace(wish, fast=fast, device=device)
    wish = replace(wish, ocsp=ocsp, ocsp_hosts=ocsp_hosts, crls=crls, validation_time=as_of)
    words = _words(fail_on)
    toolbox = open_toolbox(wish)
    sources = _sources(paths, files_from, recursive=recursive)
    refuse_input("--output", out, sources)
    if not quiet:
        _note_trust(toolbox)
    started, start = datetime.now(UTC), time.perf_counter()
    found = verify_all(
        sources, partial(open_worker, wish), toolbox.policy.limits, jobs, output.stdin()
    )
    reports = list(_counted(_timed(found, timings=timings), len(sources), quiet=quiet))
    code = exit_code(reports, words)
    run = Run(
        files=reports,
        policy_name=toolbox.policy.name,
        policy_sha256=toolbox.policy.sha256,
        trust_lists=tuple(lists_told(toolbox)),
        validation_time=as_of,
        tool=output.tool(),
        id=str(uuid.uuid4()),
        started=started.isoformat(timespec="seconds"),
        duration_ms=round((time.perf_counter() - start) * 1000, 1),
        exit_code=0 if exit_zero else code,
    )
    render = plugins.load("reports", form)
    color = {"color": output.may_color(no_color=no_color)} if form == "table" and not out else {}
    _write(render(run, **color), out)
    return run.exit_code


def _moment(text: str | None, *, quiet: bool) -> str:
    # Whose time a text without a zone means nobody knows.
    if text is None:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        at = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise UsageError(
            f"{text!r} is no time with a zone", "write it like 2026-03-01T12:00:00Z (ISO 8601)"
        )
    if at > datetime.now(UTC) and not quiet:
        note = "the time asked for is to come: revocation and lists may change until then"
        click.echo(note, err=True)
    return at.isoformat()


def _sources(paths: tuple[str, ...], files_from: str | None, *, recursive: bool) -> list[Source]:
    names = list(paths)
    if files_from == "-":
        names += read_list(output.stdin())
    elif files_from:
        try:
            with Path(files_from).open("rb") as stream:
                names += read_list(stream)
        except OSError as error:
            raise UsageError(
                f"the list {files_from} cannot be read: {error.strerror}", "check its name"
            ) from error
    if not names and not files_from:
        raise click.UsageError("name a file, a folder with -r, a glob, or - for standard input")
    sources = list(expand(names, recursive=recursive, stdin=output.stdin()))
    return sources or [Source(Path(), files_from or "", f"the list {files_from} is empty")]


def _timed(reports: Iterator[Report], *, timings: bool) -> Iterator[Report]:
    # Times differ from run to run, and a report should not: they are shown only when asked for.
    return (report if timings else replace(report, timing_ms={}) for report in reports)


def _counted(reports: Iterator[Report], total: int, *, quiet: bool) -> Iterator[Report]:
    if quiet or total < 2 or not sys.stderr.isatty():  # noqa: PLR2004
        yield from reports
        return
    with click.progressbar(reports, length=total, label="verify", file=sys.stderr) as bar:
        yield from bar


def _words(fail_on: str | None) -> list[Word] | None:
    if fail_on is None:
        return None
    words = [word.strip() for word in fail_on.split(",") if word.strip()]
    for word in words:
        if word not in set(Word):
            raise UsageError(f"there is no verdict {word!r}", f"one of {', '.join(Word)}")
    return [Word(word) for word in words]


def _note_trust(toolbox: Toolbox) -> None:
    if not any(trust_list.purpose == "signers" for trust_list in toolbox.lists):
        click.echo(
            f"no trust list is in use: signers cannot be recognised; {NO_LIST_HINT}", err=True
        )


def lists_told(toolbox: Toolbox) -> Iterator[dict[str, object]]:
    """Yield the trust lists in use as the report tells them."""
    for trust_list in toolbox.lists:
        yield {
            "name": trust_list.name,
            "purpose": trust_list.purpose.value,
            "sha256": trust_list.sha256,
            "date": trust_list.date,
            "certificates": trust_list.size,
            "issued": trust_list.issued,
            "fetched": trust_list.fetched,
            "checked": trust_list.checked,
            "next_update": trust_list.next_update,
            "frozen": trust_list.frozen,
        }


def _write(text: str, out: str | None) -> None:
    if out is None or out == "-":
        click.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text)
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error.strerror}", "name another file"
        ) from error
