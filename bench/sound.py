"""What the sound watermark survives, beside the bounds it was promised to hold.

`python -m bench.sound --help` tells how to run a part of it. Clips: the folder that
TRUSTKIT_CLIPS_SOUND names, in which speech is what has a name that begins so; sounds that nobody
marked: TRUSTKIT_UNMARKED_SOUND.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.measure import ROOT, Figure, tell
from trustkit.plugins import load
from trustkit.watermarks import Search, Strength
from trustkit.watermarks.trial import page, report
from trustkit.watermarks.trial.count import Tally, tally
from trustkit.watermarks.trial.result import Result
from trustkit.watermarks.trial.sound_attacks import EVERYDAY_COUNT, SoundAttack, choose_sound
from trustkit.watermarks.trial.sound_trial import WINDOW, SoundSetup, run_sounds

_DATA = ROOT.parent / "shared" / "data"
_SOUNDS = {".opus", ".ogg", ".oga", ".mp3", ".wav", ".flac", ".m4a", ".aac"}
_QUICK = ("none", "mp3-64", "opus-32", "8k", "noise20", "tempo+5", "speed-5", "pitch+1", "room")
_QUICK_CLIPS, _QUICK_UNMARKED = 6, 60
_UNMARKED_WANTED = 1500

# Recovered, in per cent of clips of 20 s, at the default strength.
_BOUNDS = {"none": 100.0}
_BOUNDS |= dict.fromkeys(("mp3-128", "mp3-64", "aac-96", "opus-32", "16k", "8bit"), 97.0)
_BOUNDS |= dict.fromkeys(("vol-12", "noise20", "lp4k", "hp500", "crop10"), 97.0)
_BOUNDS |= dict.fromkeys(("tempo+5", "tempo-5", "speed+5", "speed-5", "pitch+1", "pitch-1"), 95.0)
_BOUNDS |= {"8k": 90.0, "room": 90.0, "crop5": 90.0, "noise10": 80.0, "music6": 80.0}


def main(arguments: Sequence[str] = ()) -> None:
    """Run what the arguments say; without any: the default strength, on everything."""
    asked = _parser().parse_args(arguments)
    clips = _sounds(asked.clips or _folder("TRUSTKIT_CLIPS_SOUND") or _DATA / "audio-clips")
    if not clips:
        print("sound: no clips (name a folder in TRUSTKIT_CLIPS_SOUND)", file=sys.stderr)
        return
    if asked.quick:
        clips = _spread(clips, _QUICK_CLIPS)
    unmarked = _spread(_unmarked(asked, clips), _QUICK_UNMARKED if asked.quick else None)
    result = _trial(asked, clips, unmarked)
    figures = list(_figures(result, tally(result), asked.quick))
    if asked.strength != Strength.DEFAULT:  # nothing was promised of the others
        figures = [replace(figure, bound=None) for figure in figures]
    _told(asked, result, figures)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.sound")
    parser.add_argument("--quick", action="store_true", help="6 clips, 9 attacks, 60 unmarked")
    parser.add_argument("--clips", type=Path, metavar="DIR", help="to mark and attack")
    parser.add_argument("--unmarked", type=Path, metavar="DIR", help="to find nothing in")
    parser.add_argument("--attacks", default="", metavar="NAME,...", help="these alone")
    parser.add_argument("--strength", choices=[s.value for s in Strength], default="default")
    parser.add_argument("--search", choices=[s.value for s in Search], default="normal")
    parser.add_argument("--seconds", type=float, default=WINDOW, help="of each clip, its middle")
    parser.add_argument(
        "--engine", default="ripples", metavar="NAME", help="an installed watermark"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="JSON and HTML of the trial")
    return parser


def _attacks(asked: argparse.Namespace) -> tuple[SoundAttack, ...]:
    names = [*_QUICK] if asked.quick else []
    return choose_sound(asked.attacks.split(",") if asked.attacks else names)


def _trial(asked: argparse.Namespace, clips: Sequence[Path], unmarked: Sequence[Path]) -> Result:
    engine = load("watermarks", asked.engine)(strength=Strength(asked.strength))
    setup = SoundSetup(
        engine,
        _attacks(asked),
        Search(asked.search),
        asked.seed,
        asked.seconds,
        told={"strength": asked.strength},
    )

    def progress(done: int, total: int, name: str) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == total else ""
            print(f"\r\033[K{done} of {total}: {name}", end=end, file=sys.stderr, flush=True)

    return run_sounds(clips, setup, unmarked=unmarked, jobs=asked.jobs, progress=progress)


def _told(asked: argparse.Namespace, result: Result, figures: Sequence[Figure]) -> None:
    parts = ("quick" if asked.quick else "", asked.attacks)
    name = "-".join(["sound", asked.strength, *(part for part in parts if part)])
    name = name.replace(",", "+")
    print(f"\n{report.to_table(result)}", end="")
    tell(
        name,
        figures,
        f"{len(result.marked)} clips of up to {asked.seconds:g} s, {len(result.unmarked)} "
        "unmarked sounds; shares in %",
        f"{len(result.failed)} clips and {len(result.unmarked_failed)} others not tried",
    )
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / f"trial-{name}.json").write_text(report.to_json(result))
        (asked.out / f"trial-{name}.html").write_text(page.to_html(result))


def _figures(result: Result, counted: Tally, is_quick: bool) -> Iterator[Figure]:
    for row in counted.rows:
        if row.every.value is not None:
            bound = _BOUNDS.get(row.about.name)
            yield Figure(row.about.name, (100 * row.every.value,), "%", bound, is_floor=True)
    mean = counted.mean
    if mean.every.value is not None and mean.attacks == EVERYDAY_COUNT:
        yield Figure(mean.name, (100 * mean.every.value,), "%")
    yield Figure("wrong payloads", (float(counted.wrong),), "", 0.0)
    yield from _silence(result, counted, is_quick)
    yield from _quality(result, counted)
    if counted.embed:
        yield Figure("embed", (1 / counted.embed,), "x real", 40.0, is_floor=True)
    if counted.clean:
        yield Figure("detect a clean copy", (1 / counted.clean,), "x real", 80.0, is_floor=True)


def _silence(result: Result, counted: Tally, is_quick: bool) -> Iterator[Figure]:
    if not counted.chance.of:
        return
    wanted = None if is_quick else _UNMARKED_WANTED
    yield Figure("unmarked sounds", (float(counted.chance.of),), "", wanted, is_floor=True)
    yield Figure("found in unmarked sounds", (float(counted.chance.found),), "", 0.0)
    if took := sum(unmarked.cpu for unmarked in result.unmarked):
        pace = sum(unmarked.extent.amount for unmarked in result.unmarked) / took
        yield Figure("giving up", (pace,), "x real")


def _quality(result: Result, counted: Tally) -> Iterator[Figure]:
    if "snr" in counted.quality:
        mean, worst = counted.quality["snr"]
        yield Figure("SNR, mean", (mean,), "dB", 19.0, is_floor=True)
        yield Figure("SNR, worst clip", (worst,), "dB", 15.0, is_floor=True)
    if "segmental_snr" in counted.quality:
        yield Figure("segmental SNR, mean", (counted.quality["segmental_snr"][0],), "dB")
    if "spectral_distance" in counted.quality:
        mean, worst = counted.quality["spectral_distance"]
        yield Figure("log-spectral distance, mean", (mean,), "dB", 1.2)
        yield Figure("log-spectral distance, worst", (worst,), "dB")
    for words, of_speech in (("speech", True), ("others", False)):
        marked = [m for m in result.marked if m.name.startswith("speech") is of_speech]
        values = [value for m in marked if (value := m.quality["pesq"]) is not None]
        if values:
            bounds = (4.5, 4.3) if of_speech else (None, None)  # it was made for speech
            mean = sum(values) / len(values)
            yield Figure(f"PESQ-WB, mean, {words}", (mean,), "", bounds[0], is_floor=True)
            yield Figure(f"PESQ-WB, worst, {words}", (min(values),), "", bounds[1], is_floor=True)


def _unmarked(asked: argparse.Namespace, clips: Sequence[Path]) -> list[Path]:
    named = asked.unmarked or _folder("TRUSTKIT_UNMARKED_SOUND")
    found = _sounds(named) if named else _recordings(_DATA / "audio-detect")
    return [*found, *clips] if found else []  # before they are marked, clips are unmarked too


def _recordings(folder: Path) -> list[Path]:
    index = folder / "INDEX.tsv"
    if not index.is_file():
        return []
    with index.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return sorted(folder / row["file"] for row in rows if row["label"] == "real")


def _folder(variable: str) -> Path | None:
    return Path(os.environ[variable]) if os.environ.get(variable) else None


def _sounds(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SOUNDS)


def _spread(items: Sequence[Path], count: int | None) -> list[Path]:
    if count is None or count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


if __name__ == "__main__":
    main(sys.argv[1:])
