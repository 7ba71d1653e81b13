"""The trial itself: mark pictures, attack them, read them back; and read what was never marked."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import cv2
import numpy as np
from PIL import Image, ImageOps

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.watermarks import Array, Mark, Search, Watermark
from trustkit.watermarks.trial.attacks import ATTACKS, Attack, generator
from trustkit.watermarks.trial.distortions import Picture, Rng
from trustkit.watermarks.trial.quality import psnr, ssim
from trustkit.watermarks.trial.result import About, Cell, Failed, Marked, Outcome, Result, Unmarked

MAX_BYTES = 2**29  # a file
MAX_PIXELS = 64_000_000  # an attack holds up to fifty bytes a pixel, an encoder more
MIN_SIDE = 32  # below it, cutting a tenth out leaves nothing to look at

Progress = Callable[[int, int, str], None]  # how many are done, of how many, the last one's name
_T = TypeVar("_T")


@runtime_checkable
class Looking(Protocol):
    """What an engine may offer beside `detect`: how near it came, even when it read nothing."""

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        """Return what `detect` returns, and the highest confidence of anything it tried."""


def random_payload(engine: Watermark, rng: Rng) -> bytes:
    """Return as many random bytes as the engine carries."""
    return rng.bytes(engine.capacity // 8)


@dataclass(frozen=True)
class Setup:
    """How a trial is run; `told` is what reports say of the engine beside its name.

    With more than one job the engine must be able to cross processes.
    """

    engine: Watermark
    attacks: tuple[Attack, ...] = ATTACKS
    search: Search = Search.NORMAL
    seed: int = 1
    payload: Callable[[Watermark, Rng], bytes] = random_payload
    told: Mapping[str, str] = field(default_factory=dict)


def run(
    pictures: Sequence[Path],
    setup: Setup,
    *,
    unmarked: Sequence[Path] = (),
    jobs: int = 1,
    progress: Progress | None = None,
) -> Result:
    """Try the engine on `pictures`, each with a payload of its own, and on `unmarked` ones.

    A file that cannot be read or marked is listed in the result with its error. The same seed
    and names give the same cells, whatever `jobs` is.
    """
    tell = progress or (lambda _done, _total, _name: None)
    total = len(pictures) + len(unmarked)
    marked: list[Marked | Failed] = []
    silent: list[Unmarked | Failed] = []
    for seen in _each(partial(_attacked, setup=setup), named(pictures), setup.engine, jobs):
        marked.append(seen)
        tell(len(marked), total, seen.name)
    for other in _each(partial(_given_up, setup=setup), named(unmarked), setup.engine, jobs):
        silent.append(other)
        tell(len(marked) + len(silent), total, other.name)
    return Result(
        engine={"name": setup.engine.name, **setup.told, "search": setup.search.value},
        seed=setup.seed,
        attacks=tuple(About(a.name, a.group, a.sentence, a.missing()) for a in setup.attacks),
        marked=tuple(m for m in marked if isinstance(m, Marked)),
        unmarked=tuple(s for s in silent if isinstance(s, Unmarked)),
        failed=tuple(m for m in marked if isinstance(m, Failed)),
        unmarked_failed=tuple(s for s in silent if isinstance(s, Failed)),
    )


def judged(mark: Mark | None, payload: bytes, second: bytes | None = None) -> Outcome:
    """Return what it means to have read `mark` where `payload` was put."""
    if mark is None:
        return Outcome.UNREADABLE
    if mark.payload == payload:
        return Outcome.RECOVERED
    return Outcome.SECOND if mark.payload == second else Outcome.WRONG


def named(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return every path with what to call it: the file's name where no other has the same."""
    counts = Counter(path.name for path in paths)
    names = (path.name if counts[path.name] == 1 else str(path) for path in paths)
    # Not every name is UTF-8, and every report is.
    shown = (os.fsencode(name).decode("utf-8", "replace") for name in names)
    return list(zip(shown, paths, strict=True))


