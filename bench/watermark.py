"""What the image watermark survives, beside the bounds it was promised to hold.

`python -m bench.watermark --help` tells how to run a part of it. Photos: the folder that
TRUSTKIT_PHOTOS names; pictures that nobody marked: TRUSTKIT_UNMARKED.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2

from bench.measure import ROOT, Figure, tell
from trustkit.plugins import load
from trustkit.watermarks import Search, Strength
from trustkit.watermarks.trial import page, report
from trustkit.watermarks.trial.attacks import FORTY, FORTY_COUNT, Attack, choose
from trustkit.watermarks.trial.count import Row, Share, Tally, tally
from trustkit.watermarks.trial.result import Result
from trustkit.watermarks.trial.trial import Setup, run

_DATA = ROOT.parent / "shared" / "data"
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
_QUICK = (
    *("none", "jpeg30", "webp50", "social", "rs.5", "rs.25"),
    *("cc50", "cc25", "rot15", "hflip", "screenshot", "perspPS"),
)
_QUICK_PHOTOS, _QUICK_UNMARKED = 12, 100

# Recovered, in per cent, at the default strength.
_ALL = dict.fromkeys(("jpeg30", "social", "rs.5", "cc50", "rc50", "rot15", "hflip"), 100.0)
_ALL |= {"screenshot": 100.0, "cc10": 60.0, "jpeg15": 95.0}
_LARGE = {"cc25": 99.0, "rs.25": 97.0, "rsb.25": 97.0, "perspPS": 99.0, "webp50": 99.0}
_T = TypeVar("_T")


def main(arguments: Sequence[str] = ()) -> None:
    """Run what the arguments say; without any: both promised strengths, on everything."""
    asked = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    photos = _pictures("TRUSTKIT_PHOTOS", _DATA / "photos")
    photos = [p for p in photos if asked.photos in p.name and _in_half(p, asked.split)]
    if not photos:
        print("watermark: no photos (name a folder in TRUSTKIT_PHOTOS)", file=sys.stderr)
        return
    if asked.quick:
        photos = _spread(photos, _QUICK_PHOTOS)
    if asked.strength in {None, Strength.DEFAULT, Strength.STRONG}:
        _default(asked, photos, Strength(asked.strength or Strength.DEFAULT))
    if asked.strength == Strength.SUBTLE or (asked.strength is None and not asked.quick):
        _subtle(asked, photos)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.watermark")
    parser.add_argument("--quick", action="store_true", help="12 photos, 12 attacks")
    parser.add_argument("--strength", choices=[s.value for s in Strength])
    parser.add_argument("--search", choices=[s.value for s in Search], default="normal")
    parser.add_argument("--photos", default="", metavar="FILTER", help="a part of their names")
    parser.add_argument("--attacks", default="", metavar="NAME,...", help="these alone")
    parser.add_argument("--split", choices=["tune", "held"], help="a fixed half of the photos")
    parser.add_argument("--unmarked", type=int, metavar="N", help="as many unmarked pictures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="JSON and HTML of the trial")
    return parser


def _default(asked: argparse.Namespace, photos: Sequence[Path], strength: Strength) -> None:
    unmarked = _pictures("TRUSTKIT_UNMARKED", _DATA / "image-detect" / "real")
    wanted = _QUICK_UNMARKED if asked.quick and asked.unmarked is None else asked.unmarked
    if wanted is not None:
        unmarked = _spread(unmarked, wanted)
    elif unmarked:
        unmarked = [*unmarked, *photos]  # before they are marked, photos are unmarked too
    result = _trial(asked, photos, unmarked, strength, _attacks(asked))
    figures = list(_bounds(result, tally(result)))
    if strength is Strength.STRONG:  # nothing was promised of it
        figures = [replace(figure, bound=None) for figure in figures]
    _told(asked, result, figures, strength)


def _subtle(asked: argparse.Namespace, photos: Sequence[Path]) -> None:
    result = _trial(asked, photos, (), Strength.SUBTLE, _attacks(asked, FORTY))
    counted = tally(result)
    figures = list(_quality(counted, 47.0, None))
    figures += _mean(counted, "every", "all photos", 95.0)
    figures.append(Figure("wrong payloads", (float(counted.wrong),), "", 0.0))
    _told(asked, result, figures, Strength.SUBTLE)


def _attacks(asked: argparse.Namespace, group: str = "") -> tuple[Attack, ...]:
    names = [*_QUICK] if asked.quick else []
    chosen = choose(asked.attacks.split(",") if asked.attacks else names)
    return tuple(attack for attack in chosen if group in {"", attack.group})


def _trial(
    asked: argparse.Namespace,
    photos: Sequence[Path],
    unmarked: Sequence[Path],
    strength: Strength,
    attacks: tuple[Attack, ...],
) -> Result:
    engine = load("watermarks", "tiles")(strength=strength)
    setup = Setup(
        engine, attacks, Search(asked.search), asked.seed, told={"strength": strength.value}
    )

    def progress(done: int, total: int, name: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{done} of {total}: {name}", end="", file=sys.stderr, flush=True)

    result = run(photos, setup, unmarked=unmarked, jobs=asked.jobs, progress=progress)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return result


def _told(
    asked: argparse.Namespace, result: Result, figures: Sequence[Figure], strength: Strength
) -> None:
    parts = ("quick" if asked.quick else "", asked.split or "", asked.photos, asked.attacks)
    name = "-".join(["watermark", strength.value, *(part for part in parts if part)])
    print(f"\n{report.to_table(result)}", end="")
    tell(
        name.replace(",", "+"),
        figures,
        f"{len(result.marked)} photos, {len(result.unmarked)} unmarked pictures; shares in %",
        f"the photos: {asked.split or 'all'}; {len(result.failed)} could not be tried",
    )
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / f"trial-{name}.json").write_text(report.to_json(result))
        (asked.out / f"trial-{name}.html").write_text(page.to_html(result))


def _bounds(result: Result, counted: Tally) -> Iterator[Figure]:
    yield from _quality(counted, 44.0, 41.0)
    yield from _mean(counted, "large", ">= 0.5 MP", 99.7)
    yield from _mean(counted, "small", "smaller", 98.7)
    rows: dict[str, Row] = {row.about.name: row for row in counted.rows}
    for name, bound in _ALL.items():
        if name in rows:
            yield from _share(f"{name}, all photos", rows[name].every, bound)
    for name, bound in _LARGE.items():
        if name in rows:
            yield from _share(f"{name}, >= 0.5 MP", rows[name].large, bound)
    yield Figure("wrong payloads", (float(counted.wrong),), "", 0.0)
    chance = counted.chance
    if chance.cpu_mean is not None and chance.cpu_worst is not None:
        yield Figure("found in unmarked pictures", (float(chance.found),), "", 0.0)
        yield Figure("giving up, mean", (chance.cpu_mean,), "s", 0.5)
        yield Figure("giving up, worst", (chance.cpu_worst,), "s", 0.5)
    if counted.embed_per_mp is not None:
        yield Figure("embed", (counted.embed_per_mp,), "s/MP", 0.06)
    clean = [c for m in result.marked for c in m.cells if c.attack == "none"]
    if pixels := sum(cell.pixels for cell in clean):
        beyond = sum(cell.cpu for cell in clean) - 0.05 * len(clean)
        yield Figure("detect a clean copy, beyond 0.05 s", (1e6 * beyond / pixels,), "s/MP", 0.05)


def _quality(counted: Tally, mean: float, worst: float | None) -> Iterator[Figure]:
    if counted.psnr:
        yield Figure("PSNR, mean", (counted.psnr[0],), "dB", mean, is_floor=True)
        yield Figure("PSNR, worst picture", (counted.psnr[1],), "dB", worst, is_floor=True)


def _mean(counted: Tally, part: str, words: str, bound: float) -> Iterator[Figure]:
    whole = counted.mean.attacks == FORTY_COUNT  # the promise is about all of them
    share: Share = getattr(counted.mean, part)
    yield from _share(f"{counted.mean.name}, {words}", share, bound if whole else None)


def _share(what: str, share: Share, bound: float | None) -> Iterator[Figure]:
    if share.value is not None:
        # Adding up a share a picture leaves 0.9999999 of what is whole.
        yield Figure(what, (round(100 * share.value, 6),), "%", bound, is_floor=True)


def _pictures(variable: str, folder: Path) -> list[Path]:
    place = Path(os.environ.get(variable) or folder)
    return sorted(p for p in place.rglob("*") if p.suffix.lower() in _PICTURES)


def _in_half(path: Path, half: str | None) -> bool:
    # By the name alone, so that a photo stays on its side whatever else is in the folder.
    odd = hashlib.sha256(path.name.encode()).digest()[-1] % 2 == 1
    return half is None or odd == (half == "held")


def _spread(items: Sequence[_T], count: int) -> list[_T]:
    if count >= len(items):
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


if __name__ == "__main__":
    main(sys.argv[1:])
