"""Paper, ink and letters of the pictures that explain, in colours for colour-blind eyes, too."""

from __future__ import annotations

import textwrap
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Canvas = NDArray[np.uint8]  # (height, width, 3) RGB

# Blue and orange are told apart by all common kinds of colour-blindness (Okabe and Ito, 2008).
LESS, MORE = (0, 114, 178), (230, 130, 0)
MEANING = ("below the threshold", "above it")
PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (170, 170, 170)
MARK = b"trustkit detect"  # in every PNG of ours, by which it is known again

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SCALE = 0.45
LINE = 18  # pixels from one line of text to the next
_BAR_WIDTH, _BAR_HEIGHT = 240, 12
STRONG, WEAK = 0.72, 0.28  # of a colour over the picture, which is to be recognised below it
EDGE = 12
_LONGEST_WORD = 60  # letters: a name without spaces


def paper(width: int, height: int) -> Canvas:
    """Return an empty white sheet."""
    return np.full((height, width, 3), PAPER, np.uint8)


def write(canvas: Canvas, text: str, at: tuple[int, int], colour: tuple[int, ...] = INK) -> None:
    """Write one line whose base begins at (x, y); what is not ASCII becomes a question mark."""
    shown = text.encode("ascii", "replace").decode()
    cv2.putText(canvas, shown, at, _FONT, _SCALE, colour, 1, cv2.LINE_AA)


def width_of(text: str) -> int:
    """Return how many pixels wide a line is."""
    (width, _), _ = cv2.getTextSize(text.encode("ascii", "replace").decode(), _FONT, _SCALE, 1)
    return int(width)


def fitted(lines: tuple[str, ...], width: int) -> list[str]:
    """Return the lines broken between words so that each fits into `width` pixels."""
    found: list[str] = []
    for line in lines:
        at = ""
        for word in textwrap.wrap(line, _LONGEST_WORD):  # a word longer than that is cut
            for part in word.split():
                longer = f"{at} {part}".strip()
                if at and width_of(longer) > width - 2 * EDGE:
                    found.append(at)
                    longer = part
                at = longer
        found.append(at)
    return found


def strength(scores: NDArray[Any], centre: float, reach: float) -> NDArray[np.float32]:
    """Return from -1 (far below the centre) to 1 (far above) how a place is coloured."""
    away = (scores.astype(np.float64) - centre) / max(reach, 1e-6)
    return np.nan_to_num(np.clip(away, -1, 1), nan=0.0).astype(np.float32)


def tinted(ground: Canvas, strong: NDArray[np.float32], less: float = WEAK) -> Canvas:
    """Lay the colours of `strong` (-1 to 1, as large as the ground) over `ground`.

    `less` is how far blue covers: weakly, since a low score clears nobody.
    """
    cover = (np.abs(strong) * np.where(strong < 0, np.float32(less), np.float32(STRONG)))[..., None]
    colour = np.where(strong[..., None] < 0, np.array(LESS), np.array(MORE))
    return np.asarray(np.rint(ground * (1 - cover) + colour * cover), np.uint8)


def legend(
    lines: tuple[str, ...],
    marks: tuple[tuple[float, str], ...],
    width: int,
    meaning: tuple[str, str] = MEANING,
    less: float = WEAK,
) -> Canvas:
    """Return a strip `width` wide with the colours' meaning, and lines of text below.

    `marks` are places on the scale from -1 to 1, and what is written there; with none there is no
    scale.
    """
    words = fitted(lines, width)
    scale = _scale(marks, less) if marks else paper(0, _BAR_HEIGHT)
    strip = paper(width, EDGE + scale.shape[0] + LINE * len(words) + EDGE)
    strip[EDGE : EDGE + scale.shape[0], : scale.shape[1]] = scale
    at, base = scale.shape[1] + EDGE, EDGE + _BAR_HEIGHT - 1
    for colour, text in zip((LESS, MORE), meaning, strict=True):
        cv2.rectangle(strip, (at, EDGE), (at + 11, EDGE + 11), colour, -1)
        write(strip, text, (at + 16, base))
        at += 16 + width_of(text) + EDGE
    for number, text in enumerate(words):
        write(strip, text, (EDGE, EDGE + scale.shape[0] + LINE * (number + 1)))
    return strip


def _scale(marks: tuple[tuple[float, str], ...], less: float) -> Canvas:
    made = paper(EDGE + _BAR_WIDTH + EDGE, _BAR_HEIGHT + LINE)
    ramp = np.tile(np.linspace(-1, 1, _BAR_WIDTH, dtype=np.float32), (_BAR_HEIGHT, 1))
    ground = np.full((_BAR_HEIGHT, _BAR_WIDTH, 3), 235, np.uint8)
    made[:_BAR_HEIGHT, EDGE : EDGE + _BAR_WIDTH] = tinted(ground, ramp, less)
    for place, text in marks:
        x = EDGE + round((place + 1) / 2 * (_BAR_WIDTH - 1))
        cv2.line(made, (x, 0), (x, _BAR_HEIGHT + 2), INK, 1)
        left = min(max(2, x - width_of(text) // 2), made.shape[1] - 2 - width_of(text))
        write(made, text, (left, _BAR_HEIGHT + 14))
    return made


def below(canvas: Canvas, strip: Canvas) -> Canvas:
    """Return the canvas with the strip under it; the narrower one is filled up with paper."""
    width = max(canvas.shape[1], strip.shape[1])

    def wide(part: Canvas) -> Canvas:
        made = paper(width, part.shape[0])
        made[:, : part.shape[1]] = part
        return made

    return np.vstack([wide(canvas), wide(strip)])


def png(canvas: Canvas) -> bytes:
    """Return the canvas as a PNG with our mark in it."""
    told, out = PngInfo(), BytesIO()
    told.add_text("Software", MARK.decode())
    Image.fromarray(canvas).save(out, "PNG", pnginfo=told)
    return out.getvalue()
