"""Figures, intervals and calibration of detectors, against values that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trustkit.detectors.trial import metrics
from trustkit.detectors.trial.boosting import fit, predict
from trustkit.detectors.trial.calibrating import (
    LARGE_SOURCE,
    calibrate,
    left_out,
    split,
    thresholds,
)
from trustkit.detectors.trial.evaluating import is_seen
from trustkit.detectors.trial.index import Row


def normal(count: int = 2000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return scores whose true log likelihood ratio is twice the score: N(1, 1) and N(-1, 1)."""
    random = np.random.default_rng(seed)
    labels = np.repeat([1, 0], count)
    scores = np.where(labels == 1, 1.0, -1.0) + random.standard_normal(2 * count)
    groups = [f"{'made' if y else 'shot'}-{i % 20}" for i, y in enumerate(labels)]
    return scores, labels, groups


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], [0, 2], []])
def test_figures_of_one_label_alone_are_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="both labels"):
        metrics.auc([0.5] * len(labels), labels)


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no number"):
        metrics.auc([0.5, math.nan], [0, 1])
    with pytest.raises(ValueError, match="must be a number"):
        thresholds([0.5, math.inf], ["a", "b"])


def test_thresholds_are_not_left_out_of_a_single_source() -> None:
    with pytest.raises(ValueError, match="two folds"):
        left_out([0.1, 0.2], ["one", "one"], ["one", "one"], 0.01)


def test_auc_counts_pairs_and_half_of_ties() -> None:
    # Of 2 x 3 pairs: 0.8 beats three, 0.4 beats one and ties with one.
    assert metrics.auc([0.8, 0.4, 0.1, 0.4, 0.6], [1, 1, 0, 0, 0]) == pytest.approx(4.5 / 6)
    assert metrics.auc([1, 1, 1], [1, 0, 0]) == 0.5


def test_true_positives_are_counted_below_the_rate_and_not_between_points() -> None:
    scores = [9, 8, 7, 6, 5, 4, 3, 2]
    labels = [1, 1, 0, 1, 0, 1, 0, 0]
    assert metrics.tpr_at(scores, labels, 0.24) == 0.5
    assert metrics.tpr_at(scores, labels, 0.25) == 0.75


def test_equal_error_rate_of_known_scores() -> None:
    assert metrics.eer([4, 3, 2, 1], [1, 1, 0, 0]) == 0
    assert metrics.eer([1, 2, 3, 4], [1, 1, 0, 0]) == 1
    assert metrics.eer([4, 3, 2, 1], [1, 0, 1, 0]) == pytest.approx(0.5)
    scores, labels, _ = normal(20_000)
    # Two normals two deviations apart: Phi(-1), and for the AUC Phi(sqrt 2).
    assert metrics.eer(scores, labels) == pytest.approx(0.1587, abs=0.005)
    assert metrics.auc(scores, labels) == pytest.approx(0.9214, abs=0.003)


def test_figures_are_those_of_scikit_learn() -> None:
    learn = pytest.importorskip("sklearn.metrics")
    scores, labels, _ = normal(300)
    scores = np.round(scores, 1)  # ties
    false, true, _ = learn.roc_curve(labels, scores, drop_intermediate=False)
    ours = metrics.roc(scores, labels)
    assert metrics.auc(scores, labels) == pytest.approx(learn.roc_auc_score(labels, scores))
    assert np.allclose(ours[0], false)
    assert np.allclose(ours[1], true)


