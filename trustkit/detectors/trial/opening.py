"""A file as the array that a detector takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trustkit.asset import open_asset
from trustkit.detectors import Array, Kind
from trustkit.errors import UnreadableError
from trustkit.media.rgb import rgb
from trustkit.media.sound.look import look
from trustkit.media.sound.samples import blocks

MAX_PIXELS = 64_000_000
MAX_SECONDS = 60.0  # of a sound, from its start: so many are heard whole, see `detectors.heard`


def read_array(path: Path, kind: Kind, rate: int) -> Array:
    """Return a picture as shown, (height, width, 3) RGB, or a sound's samples at `rate` Hz, mono.

    Raises `UnreadableError` for what cannot be decoded, is too large, or is of another kind.
    """
    asset = open_asset(path, path.name)
    if asset.kind != kind.value and not (kind is Kind.AUDIO and asset.kind == "video"):
        raise UnreadableError(f"{path.name} is {asset.media_type}, and this detector is for {kind}")
    if kind is Kind.IMAGE:
        with asset.open() as stream:
            return rgb(stream, asset.media_type, asset.name, MAX_PIXELS)
    sound = look(path)[0]
    found = blocks(path, sound, rate=rate, mono=True, seconds=MAX_SECONDS)
    pieces = [block[0] for block in found]
    if not pieces:
        raise UnreadableError(f"{path.name} holds no sound")
    return np.asarray(np.clip(np.concatenate(pieces), -1, 1), np.float32)
