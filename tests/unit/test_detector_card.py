"""The page on cards: its example is a card, and it tells of every key."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from tests.command import REPOSITORY
from trustkit.detectors.card import (
    AudioDomain,
    AudioInput,
    Base,
    Calibration,
    Card,
    ImageDomain,
    ImageInput,
    Limit,
    Output,
    Pooling,
    Source,
    parse_card,
)

PAGE = (REPOSITORY / "docs/models.md").read_text("utf-8")


def keys() -> Iterator[str]:
    kinds: list[type[BaseModel]] = [
        Card, ImageInput, AudioInput, Base, Output, Pooling, Calibration, Limit, ImageDomain,
        AudioDomain, Source,
    ]  # fmt: skip
    for kind in kinds:
        yield from kind.model_fields


def test_the_example_of_the_page_is_a_card() -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    card = parse_card(example.encode(), "the page")
    assert card.name == "my-detector"
    assert len(card.threshold) == 3


@pytest.mark.parametrize("key", sorted(set(keys())))
def test_the_page_tells_of_every_key(key: str) -> None:
    assert re.search(rf"\b{key}\b", PAGE)


@pytest.mark.parametrize(
    ("how", "share", "expected"),
    [("mean", 0.5, 3.0), ("median", 0.5, 2.0), ("top-mean", 0.5, 4.5), ("top-mean", 0.1, 7.0)],
)
def test_scores_are_pooled(how: str, share: float, expected: float) -> None:
    pooling = Pooling.model_validate({"how": how, "share": share})
    assert pooling([1.0, 2.0, 7.0, 2.0]) == expected
    assert pooling([1.0]) == 1.0


def test_no_scores_pool_to_nothing() -> None:
    with pytest.raises(ValueError, match="nothing to pool"):
        Pooling()([])


def test_the_calibration_is_straight_between_its_points_and_flat_outside() -> None:
    calibration = Calibration(scores=(0.0, 2.0), log_likelihood_ratios=(-1.0, 1.0))
    assert [calibration.log_ratio(at) for at in (-9, 0, 0.5, 1, 2, 99)] == [-1, -1, -0.5, 0, 1, 1]
