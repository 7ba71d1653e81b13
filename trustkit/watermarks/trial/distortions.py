"""What an attack does to the pixels: every function takes 8-bit RGB and returns 8-bit RGB.

Areas are fractions of the picture's area; all chance comes from the generator that is passed in.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]
Rng = np.random.Generator

_BLACK, _WHITE, _YELLOW = (0, 0, 0), (255, 255, 255), (255, 205, 40)
_WORDS = "What a day: nobody will believe this one!"


def _eight_bit(values: Any) -> Picture:
    rounded = np.rint(values)
    whole: Picture = np.clip(rounded, 0, 255, out=rounded).astype(np.uint8)
    return whole


def same(rgb: Picture, _: Rng) -> Picture:
    """Return a copy."""
    return rgb.copy()


def coded(
    rgb: Picture, _: Rng, kind: str = "JPEG", quality: int = 80, **options: object
) -> Picture:
    """Return what an encoder of Pillow leaves of the picture."""
    if kind == "JXL":
        import_module("pillow_jxl")  # registers itself with Pillow
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, quality=quality, **options)
    with Image.open(file) as image:
        return np.array(image.convert("RGB"))


def jpeg(rgb: Picture, rng: Rng, quality: int) -> Picture:
    """Return what a JPEG leaves whose colour has half the resolution."""
    return coded(rgb, rng, "JPEG", quality, subsampling="4:2:0")


def _to(rgb: Picture, width: int, height: int, filter_: int) -> Picture:
    size = (max(1, width), max(1, height))
    return np.asarray(cv2.resize(rgb, size, interpolation=filter_), np.uint8)


def resized(rgb: Picture, _: Rng, across: float, down: float) -> Picture:
    """Return it at `across` times its width and `down` times its height."""
    height, width = rgb.shape[:2]
    # The area filter is the right one for less, and no filter at all for more.
    filter_ = cv2.INTER_CUBIC if across * down > 1 else cv2.INTER_AREA
    return _to(rgb, round(width * across), round(height * down), filter_)


def there_and_back(rgb: Picture, rng: Rng, factor: float) -> Picture:
    """Return it resized by `factor`, and enlarged to its size again."""
    height, width = rgb.shape[:2]
    return _to(resized(rgb, rng, factor, factor), width, height, cv2.INTER_CUBIC)


def cropped(rgb: Picture, rng: Rng, area: float, at_random: bool) -> Picture:
    """Return a part that has `area` of its area and its shape: the middle, or any."""
    height, width = rgb.shape[:2]
    high = max(1, round(height * area**0.5))
    wide = max(1, round(width * area**0.5))
    top, left = (height - high) // 2, (width - wide) // 2
    if at_random:
        top = int(rng.integers(height - high, endpoint=True))
        left = int(rng.integers(width - wide, endpoint=True))
    return rgb[top : top + high, left : left + wide].copy()


def rotated(rgb: Picture, _: Rng, degrees: float) -> Picture:
    """Return it turned counter-clockwise inside its own frame, with black corners."""
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(rgb, turn, (width, height), flags=cv2.INTER_LINEAR), np.uint8)


def quarter_turn(rgb: Picture, _: Rng) -> Picture:
    """Return it turned counter-clockwise by 90 degrees, frame and all."""
    return np.ascontiguousarray(np.rot90(rgb))


def mirrored(rgb: Picture, _: Rng) -> Picture:
    """Return it with left and right exchanged."""
    return np.ascontiguousarray(rgb[:, ::-1])


def toned(rgb: Picture, _: Rng, curve: Callable[[Any], Any]) -> Picture:
    """Return it with `curve` applied to every value of every channel."""
    # One channel at a time depends on nothing but itself: 256 values say it all.
    return _eight_bit(curve(np.arange(256.0)))[rgb]


def saturated(rgb: Picture, _: Rng, factor: float) -> Picture:
    """Return it with `factor` times its saturation, in HSV."""
    hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), np.uint8)
    hsv[..., 1] = _eight_bit(np.arange(256.0) * factor)[hsv[..., 1]]
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def grey(rgb: Picture, _: Rng) -> Picture:
    """Return its luma three times."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8)


