"""Picture files: marked and put in place whole, or read; between files and an engine of planes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from trustkit.asset import Asset, open_asset
from trustkit.errors import PublishError
from trustkit.media.pictures import Picture, View, open_picture
from trustkit.media.pictures.provenance import LEFT_OUT
from trustkit.media.placing import place, temporary
from trustkit.watermarks import Mark, Plane, Search

SMALLEST = 128  # pixels of the shorter side: below, too few tiles are left to read
MOST_FRAMES = 8  # of an animation, averaged; of a document, tried
_LOOK = 1_500_000  # pixels an engine is shown of a picture; its own plane has far fewer
_QUALITY = 50  # JPEG, of the self-check
_FLAT = 2.0  # luma: a picture whose fine detail varies less has nowhere to hide a mark
_DETAIL = 8.0  # pixels at the size of a look: what changes slower is no detail

_GREY = {"1", "L", "LA"}  # layouts without colours
_REACH, _SIGMA = 5, 1.5  # pixels: SSIM's windows are 11 by 11
_C1, _C2 = 2.55**2, 7.65**2  # its constants for values up to 255


class PictureEngine(Protocol):
    """An engine that works on small luma planes (0 to 255), whatever a picture's size."""

    @property
    def weights(self) -> Sequence[float]:
        """How much red, green and blue get of a residual of 1, so that luma changes by 1."""

    def residual(self, luma: Plane, payload: bytes, *, grey: bool = False) -> Plane:
        """Return what is to be added, in a size of its own that covers the whole picture.

        A `grey` picture has no colours to share it out to.
        """

    def observe(self, luma: Plane) -> Plane:
        """Return a plane of fixed size for a picture's shape; those of several frames add up."""

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        """Return the mark in an observation of a picture of `size` (width, height)."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What was written, and how well it will hold.

    `psnr` (dB) and `ssim` compare the marked pixels with the original ones before they are coded
    again: what a lossy format loses besides is not the mark's. SSIM is of the luma, at most 1.5
    megapixels of it. `self_check`: the written file was also read at JPEG quality 50, and, apart
    from that, at half its size.
    """

    payload: bytes
    psnr: float
    ssim: float
    self_check: bool
    warnings: tuple[str, ...] = ()


def mark_picture(
    asset: Asset,
    target: Path,
    engine: PictureEngine,
    payload: bytes,
    *,
    allow_weak: bool = False,
) -> Marked:
    """Write `asset`, marked with `payload`, to `target`, which may be the same path.

    Raises `UnreadableError` for what cannot be decoded, and `PublishError` when the mark would not
    hold (unless `allow_weak`) or the file cannot be written; then nothing is written.
    """
    with asset.open() as stream, temporary(target) as fresh:
        # (1) Look at the picture, small; ask the engine what to add.
        picture = open_picture(stream, asset.media_type, asset.name)
        small = min(min(size) for size in picture.facts.sizes) < SMALLEST
        if small and not allow_weak:
            raise _weak(asset.name, f"it has a side of less than {SMALLEST} pixels")
        looks = [_look(picture, page) for page in range(len(picture.facts.sizes))]
        grey = picture.facts.layout in _GREY
        planes = [engine.residual(look.luma, payload, grey=grey) for look in looks]

        # (2) Write the whole file beside its place.
        red, green, blue = (float(weight) for weight in engine.weights)
        change = picture.save(fresh, planes, (red, green, blue))
        written = open_asset(fresh, asset.name)

        # (3) Read it back, then as the internet would make it.
        reason = _why_unread(written, engine, payload)
        weakness = reason and _cause(reason, looks, is_small=small)
        if reason and not allow_weak:
            raise _weak(asset.name, weakness)

        # (4) Put it in place.
        place(fresh, target, asset.path)
    similar = [
        _similarity(look, plane, size)
        for look, plane, size in zip(looks, planes, picture.facts.sizes, strict=True)
    ]
    warnings = [f"its mark is weak: {weakness}"] if weakness else []
    return Marked(
        payload=payload,
        psnr=change.psnr,
        ssim=float(np.mean(similar)),
        self_check=not reason,
        warnings=(*warnings, *_losses(picture)),
    )


def read_picture(
    asset: Asset, engine: PictureEngine, search: Search = Search.NORMAL
) -> Mark | None:
    """Return the mark in a picture file, or None when none is readable; that never means none.

    Of an animation up to eight frames are averaged; of a document up to eight pages are tried.
    """
    with asset.open() as stream:
        picture = open_picture(stream, asset.media_type, asset.name)
        for size, lumas in _shown(picture):
            mark = _read(lumas, engine, search, size)
            if mark:
                return mark
    return None


def _look(picture: Picture, page: int) -> View:
    """Return what the engine is shown of a page, or of an animation's frames on average."""
    size = picture.facts.sizes[page]
    if picture.facts.pages:
        return picture.view(_side(size), page)
    views = [picture.view(_side(size), frame) for frame in _spread(picture.facts.frames)]
    if len(views) == 1:
        return views[0]
    # One and the same residual in all frames: what stands still goes on standing still.
    covers = [view.cover for view in views if view.cover is not None]
    cover = np.maximum.reduce(covers) if len(covers) == len(views) else None
    return View(_mean([view.luma for view in views]), cover)


