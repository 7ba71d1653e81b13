"""What every detector must hold: those that come with trustkit, and toys that are known by heart.

A folder with a card in `detectors` is picked up by its card alone.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import detector_toys as toys
from tests.command import REPOSITORY
from trustkit.detectors import Array, Kind
from trustkit.detectors.base import find_base
from trustkit.detectors.card import CARD, MODEL, RATES, read_card
from trustkit.detectors.onnx import OnnxDetector
from trustkit.errors import ConfigError, MissingBackendError, UnreadableError

SHIPPED = sorted(path.parent for path in (REPOSITORY / "detectors").glob(f"*/{CARD}"))
NAMES = ["toy-bright", "toy-grain", "toy-sound", *(folder.name for folder in SHIPPED)]
Open = Callable[..., OnnxDetector]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("toys")
    toys.picture_toy(parent, "toy-bright")
    toys.picture_toy(parent, "toy-grain", "grain")
    toys.sound_toy(parent, "toy-sound")
    made = {folder.name: folder for folder in parent.iterdir()}
    return {**made, **{folder.name: folder for folder in SHIPPED}}


@pytest.fixture(scope="module", params=NAMES)
def folder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


@pytest.fixture(scope="module")
def detector(folder: Path) -> OnnxDetector:
    """The detector, opened once; one whose base is not here is left to its card's tests."""
    card = read_card(folder)
    if card.base is not None:
        try:
            find_base(card.base, card.name)
        except MissingBackendError:
            pytest.skip(f"the base of {card.name} is not on this machine")
    return OnnxDetector(card, folder)


def sample(detector: OnnxDetector, seed: int = 7) -> Array:
    """Return a picture with structure, or a sound with something like a voice in it."""
    rng = np.random.default_rng(seed)
    if detector.kind is Kind.IMAGE:
        waves = np.sin(np.arange(300)[:, None, None] / 9 + np.arange(420)[None, :, None] / 23)
        grain = rng.normal(0, 12, (300, 420, 3))
        return np.clip(128 + 70 * waves + grain, 0, 255).astype(np.uint8)
    at = np.arange(6 * detector.rate) / detector.rate
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * at)
    tone = sum(np.sin(2 * np.pi * 130 * k * at) / k for k in range(1, 12))
    return (0.1 * beat * tone + rng.normal(0, 1e-3, len(at))).astype(np.float32)


# What is refused.


@pytest.mark.parametrize("where", [0.0, 0.5, 0.999999])
def test_a_model_with_one_flipped_bit_is_refused(
    folder: Path, tmp_path: Path, where: float
) -> None:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    model = bytearray((copy / MODEL).read_bytes())
    model[int(len(model) * where)] ^= 1
    (copy / MODEL).write_bytes(model)
    opened = OnnxDetector(read_card(copy), copy)
    array = sample(opened)
    with pytest.raises(ConfigError, match="was changed"):
        opened.score(array)


def test_a_model_that_is_gone_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / folder.name)
    (copy / MODEL).unlink()
    opened = OnnxDetector(read_card(copy), copy)
    array = sample(opened)
    with pytest.raises(ConfigError, match="cannot be read"):
        opened.score(array)


def test_what_is_no_picture_or_sound_is_refused(detector: OnnxDetector) -> None:
    wrong: list[Array] = [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 3), np.float32),
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((2, 9000, 3), np.uint8),
        np.zeros(0, np.float32),
        np.zeros(16_000, np.int16),
        np.zeros((2, 16_000), np.float32),
        np.full(16_000, np.nan, np.float32),
    ]
    for array in wrong:
        with pytest.raises(UnreadableError):
            detector.score(array)


# What its card promises.


def test_every_file_is_named_in_the_card_with_its_hash(folder: Path) -> None:
    card = read_card(folder)
    assert {path.name for path in folder.iterdir()} == {CARD, *card.files}
    for name, sha256 in card.files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    assert card.name == folder.name


def test_thresholds_go_from_many_false_positives_to_few(folder: Path) -> None:
    card = read_card(folder)
    assert [limit.asked for limit in card.thresholds if limit.asked in RATES] == list(RATES)
    scores = [limit.score for limit in card.thresholds]
    assert scores == sorted(scores)
    for limit in card.thresholds:
        assert limit.measured.low <= limit.measured.value <= limit.measured.high
        assert limit.measured.total > 0