def blurred(rgb: Picture, _: Rng, sigma: float) -> Picture:
    """Return it blurred by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)


def noisy(rgb: Picture, rng: Rng, sigma: float) -> Picture:
    """Return it with Gaussian noise of `sigma` steps in every channel."""
    noise = rng.standard_normal(rgb.shape, np.float32)
    noise *= np.float32(sigma)
    noise += rgb
    return _eight_bit(noise)


def median(rgb: Picture, _: Rng, side: int) -> Picture:
    """Return the median of the `side` by `side` pixels around each."""
    return np.asarray(cv2.medianBlur(rgb, side), np.uint8)


def screenshot(rgb: Picture, rng: Rng) -> Picture:
    """Return it resized to 0.6, as JPEG 70, and of that the middle 80 %."""
    return cropped(jpeg(resized(rgb, rng, 0.6, 0.6), rng, 70), rng, 0.8, at_random=False)


def social(rgb: Picture, rng: Rng) -> Picture:
    """Return it no longer than 1,080 pixels, as JPEG 75."""
    factor = min(1.0, 1080 / max(rgb.shape[:2]))
    small = resized(rgb, rng, factor, factor) if factor < 1 else rgb
    return jpeg(small, rng, 75)


def captioned(rgb: Picture, rng: Rng) -> Picture:
    """Return it with a band of text over the lower 18 %, and a smiley of 9 % of its width."""
    out = rgb.copy()
    height, width = out.shape[:2]
    top = round(height * 0.82)
    cv2.rectangle(out, (0, top), (width, height), _BLACK, cv2.FILLED)
    font, band = cv2.FONT_HERSHEY_SIMPLEX, height - top
    (wide, high), _ = cv2.getTextSize(_WORDS, font, 1.0, 2)
    scale = min(0.9 * width / wide, 0.5 * band / high)
    corner = (round((width - scale * wide) / 2), round(top + (band + scale * high) / 2))
    cv2.putText(out, _WORDS, corner, font, scale, _WHITE, max(1, round(2 * scale)), cv2.LINE_AA)
    radius = max(1, round(0.045 * width))
    x = int(rng.integers(radius, max(radius, width - radius), endpoint=True))
    y = int(rng.integers(radius, max(radius, top - radius), endpoint=True))
    _draw_smiley(out, x, y, radius)
    return out


def _draw_smiley(out: Picture, x: int, y: int, radius: int) -> None:
    cv2.circle(out, (x, y), radius, _YELLOW, cv2.FILLED, cv2.LINE_AA)
    line, eye = max(1, radius // 10), max(1, radius // 8)
    for side in (-1, 1):
        place = (x + side * round(0.35 * radius), y - round(0.3 * radius))
        cv2.circle(out, place, eye, _BLACK, cv2.FILLED, cv2.LINE_AA)
    mouth = (round(0.6 * radius), round(0.5 * radius))
    cv2.ellipse(out, (x, y), mouth, 0, 20, 160, _BLACK, line, cv2.LINE_AA)


def photographed_print(rgb: Picture, rng: Rng) -> Picture:
    """Return it as a photograph of a print: at a slant, softer, unevenly lit, noisy, JPEG 80.

    Every corner moves by up to 2 % of the side at random; outside the print all is black.
    """
    height, width = rgb.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    moved = corners + rng.uniform(-0.02, 0.02, (4, 2)) * (width, height)
    view = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(rgb, view, (width, height), flags=cv2.INTER_LINEAR)
    light = np.linspace(0.92, 1.05, width, dtype=np.float32)[None, :, None]
    lit = blurred(np.asarray(seen, np.uint8), rng, 0.7) * light
    lit += np.float32(3.0) * rng.standard_normal(rgb.shape, np.float32)
    return jpeg(_eight_bit(lit), rng, 80)


def screenshot_with_border(rgb: Picture, rng: Rng) -> Picture:
    """Return it at 0.7 of its size in a window 15 % larger on each side, as JPEG 80."""
    small = resized(rgb, rng, 0.7, 0.7)
    height, width = small.shape[:2]
    y, x = round(0.15 * height), round(0.15 * width)
    out = np.full((height + 2 * y, width + 2 * x, 3), 255, np.uint8)
    cv2.rectangle(out, (0, 0), (out.shape[1], y // 2), (225, 225, 230), cv2.FILLED)
    for row in range(y, y + height, max(4, y // 3)):  # what a menu at the left looks like
        end = (round(x * rng.uniform(0.4, 0.9)), row + max(1, y // 12))
        cv2.rectangle(out, (x // 8, row), end, (120, 120, 130), cv2.FILLED)
    scale = max(0.2, y / 160)
    cv2.putText(
        out, "File  Edit  View  Help", (x // 8, y // 3), cv2.FONT_HERSHEY_SIMPLEX, scale, _BLACK
    )
    out[y : y + height, x : x + width] = small
    return jpeg(out, rng, 80)


def warped(rgb: Picture, rng: Rng, share: float) -> Picture:
    """Return it bent smoothly, by up to `share` of its shorter side."""
    height, width = rgb.shape[:2]
    reach = share * min(height, width)
    # Five by five random pulls, smooth between them: every part moves another way.
    pulls = rng.uniform(-reach, reach, (2, 5, 5)).astype(np.float32)
    columns, rows = (
        np.asarray(cv2.resize(pull, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        for pull in pulls
    )
    columns += np.arange(width, dtype=np.float32)[None, :]
    rows += np.arange(height, dtype=np.float32)[:, None]
    warped = cv2.remap(rgb, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)


def denoised(rgb: Picture, _: Rng) -> Picture:
    """Return it after non-local means strong enough to take grain for noise."""
    return np.asarray(cv2.fastNlMeansDenoisingColored(rgb, None, 10, 10, 7, 15), np.uint8)


def _screen() -> NDArray[np.float32]:
    # Dots that grow from the middle, on a grid turned by 45 degrees; eight pixels repeat it.
    y, x = np.mgrid[0:8, 0:8] * (2 * np.pi / 8)
    heights = np.cos(x + y) + np.cos(x - y)
    ranks = np.argsort(np.argsort(heights, axis=None, kind="stable"), kind="stable")
    return ((ranks.reshape(8, 8) + 0.5) * (255 / 64)).astype(np.float32)


def halftoned(rgb: Picture, rng: Rng) -> Picture:
    """Return it in black dots on white of 5.7 pixels, as a soft scan sees them."""
    luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    height, width = luma.shape
    screen = np.tile(_screen(), (height // 8 + 1, width // 8 + 1))[:height, :width]
    dots = np.where(luma > screen, np.uint8(255), np.uint8(0))
    return blurred(np.repeat(dots[..., None], 3, axis=2), rng, 1.0)


def posterised(rgb: Picture, _: Rng, levels: int) -> Picture:
    """Return it with `levels` values left in every channel."""
    step = 255 / (levels - 1)
    return _eight_bit(np.rint(np.arange(256.0) / step) * step)[rgb]
