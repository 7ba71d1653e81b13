"""What was done to a copy before it came here: cut, turned, made small, played faster."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustkit.asset import Asset
from trustkit.record import Record

if TYPE_CHECKING:
    from trustkit.watermarks import Mark

# Below these the mark itself does not tell: see `watermark detect`.
_TURN, _SQUEEZE, _TEMPO, _PITCH, _SIZE, _CUT = 0.5, 0.01, 0.003, 0.5, 0.03, 0.95
_WHOLE, _UPRIGHT = 0.9, 2.0
_HALF = 0.45  # of the area: of less a fingerprint too often says nothing


@dataclass(frozen=True, slots=True)
class Done:
    """How a copy lies on what was published; None where nothing tells.

    `crop` the share of the picture's area that is left, `rotation` in degrees counter-clockwise,
    `flip` a mirror image, `squeeze` width against height, `scale` the size against the published
    one (1: the same), `tempo` times as fast, `pitch` in semitones; `offset` seconds into the
    published piece at which the copy begins; `view` what the fingerprint says, in words.
    """

    crop: float | None = None
    rotation: float | None = None
    flip: bool | None = None
    squeeze: float | None = None
    scale: float | None = None
    tempo: float | None = None
    pitch: float | None = None
    offset: float | None = None
    view: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is known of it."""
        return self != Done()

    def facts(self) -> dict[str, Any]:
        """Return what is known, as JSON has it."""
        told = {
            "crop": self.crop,
            "rotation": self.rotation,
            "flip": self.flip,
            "squeeze": self.squeeze,
            "scale": self.scale,
            "tempo": self.tempo,
            "pitch": self.pitch,
            "offset": self.offset,
            "view": list(self.view) or None,
        }
        return {key: value for key, value in told.items() if value is not None}

    def words(self) -> Iterator[str]:
        """Yield what was done, each in a few words; nothing for a copy like the published one."""
        if self.crop is not None and self.crop < _CUT:
            yield f"about {100 * self.crop:.0f} % of the picture is left"
        if self.rotation is not None and abs(self.rotation) >= _TURN:
            yield f"turned by {self.rotation:.1f}°"
        if self.flip:
            yield "mirrored"
        if self.squeeze is not None and abs(self.squeeze - 1) >= _SQUEEZE:
            yield f"its width {self.squeeze:.2f} of what its height asks for"
        if self.scale is not None and abs(self.scale - 1) >= _SIZE:
            yield f"at about {100 * self.scale:.0f} % of its size"
        if self.tempo is not None and abs(self.tempo - 1) >= _TEMPO:
            yield f"{self.tempo:.3f} times as fast"
        if self.pitch is not None and abs(self.pitch) >= _PITCH:
            side = "higher" if self.pitch > 0 else "lower"
            yield f"{abs(self.pitch):.1f} semitones {side}"
        if self.offset is not None and self.offset > 0:
            yield f"from {self.offset:.1f} s of it on"
        yield from self.view


def done(
    asset: Asset,
    record: Record,
    *,
    mark: Mark | None = None,
    view: tuple[str, ...] = (),
    offset: float | None = None,
) -> Done:
    """Return what the mark, or else the fingerprint, tells of how `asset` was made of a record."""
    if mark is not None and mark.timing:
        return Done(tempo=mark.timing.tempo, pitch=mark.timing.pitch + 0.0, offset=offset)
    if mark is None:
        whole = not view and offset is None
        return Done(scale=_scale(asset, record, 1.0) if whole else None, offset=offset, view=view)
    seen = mark.geometry
    # Minus zero is nothing to tell anyone.
    return Done(
        crop=round(seen.crop, 3),
        rotation=round(seen.rotation, 2) + 0.0,
        flip=seen.flip,
        squeeze=round(seen.squeeze, 3),
        scale=_scale(asset, record, seen.crop),
    )


def looks_whole(copy: Done) -> bool:
    """Tell whether a mark says that the copy shows the whole picture, upright or mirrored."""
    if copy.crop is None or copy.rotation is None:
        return False
    quarter = abs(copy.rotation % 90)
    return copy.crop >= _WHOLE and min(quarter, 90 - quarter) < _UPRIGHT


def shows_half(copy: Done) -> bool:
    """Tell whether a mark says that the copy shows half of the picture, or more."""
    return copy.crop is not None and copy.crop >= _HALF


def _scale(asset: Asset, record: Record, crop: float) -> float | None:
    sizes = [
        source.get(side)
        for source in (asset.measures, record.measures)
        for side in ("width", "height")
    ]
    if not all(isinstance(side, int | float) and side > 0 for side in sizes) or crop <= 0:
        return None
    width, height, wide, high = (float(side) for side in sizes)  # type: ignore[arg-type]
    return round(math.sqrt(width * height / (crop * wide * high)), 2)
