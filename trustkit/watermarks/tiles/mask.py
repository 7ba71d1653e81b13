"""How much of a mark each place of a picture can hide."""

from __future__ import annotations

import cv2
import numpy as np

from trustkit.watermarks import Plane

_FINE = 3.0  # samples: what is finer counts as texture, which hides a mark
_NEAR = 2.2  # samples over which texture is averaged
_POWER = 0.3  # of the activity: measured; stronger masking puts the mark where it is drowned
_EDGE = 2.5  # times the calmest activity near by: a mark beside an edge shows on the calm side
_BRIGHT, _DARK = 0.35, 0.45  # how much less is hidden at full white and at full black


def mask(luma: Plane) -> Plane:
    """Return the relative strength for each sample of a canonical plane of luma (0 to 255)."""
    fine = np.abs(luma - cv2.GaussianBlur(luma, (0, 0), _FINE))
    activity = cv2.GaussianBlur(fine, (0, 0), _NEAR)
    calm = cv2.erode(cv2.GaussianBlur(fine, (0, 0), _NEAR / 2), np.ones((7, 7), np.uint8))
    activity = np.minimum(activity, cv2.GaussianBlur(calm, (0, 0), _NEAR) * _EDGE + 1)
    off = ((luma - 128) / 128) ** 2
    light = 1 - np.where(luma > 128, _BRIGHT, _DARK) * off  # noqa: PLR2004  # middle grey
    strength = cv2.GaussianBlur((1 + activity) ** _POWER * light, (0, 0), _NEAR / 1.5)
    return np.asarray(strength, np.float32)
