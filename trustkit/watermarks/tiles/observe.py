"""From a picture's luma to a plane in which a faint mark stands out of what the picture shows."""

from __future__ import annotations

import cv2
import numpy as np

from trustkit.watermarks import Plane
from trustkit.watermarks.tiles.layout import SIDE

# (lower edge, over how much the activity is averaged) of the two bands, in samples
_BANDS = ((1.2, 1.5), (3.6, 2.0))
_FLOOR = 0.8  # luma: below, there is only rounding noise
_OUTLIER = 2.5  # times the local activity: an edge is the picture's own
_POWER = 0.8  # of the local variance: measured best over sixteen attacks
_SMOOTH = 3.0  # bins: over how much the spectrum is averaged
_PEAK = 3.0  # times the median: a lone spectral line is the picture's own


def canonical_size(width: int, height: int, side: float = SIDE) -> tuple[int, int]:
    """Return (width, height) of the canonical plane: the picture's shape, of `side` squared."""
    scale = side / np.sqrt(width * height)
    return max(8, round(width * scale)), max(8, round(height * scale))


def shrink(luma: Plane, width: int, height: int) -> Plane:
    """Resize a plane; by area when smaller, so that nothing folds over."""
    if luma.shape == (height, width):
        return luma
    smaller = width < luma.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(luma, (width, height), interpolation=how), np.float32)


def level(luma: Plane) -> Plane:
    """Take away slow changes and make busy places as quiet as calm ones, in each of two bands."""
    above = luma
    total = np.zeros_like(luma)
    for edge, around in _BANDS:
        below = np.asarray(cv2.GaussianBlur(luma, (0, 0), edge), np.float32)
        band = above - below
        above = below
        activity = cv2.GaussianBlur(np.abs(band), (0, 0), around) + _FLOOR
        limit = _OUTLIER * activity
        np.clip(band, -limit, limit, out=band)
        total += band * activity ** (-2 * _POWER)
    return total


def whiten(plane: Plane) -> Plane:
    """Make all frequencies equally strong, so that no texture looks like a mark."""
    height, width = plane.shape
    spectrum = np.fft.rfft2(plane)
    power = np.abs(spectrum) ** 2
    # The half spectrum is laid out so that neighbours in it are neighbours in frequency.
    rolled = np.fft.fftshift(power, axes=0)
    smooth = cv2.GaussianBlur(rolled, (0, 0), _SMOOTH, borderType=cv2.BORDER_REFLECT_101)
    amplitude = np.sqrt(np.fft.ifftshift(smooth, axes=0)) + 1e-9
    spectrum /= amplitude
    size = np.abs(spectrum)
    limit = _PEAK * np.median(size)
    spectrum *= np.minimum(1.0, limit / (size + 1e-9))
    white = np.fft.irfft2(spectrum, s=(height, width))
    return np.asarray(white / (white.std() + 1e-9), np.float32)
