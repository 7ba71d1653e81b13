"""Why a detector said so: where in a picture, and when in a film or a sound, its model saw it.

It shows where a model responded, not what was altered, and it proves no more than the score does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trustkit.detectors import Map

# What goes with every picture and every file made here.
SHOWS = "It shows where the model responded; not what was altered, and not who made what."
VARIES = "Parts pass the threshold more often than the whole does: a few of them mean nothing."


class Way(StrEnum):
    """How a map was made."""

    MODEL = "model"
    PARTS = "parts"
    COVERED = "covered"


MADE = {
    Way.MODEL: "the model's own score for each place",
    Way.PARTS: "windows of the picture, each scored alone; where they overlap, the mean",
    Way.COVERED: "how much the detector's score falls when the place is covered with blur",
}


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A number for each place of a picture; `frame` is where the places lie.

    `scores` are (rows, columns), NaN where nothing was looked at. `centre` is what counts as
    neither: the threshold, or where places were covered 0. `reach` is how far from it the colours
    go. The frame is left, top, right and bottom in pixels of the picture as shown.
    """

    scores: Map
    way: Way
    centre: float
    reach: float
    frame: tuple[float, float, float, float]
