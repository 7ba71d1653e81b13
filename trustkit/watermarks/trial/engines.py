"""An engine of planes as trials want it: on pictures in memory, and on clips in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.asset import open_asset
from trustkit.media.film import Film
from trustkit.media.film.look import look
from trustkit.watermarks import Array, Mark, Plane, Search
from trustkit.watermarks.files import mark_file
from trustkit.watermarks.film import read_film
from trustkit.watermarks.trial.clips import Measures

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # Rec. 601
_RGB = 3


@dataclass(frozen=True)
class OnPictures:
    """The engine on arrays; it also tells how near it came where it read nothing."""

    engine: Any
    kind = "image"

    @property
    def name(self) -> str:
        """See `Watermark`."""
        return str(self.engine.name)

    @property
    def capacity(self) -> int:
        """See `Watermark`."""
        return int(self.engine.capacity)

    def embed(self, array: Array, payload: bytes) -> Array:
        """See `Watermark`."""
        marked: Array = self.engine.embed(array, payload)
        return marked

    def detect(self, array: Array, search: Search = Search.NORMAL) -> Mark | None:
        """See `Watermark`."""
        mark: Mark | None = self.engine.detect(array, search)
        return mark

    def look(self, array: Array, search: Search) -> tuple[Mark | None, float]:
        """See `Looking`; for 8-bit pictures."""
        luma: Plane = array.astype(np.float32)
        if array.ndim == _RGB:
            luma = luma[..., :_RGB] @ _LUMA
        height, width = luma.shape
        plane = self.engine.observe(luma)
        seen: tuple[Mark | None, float] = self.engine.look(plane, search, (width, height))
        return seen


@dataclass(frozen=True)
class OnClips:
    """The engine on files of clips, marked with the usual settings of their codec."""

    engine: Any

    @property
    def name(self) -> str:
        """See `ClipEngine`."""
        return str(self.engine.name)

    @property
    def capacity(self) -> int:
        """See `ClipEngine`."""
        return int(self.engine.capacity)

    def embed(self, source: Path, target: Path, payload: bytes) -> Measures:
        """See `ClipEngine`; a mark that does not hold is written all the same, to be counted."""
        asset = open_asset(source, source.name)
        made = mark_file(asset, target, self.engine, payload, allow_weak=True)
        film = look(target)
        return Measures(film.width, film.height, _frames(film), made.psnr, made.ssim)

    def detect(self, path: Path, search: Search) -> tuple[Mark | None, Measures]:
        """See `ClipEngine`."""
        film = look(path)
        mark = read_film(path, self.engine, search)
        return mark, Measures(film.width, film.height, _frames(film))


def _frames(film: Film) -> int:
    return max(1, round((film.seconds or 0.0) * float(film.rate)))
