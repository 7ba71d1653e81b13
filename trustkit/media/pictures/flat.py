"""Rows of any layout and depth as a viewer shows them: RGB of 8 bits, laid on white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trustkit.media.pictures.spread import Canvas, Rows

_GREY = 2  # dimensions of rows without channels
_WHITE = 255.0


def flat(rows: Rows, canvas: Canvas) -> NDArray[np.uint8]:
    """Return (n, width, 3) of uint8; inks are turned to light as if they were ideal."""
    layout = canvas.layout
    if layout == "RGB" and rows.dtype == np.uint8:
        return rows.astype(np.uint8, copy=False)
    values = rows.astype(np.float32) * np.float32(_WHITE / canvas.full)
    if values.ndim == _GREY:
        values = values[..., None]
    if layout == "CMYK":
        values = (_WHITE - values[..., :3]) * (_WHITE - values[..., 3:]) / np.float32(_WHITE)
        layout = "RGB"
    colours = layout.removesuffix("A")
    light = values[..., : len(colours)]
    if colours == "BGR":
        light = light[..., ::-1]
    if layout.endswith("A"):
        alpha = values[..., -1:] / np.float32(_WHITE)
        light = light * alpha + np.float32(_WHITE) * (1 - alpha)
    whole = np.clip(np.rint(light), 0, _WHITE).astype(np.uint8)
    return np.repeat(whole, 3, axis=2) if colours == "L" else whole
