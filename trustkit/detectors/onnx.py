"""Any model that has a card, run with onnxruntime: one crop or one window at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trustkit.detectors import Array, Kind, Map, Part, Score, Threshold
from trustkit.detectors.base import Tower, open_tower
from trustkit.detectors.card import MAX_MODEL, MODEL, ImageInput, PictureCard, SoundCard
from trustkit.detectors.domain import picture_reason, sound_reason, unfit_size
from trustkit.detectors.reading import read_verified
from trustkit.detectors.session import CPU, open_session, run
from trustkit.detectors.views import View, tensor, tiles, views
from trustkit.detectors.windows import grid, levelled, listen
from trustkit.errors import ConfigError, UnreadableError

MOST_ASPECT = 64.0  # sides to each other; enlarging a longer strip would fill the memory
MOST_TILES = 64  # of a heat map
_CHANNELS = 3


class OnnxDetector:
    """A detector that is a folder: its card, and a model that is loaded at the first score.

    `base` is the file of the frozen model it sits on; by default it is looked for.
    """

    def __init__(
        self,
        card: PictureCard | SoundCard,
        folder: Path,
        device: str = CPU,
        base: Path | None = None,
    ) -> None:
        self.card = card
        self.folder = folder
        self.device = device
        self._base = base

    @property
    def name(self) -> str:
        """See `Detector`."""
        return self.card.name

    @property
    def version(self) -> str:
        """The version of the card, as in a finding's source."""
        return self.card.version

    @property
    def kind(self) -> Kind:
        """See `Detector`."""
        return self.card.medium

    @property
    def rate(self) -> int:
        """See `Detector`."""
        return self.card.input.rate if isinstance(self.card, SoundCard) else 0

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """See `Detector`."""
        return self.card.thresholds

    def unfit(self, width: int, height: int) -> str:
        """See `Detector`."""
        return (
            unfit_size(self.card.domain, width, height)
            if isinstance(self.card, PictureCard)
            else ""
        )

    def score(self, array: Array) -> Score:
        """See `Detector`."""
        if isinstance(self.card, PictureCard):
            return self._see(_picture(array), self.card)
        return self._hear(_sound(array), self.card)

    def map(self, array: Array) -> Map | None:
        """See `Detector`.

        Of a picture what the card's `output.map` gives for tiles over all of it; of a sound the
        score of every window, with a voice or not. None where the card names no map.
        """
        if isinstance(self.card, SoundCard):
            sound, wanted = _sound(array), self.card.input
            length = round(wanted.window_s * wanted.rate)
            pieces = (np.resize(sound[at : at + length], length) for at in grid(len(sound), wanted))
            steps = [self._window(levelled(piece, wanted.level_dbfs)) for piece in pieces]
            return np.array([score for score, _ in steps], np.float32)
        if self.card.output.map is None:
            return None
        picture = _picture(array)
        return _mosaic(
            [(view, self._places(view)) for view in tiles(picture, self.card.input, MOST_TILES)],
            picture.shape[:2],
        )

    def check(self) -> None:
        """Open the model and try it on an even grey picture, or on silence; raises if it fails."""
        if isinstance(self.card, PictureCard):
            side = max(self.card.domain.min_side, self.card.input.size)
            grey = np.full((side, side, 3), 128, np.uint8)
            self.score(grey)
            self.map(grey)
        else:
            self.score(np.zeros(round(self.card.input.window_s * self.rate), np.float32))

    def _see(self, picture: Array, card: PictureCard) -> Score:
        seen = views(picture, card.input)
        answers = [self._crop(view, card.input) for view in seen]
        parts = tuple(Part(v.place, s) for v, (s, _) in zip(seen, answers, strict=True))
        reason = self.unfit(picture.shape[1], picture.shape[0]) or picture_reason(
            card.domain, [view.pixels for view in seen], _middle([far for _, far in answers])
        )
        return self._told(parts, reason)

    def _hear(self, sound: Array, card: SoundCard) -> Score:
        heard = listen(sound, card.input)
        answers = [self._window(window.samples) for window in heard.windows]
        parts = tuple(Part(w.place, s) for w, (s, _) in zip(heard.windows, answers, strict=True))
        reason = sound_reason(card.domain, heard, _middle([far for _, far in answers]))
        # Too little voice: music, noise or silence, which it was never for.
        return replace(self._told(parts, reason), applies=heard.voice_s >= card.domain.min_seconds)

    def _told(self, parts: tuple[Part, ...], reason: str) -> Score:
        value = self.card.pooling([part.score for part in parts])
        threshold = self.card.threshold_at(0.01).score
        return Score(
            value, threshold, self.card.calibration.ratio(value), not reason, reason, parts
        )

    def _crop(self, view: View, wanted: ImageInput) -> tuple[float, float | None]:
        return self._answer(tensor(view.pixels, wanted))

    def _window(self, samples: Array) -> tuple[float, float | None]:
        return self._answer(np.ascontiguousarray(samples[None], np.float32))

    def _answer(self, fed: Array) -> tuple[float, float | None]:
        # One at a time: a model in integers scales by all that it is fed at once, so that a score
        # would depend on its neighbours.
        output = self.card.output
        names = [name for name in (output.score, output.distance) if name]
        found = [self._number(value, name)
                 for name, value in zip(names, self._run(fed, names), strict=True)]  # fmt: skip
        return found[0], found[1] if output.distance else None

    def _places(self, view: View) -> Map:
        name = self.card.output.map
        assert name is not None  # noqa: S101  # for the type checker: asked by `map`
        assert isinstance(self.card, PictureCard)  # noqa: S101  # likewise
        found = np.asarray(self._run(tensor(view.pixels, self.card.input), [name])[0], np.float32)
        rows = found.reshape(found.shape[-2:]) if _is_flat(found) else None
        if rows is None or not np.isfinite(rows).all():
            raise ConfigError(
                f"{self._shown} gives no map of finite numbers as {name}", "see docs/models.md"
            )
        return rows

    def _run(self, fed: Array, names: list[str]) -> list[Any]:
        inner = self._tower.run(fed) if self._tower else [fed]
        return run(self._session, dict(zip(self._inputs, inner, strict=True)), names, self._shown)

    def _number(self, value: Any, name: str) -> float:
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind != "f":
            raise ConfigError(
                f"{self._shown} gives {array.size} numbers as {name}, where one of float is meant",
                "see docs/models.md",
            )
        number = float(array.reshape(()))
        if not math.isfinite(number):
            raise UnreadableError(
                f"{self._shown} gives {number} as {name}: that is no score", "report it"
            )
        return number

    @property
    def _shown(self) -> str:
        return f"the model of {self.name}"

    @cached_property
    def _session(self) -> Any:
        model = read_verified(self.folder / MODEL, self.card.files[MODEL], MAX_MODEL)
        return open_session(model, self._shown, self.device)

    @cached_property
    def _tower(self) -> Tower | None:
        if self.card.base is None:
            return None
        return open_tower(self.card.base, self.name, self.device, self._base)

    @cached_property
    def _inputs(self) -> list[str]:
        inputs = [entry.name for entry in self._session.get_inputs()]
        wanted = len(self.card.base.outputs) if self.card.base else 1
        outputs = {entry.name for entry in self._session.get_outputs()}
        output = self.card.output
        if len(inputs) != wanted:
            raise ConfigError(
                f"{self._shown} takes {len(inputs)} inputs, its card gives it {wanted}",
                "see docs/models.md",
            )
        for name in (output.score, output.map, output.distance):
            if name and name not in outputs:
                raise ConfigError(
                    f"{self._shown} has no output named {name}",
                    f"it has {', '.join(sorted(outputs))}",
                )
        return inputs


