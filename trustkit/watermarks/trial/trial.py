"""The trial itself: mark pictures, attack them, read them back; and read what was never marked."""

from __future__ import annotations

import hashlib
import io
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.watermarks import Search, Watermark
from trustkit.watermarks.trial.attacks import ATTACKS, Attack, generator
from trustkit.watermarks.trial.distortions import Picture, Rng
from trustkit.watermarks.trial.kind import PICTURES
from trustkit.watermarks.trial.quality import psnr, ssim
from trustkit.watermarks.trial.result import (
    About,
    Cell,
    Failed,
    Frames,
    Marked,
    Outcome,
    Result,
    Unmarked,
)
from trustkit.watermarks.trial.running import (
    Item,
    Progress,
    Work,
    looked,
    random_payload,
    read_back,
    run_all,
)

MAX_BYTES = 2**29  # a file
MAX_PIXELS = 64_000_000  # an attack holds up to fifty bytes a pixel, an encoder more
MIN_SIDE = 32  # below it, cutting a tenth out leaves nothing to look at


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
    return run_all(
        Work(
            PICTURES,
            partial(_attacked, setup=setup),
            partial(_given_up, setup=setup),
            partial(_warm, setup.engine),
        ),
        pictures,
        unmarked,
        engine={"name": setup.engine.name, **setup.told, "search": setup.search.value},
        seed=setup.seed,
        attacks=[About(a.name, a.group, a.sentence, a.missing()) for a in setup.attacks],
        jobs=jobs,
        progress=progress,
    )


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


def _attacked(item: Item, setup: Setup) -> Marked | Failed:
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
    quality = {"psnr": psnr(rgb, marked), "ssim": ssim(rgb, marked)}
    return Marked(name, digest, _extent(rgb), payload, quality, took, cells)


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
    return read_back(
        attack.name,
        lambda: setup.engine.detect(copy, setup.search),
        copy.shape[0] * copy.shape[1],
        payload,
        second,
    )


def _given_up(item: Item, setup: Setup) -> Unmarked | Failed:
    name, path = item
    try:
        rgb, digest = read_picture(path)
        start = time.process_time()
        mark, confidence = looked(setup.engine, rgb, setup.search)
        took = time.process_time() - start
    except TrustkitError as error:
        return Failed(name, error)
    found = mark.payload if mark else None
    return Unmarked(name, digest, _extent(rgb), took, found, confidence)


def _extent(rgb: Picture) -> Frames:
    return Frames(rgb.shape[1], rgb.shape[0])
