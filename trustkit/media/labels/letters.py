"""Letters as masks: drawn by ourselves, or from a font file of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageFont, features

from trustkit.errors import ConfigError, MissingBackendError
from trustkit.media.labels import Plane, strokes

_TRIED = 200  # pixels an em, at which a font is measured
_NOBODYS = "\U000fffff"  # a private character: what is drawn for it is drawn for all that lack
_MOST = 64 * 2**20  # bytes: the largest fonts, for Chinese, have some 25 MB


@dataclass(frozen=True)
class Letters:
    """A font: without a `path` our own, which has capitals alone (Latin, Greek, Bulgarian)."""

    path: Path | None = None

    def missing(self, text: str) -> str:
        """Return the characters of `text` that the font has no shape for."""
        if self.path is None:
            return strokes.missing(text)
        font = self._at(_TRIED)
        none = bytes(font.getmask(_NOBODYS))
        seen = (c for c in dict.fromkeys(text) if not c.isspace())
        return "".join(c for c in seen if bytes(font.getmask(c)) == none)

    def line(self, text: str, capital: float, *, bold: bool = False) -> tuple[Plane, int]:
        """Return `text` with capital letters of so many pixels, and the row of its base line.

        The mask, from 0 to 1, is as wide and high as its letters; what hangs below the base line
        begins with that row. Of the user's own font nothing is made bold.
        """
        if self.path is None:
            return strokes.line(text, capital, bold=bold)
        font = self._at(max(1.0, capital * self._em))
        mask, (_, top) = font.getmask2(text, "L", anchor="ls")
        if not all(mask.size):
            return np.zeros((1, 1), np.float32), 1
        drawn = np.frombuffer(bytes(mask), np.uint8).reshape(mask.size[1], mask.size[0])
        columns, rows = (np.flatnonzero(drawn.any(axis)) for axis in (0, 1))
        tight = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return tight.astype(np.float32) / np.float32(255), -int(top) - int(rows[0])

    @cached_property
    def _em(self) -> float:
        """How many pixels an em has for one of a capital letter's height."""
        _, top, _, bottom = self._at(_TRIED).getbbox("H", anchor="ls")
        return float(_TRIED / max(1.0, bottom - top))

    def _at(self, size: float) -> Any:
        if not features.check("freetype2"):
            raise MissingBackendError(
                "this Pillow reads no fonts: it is built without FreeType",
                "pip install --force-reinstall pillow",
            )
        path = self.path or Path()
        try:
            if path.stat().st_size > _MOST:
                raise ConfigError(f"{path} is too large for a font", "name a TTF or OTF file")
            return ImageFont.truetype(str(path), size)
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be used as a font: {error.strerror or error}",
                "name a TTF or OTF file",
            ) from error
