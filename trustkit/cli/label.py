"""`trustkit label`: words that people see or hear, in pictures, films and sounds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from trustkit.asset import Asset, open_asset
from trustkit.batch.sources import STDIN, Source, expand, shown
from trustkit.cli import output as terminal
from trustkit.cli.progress import bar
from trustkit.cli.targets import Targets, as_file, as_target, refuse_input
from trustkit.disclosure import TERMS
from trustkit.errors import (
    ConfigError,
    MissingBackendError,
    NoInputError,
    PublishError,
    TrustkitError,
    UsageError,
)
from trustkit.label import MINUTES, SECONDS, Label, Labelled, Text, label_file
from trustkit.label.incoming import refuse_manifest
from trustkit.label.page import alt_text, json_ld
from trustkit.label.words import parse_languages
from trustkit.media.film import Settings
from trustkit.media.labels import Position
from trustkit.media.placing import temporary
from trustkit.reports import EXIT_ORDER

_AUTO = "auto"
_SMALLEST, _LARGEST = 1.0, 25.0  # per cent of the shorter side
# What is wrong with the call as a whole is told once, and nothing is done.
_OF_THE_CALL = (ConfigError, UsageError, MissingBackendError)


@click.command("label")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--text", type=click.Choice([text.value for text in Text]), required=True,
              help="What is said: AI, AI GENERATED or AI MODIFIED.")  # fmt: skip
@click.option("--lang", metavar="CODE,...", default="", help="Say it in these languages, too.")
@click.option("--position", type=click.Choice([place.value for place in Position]),
              default=Position.TOP_RIGHT.value, show_default=True)  # fmt: skip
@click.option("--size", metavar="PERCENT", default=_AUTO, show_default=True,
              help="Height of the capital letters, of the shorter side.")  # fmt: skip
@click.option("--font", metavar="FILE", help="Letters of this font; our own capitals by default.")
@click.option("--for", "seconds", type=click.FloatRange(0.1, 3600), default=SECONDS,
              show_default=True, help="Films: seconds that it is shown.")  # fmt: skip
@click.option("--every", "minutes", type=click.FloatRange(0.1, 720), default=MINUTES,
              show_default=True, help="Films and sounds: again after so many minutes.")  # fmt: skip
@click.option("--always", is_flag=True, help="Films: show it from the first frame to the last.")
@click.option("--notice", metavar="FILE", help="Sounds: this recording; else espeak-ng speaks.")
@click.option("--alt-text", "own", metavar="TEXT", help="Print an alt text: TEXT and the label's.")
@click.option("--json", "page", metavar="FILE", help="Write JSON-LD for the page to FILE.")
@click.option("--source-type", type=click.Choice(TERMS), metavar="TERM",
              help="In the JSON-LD: IPTC's term.")  # fmt: skip
@click.option("--drop-manifest", is_flag=True, help="Leave a C2PA manifest out; else refused.")
@click.option("--crf", type=click.FloatRange(0, 63), help="Films: quality, 0 is best.")
@click.option("--preset", metavar="P", default="", help="Films: the encoder's preset.")
@click.option("--codec", type=click.Choice(["h264", "hevc", "vp9", "av1"]),
              help="Films: that of the input by default.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No warnings and no bar on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Label each IN for people: a box with words in pictures and films, a spoken notice in sounds.

    Each label is looked at, or listened to, in the written file before that takes its place. Label
    first and sign afterwards: a manifest does not survive a change of pixels or samples.
    """
    terminal.set_up_logging()
    job = _job(asked)
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    targets = Targets(asked["output"], asked["in_place"], several, asked["form"] == "text", sources)
    refuse_input("--json", asked["page"], sources)
    places = [targets.of(source) for source in sources]
    if asked["page"] and any(_is_at(place, asked["page"]) for place in places):
        raise UsageError(f"{asked['page']} is an output", "name another file for --json")
    rows, pages, codes = [], [], set()
    for source, place in zip(sources, places, strict=True):
        done = _one(source, place, job)
        codes |= {done.error.exit_code} if done.error else set()
        rows.append(_row(done, job))
        pages += [done.page] if done.page else []
        _tell(done, rows[-1], asked, quiet=asked["quiet"])
    if asked["page"] and pages:
        _write(Path(asked["page"]), pages if several else pages[0])
    if asked["form"] == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


@dataclass(frozen=True)
class _Job:
    wish: Label
    settings: Settings
    own: str
    source_type: str
    wants_page: bool
    drop_manifest: bool
    quiet: bool


@dataclass(frozen=True)
class _Done:
    path: str
    output: str = ""
    made: Labelled | None = None
    page: dict[str, Any] | None = None
    error: TrustkitError | None = None


def _job(asked: dict[str, Any]) -> _Job:
    for name in ("font", "notice"):
        if asked[name] and not Path(asked[name]).is_file():
            raise UsageError(f"--{name}: there is no file {asked[name]}", "check the name")
    wish = Label(
        text=Text(asked["text"]),
        languages=parse_languages(asked["lang"]),
        position=asked["position"],
        size=_size(asked["size"]),
        font=Path(asked["font"]) if asked["font"] else None,
        seconds=asked["seconds"],
        minutes=asked["minutes"],
        always=asked["always"],
        notice=Path(asked["notice"]) if asked["notice"] else None,
    )
    if not wish.always and wish.seconds >= wish.minutes * 60:
        wish = replace(wish, always=True)
    return _Job(
        wish=wish,
        settings=Settings(asked["codec"] or "", asked["crf"], asked["preset"]),
        own=asked["own"] or "",
        source_type=asked["source_type"] or "",
        wants_page=bool(asked["page"]),
        drop_manifest=asked["drop_manifest"],
        quiet=asked["quiet"],
    )


