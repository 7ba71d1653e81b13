"""`trustkit lint`: which disclosure is missing where, by profile and clause."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import click

from trustkit.batch.sources import STDIN, Source, expand, spool
from trustkit.cli import output as terminal
from trustkit.cli.targets import refuse_input
from trustkit.errors import NoInputError, TrustkitError, UsageError
from trustkit.isolation import Limits, run
from trustkit.lint import LintReport
from trustkit.policy import Limits as FileLimits
from trustkit.profiles import load_profiles
from trustkit.reports.lint import NOT_ADVICE, LintRun, document, exit_code, row, text
from trustkit.reports.lint_page import page
from trustkit.toolbox import open_linter


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--profile", "names", multiple=True, metavar="NAME|FILE[,...]", required=True,
              help="A shipped profile or a TOML file; may be repeated.")  # fmt: skip
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--watermark-key", "mark_keys", multiple=True, metavar="FILE",
              help="Look for a mark with this key too, beside the public one.")  # fmt: skip
@click.option("--registry", metavar="URL", default="",
              help="Ask this one for a record of the file; none is asked by default.")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl", "html"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-o", "--output", "out", metavar="FILE", help="Write the report to FILE.")
@click.option("-q", "--quiet", is_flag=True, help="Text: only what fails; no notes on stderr.")
def command(paths: tuple[str, ...], **asked: Any) -> int:
    """Say of each PATH, clause by clause, which disclosure is there, missing or malformed.

    Looked at are the manifest, the metadata, the mark and the time stamp. Exit 0 when nothing
    that a profile requires is missing, 10 when something is, 30 when it could not be looked for.
    """
    terminal.set_up_logging()
    profiles = load_profiles(asked["names"])
    _good_keys(asked["mark_keys"])
    sources = list(expand(paths, recursive=asked["recursive"], stdin=terminal.stdin()))
    refuse_input("--output", asked["out"], sources)
    found = _lint_all(sources, asked)
    form, out = asked["form"], asked["out"]
    reports = list(_told(found, form, quiet=asked["quiet"]) if out is None else found)
    if not asked["quiet"] and form in {"text", "html"}:
        terminal.say(f"note: {NOT_ADVICE}", err=True)
    whole = LintRun(reports, profiles, terminal.tool())
    if out is not None or form in {"json", "html"}:
        _write(_rendered(whole, form, quiet=asked["quiet"]), out)
    return exit_code(reports)


def _lint_all(sources: Sequence[Source], asked: dict[str, Any]) -> Iterator[LintReport]:
    limits = FileLimits()
    each = Limits(limits.max_seconds_per_file, limits.max_memory)
    opened = partial(open_linter, asked["names"], asked["mark_keys"], asked["registry"])
    ready: dict[int, LintReport] = {}
    tasks: list[tuple[Path, str]] = []
    numbers: list[int] = []
    with ExitStack() as rubbish:
        for number, source in enumerate(sources):
            try:
                tasks.append((_place(source, rubbish, limits.max_bytes), source.name))
                numbers.append(number)
            except TrustkitError as error:
                ready[number] = LintReport(source.name, error=error)
        answers = run(tasks, opened, each, asked["jobs"]) if tasks else iter(())
        for number in range(len(sources)):
            while number not in ready:
                done, answer = next(answers)
                is_report = isinstance(answer, LintReport)
                name = sources[numbers[done]].name
                ready[numbers[done]] = answer if is_report else LintReport(name, error=answer)
            yield ready.pop(number)


def _place(source: Source, rubbish: ExitStack, most: int) -> Path:
    if source.missing:
        raise NoInputError(source.missing, "check the name, or add -r")
    if source.name != STDIN:
        return source.path
    path = spool(terminal.stdin(), most)
    rubbish.callback(path.parent.rmdir)
    rubbish.callback(path.unlink)
    return path


def _told(found: Iterator[LintReport], form: str, *, quiet: bool) -> Iterator[LintReport]:
    # Text and JSON lines are printed as they come.
    for report in found:
        if form == "jsonl":
            click.echo(json.dumps(row(report)))
        elif form == "text":
            click.echo(text(report, all_of_it=not quiet), nl=False)
        if report.error:
            terminal.fail(report.error)
        yield report


def _rendered(whole: LintRun, form: str, *, quiet: bool) -> str:
    if form == "json":
        return document(whole)
    if form == "html":
        return page(whole)
    if form == "jsonl":
        return "".join(f"{json.dumps(row(report))}\n" for report in whole.files)
    return "".join(text(report, all_of_it=not quiet) for report in whole.files)


def _good_keys(names: tuple[str, ...]) -> None:
    if names:
        # A bad key is to be said once, before any file is read; the module brings numpy along.
        from trustkit.watermarks.keys import read_key

        for name in names:
            read_key(Path(name))


def _write(told: str, out: str | None) -> None:
    if out is None or out == STDIN:
        click.echo(told, nl=False)
        return
    try:
        Path(out).write_text(told, "utf-8")
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error.strerror}", "name another file"
        ) from error
