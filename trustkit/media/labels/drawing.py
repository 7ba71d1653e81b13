"""The label's box with its words, as large as there is room for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from trustkit.errors import PublishError
from trustkit.media.labels import Box, Plane, Position, Stamp, Words
from trustkit.media.labels.letters import Letters

AUTO = 4.0  # per cent of the shorter side that a capital letter is high
LEAST, LEAST_MORE = 12.0, 9.0  # pixels of a capital letter, in the first line and in those below
_USUAL = 14.0  # pixels: smaller only where there is no room
_SMALLER = 0.62  # the lines below, against the first
_MOST = 0.5  # of a picture's area: what is covered more is no picture with a label

# In heights of a capital letter.
_SIDE, _ABOVE, _BETWEEN, _EDGE = 0.75, 0.65, 0.5, 0.09


@dataclass(frozen=True, slots=True)
class Wish:
    """How the label should look; `size` in per cent of the shorter side, None: as usual."""

    words: Words
    position: Position = Position.TOP_RIGHT
    size: float | None = None
    margin: float = 3.0  # per cent of the shorter side that stays free around it
    letters: Letters = field(default_factory=Letters)


@dataclass(frozen=True, slots=True)
class Fitted:
    """The label for pictures of one size, and where it goes as they are shown.

    `is_smaller`: than was asked for, since there was no room.
    """

    stamp: Stamp
    box: Box
    is_smaller: bool = False


def fit(wish: Wish, size: tuple[int, int], name: str) -> Fitted:
    """Return the label for a picture that is shown in `size` (width, height).

    Raises `PublishError` where it would be too small to be read, and for missing letters.
    """
    absent = wish.letters.missing("".join((wish.words.main, *wish.words.more)))
    if absent:
        raise PublishError(
            f"the font has no letters for {absent}",
            "name a font that has them with --font FILE, or leave that --lang out",
        )
    shorter = min(size)
    wanted = max(_USUAL, shorter * (wish.size or AUTO) / 100)
    margin = max(2, round(shorter * wish.margin / 100))
    room = (size[0] - 2 * margin, size[1] - 2 * margin)
    stamp = draw(wish.words, wanted, wish.letters)
    capital = wanted
    while not _fits(stamp, room, size) and capital > LEAST:
        share = min(room[0] / stamp.size[0], room[1] / stamp.size[1], 0.97)
        capital = max(LEAST, capital * share)
        stamp = draw(wish.words, capital, wish.letters)
    if not _fits(stamp, room, size):
        raise PublishError(
            f"{name} is too small for a label that can be read: {size[0]} x {size[1]} pixels, "
            f"and {wish.words.main!r} takes {stamp.size[0]} x {stamp.size[1]}",
            "nothing was written; label it larger, or with --text ai, in fewer languages",
        )
    box = _placed(stamp, wish.position, size, margin)
    return Fitted(stamp, box, is_smaller=capital < wanted)


def draw(words: Words, capital: float, letters: Letters) -> Stamp:
    """Return the label with capital letters of so many pixels in its first line."""
    below = max(LEAST_MORE, capital * _SMALLER)
    lines = [letters.line(words.main, capital, bold=True)]
    lines += [letters.line(text, below) for text in words.more]
    side, above = round(capital * _SIDE), round(capital * _ABOVE)
    width = max(mask.shape[1] for mask, _ in lines) + 2 * side
    # A line begins where its capital letters do: accents reach into the space above it.
    at, places = float(above), []
    for number, (mask, base) in enumerate(lines):
        high = below if number else capital
        reach = max(0.0, base - high) if number else 0.0
        at += reach
        places.append((mask, round(at + high) - base))
        hanging = max(0, mask.shape[0] - base)
        last = number == len(lines) - 1
        at += high + (0.5 * hanging if last else max(hanging, high * _BETWEEN))
    height = round(at) + above
    text = np.zeros((height, width), np.float32)
    for mask, top in places:
        left = (width - mask.shape[1]) // 2
        first = max(0, min(top, height - mask.shape[0]))
        part = text[first : first + mask.shape[0], left : left + mask.shape[1]]
        np.maximum(part, mask, out=part)
    # Round ends on one line, round corners on several.
    away = _distance(width, height, min(height / 2, capital))
    edge = max(1.0, capital * _EDGE)
    rim = np.clip(away + edge + 0.5, 0, 1)
    return Stamp(np.clip(0.5 - away, 0, 1), np.maximum(text, rim), text, capital)


def padded(stamp: Stamp, unit: int) -> Stamp:
    """Return the stamp with sides of whole multiples of `unit`; the rest is empty."""
    width, height = stamp.size
    more = ((0, -height % unit), (0, -width % unit))

    def wider(plane: Plane) -> Plane:
        return np.pad(plane, more)

    return replace(
        stamp,
        cover=wider(stamp.cover),
        text=wider(stamp.text),
        letters=wider(stamp.letters),
    )


def _fits(stamp: Stamp, room: tuple[int, int], size: tuple[int, int]) -> bool:
    width, height = stamp.size
    fits = width <= room[0] and height <= room[1]
    return fits and width * height <= _MOST * size[0] * size[1]


def _placed(stamp: Stamp, position: Position, size: tuple[int, int], margin: int) -> Box:
    width, height = stamp.size
    is_top = position.value.startswith("top")
    y = margin if is_top else size[1] - margin - height
    if position.value.endswith("left"):
        x = margin
    elif position.value.endswith("right"):
        x = size[0] - margin - width
    else:
        x = (size[0] - width) // 2
    return Box(x, y, width, height)


def _distance(width: int, height: int, radius: float) -> Plane:
    """Return how far each pixel's middle is outside of a box with round corners; inside < 0."""
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    out = np.hypot(np.maximum(x, 0)[None], np.maximum(y, 0)[:, None])
    inside = np.minimum(np.maximum(x[None], y[:, None]), 0)
    return np.asarray(out + inside - radius, np.float32)
