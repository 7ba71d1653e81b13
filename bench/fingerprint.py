"""Fingerprints: what leads back after each attack, what leads to a wrong record, what it costs.

Photos: the folder that TRUSTKIT_PHOTOS names, every second one held out from the choice of the
parameters; unrelated pictures: TRUSTKIT_UNMARKED; sounds: TRUSTKIT_CLIPS and TRUSTKIT_SPEECH.
Films are made of the photos by `bench.clips`. The odds are told as if the registry held 100,000
pictures, or a million codes of sound or film. `python -m bench.fingerprint --help` tells how to run
a part of it.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# One thread, as in a worker; read when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.clips import view
from bench.measure import ROOT, Figure, cpu_of, tell
from trustkit.asset import open_asset
from trustkit.fingerprints import iscc, pdq
from trustkit.fingerprints.chroma import NAME as CHROMA
from trustkit.fingerprints.chroma import RATE, raw_vector
from trustkit.fingerprints.files import codes_of, judge, queries_of
from trustkit.fingerprints.heard import WITHIN as HEARD_WITHIN
from trustkit.fingerprints.heard import asked_of, stored_of
from trustkit.fingerprints.odds import chance
from trustkit.fingerprints.spots import NAME as SPOTS
from trustkit.media.sound.look import look
from trustkit.media.sound.samples import blocks
from trustkit.record import Code, Near, Query
from trustkit.watermarks.trial.attacks import ATTACKS, generator
from trustkit.watermarks.trial.count import wilson
from trustkit.watermarks.trial.distortions import Picture, Rng, jpeg
from trustkit.watermarks.trial.sound_attacks import SOUND_ATTACKS

_DATA = ROOT.parent / "shared" / "data"
_PHOTOS = Path(os.environ.get("TRUSTKIT_PHOTOS", _DATA / "photos"))
_UNRELATED = Path(os.environ.get("TRUSTKIT_UNMARKED", _DATA / "image-detect"))
_CLIPS = Path(os.environ.get("TRUSTKIT_CLIPS", _DATA / "audio-clips"))
_SPEECH = Path(os.environ.get("TRUSTKIT_SPEECH", _DATA / "audio-detect"))
_STORED = {iscc.NAME: 100_000, SPOTS: 500_000, CHROMA: 1_000_000, pdq.NAME: 1_000_000}
_SIDE = 1024  # pixels of the photos that are attacked
_SLOW = {"denoise", "remark"}  # seconds a picture; an engine's own
_FRAMES = 720  # of a film, 24 a second
_NEAR = (48, 56, 64, 72)

Codes = list[tuple[str, Code]]
Frame = NDArray[Any]


def sides(rgb: Picture, rng: Rng, least: float, most: float) -> Picture:
    height, width = rgb.shape[:2]
    top, low, left, right = rng.uniform(least, most, 4)
    return rgb[
        round(top * height) : round((1 - low) * height),
        round(left * width) : round((1 - right) * width),
    ].copy()


def letterboxed(rgb: Picture, rng: Rng) -> Picture:
    bar = round(rgb.shape[0] * rng.uniform(0.08, 0.25))
    return np.pad(rgb, ((bar, bar), (0, 0), (0, 0)))


def framed(rgb: Picture, rng: Rng) -> Picture:
    bar = round(0.08 * rgb.shape[0])
    return jpeg(np.pad(rgb, ((bar, bar), (bar, bar), (0, 0)), constant_values=255), rng, 70)


def on_a_phone(rgb: Picture, rng: Rng) -> Picture:
    height, width = rgb.shape[:2]
    above, below = (round(height * share) for share in rng.uniform(0.1, 0.5, 2))
    out = np.full((height + above + below, width, 3), 250, np.uint8)
    out[above : above + height] = rgb
    for text, row, room in (
        ("12:30   share   reply", above // 2, above),
        ("1,204 likes", above + height + below // 2, below),
    ):
        cv2.putText(
            out,
            text,
            (width // 20, row),
            cv2.FONT_HERSHEY_SIMPLEX,
            max(0.3, room / 120),
            (20, 20, 20),
            2,
        )
    return jpeg(out, rng, 75)


OWN: dict[str, Callable[[Picture, Rng], Picture]] = {
    "sides 0-5 %": lambda rgb, rng: sides(rgb, rng, 0.0, 0.05),
    "sides 5-10 %": lambda rgb, rng: sides(rgb, rng, 0.05, 0.1),
    "sides 10-15 %": lambda rgb, rng: sides(rgb, rng, 0.1, 0.15),
    "sides 15-20 %": lambda rgb, rng: sides(rgb, rng, 0.15, 0.2),
    "sides 0-20 %": lambda rgb, rng: sides(rgb, rng, 0.0, 0.2),
    "letterbox": letterboxed,
    "white frame": framed,
    "phone": on_a_phone,
    "upside down": lambda rgb, _: rgb[::-1, ::-1],
    "flip and crop": lambda rgb, rng: sides(rgb[:, ::-1], rng, 0.03, 0.1),
    "turn and crop": lambda rgb, rng: sides(np.rot90(rgb), rng, 0.03, 0.1),
}


@dataclass(frozen=True)
class Size:
    """How many files are attacked, and how many unrelated ones are stored, and asked."""

    files: int = 20
    others: int = 400


class Shelf:
    """Stored codes that are compared exactly, as if there were many more of them."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self._names = np.array([code.algorithm for _, code in codes])
        self._bits = np.frombuffer(b"".join(code.bits for _, code in codes), np.uint64)
        self._bits = self._bits.reshape(-1, 4).T.copy()

    def distances(self, code: Code) -> np.ndarray:
        """Return the distance to every code; 257 to those of other algorithms."""
        words = np.frombuffer(code.bits, np.uint64)
        found = sum(
            np.bitwise_count(row ^ word).astype(np.uint16)
            for row, word in zip(self._bits, words, strict=True)
        )
        return np.where(self._names == code.algorithm, found, 257)

    def leads(self, queries: Sequence[Query]) -> list[str]:
        """Return the records that are named."""
        nears = [
            Near(self.codes[place][0], number, self.codes[place][1], int(found[place]))
            for number, query in enumerate(queries)
            for found in [self.distances(query.code)]
            for place in np.flatnonzero(found <= query.within)
        ]
        return [lead.record for lead in judge(queries, nears, _STORED)]


