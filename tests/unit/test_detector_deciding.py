"""A trial answers as the panel does: what tells too little is no indication there either."""

from __future__ import annotations

import math

import pytest

from trustkit.detectors import Answer
from trustkit.detectors.panel import TELLS
from trustkit.detectors.trial.deciding import CARD, Cut, answered
from trustkit.detectors.trial.index import Row
from trustkit.detectors.trial.result import WHY, Observation

CUT = Cut(CARD, by_source=False, of_fold={0.01: {"": 2.0}, 0.05: {"": 1.0}})
ROWS = {"a.png": Row("a.png", 1, "generator", "", "")}


@pytest.mark.parametrize(
    ("score", "ratio", "answer", "why"),
    [
        (3.0, TELLS - 0.1, Answer.INCONCLUSIVE, "weak"),
        (3.0, TELLS, Answer.LIKELY, ""),
        (3.0, math.nan, Answer.LIKELY, ""),
        (1.5, 100.0, Answer.INCONCLUSIVE, "band"),
        (0.5, 100.0, Answer.UNLIKELY, ""),
    ],
)
def test_scores_that_were_given_get_the_answers_of_the_panel(
    score: float, ratio: float, answer: Answer, why: str
) -> None:
    given = Observation("a.png", "clean", score, math.log(ratio), Answer.NOT_CHECKED)

    (made,) = answered([given], ROWS, CUT)

    assert (made.answer, made.why) == (answer, why)
    assert not why or why in WHY