def _each(
    work: Callable[[tuple[str, Path]], _T],
    items: Sequence[tuple[str, Path]],
    engine: Watermark,
    jobs: int,
) -> Iterator[_T]:
    if jobs <= 1 or len(items) <= 1:
        if items:
            _warm(engine)
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(items)), context, _start, (engine,))
    try:
        yield from pool.map(work, items)
    except BrokenProcessPool as error:
        raise UnreadableError(
            "a worker of the trial ended before its time",
            "it may have run out of memory: try fewer jobs or smaller pictures",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _start(engine: Watermark) -> None:
    cv2.setNumThreads(1)  # one worker, one core
    _warm(engine)


def _warm(engine: Watermark) -> None:
    # What an engine makes once and keeps is no cost of the first picture.
    grey = np.full((256, 256, 3), 128, np.uint8)
    grey[::2, ::3] = 140
    with suppress(TrustkitError):
        engine.embed(grey, bytes(engine.capacity // 8))
        engine.detect(grey, Search.FAST)


def read_picture(path: Path) -> tuple[Picture, str]:
    """Return a file's picture, upright, as 8-bit RGB, and the file's SHA-256.

    Raises `UnreadableError`; transparency and colour profile are left out.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableError(f"{path.name} has more than {MAX_BYTES:,} bytes", _SMALLER)
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit comes first
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _check(path.name, image)
                rgb = _eight_bit(ImageOps.exif_transpose(image))
    except TrustkitError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they like on broken bytes
        raise UnreadableError(f"{path.name} is no picture that can be read") from error
    return rgb, hashlib.sha256(data).hexdigest()


# Only decoders of pictures people have: the fewer parsers, the smaller the target.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "GIF", "JPEG2000", "PPM")
_SMALLER = "give the trial a smaller copy"


def _check(name: str, image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableError(f"{name} has more than {MAX_PIXELS:,} pixels", _SMALLER)
    if min(image.size) < MIN_SIDE:
        raise UnreadableError(f"{name} has a side of less than {MIN_SIDE} pixels")


def _eight_bit(image: Image.Image) -> Picture:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow would cut it off at 255
        grey = np.array(image).astype(np.int64)
        high = grey if grey.max(initial=0) <= 255 else grey >> 8  # noqa: PLR2004  # 8 bits
        return np.repeat(np.clip(high, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return np.array(image.convert("RGB"))


def _attacked(item: tuple[str, Path], setup: Setup) -> Marked | Failed:
    name, path = item
    engine = setup.engine
    try:
        rgb, digest = read_picture(path)
        payload = setup.payload(engine, generator(setup.seed, name, ""))
        start = time.process_time()
        marked = engine.embed(rgb, payload)
        took = time.process_time() - start
        cells = tuple(_cell(name, marked, payload, a, setup) for a in setup.attacks)
    except TrustkitError as error:
        return Failed(name, error)
    quality = (psnr(rgb, marked), ssim(rgb, marked))
    return Marked(name, digest, rgb.shape[1], rgb.shape[0], payload, *quality, took, cells)


def _cell(name: str, marked: Picture, payload: bytes, attack: Attack, setup: Setup) -> Cell:
    if why := attack.missing():
        return Cell(attack.name, Outcome.NOT_RUN, reason=why)
    rng, second = generator(setup.seed, name, attack.name), None
    try:
        if attack.marked_again:
            second = setup.payload(setup.engine, rng)
            marked = setup.engine.embed(marked, second)
        copy = attack.apply(marked, rng)
    except (OSError, ValueError, cv2.error) as error:
        # An encoder has limits of its own, such as 16,383 pixels a side in WebP.
        return Cell(attack.name, Outcome.NOT_RUN, reason=str(error)[:200])
    reason, mark = "", None
    start = time.process_time()
    try:
        mark = setup.engine.detect(copy, setup.search)
    except TrustkitError as error:
        reason = error.message  # such as: too small to hold a mark
    took = time.process_time() - start
    return Cell(
        attack.name,
        judged(mark, payload, second),
        copy.shape[0] * copy.shape[1],
        took,
        mark.confidence if mark else None,
        mark.path if mark else "",
        reason,
    )


def _given_up(item: tuple[str, Path], setup: Setup) -> Unmarked | Failed:
    name, path = item
    try:
        rgb, digest = read_picture(path)
        start = time.process_time()
        mark, confidence = _looked(setup.engine, rgb, setup.search)
        took = time.process_time() - start
    except TrustkitError as error:
        return Failed(name, error)
    found = mark.payload if mark else None
    return Unmarked(name, digest, rgb.shape[1], rgb.shape[0], took, found, confidence)


def _looked(engine: Watermark, rgb: Picture, search: Search) -> tuple[Mark | None, float | None]:
    if isinstance(engine, Looking):
        return engine.look(rgb, search)
    mark = engine.detect(rgb, search)
    return mark, mark.confidence if mark else None
