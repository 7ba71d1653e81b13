"""From band energies to a plane in which a faint mark stands out of what is said or played."""

from __future__ import annotations

import cv2
import numpy as np

from trustkit.watermarks import Plane

_QUIETEST = 50.0  # dB below the mean: what is softer is taken to be no louder
_SLOW = (3.0, 2.0)  # rows and bands: what changes slower is the sound's own shape
_AROUND = (6.0, 3.0)  # rows and bands over which restlessness is averaged
_FLOOR = 0.3  # dB
_OUTLIER = 4.5  # times the local restlessness: an onset is the sound's own
_POWER = 0.6  # of the local variance: what is restless is trusted less
_FAINT, _CLEAR = 0.2, 5.0  # of its weight, what is at a band's own ground; dB above it for all
_GROUND = 15  # per cent of the time a band is softer: noise, if there is any, that has no mark
_NEAR = (3.0, 1.0)  # rows and bands over which loudness is averaged before it is compared
_SMOOTH = (0.008, 1.0)  # of the spectrum's bins in time, and bins in frequency


def loudness(energies: Plane) -> Plane:
    """Return energies in dB, with a floor far below the mean."""
    mean = float(energies.mean()) + 1e-20
    return np.asarray(10 * np.log10(energies + mean * 10 ** (-_QUIETEST / 10)), np.float32)


def ripple(loud: Plane, slow: tuple[float, float] = _SLOW) -> Plane:
    """Return what in a plane in dB changes faster than over `slow` rows and bands."""
    return np.asarray(loud - _blurred(loud, slow), np.float32)


def restlessness(rippled: Plane, around: tuple[float, float] = _AROUND) -> Plane:
    """Return how much a rippled plane changes within `around` rows and bands, in dB."""
    return np.asarray(_blurred(np.abs(rippled), around) + _FLOOR, np.float32)


def observe(energies: Plane) -> Plane:
    """Return a white plane (rows, bands) from `energies` of the same shape."""
    loud = loudness(energies)
    rippled = ripple(loud)
    around = restlessness(rippled)
    limit = _OUTLIER * around
    levelled = np.clip(rippled, -limit, limit) * around ** (-2 * _POWER)
    return _whitened(np.asarray(levelled * _clarity(loud), np.float32))


def _clarity(loud: Plane) -> Plane:
    near = _blurred(loud, _NEAR)
    above = (near - np.percentile(near, _GROUND, axis=0)) / _CLEAR
    return np.asarray(_FAINT + (1 - _FAINT) * np.clip(above, 0, 1), np.float32)


def _blurred(plane: Plane, sigmas: tuple[float, float]) -> Plane:
    down, across = sigmas
    blurred = cv2.GaussianBlur(
        plane, (0, 0), sigmaX=across, sigmaY=down, borderType=cv2.BORDER_REFLECT_101
    )
    return np.asarray(blurred, np.float32)


def _whitened(plane: Plane) -> Plane:
    # Every frequency of the plane gets about the same strength: no rhythm looks like a mark.
    rows, bands = plane.shape
    size = (cv2.getOptimalDFTSize(rows), cv2.getOptimalDFTSize(bands))
    spectrum = np.fft.rfft2(plane, s=size)
    power = np.fft.fftshift((np.abs(spectrum) ** 2).astype(np.float32), axes=0)
    smooth = cv2.GaussianBlur(power, (0, 0), sigmaX=_SMOOTH[1], sigmaY=max(1.0, _SMOOTH[0] * rows))
    spectrum /= np.sqrt(np.fft.ifftshift(smooth, axes=0)) + 1e-9
    white = np.fft.irfft2(spectrum, s=size)[:rows, :bands]
    return np.asarray(white / (white.std() + 1e-9), np.float32)
