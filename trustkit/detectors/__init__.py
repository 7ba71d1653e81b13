"""Detectors: what an array looks like to a model that was measured, and how often it errs.

The weakest evidence there is: a score is a lead for a person and proves nothing (docs/adr/0031).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Map = NDArray[np.float32]


class Kind(StrEnum):
    """What a detector looks at: pictures (and so the frames of films) or sound."""

    IMAGE = "image"
    AUDIO = "audio"


class Answer(StrEnum):
    """The three answers, and why there is none."""

    LIKELY = "likely"
    UNLIKELY = "unlikely"
    INCONCLUSIVE = "inconclusive"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share that was counted: `count` of `total`, with a 95 % interval (`low` to `high`)."""

    value: float
    low: float
    high: float
    total: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """The score from which on a picture counts as indicated, and how often that is wrong.

    `asked` is the share of false positives it was set for (0.01: one in a hundred), `measured` what
    was counted on media of sources that neither the model nor the threshold had seen.
    """

    asked: float
    score: float
    measured: Rate


@dataclass(frozen=True, slots=True)
class Part:
    """One of the places that were looked at, and its score.

    Of a picture `place` is left, top, right and bottom in pixels of the picture as shown; of a
    sound the seconds from and to.
    """

    place: tuple[float, ...]
    score: float


@dataclass(frozen=True, slots=True)
class Score:
    """What one detector says of one array.

    `value` is a logit, pooled over `parts`: the higher, the more it is like what generators make.
    `likelihood_ratio` is how many times as likely such a score is among generated media as among
    others (calibrated on groups held out; not a probability of anything). Out of its domain a
    detector still tells its score, and `reason` says what is unlike all that it was measured on.
    Where the media is of no kind it is for at all (music, for one that listens to voices),
    `applies` is false as well.
    """

    value: float
    threshold: float
    likelihood_ratio: float
    in_domain: bool = True
    reason: str = ""
    parts: tuple[Part, ...] = ()
    applies: bool = True


class Detector(Protocol):
    """A model that knows arrays, and neither files nor findings.

    Pictures are (height, width, 3) RGB of uint8, as shown; sounds are (samples,) float32 from -1 to
    1, mono, at `rate` Hz.
    """

    @property
    def name(self) -> str:
        """The name, as in `models list` and in a finding's source."""

    @property
    def version(self) -> str:
        """The version of model and card, as in a finding's source."""

    @property
    def kind(self) -> Kind:
        """What it looks at."""

    @property
    def rate(self) -> int:
        """The sampling rate it listens at, in Hz; 0 of a detector of pictures."""

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """The thresholds, from the most to the fewest false positives."""

    def unfit(self, width: int, height: int) -> str:
        """Tell from the size alone (pixels as shown) why it cannot judge a picture; "" when it can.

        So that a picture need not be decoded, nor a model loaded, to be told so.
        """

    def score(self, array: Array) -> Score:
        """Return what it says of a picture or of a sound.

        Raises `UnreadableError` for an array it cannot look at at all, and `ConfigError` when its
        model was changed.
        """

    def map(self, array: Array) -> Map | None:
        """Return a score for each place: rows and columns of a picture, steps of a sound.

        None where it cannot tell places apart. Slower than `score`; for people who ask why.
        """