def photo(path: Path) -> Picture:
    with Image.open(path) as image:
        image.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
        return np.asarray(image.convert("RGB"))


def unrelated() -> list[Path]:
    """Pictures of as many sources as there are, shuffled; of each index row the file."""
    with (_UNRELATED / "INDEX.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    # Some of the photos are of this collection.
    rows = [row for row in rows if row["generator_or_source"] != "imagenet-sample"]
    order = np.random.default_rng(2).permutation(len(rows))
    return [_UNRELATED / rows[number]["file"] for number in order]


def share(what: str, good: int, of: int) -> Figure:
    return Figure(f"{what} ({good} of {of})", (good / of,), "share")


def told(good: int, of: int) -> str:
    low, high = wilson(good, of)
    return f"{good} of {of}, 95 % interval {100 * low:.2f} to {100 * high:.2f} %"


def pictures(folder: Path, size: Size) -> None:
    held_out = sorted(_PHOTOS.glob("*.jpg"))[1::2][: size.files]
    others = unrelated()
    codes: Codes = [(path.stem, code) for path in held_out for code in codes_of(open_asset(path))]
    far: Codes = [
        (path.stem, code) for path in others[: size.others] for code in codes_of(open_asset(path))
    ]
    shelf = Shelf(codes + far)
    figures, wrong, asked, least = [], 0, 0, dict[str, int]()
    copy = folder / "copy.bmp"
    for name, apply in _attacks():
        good = 0
        for path in held_out:
            made = apply(photo(path), generator(0, path.name, name))
            cv2.imwrite(str(copy), cv2.cvtColor(np.ascontiguousarray(made), cv2.COLOR_RGB2BGR))
            found = shelf.leads(queries_of(open_asset(copy)))
            good += path.stem in found
            wrong += any(record != path.stem for record in found)
            asked += 1
        least[name] = good
        figures.append(share(name, good, len(held_out)))
    forty = [a.name for a in ATTACKS if a.group == "forty" and a.name in least]
    strange = sum(
        bool(shelf.leads(queries_of(open_asset(path))))
        for path in others[size.others : 2 * size.others]
    )
    notes = (
        f"{len(held_out)} photos held out, stored beside {size.others} unrelated pictures",
        f"the forty attacks: {told(sum(least[n] for n in forty), len(forty) * len(held_out))}",
        f"copies that lead to a wrong record, too: {told(wrong, asked)}",
        f"unrelated pictures that lead to any record: {told(strange, size.others)}",
        *_pairs_of_pictures(far, others[size.others : 2 * size.others]),
    )
    tell("fingerprint-pictures", [*figures, *_costs(folder)], *notes)


def _attacks() -> Iterator[tuple[str, Callable[[Picture, Rng], Picture]]]:
    for attack in ATTACKS:
        if not attack.missing() and attack.name not in _SLOW:
            yield attack.name, attack.apply
    yield from OWN.items()


def _pairs_of_pictures(stored: Codes, asked: Iterable[Path]) -> list[str]:
    """How near unrelated pictures come to each other, beside what the odds say."""
    shelf, counts, pairs = Shelf(stored), dict[str, np.ndarray](), dict[str, int]()
    sizes = {name: sum(code.algorithm == name for _, code in stored) for name in (iscc.NAME, SPOTS)}
    for path in asked:
        for query in queries_of(open_asset(path)):
            name = query.code.algorithm
            counts.setdefault(name, np.zeros(258, np.int64))
            counts[name] += np.bincount(shelf.distances(query.code), minlength=258)
            pairs[name] = pairs.get(name, 0) + sizes[name]
    return [_beside(name, counts[name], pairs[name]) for name in counts]


def _beside(name: str, counts: np.ndarray, pairs: int) -> str:
    rows = [
        f"{counts[: n + 1].sum()} within {n} (the odds allow {pairs * chance(name, n):.3g})"
        for n in _NEAR
    ]
    return f"{name}: of {pairs:,} unrelated pairs {', '.join(rows)}"


def _costs(folder: Path) -> list[Figure]:
    path = folder / "large.jpg"
    with Image.open(sorted(_PHOTOS.glob("clic*.jpg"))[0]) as image:
        image.resize((2832, 4240)).save(path, quality=92)

    def decode() -> None:
        with Image.open(path) as image:
            image.load()

    asset = open_asset(path)
    codes_of(asset)
    rounds = range(5)
    return [
        Figure("12 megapixels: decode alone", tuple(cpu_of(decode) for _ in rounds), "s cpu"),
        Figure(
            "12 megapixels: store", tuple(cpu_of(lambda: codes_of(asset)) for _ in rounds), "s cpu"
        ),
        Figure(
            "12 megapixels: ask", tuple(cpu_of(lambda: queries_of(asset)) for _ in rounds), "s cpu"
        ),
    ]


def sound(_: Path, size: Size) -> None:
    # Speech and music in turn.
    clips = sorted(_CLIPS.glob("*.opus"), key=lambda path: path.stem[::-1])[: size.files]
    with (_SPEECH / "INDEX.tsv").open(encoding="utf-8") as file:
        rows = {
            Path(row["file"]).name: row["source_repo"]
            for row in csv.DictReader(file, delimiter="\t")
        }
    speech = sorted((_SPEECH / "clips").iterdir())[::3][: size.others]
    vectors = {path.name: _vector(path) for path in [*clips, *speech]}
    stored: Codes = [(name, code) for name, v in vectors.items() for code in stored_of(v)]
    shelf = Shelf(stored)
    figures, wrong, asked = [], 0, 0
    for attack in SOUND_ATTACKS:
        if attack.missing():
            continue
        good = tried = 0
        for path in clips:
            heard = look(path)[0]
            samples = np.concatenate(list(blocks(path, heard)), axis=1)
            try:
                made, rate = attack.apply(samples, heard.rate, generator(0, path.name, attack.name))
            except ValueError:
                continue  # it is not for this sound
            queries = [
                Query(code, HEARD_WITHIN) for code in asked_of(raw_vector([_mono(made, rate)]))
            ]
            found = shelf.leads(queries)
            good, tried, asked = good + (path.name in found), tried + 1, asked + 1
            wrong += any(
                name in vectors and name not in rows and name != path.name for name in found
            )
        figures.append(share(attack.name, good, tried))
    strange = pairs = 0
    counts = np.zeros(258, np.int64)
    for path in speech:
        queries = [Query(code, HEARD_WITHIN) for code in asked_of(vectors[path.name])]
        far = [name for name in shelf.leads(queries) if rows.get(name) != rows[path.name]]
        strange += bool(far)
        apart = np.array([rows.get(name) != rows[path.name] for name, _ in stored])
        for query in queries:
            counts += np.bincount(shelf.distances(query.code)[apart], minlength=258)
            pairs += int(apart.sum())
    tell(
        "fingerprint-sound",
        figures,
        f"{len(clips)} clips of 24 s, stored beside {len(speech)} of speech",
        f"copies that lead to another clip: {told(wrong, asked)}",
        f"speech that leads to another source's: {told(strange, len(speech))}",
        _beside(CHROMA, counts, pairs),
    )


def _vector(path: Path) -> np.ndarray:
    return raw_vector(blocks(path, look(path)[0], rate=RATE, mono=True))


def _mono(samples: np.ndarray, rate: int) -> np.ndarray:
    mixed = np.ascontiguousarray(samples.mean(axis=0, keepdims=True), np.float32)
    frame = av.AudioFrame.from_ndarray(mixed, format="flt", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler("flt", "mono", RATE)
    made = [part.to_ndarray() for part in [*resampler.resample(frame), *resampler.resample(None)]]
    return np.concatenate(made, axis=1)


FILM: dict[str, Callable[[Frame], Frame]] = {
    "excerpt of 10 s": lambda f: f,
    "320 pixels wide": lambda f: np.asarray(
        cv2.resize(f, (320, 180), interpolation=cv2.INTER_AREA)
    ),
    "cut by 3 % a side": lambda f: np.asarray(cv2.resize(f[8:262, 14:466], (480, 270))),
    "cut by 5 % a side": lambda f: np.asarray(cv2.resize(f[14:256, 24:456], (480, 270))),
    "mirrored": lambda f: np.ascontiguousarray(f[:, ::-1]),
    "letterbox": lambda f: np.pad(f, ((46, 46), (0, 0), (0, 0))),
    "grey and dark": lambda f: np.repeat((0.7 * f).astype(np.uint8)[..., 1:2], 3, axis=2),
    "a caption": lambda f: np.asarray(
        cv2.rectangle(f.copy(), (0, 222), (480, 270), (0, 0, 0), cv2.FILLED)
    ),
    "4 % faster": lambda f: f,
}


def film(folder: Path, size: Size) -> None:
    found = [photo(path)[..., ::-1].copy() for path in sorted(_PHOTOS.glob("*.jpg"))]
    count = min(8, size.files)
    films = [found[n::count] for n in range(count)]  # no photo is in two of them
    codes: Codes = []
    for number, photos in enumerate(films):
        path = _write(folder / f"{number}.mp4", list(_frames(number, photos, 0, _FRAMES)), 24, 23)
        codes += [(path.stem, code) for code in codes_of(open_asset(path))]
    shelf = Shelf(codes)
    figures, wrong, asked = [], 0, 0
    for what, change in FILM.items():
        good = 0
        for number, photos in enumerate(films):
            start = int(np.random.default_rng(number).integers(24, _FRAMES - 264))
            part = [change(f) for f in _frames(number, photos, start, start + 240)]
            copy = _write(folder / "copy.mp4", part, 25 if "faster" in what else 24, 30)
            leads = shelf.leads(queries_of(open_asset(copy)))
            good, asked = good + (str(number) in leads), asked + 1
            wrong += any(lead != str(number) for lead in leads)
        figures.append(share(what, good, len(films)))
    tell(
        "fingerprint-film",
        figures,
        f"{count} films of 30 s, each of photos of its own; x264 at quality 30",
        f"copies that lead to another film: {told(wrong, asked)}",
    )


def _frames(seed: int, photos: Sequence[np.ndarray], first: int, last: int) -> Iterator[np.ndarray]:
    rng, made = np.random.default_rng(seed), 0
    while made < last:
        shot = int(24 * rng.uniform(1.5, 5))
        photo_, places = photos[int(rng.integers(len(photos)))], rng.uniform(0.3, 0.7, 4)
        near, far = rng.uniform(1.05, 1.6, 2)
        for n in range(max(0, first - made), min(shot, last - made)):
            at = n / shot
            x, y = places[:2] + at * (places[2:] - places[:2])
            yield view(photo_, (480, 270), x, y, near + at * (far - near))
        made += shot


def _write(path: Path, frames: Sequence[np.ndarray], rate: int, crf: int) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "crf": str(crf)}
        )
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        out.mux(stream.encode(None))
    return path


PARTS = {"pictures": pictures, "sound": sound, "film": film}


def main(parts: Sequence[str] = (), size: Size | None = None) -> None:
    """Run the parts that are named, or all; those without their files say so."""
    cv2.setNumThreads(1)
    needed = {"pictures": [_PHOTOS, _UNRELATED], "sound": [_CLIPS, _SPEECH], "film": [_PHOTOS]}
    for name in parts or PARTS:
        missing = [folder for folder in needed[name] if not folder.is_dir()]
        if missing:
            print(f"fingerprint {name}: not run, there is no {missing[0]}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder), size or Size())


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all by default")
    asked.add_argument("--files", type=int, default=Size.files, help="photos, clips, films")
    asked.add_argument("--others", type=int, default=Size.others, help="unrelated ones")
    given = asked.parse_args()
    main(given.parts, Size(given.files, given.others))
