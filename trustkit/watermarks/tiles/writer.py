"""From a picture's luma to the plane that is added to it: the mark, where it hides, how loud."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trustkit.watermarks import Plane, Strength
from trustkit.watermarks.tiles.layout import SIDE, TILE, Complex, Layout
from trustkit.watermarks.tiles.mask import mask
from trustkit.watermarks.tiles.observe import canonical_size, level, shrink, whiten
from trustkit.watermarks.tiles.register import waves
from trustkit.watermarks.tiles.view import View

# Luma is 0.299 R + 0.587 G + 0.114 B (Rec. 601). To change it by 1 with the least change in all,
# the colours are changed in that very proportion: 1.3 dB less than the same step for each.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
COLOUR = LUMA / (LUMA @ LUMA)
COLOUR_ERROR = float((COLOUR**2).mean())  # mean square over R, G and B for a luma step of 1

_TARGET = {Strength.SUBTLE: 47.8, Strength.DEFAULT: 44.8, Strength.STRONG: 42.4}  # dB
_QUIETER, _LOUDER = 5.0, 3.55  # dB: how far a picture may be from its preset's target
_EASE = 0.5  # dB quieter for each dB that the mark is easier to hear
_TELLING = 14.0  # cycles a tile: up to here waves are looked for, whatever was cut off
_AVERAGE = 26.0  # deviations: how well the mark is heard in an average picture at 44 dB
_REFERENCE = 44.0  # dB
_ROUNDING = 1 / 12  # mean square of rounding to whole steps
_AGAINST = 0.4  # how much of the picture's own waves that speak against the mark is taken away
_FIGHT = 11.0  # cycles a tile
_MOST_AGAINST = 2.0  # times a wave's own strength
_LEAST_GAIN = 0.3  # of the best wave's: what is hardly heard is not fought over
# How strong waves of fixed phase are: without them no other is found. But the slowest, which are
# all that a quarter of a small picture keeps, are needed for the payload.
_SYNC_SLOW, _SYNC = 0.9, 1.35
_QUARTER = 8.0  # cycles a tile that a picture of the canonical size holds at a quarter of its size
_STEEP_BELOW = 700.0  # pixels: the square root of the area of a small picture
# A film's frames are many: fast waves need not be heard, and those are what an encoder pays for.
_FILM_CORNER, _FILM_POWER = 8.0, 2.0  # cycles a tile
_FILM_QUIETER, _MOST_OCTAVES = 1.5, 1.5  # dB for each time that a large film's side doubles


@dataclass(frozen=True)
class Writer:
    """Writes with one key at one strength."""

    layout: Layout
    strength: Strength

    def residual(
        self, luma: Plane, payload: bytes, *, film: bool = False, grey: bool = False
    ) -> Plane:
        """Return the canonical plane to be added to `luma` (0 to 255), enlarged to its size.

        For a film only luma is changed, so quality is that of luma, and nothing is fitted to one
        frame's own waves, as the next frames share the plane. A `grey` picture has luma alone, too.
        """
        height, width = luma.shape
        size = canonical_size(width, height)
        plane = shrink(luma, *size)
        native = width / size[0] * SIDE
        hiding = mask(plane)
        pure = self.layout.spectrum(payload)
        gains = self._gains(native, film=film)
        error = 1.0 if film or grey else COLOUR_ERROR
        faint = _scaled(hiding, pure * gains, self.layout, _REFERENCE, error)
        marked = self._heard(_coded(plane + faint, native), native)
        ease = self._ease(marked, pure, native)
        spoken = pure * gains
        if not film:
            gain = self._by_radius((marked * pure.conj()).real) / gains
            gain = np.maximum(gain, _LEAST_GAIN * gain.max())
            spoken = spoken + self._against(self._heard(plane, native) / gain, pure)
        target = _TARGET[self.strength] + np.clip(_EASE * ease, -_LOUDER, _QUIETER)
        if film:
            target += _FILM_QUIETER * np.clip(np.log2(native / _STEEP_BELOW), 0, _MOST_OCTAVES)
        return _scaled(hiding, spoken, self.layout, target, error)

    def _gains(self, native: float, *, film: bool) -> NDArray[np.float32]:
        # A small picture made smaller still keeps its slowest waves alone: there goes the strength.
        radius = self.layout.radius
        quarter = _QUARTER * native / SIDE
        corner = np.clip(0.8 * quarter, 5, 14)
        power = 0.8 if native > _STEEP_BELOW else 1.2
        if film and native > _STEEP_BELOW:
            corner, power = min(corner, _FILM_CORNER), _FILM_POWER
        sync = np.where(radius < 0.9 * quarter, _SYNC_SLOW, _SYNC) if power > 1 else _SYNC
        gains = np.minimum(1, corner / radius) ** power * np.where(self.layout.is_sync, sync, 1)
        return np.asarray(gains, np.float32)

    def _heard(self, plane: Plane, native: float) -> Complex:
        view = View(whiten(level(plane)), 1.0)
        return np.asarray(waves(view, np.eye(3), self.layout).values.sum((0, 1)), np.complex64)

    def _by_radius(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        place = self.layout.radius.astype(int)
        means = np.bincount(place, values) / np.maximum(np.bincount(place), 1)
        return np.asarray(np.maximum(means, 1e-6)[place], np.float32)

    def _ease(self, marked: Complex, pure: Complex, native: float) -> float:
        along = marked * pure.conj()
        mean = self._by_radius(along.real)
        scatter = np.maximum(self._by_radius(np.abs(along) ** 2) - mean**2, 1e-9)
        kept = self.layout.radius <= min(_QUARTER * native / SIDE, _TELLING)
        evidence = (2 * mean**2 / scatter)[kept].sum()
        return float(20 * np.log10(max(np.sqrt(evidence), 1e-3) / _AVERAGE))

    def _against(self, own: Complex, pure: Complex) -> Complex:
        # What the picture itself says against the mark, bit by bit: a part of it is taken away.
        turned = own * self.layout.phases.conj()
        said = pure * self.layout.phases.conj()
        real = np.maximum(-turned.real * np.sign(said.real), 0) * np.sign(said.real)
        imag = np.maximum(-turned.imag * np.sign(said.imag), 0) * np.sign(said.imag)
        imag[self.layout.is_sync] = 0
        limit = _MOST_AGAINST
        against = np.clip(real, -limit, limit) + 1j * np.clip(imag, -limit, limit)
        against *= _AGAINST * self.layout.phases * (self.layout.radius <= _FIGHT)
        return np.asarray(against, np.complex64)


def _coded(plane: Plane, native: float) -> Plane:
    # What an upload does to it, on average.
    eight = np.clip(np.rint(plane), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(
        ".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, int(np.clip(native / 14, 30, 80))]
    )
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def _scaled(
    hiding: Plane, spectrum: Complex, layout: Layout, decibels: float, error: float
) -> Plane:
    tile = layout.paint(spectrum)
    height, width = hiding.shape
    tiled = np.tile(tile, (-(-height // TILE), -(-width // TILE)))[:height, :width]
    plane = hiding * tiled
    wanted = 255**2 / 10 ** (decibels / 10) - _ROUNDING
    plane *= np.sqrt(wanted / (error * float((plane * plane).mean()) + 1e-12))
    return plane.astype(np.float32)
