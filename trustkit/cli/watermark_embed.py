"""`trustkit watermark embed`: a mark with an id in pictures, films and sounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from trustkit.asset import Asset, open_asset
from trustkit.batch.sources import STDIN, Source, expand, shown
from trustkit.c2pa.parent import incoming
from trustkit.c2pa.read import Unreadable
from trustkit.cli import output as terminal
from trustkit.cli.progress import bar
from trustkit.cli.targets import Targets, as_file, as_target
from trustkit.errors import NoInputError, PublishError, TrustkitError, UsageError
from trustkit.media.film import Settings
from trustkit.media.sniff import EXTENSIONS
from trustkit.reports import EXIT_ORDER
from trustkit.watermarks import Part, Strength, files
from trustkit.watermarks.payload import new_payload, parse, to_text

_ENDINGS = {
    **{ending: media_type for media_type, ending in EXTENSIONS.items()},
    ".jpeg": "image/jpeg",
    ".tiff": "image/tiff",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
}


@click.command("embed")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, folder for several inputs, or -.")
@click.option("--in-place", is_flag=True, help="Replace the input, at once and whole.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@click.option("--payload", metavar="HEX16", help="The 64 bits to put in, as 16 hex digits.")
@click.option("--new-id", is_flag=True, help="A new random id for each file; so by default.")
@click.option("--key", metavar="FILE", help="A secret key; the public one by default.")
@click.option("--strength", type=click.Choice(["subtle", "default", "strong"]), default="default",
              show_default=True)  # fmt: skip
@click.option("--only", type=click.Choice([part.value for part in Part]),
              help="Films: mark this alone; picture and sound by default.")  # fmt: skip
@click.option("--allow-weak", is_flag=True, help="Mark also what will not hold the mark.")
@click.option("--drop-manifest", is_flag=True, help="Leave a C2PA manifest out; else refused.")
@click.option("--engine", metavar="NAME", default="tiles", show_default=True)
@click.option("--crf", type=click.FloatRange(0, 63), help="Films: quality, 0 is best.")
@click.option("--preset", metavar="P", default="", help="Films: the encoder's preset.")
@click.option("--codec", type=click.Choice(["h264", "hevc", "vp9", "av1"]),
              help="Films: that of the input by default.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No warnings and no bar on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Put a mark into each IN, and read it back before it takes its place.

    Each file gets a new id unless --payload names one; sounds of less than 30 seconds carry its
    last 8 digits. The format stays. Mark first and sign afterwards: a manifest does not survive a
    change of pixels or samples.
    """
    terminal.set_up_logging()
    job = _job(asked)
    files.one_thread()
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    one_on_stdout = asked["form"] == "text"
    targets = Targets(asked["output"], asked["in_place"], several, one_on_stdout, sources)
    if asked["payload"] and len(sources) > 1 and not job.quiet:
        terminal.say(f"note: {len(sources)} files get one and the same payload", err=True)
    rows, codes = [], set()
    for source in sources:
        done = _one(source, targets.of(source), job)
        codes |= {done.error.exit_code} if done.error else set()
        rows.append(_row(done))
        _tell(done, rows[-1], asked["form"], quiet=job.quiet)
    if asked["form"] == "json":
        click.echo(json.dumps({"schema_version": "1.0", "files": rows}, indent=2))
    return next((code for code in EXIT_ORDER if code in codes), 0)


@dataclass(frozen=True)
class _Job:
    engine: Any
    key: str
    payload: bytes | None
    settings: Settings
    parts: frozenset[Part]
    allow_weak: bool
    drop_manifest: bool
    quiet: bool


@dataclass(frozen=True)
class _Done:
    path: str
    output: str = ""
    marked: files.FileMarked | None = None
    job: _Job | None = None
    error: TrustkitError | None = None


def _job(asked: dict[str, Any]) -> _Job:
    if asked["payload"] is not None and asked["new_id"]:
        raise UsageError("--payload and --new-id exclude each other", "name one of them")
    payload = None if asked["payload"] is None else parse(asked["payload"])
    key = files.open_keys([asked["key"]] if asked["key"] else [])[0]
    return _Job(
        engine=files.open_engine(asked["engine"], key.key, Strength(asked["strength"])),
        key=key.name,
        payload=payload,
        settings=Settings(asked["codec"] or "", asked["crf"], asked["preset"]),
        parts=frozenset({Part(asked["only"])}) if asked["only"] else files.BOTH,
        allow_weak=asked["allow_weak"],
        drop_manifest=asked["drop_manifest"],
        quiet=asked["quiet"],
    )


