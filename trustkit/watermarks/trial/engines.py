"""A picture engine as trials of clips want it: on files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustkit.asset import open_asset
from trustkit.media.film import Film
from trustkit.media.film.look import look
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.files import mark_file
from trustkit.watermarks.film import read_film
from trustkit.watermarks.trial.clips import Measures


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
