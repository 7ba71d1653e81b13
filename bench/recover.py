"""Stripped copies led back: marked photos through forty attacks, in a full registry.

`python -m bench.recover --help` tells how to run a part of it. Photos: the folder that
TRUSTKIT_PHOTOS names; pictures that nobody marked: TRUSTKIT_UNMARKED. Each photo is published by
`trustkit mark`, changed by an attack, and asked for without its manifest, among other records:
some of real pictures, the rest of random codes. Unmarked pictures must lead to no record.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

# One thread, as in a worker; read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from PIL import Image

from bench.measure import ROOT, Figure, command, tell
from trustkit.asset import open_asset
from trustkit.c2pa.stored import Rereader
from trustkit.evidence.look import Ways
from trustkit.evidence.match import Way
from trustkit.fingerprints.files import codes_of
from trustkit.record import Code, Record
from trustkit.recover import Recovered, Recoverer
from trustkit.stores.registry import Registry, init_registry, open_registry
from trustkit.watermarks import Search
from trustkit.watermarks.files import open_keys
from trustkit.watermarks.sight import AT_EASE, Sight
from trustkit.watermarks.trial.attacks import FORTY, Attack, choose, generator

_DATA = ROOT.parent / "shared" / "data"
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
_SEED = 1
_RECOVERED, _WRONG = 98.0, 0.0
_BATCH = 5000
_OTHERS, _UNMARKED = 100_000, 2000
# Where an INDEX.tsv tells of each file: sources of which the photos hold pictures, too. A crop of a
# marked photo among the other records is no wrong answer.
_SHARED = ("imagenet-sample", "bsds500", "debian:mate-backgrounds")


@dataclass
class Tally:
    """What came of the copies of one attack."""

    asked: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    doubts: int = 0
    seconds: float = 0.0

    def add(self, found: Recovered, wanted: str) -> None:
        """Count a copy that should lead to the record `wanted`, or to none (empty)."""
        self.asked += 1
        self.doubts += bool(found.leads.doubt)
        self.wrong += any(led.match.record.id != wanted for led in found.led)
        ways = {
            trace.way
            for led in found.led
            if led.match.record.id == wanted
            for trace in led.match.traces
        }
        self.right["any"] += bool(ways)
        self.right["mark"] += Way.WATERMARK in ways
        self.right["fingerprint"] += Way.FINGERPRINT in ways
        self.right["both"] += {Way.WATERMARK, Way.FINGERPRINT} <= ways

    def share(self, way: str) -> float:
        """Return how many of a hundred were led to their record by `way`."""
        return 100 * self.right[way] / max(1, self.asked)


def main(arguments: Sequence[str] = ()) -> None:
    """Run what the arguments say; without any: all of it, which takes half an hour of one core."""
    asked = _parser().parse_args(arguments)
    cv2.setNumThreads(1)
    photos = _pictures("TRUSTKIT_PHOTOS", _DATA / "photos")[:: max(1, asked.every)]
    others = _unrelated(_pictures("TRUSTKIT_UNMARKED", _DATA / "image-detect"))
    if not photos:
        print("recover: no photos (name a folder in TRUSTKIT_PHOTOS)", file=sys.stderr)
        return
    unrelated, in_registry = _apart(others, asked.unmarked, asked.real)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["TRUSTKIT_HOME"] = f"{name}/home"
        url = f"sqlite:///{folder / 'registry.db'}"
        init_registry(url).close()
        published = _publish(photos, folder / "published", url)
        with open_registry(url) as registry:
            real = _fill(registry, in_registry, asked.others)
            asker = _Asker(registry, folder)
            tallies = dict(_attacked(asker, published, choose([asked.attacks or FORTY])))
            clean = Tally()
            for path in unrelated:
                clean.add(asker.ask(path), "")
                if clean.asked % 200 == 0:
                    print(f"  {clean.asked} unmarked, {clean.wrong} wrong", flush=True)
            count = registry.store.count()
    _told(tallies, clean, f"{len(published)} photos, {count:,} records, {real:,} of real pictures")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.recover", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every Nth photo")
    parser.add_argument("--attacks", help="one attack or group; the forty by default")
    parser.add_argument("--others", type=int, default=_OTHERS, help="other records")
    parser.add_argument("--real", type=int, default=1900, help="of them, of real pictures")
    parser.add_argument("--unmarked", type=int, default=_UNMARKED)
    return parser


def _publish(photos: Sequence[Path], folder: Path, url: str) -> dict[Path, str]:
    """Return the published files with their records' ids."""
    folder.mkdir()
    key = f"file:{ROOT / 'keys/signer/es256'}"
    options = ["--key", key, "--source-type", "digitalCapture", "--registry", url, "-f", "jsonl"]
    names = [str(photo) for photo in photos]
    done = subprocess.run(
        [command("trustkit"), "mark", *names, "-o", f"{folder}{os.sep}", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in {0, 40} or not rows:
        raise RuntimeError(f"mark ended with {done.returncode}: {done.stderr[-2000:]}")
    for row in rows:
        if row["error"]:
            print(f"  not marked: {row['path']}: {row['error']['message']}")
    return {Path(row["output"]): row["record"] for row in rows if not row["error"]}


def _fill(registry: Registry, pictures: Sequence[Path], count: int) -> int:
    """Put `count` other records in; returns how many have the codes of real pictures."""
    made: list[Record] = []
    rng = np.random.default_rng(_SEED)
    shape: tuple[Code, ...] = ()
    real = 0
    for number in range(count):
        if number < len(pictures):
            codes = codes_of(open_asset(pictures[number]))
            # The rest are made like the one with the most codes: the hardest crowd to be found in.
            shape, real = max(shape, codes, key=len), real + bool(codes)
        else:
            codes = tuple(replace(code, bits=rng.bytes(len(code.bits))) for code in shape)
        made.append(_record(codes))
        if len(made) == _BATCH:
            registry.store.put(made)
            made = []
    registry.store.put(made)
    print(
        f"  {count:,} other records, {real:,} of real pictures, {len(shape)} codes each", flush=True
    )
    return real


def _record(codes: tuple[Code, ...]) -> Record:
    return Record(
        id="1" + secrets.token_hex(8)[1:],
        created="2026-01-01T00:00:00.000Z",
        media_type="image/jpeg",
        kind="image",
        size=1,
        sha256=secrets.token_hex(32),
        codes=codes,
    )


class _Asker:
    """Asks the registry of copies, with engines that are made once."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        ways = Ways(Sight(open_keys(()), AT_EASE, Search.NORMAL).marks)
        self._recoverer = Recoverer(registry.store, registry.blobs, ways, Rereader())
        self._copy = folder / "copy.png"

    def ask(self, path: Path) -> Recovered:
        """Return what a file leads to."""
        return self._recoverer.recover(open_asset(path))

    def ask_pixels(self, pixels: object) -> Recovered:
        """Return what pixels lead to, without whatever stood beside them in the file."""
        Image.fromarray(np.asarray(pixels, np.uint8)).save(self._copy, compress_level=1)
        return self.ask(self._copy)


def _attacked(
    asker: _Asker, published: dict[Path, str], attacks: Sequence[Attack]
) -> Iterator[tuple[str, Tally]]:
    for attack in attacks:
        tally = Tally()
        if attack.missing():
            print(f"  {attack.name}: {attack.missing()}")
            continue
        start = time.process_time()
        for path, record in published.items():
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB"))
            copy = attack.apply(pixels, generator(_SEED, path.name, attack.name))
            tally.add(asker.ask_pixels(copy), record)
        tally.seconds = (time.process_time() - start) / max(1, tally.asked)
        print(f"  {_line(attack.name, tally)}", flush=True)
        yield attack.name, tally


def _line(name: str, tally: Tally) -> str:
    ways = "".join(f"{tally.share(way):12.1f}" for way in ("any", "mark", "fingerprint", "both"))
    rest = f"{tally.wrong:8}{tally.doubts:8}{tally.seconds:10.2f}"
    return f"{name:12}{tally.asked:6}{ways}{rest}"


def _told(tallies: dict[str, Tally], clean: Tally, *notes: str) -> None:
    print(f"\n  {'attack':12}{'n':>6}{'any %':>12}{'mark %':>12}{'print %':>12}{'both %':>12}"
          f"{'wrong':>8}{'doubt':>8}{'CPU s':>10}")  # fmt: skip
    for name, tally in tallies.items():
        print(f"  {_line(name, tally)}")
    every = Tally()
    for tally in tallies.values():
        every.asked += tally.asked
        every.right.update(tally.right)
        every.wrong += tally.wrong
        every.doubts += tally.doubts
    figures = [
        Figure("led to the right record", (every.share("any"),), "%", _RECOVERED, is_floor=True),
        *(Figure(f"by {way}", (every.share(way),), "%") for way in ("mark", "fingerprint", "both")),
        Figure("copies led to a wrong record", (float(every.wrong),), "", _WRONG),
        Figure(f"of {clean.asked} unmarked, led to a record", (float(clean.wrong),), "", _WRONG),
        Figure("copies with leads that do not fit", (float(every.doubts),), ""),
        *(
            Figure(f"{name}: right", (tally.share("any"),), "%")
            for name, tally in tallies.items()
        ),
    ]  # fmt: skip
    tell("recover", figures, *notes)


def _apart(pictures: Sequence[Path], unmarked: int, real: int) -> tuple[list[Path], list[Path]]:
    """Return pictures to ask for and pictures to keep records of, of no source in common.

    Frames of one film and crops of one screenshot do lead to each other, and rightly.
    """
    source = {path: row[3] for path, row in _indexed(pictures).items()}
    rng = random.Random(_SEED)
    shuffled = sorted(pictures)
    rng.shuffle(shuffled)
    names = sorted(set(source.values()))
    rng.shuffle(names)
    asked: list[Path] = []
    taken: set[str] = set()
    for name in names:
        if len(asked) < unmarked:
            taken.add(name)
            asked += [path for path in shuffled if source.get(path, "") == name]
    if not names:
        asked = shuffled[:unmarked]
    kept = [path for path in shuffled if source.get(path) not in taken and path not in asked]
    return asked[:unmarked], kept[:real]


def _indexed(pictures: Sequence[Path]) -> dict[Path, list[str]]:
    """Return the rows of an INDEX.tsv beside the pictures, by picture."""
    rows: dict[Path, list[str]] = {}
    for folder in {parent for path in pictures for parent in path.parents[:2]}:
        index = folder / "INDEX.tsv"
        if index.is_file():
            for line in index.read_text("utf-8").splitlines():
                row = line.split("\t")
                rows[folder / row[0]] = row
    return {path: rows[path] for path in pictures if path in rows}


def _unrelated(pictures: Sequence[Path]) -> list[Path]:
    """Leave out pictures that an index beside them says are of a source of the photos."""
    rows = _indexed(pictures)
    named = {path for path, row in rows.items() if set(row) & set(_SHARED)}
    return [path for path in pictures if path not in named]


def _pictures(variable: str, folder: Path) -> list[Path]:
    place = Path(os.environ.get(variable, folder))
    return sorted(path for path in place.rglob("*") if path.suffix.lower() in _PICTURES)


if __name__ == "__main__":
    main(sys.argv[1:])