def test_intervals_of_shares_are_wilsons() -> None:
    # Wilson (1927), as in Newcombe (1998), table I: 81 of 263, and none of 20.
    found = metrics.rate(81, 263)
    assert (found.low, found.high) == (
        pytest.approx(0.2553, abs=1e-4),
        pytest.approx(0.3662, abs=1e-4),
    )
    assert metrics.rate(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    assert metrics.rate(0, 0).high == 1


def test_the_interval_of_whole_groups_is_wider_than_that_of_files() -> None:
    random = np.random.default_rng(1)
    shifts = {f"{y}{i}": random.normal(y, 1) for y in (0, 1) for i in range(6)}
    groups = [name for name in shifts for _ in range(100)]
    labels = [int(name[0]) for name in groups]
    scores = [shifts[name] + random.normal(0, 0.3) for name in groups]
    by_group = metrics.bootstrap(scores, labels, groups, metrics.auc, times=200)
    by_file = metrics.bootstrap(
        scores, labels, [str(i) for i in range(1200)], metrics.auc, times=200
    )
    assert by_group.high - by_group.low > 3 * (by_file.high - by_file.low)
    assert by_group == metrics.bootstrap(scores, labels, groups, metrics.auc, times=200)


def test_intervals_cover_what_they_are_about() -> None:
    truth, covered = 0.9214, 0
    for seed in range(60):
        scores, labels, groups = normal(100, seed)
        found = metrics.bootstrap(scores, labels, groups, metrics.auc, times=100)
        covered += found.low <= truth <= found.high
    assert covered >= 51  # 95 % are meant; drawing 20 groups gives a little less


def test_calibration_error_is_taken_at_even_odds() -> None:
    believed = [0.25] * 400 + [0.75] * 400
    # Generated ones are a tenth of all; among each score their WEIGHT is a quarter, three quarters.
    labels = [1] * 10 + [0] * 390 + [1] * 30 + [0] * 130 + [0] * 240
    assert metrics.ece(believed[:400] + [0.75] * 160, labels[:560]) == pytest.approx(0, abs=1e-9)
    assert metrics.ece([0.5] * 560, labels[:560]) == pytest.approx(0, abs=1e-9)
    assert metrics.ece([0.9] * 560, labels[:560]) == pytest.approx(0.4)


def test_calibrated_ratios_keep_their_promise_on_other_files() -> None:
    curve = calibrate(*normal())
    scores, labels, _ = normal(seed=4)
    assert metrics.ece(metrics.even_odds(curve(scores)), labels) < 0.03
    assert curve([0.0])[0] == pytest.approx(0, abs=0.25)
    assert curve([1.0])[0] == pytest.approx(2, abs=0.4)


def test_a_ratio_never_falls_and_never_says_more_than_was_counted() -> None:
    for scores, labels, groups in (
        normal(30),
        ([5.0] * 20 + [-5.0] * 20, [1] * 20 + [0] * 20, [str(i) for i in range(40)]),
        ([-5.0] * 20 + [5.0] * 20, [1] * 20 + [0] * 20, [str(i) for i in range(40)]),
        ([1.0] * 40, [1] * 20 + [0] * 20, [str(i) for i in range(40)]),
    ):
        curve = calibrate(scores, labels, groups)
        ratios = curve.log_likelihood_ratios
        assert list(ratios) == sorted(ratios)
        assert len(set(curve.scores)) == len(curve.scores) >= 2
        count = len(labels) // 2
        # All of `count` found, none of as many others: one more would have made it count + 1.
        assert max(map(abs, ratios)) <= math.log(count + 1) + 1e-3
        # The same files in three conditions are no more witnesses.
        thrice = calibrate([*scores] * 3, [*labels] * 3, [*groups] * 3, 3)
        assert max(map(abs, thrice.log_likelihood_ratios)) <= math.log(count + 1) + 1e-3


def test_thresholds_are_the_smallest_that_keep_both_bounds() -> None:
    # 1,000 of one source: ten may be wrong; of a small source all may be.
    scores = [i / 1000 for i in range(1000)]
    ((asked, score, measured, low, high, total),) = thresholds(scores, ["large"] * 1000, [0.01])
    assert (asked, measured, total) == (0.01, 0.01, 1000)
    assert low < measured < high
    assert score == pytest.approx(0.9891)
    # One with 40 files, all of which score high: 1 % in all would be 24 of them.
    more, sources = [*scores * 3, *[5 + i / 100 for i in range(LARGE_SOURCE)]], ["large"] * 3000
    ((_, score, measured, *_),) = thresholds(more, [*sources, *["portraits"] * 40], [0.01])
    assert score == pytest.approx(5.3701)
    assert measured == pytest.approx(2 / 3040)
    ((_, score, *_),) = thresholds(more, [*sources, *(f"s{i}" for i in range(40))], [0.01])
    assert score == pytest.approx(5.0901)


def test_thresholds_rise_as_fewer_false_positives_are_asked_for() -> None:
    scores, labels, groups = normal(500)
    found = thresholds(scores[labels == 0], [g for g in groups if g[0] == "s"])
    assert [one[0] for one in found] == [0.05, 0.01, 0.001]
    assert [one[1] for one in found] == sorted(one[1] for one in found)


def test_a_threshold_is_not_set_by_the_source_it_is_held_against() -> None:
    scores = [0.0] * 50 + [1.0] * 50
    found = left_out(scores, ["low"] * 50 + ["high"] * 50, ["low"] * 50 + ["high"] * 50, 0.01)
    assert found == {"high": 0.0001, "low": 1.0001}


def test_no_group_is_in_two_folds() -> None:
    _, labels, groups = normal(100)
    folds = split(labels, groups)
    assert len(set(folds.tolist())) == 5
    assert len({(g, f) for g, f in zip(groups, folds.tolist(), strict=True)}) == len(set(groups))


def test_stumps_learn_a_table_and_nothing_from_noise() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    table = np.stack([random.normal(size=400), labels * 2 + random.normal(size=400)], axis=1)
    stumps = fit(table[:200], labels[:200])
    assert metrics.auc(predict(stumps, table[200:]), labels[200:]) > 0.85
    noise = fit(table[:200, :1], labels[:200])
    assert abs(metrics.auc(predict(noise, table[200:, :1]), labels[200:]) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("sdxl", True),
        ("flux; sdxl, wan", True),
        ("pictures like those of sdxl", False),
        ("https://example.org/some/gallery, in may", True),
        ("pictures of the sd-3 line, of 2024", True),
        ("https://github.com/some/gallery", True),
        ("some/gallery2", False),
        ("sdxl2", False),
        ("", False),
    ],
)
def test_a_generator_or_gallery_that_the_card_names_was_seen(text: str, answer: bool) -> None:
    row = Row("a.png", 1, "SDXL", "sd-3", "some/gallery")
    assert is_seen(row, [text]) is answer
