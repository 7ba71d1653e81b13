"""Is this like anything that was measured? A detector that does not know says so."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from trustkit.detectors.card import AudioDomain, ImageDomain
from trustkit.detectors.views import Pixels
from trustkit.detectors.windows import Heard

_BLOCK = 8
_FLAT = 2.0  # levels of 255: the deviation of luma under which a block shows nothing


def unfit_size(domain: ImageDomain, width: int, height: int) -> str:
    """Tell why a picture of this size is not judged; "" when it is."""
    short, long = sorted((width, height))
    if short < domain.min_side:
        return f"a side of {short} pixels: under {domain.min_side} nothing was measured"
    if long > domain.max_aspect * short:
        return f"{long / short:.1f} times as long as wide: over {domain.max_aspect:g} nothing was"
    return ""


def detail(crops: Iterable[Pixels]) -> float:
    """Return the share of blocks of 8 x 8 pixels that show more than an even tone."""
    shares = []
    for crop in crops:
        luma = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
        rows, columns = (side // _BLOCK for side in luma.shape)
        blocks = luma[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
        shares.append(float((blocks.std((1, 3)) >= _FLAT).mean()))
    return float(np.mean(shares))


def picture_reason(domain: ImageDomain, crops: Iterable[Pixels], distance: float | None) -> str:
    """Tell why the content of a picture is not judged; "" when it is."""
    if domain.min_detail > 0 and (found := detail(crops)) < domain.min_detail:
        return (
            f"almost nothing to see: detail in {found:.0%} of what was looked at, "
            f"{domain.min_detail:.0%} is needed"
        )
    return _far(domain.max_distance, distance)


def sound_reason(domain: AudioDomain, heard: Heard, distance: float | None) -> str:
    """Tell why a sound is not judged; "" when it is."""
    if heard.voice_s < domain.min_seconds:
        return f"{heard.voice_s:.1f} seconds of voice: {domain.min_seconds:g} are needed"
    if heard.bandwidth_hz < domain.min_bandwidth_hz:
        return (
            f"nothing above {heard.bandwidth_hz:,.0f} Hz: "
            f"{domain.min_bandwidth_hz:,.0f} Hz are needed"
        )
    return _far(domain.max_distance, distance)


def _far(most: float | None, distance: float | None) -> str:
    if most is not None and distance is not None and distance > most:
        return f"distance {distance:.2f} from what was measured, {most:g} is the most"
    return ""