def _size(asked: str) -> float | None:
    if asked == _AUTO:
        return None
    try:
        size = float(asked.removesuffix("%"))
    except ValueError:
        size = -1.0
    if not _SMALLEST <= size <= _LARGEST:
        raise UsageError(
            f"--size {asked} is no size", f"per cent from {_SMALLEST:g} to {_LARGEST:g}, or auto"
        )
    return size


def _one(source: Source, target: Path | TrustkitError, job: _Job) -> _Done:
    if source.missing:
        return _Done(source.name, error=NoInputError(source.missing, "check the name, or add -r"))
    if isinstance(target, TrustkitError):
        return _Done(source.name, error=target)
    done = _Done(source.name, shown(str(target)))
    try:
        with as_file(source) as path, as_target(target) as place:
            made, page = _labelled(open_asset(path, source.name), place, target, job)
            return replace(done, made=made, page=page)
    except _OF_THE_CALL:
        raise
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return replace(done, error=PublishError(error.message, error.hint))
    except OSError as error:
        reason = f"{source.name} cannot be labelled: {error.strerror or error}"
        return replace(done, error=PublishError(reason, "nothing was written"))


def _labelled(
    asset: Asset, place: Path, target: Path, job: _Job
) -> tuple[Labelled, dict[str, Any] | None]:
    dropped = refuse_manifest(asset, drop=job.drop_manifest)
    with bar(f"label {asset.path.name}", quiet=job.quiet or asset.kind == "image") as progress:
        made = label_file(asset, place, job.wish, progress=progress, settings=job.settings)
    more = []
    if dropped and made.kind != "image":  # of a picture it was told
        more.append("its manifest was left out: it would not hold for what was changed")
    written = open_asset(place)
    if written.sidecar.is_file():
        more.append(f"{shown(str(written.sidecar))} speaks of other bytes: remove it, or sign anew")
    page = None
    if job.wants_page:
        page = json_ld(written, made.kind, job.wish, job.own, job.source_type)
        page["name"] = asset.path.name if str(target) == STDIN else target.name
        if "digitalSourceType" not in page:
            more.append("its JSON-LD has no digitalSourceType: name one with --source-type")
    return replace(made, warnings=(*made.warnings, *more)), page


def _tell(done: _Done, row: dict[str, Any], asked: dict[str, Any], *, quiet: bool) -> None:
    form = asked["form"]
    if form == "jsonl":
        click.echo(json.dumps(row))
    if done.error:
        terminal.fail(done.error)
    if done.made:
        if form == "text":
            for line in _lines(done.output, done.made):
                terminal.say(line, err=done.output == STDIN)
            if asked["own"] is not None:
                terminal.say(f"  alt text: {row['alt_text']}", err=done.output == STDIN)
        for warning in () if quiet else done.made.warnings:
            terminal.say(f"note: {done.path}: {warning}", err=True)


def _lines(output: str, made: Labelled) -> Iterator[str]:
    if made.kind == "audio":
        what = " ".join(made.said) or made.voice
        yield f"labelled  {output}  spoken: {what}"
    else:
        yield (
            f"labelled  {output}  {' / '.join(made.said)}  contrast {made.contrast:.1f}:1, letters "
            f"of {made.capital:.0f} pixels"
        )
    if made.times:
        told = ", ".join(f"{begin:.1f}-{end:.1f}" for begin, end in made.times[:_SHOWN])
        more = f" and {len(made.times) - _SHOWN} more" if len(made.times) > _SHOWN else ""
        yield f"  at {told} s{more}"


_SHOWN = 6  # times that are printed; JSON has all


def _row(done: _Done, job: _Job) -> dict[str, Any]:
    made = done.made
    return {
        "path": done.path,
        "output": done.output if made else None,
        "kind": made.kind if made else None,
        "text": job.wish.text.value,
        "said": list(made.said) if made else [],
        "box": list(made.box) if made and made.box else None,
        "capital": _number(made.capital if made else None),
        "contrast": _number(made.contrast if made else None),
        "around": _number(made.around if made else None),
        "outside": made.outside if made else None,
        "most": made.most if made else None,
        "times": [list(pair) for pair in made.times] if made else [],
        "voice": (made.voice or None) if made else None,
        "alt_text": alt_text(job.wish, job.own),
        "warnings": list(made.warnings) if made else [],
        "error": terminal.error_row(done.error),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _is_at(place: Path | TrustkitError, page: str) -> bool:
    return isinstance(place, Path) and place.resolve() == Path(page).resolve()


def _write(path: Path, content: Any) -> None:
    try:
        with temporary(path) as fresh:
            fresh.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
            os.replace(fresh, path)
    except OSError as error:
        raise PublishError(
            f"{path} cannot be written: {error.strerror}", "the labelled files are written"
        ) from error
