"""`trustkit recover`: "is this ours?", asked of a registry."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.batch.sources import expand
from trustkit.cli import output as terminal
from trustkit.cli.each import counted, each
from trustkit.errors import ConfigError, TrustkitError, UsageError
from trustkit.isolation import Limits
from trustkit.policies import DEFAULT
from trustkit.policy import Limits as FileLimits
from trustkit.recovering import Search, check_search, open_work
from trustkit.reports import EXIT_ORDER
from trustkit.reports.recovered import lines, row
from trustkit.toolbox import Wish

if TYPE_CHECKING:
    from trustkit.sbr import Resolver

_DEEP = 5  # times the seconds of `verify`, as of `watermark detect`
_OPENING = 60.0  # seconds: the first file waits until the codes of a large registry are read
_MEMORY = 4 * 2**30  # bytes of address space, as of `watermark detect`, with room for the codes


@click.command("recover")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--registry", metavar="URL", default="",
              help="The registry to ask; see docs/registry.md.")  # fmt: skip
@click.option("--deep", is_flag=True, help="Look for marks in all sizes and turns: slow.")
@click.option("--watermark-key", "mark_keys", multiple=True, metavar="FILE",
              help="Read marks with this key too, beside the public one.")  # fmt: skip
@click.option("--trust", multiple=True, metavar="LIST", help="Who may sign: a list or PEM.")
@click.option("--tsa-trust", multiple=True, metavar="LIST", help="Who may time-stamp.")
@click.option("--sbr", metavar="URL",
              help="Ask this C2PA Soft Binding Resolution service too, by the mark.")  # fmt: skip
@click.option("--sbr-key-file", metavar="FILE", help="The key that the service asks for.")
@click.option("--sbr-upload", is_flag=True, help="Send the file itself to the service as well.")
@click.option("--personal", is_flag=True, help="Show what the record keeps of people and places.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No bar on stderr.")
def command(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    registry: str,
    deep: bool,
    mark_keys: tuple[str, ...],
    trust: tuple[str, ...],
    tsa_trust: tuple[str, ...],
    sbr: str | None,
    sbr_key_file: str | None,
    sbr_upload: bool,
    personal: bool,
    jobs: int,
    form: str,
    quiet: bool,
) -> int:
    """Lead each PATH back to its record: files, folders (with -r), globs, or - for standard input.

    By the file's hash, the mark in it, its fingerprint. What is found is a lead and validates
    nothing. Nothing leaves this machine unless --sbr names a service. Exit 0 when each file has
    its record, 20 when one has none or leads that do not fit together, 30 when one could not be
    read.
    """
    terminal.set_up_logging()
    wish = Wish(DEFAULT, trust, tsa_trust, mark_keys=mark_keys, registry=registry)
    resolver = _resolver(sbr, sbr_key_file, uploads=sbr_upload)
    search = Search(wish, deep, personal, resolver, sbr_upload)
    check_search(search)
    patience = FileLimits().max_seconds_per_file * (_DEEP if deep else 1) * (1 + len(mark_keys))
    sources = list(expand(paths, recursive=recursive, stdin=terminal.stdin()))
    opened = partial(open_work, search)
    rows: list[dict[str, Any]] = []
    codes: set[int] = set()
    answers = each(sources, opened, Limits(patience + _OPENING, _MEMORY), jobs)
    for source, answer in counted(answers, len(sources), "recover", quiet=quiet or form != "json"):
        rows.append(row(source.name, answer))
        codes.add(_code(answer))
        if form == "jsonl":
            click.echo(json.dumps(rows[-1]))
        if isinstance(answer, TrustkitError):
            terminal.fail(answer)
        elif form == "text":
            for line in lines(source.name, answer):
                terminal.say(line)
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _resolver(url: str | None, key_file: str | None, *, uploads: bool) -> Resolver | None:
    if url is None:
        if key_file or uploads:
            raise UsageError("which service is to be asked?", "name it with --sbr URL")
        return None
    from trustkit.sbr import Resolver

    try:
        key = Path(key_file).read_text("ascii").strip() if key_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the key file {key_file} cannot be read", "check its name") from error
    return Resolver(url, key)


def _code(answer: Any) -> int:
    if isinstance(answer, TrustkitError):
        return answer.exit_code
    if answer.is_unchecked:
        return 30
    return 0 if answer.is_clear else 20
