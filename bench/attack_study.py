"""What breaks the mark of the tiles engine when somebody sets out to break it.

`python -m bench.attack_study` prints the counts that docs/watermark-format.md states. Everything
here is done as an opponent would do it who knows the format but not the key. Victims: photos of
the folder that TRUSTKIT_PHOTOS names; the pool for averaging: TRUSTKIT_UNMARKED.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.measure import ROOT
from trustkit.watermarks import Array, Search
from trustkit.watermarks.keys import Key
from trustkit.watermarks.tiles import Tiles
from trustkit.watermarks.tiles.layout import TILE, Layout
from trustkit.watermarks.tiles.mask import mask
from trustkit.watermarks.tiles.observe import canonical_size, shrink, whiten
from trustkit.watermarks.tiles.writer import COLOUR, LUMA
from trustkit.watermarks.trial import distortions as d

_DATA = ROOT.parent / "shared" / "data"
_KEY = Key(bytes(range(32)))
_SIZES = (1, 3, 10, 100)  # marked pictures that the opponent has collected
_LOUDNESS = (46.0, 44.0, 41.0)  # dB: what the opponent lets the subtraction cost

Picture = Array
Tile = NDArray[np.float32]


def main(arguments: Sequence[str] = ()) -> None:
    """Run the parts that are named; without names: all."""
    parts = {
        "geometry": _geometry, "noise": _noise, "twice": _twice, "copy": _copy, "average": _average,
    }  # fmt: skip
    parser = argparse.ArgumentParser(prog="python -m bench.attack_study")
    parser.add_argument("part", nargs="*", choices=[*parts, []])
    parser.add_argument("--photos", type=int, default=10)
    asked = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    photos = _pictures("TRUSTKIT_PHOTOS", _DATA / "photos", asked.photos)
    print(f"{len(photos)} photos: {', '.join(path.name for path in photos)}")
    for name in asked.part or parts:
        print(f"\n{name}")
        parts[name]([_opened(path) for path in photos])


def _pictures(variable: str, folder: Path, count: int) -> list[Path]:
    found = sorted(Path(os.environ.get(variable, folder)).glob("*.jpg"))
    return found[:: max(1, len(found) // count)][:count]


def _opened(path: Path) -> Picture:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def _payload(number: int) -> bytes:
    return random.Random(number).randbytes(8)


def _count(
    name: str,
    pictures: Sequence[Picture],
    wanted: Sequence[bytes],
    engine: Tiles,
    search: Search = Search.NORMAL,
) -> NDArray[np.bool_]:
    marks = [engine.detect(picture, search) for picture in pictures]
    right = [m is not None and m.payload == w for m, w in zip(marks, wanted, strict=True)]
    wrong = sum(m is not None for m in marks) - sum(right)
    tail = f", another payload {wrong}" if wrong else ""
    print(f"  {name:58s} {sum(right):3d} of {len(marks)}{tail}", flush=True)
    return np.array(right)


def _count_without(
    tiles: Sequence[Tile], victims: Sequence[Picture], wanted: Sequence[bytes], engine: Tiles
) -> None:
    every = np.ones(len(victims), bool)
    for loud in _LOUDNESS:
        away = [_added(p, -tile, loud) for p, tile in zip(victims, tiles, strict=True)]
        every &= _count(f"  taken away at {loud:.0f} dB: still read", away, wanted, engine)
    print(f"    still read at every loudness {every.sum()} of {len(every)}", flush=True)


def _marked(photos: Sequence[Picture], engine: Tiles) -> tuple[list[Picture], list[bytes]]:
    payloads = [_payload(number) for number in range(len(photos))]
    return [engine.embed(p, w) for p, w in zip(photos, payloads, strict=True)], payloads


def _geometry(photos: Sequence[Picture]) -> None:
    engine = Tiles()
    marked, payloads = _marked(photos, engine)
    ways: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
        "the middle 25 %": lambda p, r: d.cropped(p, r, 0.25, at_random=False),
        "the middle 10 %": lambda p, r: d.cropped(p, r, 0.10, at_random=False),
        "the middle 7 %": lambda p, r: d.cropped(p, r, 0.07, at_random=False),
        "the middle 5 %": lambda p, r: d.cropped(p, r, 0.05, at_random=False),
        "turned by 7, the upright middle 50 %": lambda p, r: _turned_crop(p, r, 7, 0.5),
        "turned by 30, the upright middle 30 %": lambda p, r: _turned_crop(p, r, 30, 0.3),
        "turned by 45, the upright middle 25 %": lambda p, r: _turned_crop(p, r, 45, 0.25),
        "turned by 20, the upright middle 15 %": lambda p, r: _turned_crop(p, r, 20, 0.15),
        "bent by 1 % of the shorter side": lambda p, r: d.warped(p, r, 0.01),
        "bent by 2 %": lambda p, r: d.warped(p, r, 0.02),
        "bent by 3 %": lambda p, r: d.warped(p, r, 0.03),
        "turned by 45 in a frame that grew with it": lambda p, _: _grown(p, 45),
        "narrower by 30 %": lambda p, r: d.resized(p, r, 0.7, 1.0),
    }
    for name, way in ways.items():
        there = [way(p, np.random.default_rng(i)) for i, p in enumerate(marked)]
        _count(name, there, payloads, engine)
        _count(f"{name} (deep)", there, payloads, engine, Search.DEEP)


def _turned_crop(rgb: Picture, rng: np.random.Generator, degrees: float, area: float) -> Picture:
    return d.cropped(d.rotated(rgb, rng, degrees), rng, area, at_random=False)


def _grown(rgb: Picture, degrees: float) -> Picture:
    with Image.fromarray(rgb) as image:
        return np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC, expand=True))


def _noise(photos: Sequence[Picture]) -> None:
    engine = Tiles()
    marked, payloads = _marked(photos, engine)
    ways: dict[str, Callable[[Picture], Picture]] = {
        "non-local means, h 10": lambda p: _means(p, 10),
        "non-local means, h 20": lambda p: _means(p, 20),
        "bilateral, 9 px, 50 steps": lambda p: cv2.bilateralFilter(p, 9, 50, 5),
        "median of 7 x 7": lambda p: np.asarray(cv2.medianBlur(p, 7)),
        "blur of 4 px": lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 4)),
        "noise of 20 steps": lambda p: d.noisy(p, np.random.default_rng(1), 20),
        "noise of 30 steps": lambda p: d.noisy(p, np.random.default_rng(1), 30),
        "non-local means h 10, then JPEG 30": lambda p: _jpeg(_means(p, 10), 30),
        "an eighth of its size": lambda p: d.resized(p, np.random.default_rng(1), 0.125, 0.125),
        "JPEG 10": lambda p: _jpeg(p, 10),
    }
    for name, way in ways.items():
        _count(name, [way(p) for p in marked], payloads, engine)


def _jpeg(rgb: Picture, quality: int) -> Picture:
    return d.jpeg(rgb, np.random.default_rng(1), quality)


def _means(rgb: Picture, strength: float) -> Picture:
    return np.asarray(cv2.fastNlMeansDenoisingColored(rgb, None, strength, strength, 7, 15))


def _twice(photos: Sequence[Picture]) -> None:
    first, second = Tiles(), Tiles(_KEY)
    marked, payloads = _marked(photos, first)
    others = [_payload(1000 + number) for number in range(len(photos))]
    again = [first.embed(p, o) for p, o in zip(marked, others, strict=True)]
    _count("same key twice: the first payload", again, payloads, first)
    _count("same key twice: the second payload", again, others, first)
    both = [second.embed(p, o) for p, o in zip(marked, others, strict=True)]
    _count("two keys: read with the first", both, payloads, first)
    _count("two keys: read with the second", both, others, second)
    small = [_jpeg(p, 50) for p in both]
    _count("two keys, JPEG 50: read with the first", small, payloads, first)
    _count("two keys, JPEG 50: read with the second", small, others, second)


def _copy(photos: Sequence[Picture]) -> None:
    # What the opponent took from one marked picture goes onto the next photo, which has no mark.
    engine = Tiles(_KEY)
    marked, payloads = _marked(photos, engine)
    targets = [*photos[1:], photos[0]]
    for loud in _LOUDNESS:
        forged = [_added(t, _estimate([p]), loud) for p, t in zip(marked, targets, strict=True)]
        _count(f"copied from one picture at {loud:.0f} dB: is read", forged, payloads, engine)
    same = [engine.embed(p, payloads[0]) for p in photos]
    tile = _estimate(same)
    forged = [_added(p, tile, 44.0) for p in photos]
    _count(
        f"copied from {len(same)} pictures of one payload at 44 dB: is read",
        forged, [payloads[0]] * len(forged), engine,
    )  # fmt: skip


def _average(photos: Sequence[Picture]) -> None:
    engine, layout = Tiles(_KEY), Layout(_KEY)
    marked, payloads = _marked(photos, engine)
    same = [engine.embed(p, payloads[0]) for p in photos]
    print("  from the picture's own tiles")
    _count_without([_estimate([p]) for p in marked], marked, payloads, engine)
    pool = _pictures("TRUSTKIT_UNMARKED", _DATA / "image-detect" / "real", max(_SIZES))
    for kind in ("one payload", "a payload each"):
        for count, tile in _collected(engine, pool, None if kind != "one payload" else payloads[0]):
            likeness = _likeness(tile, layout)
            victims = same if kind == "one payload" else marked
            wanted = [payloads[0]] * len(same) if kind == "one payload" else payloads
            print(f"  {count} pictures of {kind}: likeness of the fixed waves {likeness:.2f}")
            _count_without([tile] * len(victims), victims, wanted, engine)


def _collected(
    engine: Tiles, pool: Sequence[Path], payload: bytes | None
) -> Iterator[tuple[int, Tile]]:
    total: Tile = np.zeros((TILE, TILE), np.float32)
    for number, path in enumerate(pool, 1):
        picture = _opened(path)
        total += _estimate([engine.embed(picture, payload or _payload(5000 + number))])
        if number in _SIZES:
            yield number, total / np.float32(number)


def _estimate(marked: Sequence[Picture]) -> Tile:
    """Return the tile that pictures have in common, as one sees it without the key."""
    total: Tile = np.zeros((TILE, TILE), np.float32)
    for picture in marked:
        plane = whiten(Tiles().observe(_luma(picture)))
        height, width = plane.shape
        seen = np.zeros((-(-height // TILE) * TILE, -(-width // TILE) * TILE), np.float32)
        seen[:height, :width] = plane
        tiles = seen.reshape(-1, TILE, seen.shape[1] // TILE, TILE)
        total += tiles.sum((0, 2)) / np.float32(height * width / TILE**2)
    return total / np.float32(len(marked))


def _added(rgb: Picture, tile: Tile, decibels: float) -> Picture:
    """Return the picture with the tile laid over it, hidden as the writer hides it."""
    height, width = rgb.shape[:2]
    luma = _luma(rgb)
    plane = mask(shrink(luma, *canonical_size(width, height)))
    rows, columns = plane.shape
    plane = plane * np.tile(tile, (rows // TILE + 1, columns // TILE + 1))[:rows, :columns]
    step = cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC)[..., None] * COLOUR
    step *= 255 / 10 ** (decibels / 20) / np.sqrt((step**2).mean())
    return np.clip(np.rint(rgb + step), 0, 255).astype(np.uint8)


def _luma(rgb: Picture) -> NDArray[np.float32]:
    return rgb.astype(np.float32) @ LUMA


def _likeness(tile: Tile, layout: Layout) -> float:
    spectrum = np.fft.fft2(tile)[layout.ky % TILE, layout.kx % TILE]
    chosen = layout.is_sync
    along = (spectrum * layout.phases.conj())[chosen]
    return float((along.real / (np.abs(along) + 1e-9)).mean())


if __name__ == "__main__":
    main(sys.argv[1:])