def _one(source: Source, target: Path | TrustkitError, job: _Job) -> _Done:
    if source.missing:
        return _Done(source.name, error=NoInputError(source.missing, "check the name, or add -r"))
    if isinstance(target, TrustkitError):
        return _Done(source.name, error=target)
    done = _Done(source.name, shown(str(target)))
    try:
        with as_file(source) as path, as_target(target) as place:
            marked = _marked(open_asset(path, source.name), place, job)
            return replace(done, marked=marked, job=job)
    except TrustkitError as error:
        # Whatever the reason, what the caller must know is that nothing was written: exit 40.
        return replace(done, error=PublishError(error.message, error.hint))
    except OSError as error:
        reason = f"{source.name} cannot be marked: {error.strerror or error}"
        return replace(done, error=PublishError(reason, "nothing was written"))


def _marked(asset: Asset, place: Path, job: _Job) -> files.FileMarked:
    is_inside = files.has_manifest(asset)  # first: of a damaged picture that is said
    came_with = incoming(asset)
    if came_with and came_with.where == "embedded" and isinstance(came_with.reading, Unreadable):
        # The engine fell over something: over the file, where no manifest is among its parts.
        if asset.kind == "image" and not is_inside:
            came_with = None
        elif not job.drop_manifest:
            hint = "is the file whole? --drop-manifest leaves C2PA data out"
            raise PublishError(f"{asset.name}: {came_with.problem}", hint)
    if (came_with or is_inside) and not job.drop_manifest:
        raise PublishError(
            f"{asset.name} has a C2PA manifest, which would no longer hold for changed pixels",
            "mark first and sign afterwards, or --drop-manifest",
        )
    label = f"mark {asset.path.name}"
    with bar(label, quiet=job.quiet or asset.kind == "image") as progress:
        made = files.mark_file(
            asset,
            place,
            job.engine,
            job.payload or new_payload(),
            settings=job.settings,
            allow_weak=job.allow_weak,
            progress=progress,
            parts=job.parts,
        )
    dropped = came_with is not None and asset.kind != "image"  # of a picture it was told
    more = (*_short(made, job), *_warnings(asset, place, dropped=dropped))
    return replace(made, warnings=(*made.warnings, *more))


def _short(made: files.FileMarked, job: _Job) -> Iterator[str]:
    # Who named an id, or finds another in the picture, must know what to look for.
    whole = job.payload or made.payload
    if made.sound and made.sound != whole:
        yield f"its sound carries the last 8 digits of the id, {to_text(made.sound)}"


def _warnings(asset: Asset, place: Path, *, dropped: bool) -> Iterator[str]:
    if dropped:
        yield "its manifest was left out: it would not hold for changed pixels"
    written = open_asset(place)
    if written.sidecar.is_file():
        yield f"{shown(str(written.sidecar))} speaks of other bytes: remove it, or sign anew"
    ending = place.suffix.lower()
    if ending != asset.path.suffix.lower() and _ENDINGS.get(ending, "") not in {
        "",
        written.media_type,
    }:
        yield f"it is {written.media_type}, whatever its name says: the format stays"


def _tell(done: _Done, row: dict[str, object], form: str, *, quiet: bool) -> None:
    if form == "jsonl":
        click.echo(json.dumps(row))
    if done.error:
        terminal.fail(done.error)
    if done.marked:
        if form == "text":
            terminal.say(_line(done.output, done.marked), err=done.output == STDIN)
        for warning in () if quiet else done.marked.warnings:
            terminal.say(f"note: {done.path}: {warning}", err=True)


def _line(output: str, marked: files.FileMarked) -> str:
    parts = ["marked", output, to_text(marked.payload)]
    if marked.psnr is not None:
        parts.append(f"{marked.psnr:.1f} dB")
    if marked.snr is not None:
        parts.append(f"sound {marked.snr:.1f} dB")
    if marked.ssim is not None:
        parts.append(f"SSIM {marked.ssim:.3f}")
    parts.append(f"self-check {'passed' if marked.self_check else 'FAILED'}")
    return "  ".join(parts)


def _row(done: _Done) -> dict[str, object]:
    marked, job, error = done.marked, done.job, done.error
    return {
        "path": done.path,
        "output": done.output if marked else None,
        "payload": to_text(marked.payload) if marked else None,
        "engine": _engine(marked, job) if marked and job else None,
        "key": job.key if job else None,
        "psnr": _number(marked.psnr, 2) if marked else None,
        "ssim": _number(marked.ssim, 4) if marked else None,
        "snr": _number(marked.snr, 2) if marked else None,
        "sound": _sound(marked) if marked else None,
        "self_check": marked.self_check if marked else None,
        "warnings": list(marked.warnings) if marked else [],
        "error": terminal.error_row(error),
    }


def _engine(marked: files.FileMarked, job: _Job) -> str:
    has_pixels = marked.psnr is not None or marked.sound is None
    return str(job.engine.name if has_pixels else files.listener(job.engine).name)


def _sound(marked: files.FileMarked) -> str | None:
    return to_text(marked.sound) if marked.sound else None


def _number(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