def _shown(picture: Picture) -> Iterator[tuple[tuple[int, int], list[Plane]]]:
    """Yield each picture of a file: its size, and the lumas of it that are read together."""
    facts = picture.facts
    if facts.pages:
        for page, size in list(enumerate(facts.pages))[:MOST_FRAMES]:
            yield size, [picture.glance(_side(size), page).luma]
    else:
        side = _side(facts.size)
        yield facts.size, [picture.glance(side, frame).luma for frame in _spread(facts.frames)]


def _read(
    lumas: Sequence[Plane], engine: PictureEngine, search: Search, size: tuple[int, int]
) -> Mark | None:
    return engine.read(_mean([engine.observe(luma) for luma in lumas]), search, size)


def _mean(planes: Sequence[Plane]) -> Plane:
    return planes[0] if len(planes) == 1 else np.asarray(np.mean(planes, axis=0), np.float32)


def _why_unread(written: Asset, engine: PictureEngine, payload: bytes) -> str:
    """Return how the mark in `written` can no longer be read, or nothing.

    Large pictures are checked on a copy of 1.5 megapixels. That is the harder test: JPEG's blocks
    and the half size then take more of the mark than they would of the whole picture.
    """
    with written.open() as stream:
        for size, lumas in _shown(open_picture(stream, written.media_type, written.name)):
            copies = {
                f"at JPEG quality {_QUALITY}": [_coded(luma) for luma in lumas],
                "at half its size": [_halved(luma) for luma in lumas],
            }
            for how, seen in {"in the written file": lumas, **copies}.items():
                own = (seen[0].shape[1], seen[0].shape[0])
                mark = _read(seen, engine, Search.NORMAL, own if how in copies else size)
                if mark is None:
                    return how
                if mark.payload != payload:
                    # The picture had one before, under this very key, and it is the louder.
                    return f"{how}, where the mark {mark.payload.hex()} is read instead"
    return ""


def _coded(luma: Plane) -> Plane:
    gray = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.float32)


def _halved(luma: Plane) -> Plane:
    size = (max(8, luma.shape[1] // 2), max(8, luma.shape[0] // 2))
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.float32)


def _cause(reason: str, looks: Sequence[View], *, is_small: bool) -> str:
    if is_small:
        return f"it cannot be read {reason}: the picture is too small"
    if any(_detail(look.luma) < _FLAT for look in looks):
        return f"it cannot be read {reason}: the picture is too flat"
    return f"it cannot be read {reason}"


def _detail(luma: Plane) -> float:
    return float(np.std(luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL)))


def _weak(name: str, reason: str) -> PublishError:
    return PublishError(
        f"the mark in {name} would not hold: {reason}",
        "nothing was written; --allow-weak marks it all the same",
    )


def _similarity(look: View, plane: Plane, size: tuple[int, int]) -> float:
    shape = look.luma.shape[1], look.luma.shape[0]
    # Made as large as the picture it is cubic; smaller than that, by area, as the look was.
    whole = cv2.resize(plane, shape, interpolation=cv2.INTER_CUBIC)
    if shape[0] < size[0] and plane.shape[1] > shape[0]:
        whole = cv2.resize(plane, shape, interpolation=cv2.INTER_AREA)
    if look.cover is not None:
        whole = whole * look.cover
    before, after = (
        np.clip(np.rint(luma), 0, 255).astype(np.float32) for luma in (look.luma, look.luma + whole)
    )
    return _ssim(before, after)


def _ssim(one: Plane, other: Plane) -> float:
    """Return the mean structural similarity (Wang et al. 2004) over all whole windows."""
    if min(one.shape) <= 2 * _REACH:
        return math.nan

    def mean(plane: Plane) -> Plane:
        inner = slice(_REACH, -_REACH)
        window = (2 * _REACH + 1, 2 * _REACH + 1)
        return np.asarray(cv2.GaussianBlur(plane, window, _SIGMA)[inner, inner], np.float32)

    mean_one, mean_other = mean(one), mean(other)
    product = mean_one * mean_other
    squares = mean_one * mean_one + mean_other * mean_other
    both = mean(one * other) - product
    # The sum of both variances is all that is needed of them.
    spread = mean(one * one + other * other) - squares
    light = (2 * product + _C1) / (squares + _C1)
    return float(np.mean(light * (2 * both + _C2) / (spread + _C2)))


def _losses(picture: Picture) -> Iterator[str]:
    yield from picture.facts.notes
    if picture.facts.has_manifest:
        yield LEFT_OUT
    if picture.facts.has_remote_manifest:
        yield "its XMP pointed to a manifest elsewhere, and no longer does"


def _side(size: tuple[int, int]) -> int:
    """Return the longer side at which a picture of `size` has as many pixels as a look."""
    return max(SMALLEST, round(math.sqrt(_LOOK * max(size) / min(size))))


def _spread(frames: int) -> list[int]:
    """Return up to eight frames, each from the middle of its share."""
    count = min(frames, MOST_FRAMES)
    return [(2 * share + 1) * frames // (2 * count) for share in range(count)]
