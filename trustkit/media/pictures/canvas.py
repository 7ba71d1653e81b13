"""Decoded pixels in the one copy there is, and the small luma that an engine looks at."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from trustkit.media.pictures.spread import Canvas, Plane, Rows, strips, transparent

_DEEP = 65535
_CHUNK = 64  # rows whose sums are taken at once: few enough that hardly any share is 0
_WHITE = 255.0  # what a transparent picture is laid on by most who flatten one


@dataclass(frozen=True, slots=True)
class View:
    """A small luma (0 to 255), and where it can be seen (0 to 1; None: everywhere)."""

    luma: Plane
    cover: Plane | None = None


class PillowCanvas:
    """Pixels inside a Pillow picture: 8 bits, or 16 in gray."""

    def __init__(self, image: Image.Image, key: tuple[int, ...] | None = None) -> None:
        self.image = image
        self.layout = "L" if image.mode.startswith("I;16") else image.mode
        self.size = image.size
        self.full = _DEEP if image.mode.startswith("I;16") else 255
        self.key = key

    def rows(self, first: int, last: int) -> Rows:
        """Return a copy of rows."""
        return np.asarray(self.image.crop((0, first, self.size[0], last)))

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""
        part = Image.frombuffer(
            self.image.mode, (rows.shape[1], rows.shape[0]), np.ascontiguousarray(rows), "raw",
            self.image.mode, 0, 1,
        )  # fmt: skip
        self.image.paste(part, (0, first))


class ArrayCanvas:
    """Pixels in an array, as OpenCV decodes what Pillow would cut down to 8 bits."""

    def __init__(self, array: Rows, full: int = _DEEP) -> None:
        self.array = array
        channels = 1 if array.ndim == 2 else array.shape[2]  # noqa: PLR2004
        self.layout = {1: "L", 3: "BGR", 4: "BGRA"}[channels]
        self.size = (array.shape[1], array.shape[0])
        self.full = full
        self.key: tuple[int, ...] | None = None

    def rows(self, first: int, last: int) -> Rows:
        """Return rows."""
        return self.array[first:last]

    def put(self, first: int, rows: Rows) -> None:
        """Put rows back."""
        self.array[first : first + len(rows)] = np.minimum(rows, self.full)


def reduced(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """Return `size` made smaller so that no side is longer than `max_side`."""
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def view(canvas: Canvas, max_side: int) -> View:
    """Return the luma of `canvas`, averaged by area, and what of it can be seen."""
    width, height = reduced(canvas.size, max_side)
    luma = np.zeros((height, width), np.float32)
    cover = np.zeros((height, width), np.float32) if _has_alpha(canvas) else None
    for first, last in strips(canvas.size):
        bright, seen = view_rows(canvas, first, last)
        gather(luma, bright, first, canvas.size[1])
        if cover is not None and seen is not None:
            gather(cover, seen, first, canvas.size[1])
    return View(luma, cover)


def view_rows(canvas: Canvas, first: int, last: int) -> tuple[Plane, Plane | None]:
    """Return luma and cover of rows `first` to `last` at full size."""
    rows = canvas.rows(first, last)
    bright = _luma(rows, canvas)
    if not _has_alpha(canvas):
        return bright, None
    seen = _seen(rows, canvas)
    return bright * seen + np.float32(_WHITE) * (1 - seen), seen


def _has_alpha(canvas: Canvas) -> bool:
    return canvas.layout.endswith("A") or canvas.key is not None


def _seen(rows: Rows, canvas: Canvas) -> Plane:
    if canvas.layout.endswith("A"):
        return rows[..., -1].astype(np.float32) / np.float32(canvas.full)
    hidden = transparent(rows, canvas)
    return 1 - np.asarray(hidden, np.float32)


def _luma(rows: Rows, canvas: Canvas) -> Plane:
    # Rec. 601 on the values as stored: the weights by which a JPEG makes its own luma.
    scale = np.float32(255 / canvas.full)
    layout = canvas.layout
    if layout.startswith("L"):
        return (rows if rows.ndim == 2 else rows[..., 0]).astype(np.float32) * scale  # noqa: PLR2004
    if layout == "CMYK":
        bare = 1 - rows.astype(np.float32) / canvas.full
        light = bare[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32)
        return np.asarray(light * bare[..., 3] * 255, np.float32)
    codes = {
        "RGB": cv2.COLOR_RGB2GRAY,
        "RGBA": cv2.COLOR_RGBA2GRAY,
        "BGR": cv2.COLOR_BGR2GRAY,
        "BGRA": cv2.COLOR_BGRA2GRAY,
    }
    return cv2.cvtColor(rows, codes[layout]).astype(np.float32) * scale


def gather(small: Plane, rows: Plane, first: int, height: int) -> None:
    """Add rows from `first` on, of a picture of `height`, to its copy `small`, by area."""
    # Across by OpenCV, down by the share of each row in each small row: strips add up to the whole.
    wanted = small.shape[1]
    if rows.shape[1] != wanted:
        rows = cv2.resize(rows, (wanted, len(rows)), interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if small.shape[0] == height:
        small[first : first + len(rows)] = rows
        return
    for top in range(0, len(rows), _CHUNK):
        _add(small, rows[top : top + _CHUNK], first + top, height)


def _add(small: Plane, rows: Plane, first: int, height: int) -> None:
    step = height / small.shape[0]
    low = int(first / step)
    high = min(small.shape[0], int(np.ceil((first + len(rows)) / step)))
    edges = np.arange(low, high + 1) * step
    at = np.arange(first, first + len(rows))
    top = np.maximum(edges[:-1, None], at[None])
    bottom = np.minimum(edges[1:, None], at[None] + 1)
    shares = np.clip(bottom - top, 0, None).astype(np.float32) / np.float32(step)
    small[low:high] += shares @ rows
