"""`trustkit watermark bench`: what the mark survives, on a folder of one's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from trustkit.asset import open_asset
from trustkit.batch.sources import expand
from trustkit.cli import output as terminal
from trustkit.cli.progress import bar
from trustkit.cli.whole import put_file
from trustkit.errors import NoInputError, UnreadableError, UsageError
from trustkit.watermarks import Search, Strength, files
from trustkit.watermarks.trial import page, report
from trustkit.watermarks.trial.attacks import Attack, choose
from trustkit.watermarks.trial.clips import ClipAttack, ClipSetup, run_clips
from trustkit.watermarks.trial.engines import OnClips
from trustkit.watermarks.trial.recoded import CLIP_ATTACKS, GROUP
from trustkit.watermarks.trial.result import Result
from trustkit.watermarks.trial.sound_attacks import (
    EVERYDAY,
    HARDER,
    SOUND_ATTACKS,
    SoundAttack,
    choose_sound,
)
from trustkit.watermarks.trial.sound_trial import SoundSetup, run_sounds
from trustkit.watermarks.trial.trial import Setup, run


@click.command("bench")
@click.argument("folder", metavar="FOLDER")
@click.option("--unmarked", metavar="FOLDER", help="Files that nobody marked: false positives.")
@click.option("--strength", type=click.Choice(["subtle", "default", "strong"]), default="default",
              show_default=True)  # fmt: skip
@click.option("--search", type=click.Choice(["fast", "normal", "deep"]), default="normal",
              show_default=True)  # fmt: skip
@click.option("--key", metavar="FILE", help="A secret key; the public one by default.")
@click.option("--attacks", metavar="NAME,...", default="",
              help="These alone: names, or forty, extra, clips, everyday, harder.")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True,
              help="All chance comes from it.")  # fmt: skip
@click.option("--json", "json_file", metavar="FILE", help="Write every single cell to FILE.")
@click.option("--html", "html_file", metavar="FILE", help="Write a page with plots to FILE.")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table",
              show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No notes and no bar on stderr.")
def command(folder: str, **asked: Any) -> int:
    """Mark all media in FOLDER, do to the copies what the internet does, and count.

    Nothing is written into the folder. A message counts as recovered when all its bits came back.
    Pictures, clips and sounds are counted apart.
    """
    terminal.set_up_logging()
    files.one_thread()
    key = files.open_keys([asked["key"]] if asked["key"] else [])[0]
    engine = files.open_engine(key=key.key, strength=Strength(asked["strength"]))
    attacks, clip_attacks, sound_attacks = _attacks(asked["attacks"])
    for name in (asked["json_file"], asked["html_file"]):
        _check_folder(name)
    tried = _sorted(folder)
    unmarked = _sorted(asked["unmarked"]) if asked["unmarked"] else _Kinds()
    told = {"strength": asked["strength"], "key": key.name}
    how = {"search": Search(asked["search"]), "seed": asked["seed"]}
    results = []
    with bar("bench", quiet=asked["quiet"]) as tell:

        def progress(done: int, total: int, _name: str) -> None:
            if tell:
                tell(done, total)

        if attacks and (tried.pictures or unmarked.pictures):
            setup = Setup(engine, attacks, told=told, **how)
            results.append(
                run(tried.pictures, setup, unmarked=unmarked.pictures, jobs=asked["jobs"],
                    progress=progress)
            )  # fmt: skip
        if clip_attacks and (tried.clips or unmarked.clips):
            clip_setup = ClipSetup(
                OnClips(engine), clip_attacks, told={"of": "clips", **told}, **how
            )
            results.append(
                run_clips(tried.clips, clip_setup, unmarked=unmarked.clips, progress=progress)
            )
        if sound_attacks and (tried.sounds or unmarked.sounds):
            sound_setup = SoundSetup(
                files.listener(engine), sound_attacks, told={"of": "sounds", **told}, **how
            )
            results.append(
                run_sounds(tried.sounds, sound_setup, unmarked=unmarked.sounds, jobs=asked["jobs"],
                           progress=progress)
            )  # fmt: skip
    if not results:
        raise NoInputError(
            f"nothing in {folder} that these attacks are for", "name pictures, clips or sounds"
        )
    _write(results, asked)
    left_out = tried.others + unmarked.others
    if left_out and not asked["quiet"]:
        terminal.say(f"note: left out, as neither picture, clip nor sound: {left_out}", err=True)
    return 0


@dataclass(frozen=True)
class _Kinds:
    pictures: list[Path] = field(default_factory=list)
    clips: list[Path] = field(default_factory=list)
    sounds: list[Path] = field(default_factory=list)
    others: int = 0


def _sorted(folder: str) -> _Kinds:
    if not Path(folder).is_dir():
        raise UsageError(f"{folder} is no folder", "name a folder of media")
    kinds: dict[str, list[Path]] = {"image": [], "video": [], "audio": []}
    others = 0
    for source in expand([folder], recursive=True, stdin=terminal.stdin()):
        if source.missing:
            raise NoInputError(source.missing, "name a folder of media")
        try:
            kind = open_asset(source.path, source.name).kind
        except UnreadableError:
            kind = ""
        if kind in kinds:
            kinds[kind].append(source.path)
        else:
            others += 1
    return _Kinds(kinds["image"], kinds["video"], kinds["audio"], others)


# Names that attacks of several kinds have.
_SHARED = {"none", "noise10"}
_Attacks = tuple[tuple[Attack, ...], tuple[ClipAttack, ...], tuple[SoundAttack, ...]]


def _attacks(asked: str) -> _Attacks:
    names = [name.strip() for name in asked.split(",") if name.strip()]
    of_clips = {attack.name for attack in CLIP_ATTACKS} | {GROUP}
    of_sounds = {attack.name for attack in SOUND_ATTACKS} | {EVERYDAY, HARDER}
    clips = tuple(a for a in CLIP_ATTACKS if not names or {a.name, GROUP} & set(names))
    for_sounds = [name for name in names if name in of_sounds]
    sounds = choose_sound(for_sounds) if for_sounds or not names else ()
    # A name of several kinds, such as none, is meant for all of them.
    for_pictures = [name for name in names if name not in of_clips | of_sounds or name in _SHARED]
    try:
        return choose(for_pictures) if for_pictures or not names else (), clips, sounds
    except UsageError as error:
        more = ", ".join([GROUP, *(attack.name for attack in CLIP_ATTACKS)])
        heard = ", ".join([EVERYDAY, HARDER, *(attack.name for attack in SOUND_ATTACKS)])
        raise UsageError(
            error.message, f"{error.hint}; for clips {more}; for sounds {heard}"
        ) from error


def _check_folder(name: str | None) -> None:
    # An hour of work is not to be lost to a wrong name.
    if name and not Path(name).absolute().parent.is_dir():
        raise UsageError(f"there is no folder {Path(name).parent}", "make it first")


def _write(results: Sequence[Result], asked: dict[str, Any]) -> None:
    first, *more = results
    others = {result.engine["of"]: report.document(result) for result in more}
    whole = {**report.document(first), "clips": others.get("clips"), "sounds": others.get("sounds")}
    text = json.dumps(whole, indent=1, allow_nan=False) + "\n"
    if asked["form"] == "json":
        click.echo(text, nl=False)
    else:
        click.echo("\n".join(report.to_table(result) for result in results), nl=False)
    if asked["json_file"]:
        put_file(Path(asked["json_file"]), [text])
    if asked["html_file"]:
        path = Path(asked["html_file"])
        put_file(path, [page.to_html(first)])
        for result in more:
            beside = path.with_stem(f"{path.stem}-{result.engine['of']}")
            put_file(beside, [page.to_html(result)])