def test_the_likelihood_ratio_never_falls_and_never_claims_more_than_was_measured(
    folder: Path,
) -> None:
    calibration = read_card(folder).calibration
    ratios = [calibration.ratio(float(score)) for score in np.linspace(-50, 50, 2001)]
    assert ratios == sorted(ratios)
    assert ratios[0] == pytest.approx(math.exp(calibration.log_likelihood_ratios[0]))
    assert ratios[-1] == pytest.approx(math.exp(calibration.log_likelihood_ratios[-1]))


def test_it_says_on_what_it_was_trained_and_where_it_fails(folder: Path) -> None:
    card = read_card(folder)
    assert card.trained_on
    assert card.fails_on
    assert card.licence


@pytest.mark.parametrize("name", [folder.name for folder in SHIPPED])
def test_what_is_shipped_was_measured_and_says_how_much_it_misses(name: str) -> None:
    card = read_card(REPOSITORY / "detectors" / name)
    assert min(limit.measured.total for limit in card.thresholds) >= 100  # no placeholder
    found, everything = card.metrics["clean"]["tpr_5"], card.metrics["clean"]["auc"]
    assert found[-1] < everything[-1]  # of generated media alone


# What it answers.


def test_the_same_array_has_the_same_score_every_time(detector: OnnxDetector) -> None:
    array = sample(detector)
    first = detector.score(array)
    assert detector.score(array) == first
    again = OnnxDetector(detector.card, detector.folder)
    assert again.score(array) == first


def test_a_score_does_not_depend_on_what_was_asked_before(detector: OnnxDetector) -> None:
    first = detector.score(sample(detector, 1))
    detector.score(sample(detector, 2))
    assert detector.score(sample(detector, 1)) == first


def test_the_array_is_left_as_it_was(detector: OnnxDetector) -> None:
    array = sample(detector)
    before = array.copy()
    detector.score(array)
    assert np.array_equal(array, before)


def test_score_parts_and_ratio_go_together(detector: OnnxDetector) -> None:
    score = detector.score(sample(detector))
    card = detector.card
    assert math.isfinite(score.value)
    assert score.value == pytest.approx(card.pooling([part.score for part in score.parts]))
    assert score.likelihood_ratio == pytest.approx(card.calibration.ratio(score.value))
    assert score.threshold == card.threshold_at(0.01).score
    assert score.in_domain == (not score.reason)


def test_parts_stand_within_what_was_looked_at(detector: OnnxDetector) -> None:
    array = sample(detector)
    for part in detector.score(array).parts:
        if detector.kind is Kind.IMAGE:
            left, top, right, bottom = part.place
            assert 0 <= left < right <= array.shape[1] + 1e-6
            assert 0 <= top < bottom <= array.shape[0] + 1e-6
        else:
            start, end = part.place
            assert 0 <= start < end <= len(array) / detector.rate + 1e-6


def test_a_map_is_of_finite_numbers(detector: OnnxDetector) -> None:
    found = detector.map(sample(detector))
    assert found is None or (found.size > 0 and bool(np.isfinite(found).all()))
    assert found is None or found.ndim == (2 if detector.kind is Kind.IMAGE else 1)


def test_what_nothing_was_measured_on_is_out_of_domain_with_a_reason(
    detector: OnnxDetector,
) -> None:
    if detector.kind is Kind.IMAGE:
        strange: list[Array] = [np.zeros((8, 8, 3), np.uint8), np.zeros((64, 1200, 3), np.uint8)]
        for array in strange:
            assert detector.unfit(array.shape[1], array.shape[0])
    else:
        noise = np.random.default_rng(3).normal(0, 0.1, 5 * detector.rate)
        strange = [np.zeros(5 * detector.rate, np.float32), noise.astype(np.float32)]
    for array in strange:
        score = detector.score(array)
        assert not score.in_domain
        assert score.reason


def test_it_runs_on_one_thread(detector: OnnxDetector) -> None:
    detector.score(sample(detector))
    before = _threads()
    detector.score(sample(detector))
    until = time.monotonic() + 5
    while _threads() > before and time.monotonic() < until:
        time.sleep(0.01)  # one that has ended is listed a moment longer
    assert _threads() <= before
    options = detector._session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.inter_op_num_threads == 1


def _threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.is_dir() else 0


@pytest.mark.parametrize("name", [folder.name for folder in SHIPPED])
def test_the_wheel_carries_it(name: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"].get("force-include", {})
    assert carried.get(f"detectors/{name}") == f"trustkit/shipped_detectors/{name}"
