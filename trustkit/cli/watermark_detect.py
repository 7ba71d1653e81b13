"""`trustkit watermark detect`: the marks in media files, each read in a worker process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import click

from trustkit.batch.sources import expand
from trustkit.cli import output as terminal
from trustkit.cli.each import counted, each
from trustkit.errors import TrustkitError
from trustkit.isolation import Limits
from trustkit.policy import Limits as FileLimits
from trustkit.reports import EXIT_ORDER
from trustkit.watermarks import LEAST_SOUND, Geometry, Mark, Search, Timing
from trustkit.watermarks.files import FileRead, open_engine, open_keys, open_reader
from trustkit.watermarks.payload import to_text

_PATIENCE = {Search.FAST: 1, Search.NORMAL: 1, Search.DEEP: 5}  # times the seconds of `verify`
_MEMORY = 4 * 2**30  # bytes of address space: frames of 8K are held by several decoding threads

Answer = FileRead | TrustkitError


@click.command("detect")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--search", type=click.Choice(["fast", "normal", "deep"]), default="normal",
              show_default=True, help="How much is tried before a file is given up.")  # fmt: skip
@click.option("--key", "key_names", multiple=True, metavar="FILE",
              help="A key to read with, or the word public; may be repeated.")  # fmt: skip
@click.option("--engine", metavar="NAME", default="tiles", show_default=True)
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No bar on stderr.")
def command(
    paths: tuple[str, ...],
    *,
    recursive: bool,
    search: str,
    key_names: tuple[str, ...],
    engine: str,
    jobs: int,
    form: str,
    quiet: bool,
) -> int:
    """Read the mark in each PATH: files, folders (with -r), globs, or - for standard input.

    "No mark readable" never means that a file is not marked. Exit 0 when every file was read,
    whatever was found; 30 when one could not be.
    """
    terminal.set_up_logging()
    keys, how = open_keys(key_names), Search(search)
    open_engine(engine)  # a wrong name is to be said once, not of every file
    patience = FileLimits().max_seconds_per_file * _PATIENCE[how] * len(keys)
    sources = list(expand(paths, recursive=recursive, stdin=terminal.stdin()))
    opened = partial(open_reader, engine, keys, how)
    rows, codes = [], set()
    answers = each(sources, opened, Limits(patience, _MEMORY), jobs)
    for source, answer in counted(answers, len(sources), "detect", quiet=quiet or form != "json"):
        codes |= {answer.exit_code} if isinstance(answer, TrustkitError) else set()
        rows.append(_row(source.name, answer, how))
        if form == "jsonl":
            click.echo(json.dumps(rows[-1]))
        if isinstance(answer, TrustkitError):
            terminal.fail(answer)
        elif form == "text":
            for line in _lines(source.name, answer, how):
                terminal.say(line)
    if form == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


def _lines(name: str, read: FileRead, search: Search) -> Iterator[str]:
    mark = read.mark
    if read.too_short:
        yield f"too short to tell  {name}  (less than {LEAST_SOUND:g} seconds of sound)"
        return
    if mark is None:
        yield f"no mark readable  {name}  ({search} search)"
    else:
        yield f"mark {to_text(mark.payload)}  {name}"
        yield f"  read with {_named(read.key)} by {mark.engine}, a lead to a record and no proof"
        yield from _how(mark)
    if read.sound and mark is not read.sound:
        which = "the same" if mark and mark.payload.endswith(read.sound.payload) else "another"
        yield f"  its sound has {which} mark: {to_text(read.sound.payload)}"
        yield from (f"  {line}" for line in _how(read.sound))
    if read.unheard:
        yield f"  its sound was not read: {read.unheard}"


def _named(key: str) -> str:
    return "the public key" if key == "public" else f"the key {key}"


def _how(mark: Mark) -> Iterator[str]:
    yield (
        f"  confidence {mark.confidence:.1f}; odds of chance at most "
        f"{mark.false_positive_bound:.1e} ({mark.search} search, path {mark.path})"
    )
    yield f"  {', '.join(_timing(mark.timing) if mark.timing else _geometry(mark.geometry))}"
    if mark.span:
        yield f"  from {mark.span[0]:.1f} s to {mark.span[1]:.1f} s"


def _timing(seen: Timing) -> Iterator[str]:
    yield f"read from {seen.seconds:.1f} seconds of sound"
    # A tenth of a per cent and a quarter of a semitone are what the mark itself tells.
    if abs(seen.tempo - 1) >= 0.003:  # noqa: PLR2004
        yield f"{seen.tempo:.3f} times as fast"
    if abs(seen.pitch) >= 0.5:  # noqa: PLR2004
        yield f"{abs(seen.pitch):.1f} semitones {'higher' if seen.pitch > 0 else 'lower'}"


def _geometry(seen: Geometry) -> Iterator[str]:
    yield f"about {100 * seen.crop:.0f} % of the marked picture"
    # Half a degree and a hundredth are what the mark itself tells on a small copy.
    if abs(seen.rotation) >= 0.5:  # noqa: PLR2004
        yield f"turned by {seen.rotation:.1f}°"
    if seen.flip:
        yield "mirrored"
    if abs(seen.squeeze - 1) >= 0.01:  # noqa: PLR2004
        yield f"its width {seen.squeeze:.2f} of what its height asks for"


def _row(name: str, answer: Answer, search: Search) -> dict[str, object]:
    error = answer if isinstance(answer, TrustkitError) else None
    read = answer if isinstance(answer, FileRead) else FileRead(None)
    mark = read.mark
    return {
        "path": name,
        "present": None if error else mark is not None,
        "payload": to_text(mark.payload) if mark else None,
        "engine": mark.engine if mark else None,
        "key": read.key or None,
        "confidence": round(mark.confidence, 2) if mark else None,
        "false_positive_bound": float(f"{mark.false_positive_bound:.3g}") if mark else None,
        "geometry": _shape(mark) if mark and not mark.timing else None,
        "sound": _heard(read.sound) if read.sound else None,
        "span": list(mark.span) if mark and mark.span else None,
        "search": search.value,
        "path_found": mark.path if mark else None,
        "reason": "too_short" if read.too_short else read.unheard or None,
        "error": terminal.error_row(error),
    }


def _heard(mark: Mark) -> dict[str, object]:
    timing = mark.timing or Timing()
    return {
        "payload": to_text(mark.payload),
        "engine": mark.engine,
        "confidence": round(mark.confidence, 2),
        "false_positive_bound": float(f"{mark.false_positive_bound:.3g}"),
        "tempo": timing.tempo,
        "pitch": timing.pitch + 0.0,
        "seconds": timing.seconds,
        "span": list(mark.span) if mark.span else None,
    }


def _shape(mark: Mark) -> dict[str, object]:
    seen = mark.geometry
    # Minus zero is nothing to tell anyone.
    return {
        "scale": seen.scale,
        "rotation": seen.rotation + 0.0,
        "flip": seen.flip,
        "crop": seen.crop,
        "squeeze": seen.squeeze,
    }
