"""A label laid over decoded pixels, whatever their layout and depth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trustkit.media.labels import Box, Plane, Stamp
from trustkit.media.pictures.spread import Canvas, Change, Rows

_STEPS = 5  # of brightness in a crisp label
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Overlay:
    """A stamp at its place in the stored pixels; all others keep their values."""

    stamp: Stamp
    box: Box
    dark: bool

    @property
    def touched(self) -> tuple[int, int, int, int]:
        """Where pixels change."""
        return self.box.x, self.box.y, self.box.width, self.box.height

    def apply(self, canvas: Canvas, origin: tuple[int, int] = (0, 0)) -> Change:
        """Draw what of the label lies in `canvas`, which begins at `origin` of the picture."""
        left, top = self.box.x - origin[0], self.box.y - origin[1]
        first, last = max(0, top), min(canvas.size[1], top + self.box.height)
        begin, end = max(0, left), min(canvas.size[0], left + self.box.width)
        if first >= last or begin >= end:
            return Change()
        rows = np.array(canvas.rows(first, last))
        here = slice(first - top, last - top), slice(begin - left, end - left)
        part = rows[:, begin:end]
        cover = self.stamp.cover[here]
        mixed = _laid(part, cover, self.stamp.ink(dark=self.dark)[here], canvas)
        if canvas.key is not None:
            _avoid(mixed, canvas.key, cover > 0)
        rows[:, begin:end] = mixed
        canvas.put(first, rows)
        return Change()


def crisp(stamp: Stamp) -> Stamp:
    """Return the stamp with hard rims and few greys, for palettes that have little room."""

    def stepped(plane: Plane) -> Plane:
        return np.asarray(np.rint(plane * _STEPS) / _STEPS, np.float32)

    cover = (stamp.cover > _HALF).astype(np.float32)
    return replace(stamp, cover=cover, text=stepped(stamp.text), letters=stepped(stamp.letters))


def _laid(old: Rows, cover: Plane, ink: Plane, canvas: Canvas) -> Rows:
    """Return `old` with grey of brightness `ink` over it; what is not covered stays exact."""
    has_alpha = canvas.layout.endswith("A")
    channels = old.shape[2] if old.ndim == 3 else 1  # noqa: PLR2004  # rows, columns, channels
    before = old.reshape(*old.shape[:2], channels).astype(np.float32)
    colours = before[..., : channels - has_alpha]
    share = cover[..., None]
    made = np.empty_like(before)
    if has_alpha:
        alpha = before[..., -1:] / canvas.full
        over = share + alpha * (1 - share)
        below = np.divide(alpha * (1 - share), over, out=np.zeros_like(over), where=over > 0)
        made[..., -1:] = over * canvas.full
        weight = 1 - below
    else:
        weight = share
    made[..., : colours.shape[2]] = colours + (_inks(ink, canvas) - colours) * weight
    whole = np.clip(np.rint(made), 0, canvas.full).astype(old.dtype)
    whole = np.where(share > 0, whole, old.reshape(whole.shape))
    return whole.reshape(old.shape)


def _inks(ink: Plane, canvas: Canvas) -> Plane:
    if canvas.layout == "CMYK":
        black = np.zeros((*ink.shape, 4), np.float32)
        black[..., 3] = (1 - ink) * canvas.full
        return black
    return ink[..., None] * np.float32(canvas.full)


def _avoid(rows: Rows, key: tuple[int, ...], covered: NDArray[np.bool_]) -> None:
    # No pixel of the label may take the colour that the file declares transparent.
    same = rows == np.array(key, rows.dtype)
    wrong = covered & (same if rows.ndim == 2 else same.all(2))  # noqa: PLR2004
    if rows.ndim == 2:  # noqa: PLR2004
        rows[wrong] ^= 1
    else:
        rows[..., -1][wrong] ^= 1
