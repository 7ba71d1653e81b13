"""Intervals against published values, and means that count what they say."""

from __future__ import annotations

import pytest

from trustkit.watermarks.trial.count import tally, upper_bound, wilson
from trustkit.watermarks.trial.result import (
    About,
    Cell,
    Frames,
    Marked,
    Outcome,
    Result,
    Unmarked,
)

LARGE, SMALL = (1000, 500), (700, 700)


def marked(name: str, size: tuple[int, int], *outcomes: Outcome, psnr: float = 44.0) -> Marked:
    cells = tuple(
        Cell(attack, outcome, 500_000, 0.02)
        for attack, outcome in zip(("none", "jpeg30", "cc10"), outcomes, strict=False)
    )
    quality = {"psnr": psnr, "ssim": 0.99}
    return Marked(name, "0" * 64, Frames(*size), b"12345678", quality, 0.03, cells)


def trial(*pictures: Marked, unmarked: tuple[Unmarked, ...] = ()) -> Result:
    attacks = (
        About("none", "forty", "nothing"),
        About("jpeg30", "forty", "JPEG"),
        About("cc10", "extra", "a crop"),
    )
    return Result({"name": "e"}, 1, attacks, pictures, unmarked)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_is_what_was_published(count: int, of: int, low: float, high: float) -> None:
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


def test_nothing_tried_says_nothing() -> None:
    assert wilson(0, 0) == (0, 1)
    assert upper_bound(0, 0) == 1
    counted = tally(Result({"name": "e"}, 1, ()))
    assert counted.mean.every.value is None
    assert counted.psnr is None
    assert counted.chance.bound == 1


def test_none_found_is_the_rule_of_three_and_some_found_is_more() -> None:
    assert upper_bound(0, 2000) == pytest.approx(3 / 2000, rel=5e-3)
    assert upper_bound(0, 241) == pytest.approx(0.0124, abs=5e-5)
    assert upper_bound(1, 2000) > upper_bound(0, 2000)


def test_rows_count_what_came_back() -> None:
    got, none, wrong = Outcome.RECOVERED, Outcome.UNREADABLE, Outcome.WRONG
    counted = tally(
        trial(
            marked("a", LARGE, got, got, Outcome.SECOND),
            marked("b", SMALL, got, wrong, none, psnr=41.0),
            marked("c", SMALL, none, none, Outcome.NOT_RUN),
        )
    )

    first, second, third = counted.rows
    assert (first.every.count, first.every.of) == (2, 3)
    assert (first.large.count, first.large.of) == (1, 1)
    assert (first.small.count, first.small.of) == (1, 2)
    assert (second.wrong, third.second, third.not_run, third.every.of) == (1, 1, 1, 2)
    assert first.cost == pytest.approx(0.04)
    assert counted.wrong == 1
    assert counted.psnr == pytest.approx((43.0, 41.0))
    # (2/2 + 1/2 + 0/2) of 3 pictures, over the forty alone: cc10 is none of them.
    assert counted.mean.every.value == pytest.approx(0.5)
    assert counted.mean.large.value == 1
    assert counted.mean.small.value == pytest.approx(0.25)
    assert counted.mean.name == "mean of 2 of the forty"
    assert counted.embed_per_mp == pytest.approx(0.09 / 1.48)


def test_what_was_not_run_is_no_failure_and_no_success() -> None:
    counted = tally(trial(marked("a", LARGE, Outcome.RECOVERED, Outcome.NOT_RUN)))

    assert counted.mean.every.value == 1
    assert counted.rows[1].every.of == 0
    assert counted.rows[1].every.value is None


def test_a_mark_in_an_unmarked_picture_is_counted() -> None:
    seen = (
        Unmarked("a", "0" * 64, Frames(9, 9), 0.1, None, 4.5),
        Unmarked("b", "0" * 64, Frames(9, 9), 0.3, b"12345678", 9.0),
    )
    chance = tally(trial(unmarked=seen)).chance

    assert (chance.found, chance.of, chance.highest) == (1, 2, 9.0)
    assert (chance.cpu_mean, chance.cpu_worst) == pytest.approx((0.2, 0.3))
    assert chance.bound > 0.5
