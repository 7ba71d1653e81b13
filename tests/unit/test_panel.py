"""The panel: scores in, an answer out, with nobody's model and nobody's file."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.detectors import Answer, Kind, Part, Rate, Score, Threshold
from trustkit.detectors.course import Look, inserted, pooled, spans
from trustkit.detectors.panel import TELLS, Judgement, Member, Opinion, judge, percent

LIMITS = tuple(
    Threshold(asked, score, Rate(asked, asked / 2, 2 * asked, 1870))
    for asked, score in ((0.05, 1.0), (0.01, 2.0), (0.001, 3.0))
)
LEAD = Member("lead", "1", Kind.IMAGE, LIMITS, Rate(0.48, 0.44, 0.52, 2100))
OTHER = Member("other", "2", Kind.IMAGE, LIMITS)
scores = st.floats(-6, 6) | st.just(math.nan)


def score(value: float, ratio: float = 5.0, reason: str = "") -> Score:
    return Score(value, 2.0, ratio, not reason, reason)


def answer(*values: float, rate: float = 0.01, again: float | None = None) -> Judgement:
    opinions = [
        Opinion(member, score(value, math.exp(2 * value)))
        for member, value in zip((LEAD, OTHER, OTHER), values, strict=False)
    ]
    return judge(opinions, rate, (lambda: score(again)) if again is not None else None)


def test_a_rate_that_was_not_measured_gets_no_answer() -> None:
    made = answer(5.0, rate=0.02)

    assert made.answer is Answer.NOT_CHECKED
    assert "2 % false positives" in made.reason


def test_what_is_no_number_is_never_an_answer() -> None:
    assert answer(math.nan).answer is Answer.INCONCLUSIVE
    assert answer(4.0, again=math.nan).answer is Answer.INCONCLUSIVE
    assert judge([Opinion(LEAD, score(4.0, math.inf))]).answer is Answer.INCONCLUSIVE


def test_out_of_the_domain_no_score_counts() -> None:
    made = judge([Opinion(LEAD, score(9.0, reason="a side of 12 pixels"))])

    assert made.answer is Answer.INCONCLUSIVE
    assert "a side of 12 pixels" in made.sentence


def test_what_a_detector_is_not_for_is_not_checked() -> None:
    music = Score(9.0, 2.0, 9.0, False, "0.1 seconds of voice", applies=False)

    assert judge([Opinion(LEAD, music)]).answer is Answer.NOT_CHECKED


@pytest.mark.parametrize(("rate", "likely"), [(0.05, 1.0), (0.01, 2.0), (0.001, 3.0)])
def test_each_rate_has_its_threshold_and_doubt_below_it(rate: float, likely: float) -> None:
    assert answer(likely, rate=rate).answer is Answer.LIKELY
    assert answer(likely - 0.01, rate=rate).answer is (
        Answer.UNLIKELY if rate == 0.05 else Answer.INCONCLUSIVE
    )
    assert answer(0.99, rate=rate).answer is Answer.UNLIKELY


@pytest.mark.parametrize(
    ("ratio", "said"), [(4.9, Answer.INCONCLUSIVE), (TELLS, Answer.LIKELY), (60.0, Answer.LIKELY)]
)
def test_an_alarm_that_tells_little_is_none(ratio: float, said: Answer) -> None:
    made = judge([Opinion(LEAD, score(9.0, ratio))])

    assert made.answer is said
    assert ("says too little" in made.sentence) is (said is Answer.INCONCLUSIVE)


def test_an_alarm_that_tells_little_costs_no_second_look() -> None:
    def never() -> Score:
        raise AssertionError("nobody asked for it")

    assert judge([Opinion(LEAD, score(9.0, 2.0))], 0.01, never).answer is Answer.INCONCLUSIVE


def test_only_an_answer_that_would_be_likely_costs_a_second_look() -> None:
    def never() -> Score:
        raise AssertionError("nobody asked for it")

    for value in (-3.0, 1.5):
        assert judge([Opinion(LEAD, score(value))], look_again=never).again is None
    against = [Opinion(LEAD, score(4.0)), Opinion(OTHER, score(-4.0, 0.01))]
    assert judge(against, look_again=never).answer is Answer.INCONCLUSIVE


def test_an_answer_has_to_outlast_the_second_look() -> None:
    assert answer(4.0, again=1.2).answer is Answer.LIKELY
    flipped = answer(4.0, again=0.9)
    assert (flipped.answer, flipped.again) == (Answer.INCONCLUSIVE, 0.9)


def test_others_can_only_make_the_lead_doubt() -> None:
    assert answer(-4.0, 2.9).answer is Answer.UNLIKELY
    assert answer(-4.0, 3.1).answer is Answer.INCONCLUSIVE
    assert answer(4.0, -1.1).answer is Answer.LIKELY
    assert answer(4.0, -1.2).answer is Answer.INCONCLUSIVE
    stranger = Opinion(OTHER, score(-6.0, 0.001, "elsewhere"))
    assert judge([Opinion(LEAD, score(4.0)), stranger]).answer is Answer.LIKELY


@given(scores, st.lists(scores, max_size=2), scores)
def test_nobody_but_the_lead_ever_finds_indications(
    lead: float, others: list[float], again: float
) -> None:
    alone, beside = answer(lead, again=again), answer(lead, *others, again=again)

    assert beside.answer in {alone.answer, Answer.INCONCLUSIVE}
    assert not {"real", "fake", "authentic"} & set(beside.sentence.split())


@given(scores, scores)
def test_every_number_comes_with_how_often_it_is_wrong(lead: float, other: float) -> None:
    made = answer(lead, other)

    if made.answer is not Answer.INCONCLUSIVE:
        assert "counted)" in made.sentence
    if "finds indications of" in made.sentence:
        assert "wrong about 1 % (0.5 to 2 %, 1,870 counted)" in made.sentence


def test_a_doubt_tells_both_thresholds_and_how_often_each_is_wrong() -> None:
    made = answer(1.5)

    assert made.answer is Answer.INCONCLUSIVE
    assert "the threshold that 5 % (2.5 to 10 %, 1,870 counted) of other pictures reach" in (
        made.sentence
    )
    assert "that 1 % (0.5 to 2 %, 1,870 counted) reach" in made.sentence


def test_shares_are_told_in_two_digits() -> None:
    told = {0.0: "0", 0.00063: "0.063", 0.0098: "0.98", 0.01: "1", 0.4812: "48", 1.0: "100"}
    assert {share: percent(share) for share in told} == told


def looks(*values: float, strange: int = 0) -> list[Look]:
    known = [Look((float(n),), score(value)) for n, value in enumerate(values)]
    reason = "almost nothing to see"
    return known + [Look((50.0 + n,), score(9.0, reason=reason)) for n in range(strange)]


def test_a_film_is_what_its_middle_frame_is() -> None:
    assert pooled(looks(1, 2, 9, 9, 1)).value == 2
    assert pooled(looks(1, 9)).value == 1  # the lower of two: never more than was measured
    assert pooled(looks(0.5, 0.6, 0.7, strange=3)).value == 0.6


def test_where_most_frames_are_strange_the_whole_film_is() -> None:
    made = pooled(looks(5.0, strange=4))

    assert not made.in_domain
    assert made.reason == "in 4 of 5 places almost nothing to see"


def test_excerpts_without_a_voice_say_nothing_about_those_with_one() -> None:
    silent = [Look((9.0 + n, 10.0 + n), Score(0, 2, 1, False, "0 s", applies=False))
              for n in range(9)]  # fmt: skip
    assert pooled([*looks(3.0), *silent]).value == 3.0
    assert not pooled(silent).applies


def test_what_nobody_heard_between_two_excerpts_is_in_no_span() -> None:
    places = [(0.0, 4.0), (2.0, 6.0), (600.0, 604.0), (604.0, 608.0)]

    assert spans([Part(place, 3.0) for place in places], 2.0) == [(0.0, 6.0), (600.0, 608.0)]


def test_spans_go_from_look_to_look() -> None:
    parts = [Part((float(n),), value) for n, value in enumerate((0, 3, 3, 0, 3, 0, 0, 0))]

    assert spans(parts, 2.0) == [(1.0, 2.0), (4.0, 4.0)]
    assert len(inserted(parts, 2.0)) == 3
    assert inserted([*parts, *parts[:1] * 5], 2.0) == []