def _picture(array: Array) -> Array:
    if array.dtype != np.uint8 or array.ndim != _CHANNELS or array.shape[2] != _CHANNELS:
        raise UnreadableError("a picture is rows of red, green and blue of 8 bits", "convert it")
    short, long = sorted(array.shape[:2])
    if short < 1 or long > MOST_ASPECT * short:
        raise UnreadableError(f"{array.shape[1]} x {array.shape[0]} is no picture to judge", "")
    return array


def _sound(array: Array) -> Array:
    if array.dtype != np.float32 or array.ndim != 1 or not len(array):
        raise UnreadableError("a sound is one row of float32 samples", "convert it")
    if not np.isfinite(array).all():
        raise UnreadableError("the sound holds samples that are no numbers", "decode it anew")
    return array


def _middle(distances: list[float | None]) -> float | None:
    known = [distance for distance in distances if distance is not None]
    return float(np.median(known)) if known else None


def _is_flat(found: Map) -> bool:
    return found.ndim >= 2 and math.prod(found.shape[:-2]) == 1 and found.size > 0  # noqa: PLR2004


def _mosaic(pieces: list[tuple[View, Map]], shape: tuple[int, int]) -> Map:
    # As fine as one tile's map, over the whole picture; where tiles overlap their mean.
    first, rows = pieces[0][0].place, pieces[0][1]
    height, width = shape
    high = max(1, round(height / ((first[3] - first[1]) / rows.shape[0])))
    wide = max(1, round(width / ((first[2] - first[0]) / rows.shape[1])))
    total, count = np.zeros((high, wide), np.float32), np.zeros((high, wide), np.float32)
    for view, found in pieces:
        left, top = (min(round(view.place[0] / width * wide), wide - 1),
                     min(round(view.place[1] / height * high), high - 1))  # fmt: skip
        part = found[: high - top, : wide - left]
        total[top : top + part.shape[0], left : left + part.shape[1]] += part
        count[top : top + part.shape[0], left : left + part.shape[1]] += 1
    # NaN between the tiles of a picture that has too many: nobody looked there.
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
