"""Heat maps and time lines: where they come from, and that they can be looked at."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.detector_toys import SIZE, picture_toy
from tests.marks import texture
from trustkit.detectors import Part, Rate, Threshold
from trustkit.detectors.card import read_card
from trustkit.detectors.explain import HeatMap, Way
from trustkit.detectors.explain.drawing import LESS, MORE, fitted, legend, tinted, width_of
from trustkit.detectors.explain.maps import heat_map, hottest
from trustkit.detectors.explain.overlay import overlay
from trustkit.detectors.explain.timeline import timeline
from trustkit.detectors.onnx import OnnxDetector

THRESHOLD = 2.0
LEVELS = tuple(
    Threshold(asked, score, Rate(asked, asked / 2, 2 * asked, 1000))
    for asked, score in ((0.05, 1.0), (0.01, THRESHOLD), (0.001, 3.0))
)


MAPLESS = {"output": {"score": "logit"}, "domain": {"min_side": 32}}


def opened(folder: Path) -> OnnxDetector:
    return OnnxDetector(read_card(folder), folder)


def half_bright(width: int = 512, height: int = 256) -> np.ndarray:
    """Dark at the left and bright at the right."""
    picture = texture(width, height) // 4
    picture[:, width // 2 :] += 190
    return picture


def heat(scores: np.ndarray, way: Way = Way.MODEL) -> HeatMap:
    rows, columns = scores.shape
    frame = 0.0, 0.0, float(columns * 20), float(rows * 20)
    return HeatMap(scores.astype(np.float32), way, 0.0, 2.0, frame)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(int)


def test_no_map_is_made_once_its_time_is_over(tmp_path: Path) -> None:
    detector = opened(picture_toy(tmp_path, **MAPLESS))
    picture = half_bright()

    assert heat_map(detector, picture, detector.score(picture), THRESHOLD, seconds=0.0) == (
        "its places take longer than the 60 seconds that a file is given"
    )


def test_covered_places_glow_by_the_thresholds_and_not_because_one_must(tmp_path: Path) -> None:
    detector = opened(picture_toy(tmp_path, of="grain", **MAPLESS))
    picture = np.full((64, 90, 3), 128, np.uint8)

    found = heat_map(detector, picture, detector.score(picture), THRESHOLD)

    assert isinstance(found, HeatMap)
    assert found.way is Way.COVERED
    thresholds = [one.score for one in detector.thresholds]
    assert found.reach == max(2.0, thresholds[-1] - thresholds[0])


@pytest.mark.parametrize(
    ("of", "changes", "size", "way"),
    [
        ("brightness", {}, (512, 256), Way.MODEL),
        ("brightness", MAPLESS, (512, 256), Way.PARTS),
        ("grain", MAPLESS, (90, 64), Way.COVERED),
    ],
)
def test_the_half_that_a_detector_is_for_glows(
    tmp_path: Path, of: str, changes: dict[str, object], size: tuple[int, int], way: Way
) -> None:
    detector = opened(picture_toy(tmp_path, of=of, **changes))
    picture = half_bright(*size)
    if of == "grain":
        noise = np.random.default_rng(1).integers(-30, 30, picture.shape)
        noise[:, : size[0] // 2] = 0
        picture = np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)

    found = heat_map(detector, picture, detector.score(picture), THRESHOLD)

    assert isinstance(found, HeatMap)
    assert found.way is way
    middle = found.scores.shape[1] // 2
    assert found.scores[:, middle + 1 :].min() > found.centre
    if way is not Way.COVERED:  # where the dark is blurred, it is as dark
        assert found.scores[:, : middle - 1].max() < found.centre
    place = hottest(found)[0].place
    assert place[0] >= size[0] / 2 - SIZE / 2
    assert place[2] <= size[0] + 0.01


def test_a_map_of_a_large_picture_stays_small(tmp_path: Path) -> None:
    detector = opened(picture_toy(tmp_path, input={"size": SIZE, "layout": "grid", "crops": 4}))
    picture = half_bright(2000, 1500)

    found = heat_map(detector, picture, detector.score(picture), THRESHOLD)

    assert isinstance(found, HeatMap)
    assert max(found.scores.shape) <= 64
    assert np.isnan(found.scores).any()  # between the tiles that there was time for
    seen = found.scores[:, 40:][np.isfinite(found.scores[:, 40:])]
    assert seen.min() > THRESHOLD


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (2000, 3), (64, 64), (1500, 900)])
def test_a_picture_of_any_shape_can_be_drawn_over(size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 128, np.uint8)
    whole = HeatMap(np.full((2, 3), 5.0, np.float32), Way.MODEL, 0.0, 2.0, (0, 0, *size))

    drawn = pixels(overlay(picture, whole, ("a line",)))

    assert max(drawn.shape) <= 1024 + 200


def test_places_above_the_threshold_are_orange_and_those_below_only_tinted() -> None:
    picture = np.full((40, 40, 3), 128, np.uint8)

    drawn = pixels(overlay(picture, heat(np.array([[-9.0, 9.0]] * 2)), ()))

    left, right = drawn[240, 120], drawn[240, 360]
    assert right[0] - right[2] > 120  # orange
    assert 0 < left[2] - left[0] < 70


def test_a_place_that_nobody_looked_at_has_no_colour() -> None:
    picture = np.full((40, 20, 3), 128, np.uint8)

    drawn = pixels(overlay(picture, heat(np.array([[np.nan], [9.0]])), ()))

    at = drawn[100, 100]
    assert at.max() - at.min() == 0


def test_a_picture_without_indications_has_no_glowing_place() -> None:
    picture = np.full((400, 400, 3), 128, np.uint8)
    low = np.random.default_rng(1).uniform(-5, -1, (20, 20))

    drawn = pixels(overlay(picture, heat(low), ()))[:400, :400]

    assert (drawn[..., 0] <= drawn[..., 2]).all()


def test_colours_differ_for_colour_blind_eyes() -> None:
    # Viénot and others (1999): what protanopes and deuteranopes see of linear RGB.
    blind = {
        "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    }
    for matrix in blind.values():
        less, more = (np.array(matrix) @ (np.array(c) / 255) ** 2.2 for c in (LESS, MORE))
        assert np.abs(less - more).max() > 0.25


def test_every_line_of_a_legend_fits_and_no_letter_is_lost() -> None:
    words = "picture-clip finds indications of generation: such a score is 14 times as common"
    lines = fitted((words, "x" * 200), 300)

    assert max(width_of(line) for line in lines) <= 480  # a word of 60 letters is not cut further
    assert "".join(" ".join(lines).split()) == words.replace(" ", "") + "x" * 200
    assert legend(("ü \x1b[2J",), (), 300).shape[1] == 300


def test_tint_keeps_the_picture_recognisable() -> None:
    ground = np.zeros((1, 2, 3), np.uint8)
    ground[0, 1] = 255

    dark, light = tinted(ground, np.ones((1, 2), np.float32))[0].astype(int)

    assert (light - dark).min() > 60


@pytest.mark.parametrize("seconds", [0.0, 0.04, 2.0, 7000.0])
@pytest.mark.parametrize("count", [0, 1, 3000])
def test_a_time_line_of_any_length_can_be_drawn(seconds: float, count: int) -> None:
    parts = tuple(Part((seconds * n / 3000,) * 2, 1e9 * (-1) ** n) for n in range(count))

    drawn = pixels(timeline(parts, seconds, THRESHOLD, LEVELS, ("a line",)))

    assert drawn.shape[1] == 960
