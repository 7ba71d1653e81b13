"""The words that generators publish: found where they are, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.watermarks.foreign.golden import marked
from tests.unit.watermarks.foreign.pictures import SIZES, draw
from trustkit.watermarks.foreign.published import (
    WORDS,
    Writing,
    false_positive_bound,
    find,
    odds,
    unjudged,
)

SHARED = Path(__file__).resolve().parents[5] / "shared/data/image-detect"


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 90)])
def test_a_flat_picture_is_not_judged(colour):
    flat = np.full((512, 512, 3), colour, np.uint8)
    assert "too flat" in unjudged(flat)
    assert find(flat) is None


def test_a_grey_copy_of_a_marked_picture_is_not_judged():
    grey = cv2.cvtColor(cv2.cvtColor(marked("SDXL"), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert unjudged(grey)
    assert find(grey) is None


@pytest.mark.parametrize(
    "array",
    [
        draw(200, 200),
        draw(300, 300)[:, :, 0],
        draw(300, 300).astype(np.uint16),
        np.zeros((4, 20_000, 3), np.uint8),
    ],
)
def test_what_cannot_carry_a_word_is_not_judged(array):
    assert unjudged(array)
    assert find(array) is None


@pytest.mark.parametrize("size", SIZES)
def test_a_drawn_picture_carries_none(size):
    assert not unjudged(draw(*size))
    assert find(draw(*size)) is None


def test_noise_and_stripes_carry_none():
    noise = np.random.default_rng(3)
    for seed in range(20):
        picture = noise.integers(0, 256, (256 + seed, 300, 3), dtype=np.uint8)
        assert find(picture) is None
    for period in (8, 16, 64, 256):
        bands = np.where(np.arange(512) % period < period // 2, 40, 220).astype(np.uint8)
        striped = draw(512, 512)
        striped[:, :, 2] = bands
        assert find(striped) is None


@pytest.mark.parametrize(
    ("name", "writing", "generator"),
    [
        ("StableDiffusionV1", Writing.BYTES, "Stable Diffusion 1.x"),
        ("StableDiffusionV1-Inpainting", Writing.BYTES, "Stable Diffusion 1.x inpainting"),
        ("SDV2", Writing.BYTES, "Stable Diffusion 2.x"),
        ("SDXL", Writing.FLOATS, "Stable Diffusion XL"),
        ("SDXL-swapped", Writing.SWAPPED, "Stable Diffusion XL"),
        ("FLUX", Writing.FLOATS, "FLUX"),
    ],
)
def test_the_word_that_the_library_wrote_is_found(name, writing, generator):
    found = find(marked(name))
    assert found is not None
    assert (found.name, found.writing, found.generator) == (
        name.removesuffix("-swapped"),
        writing,
        generator,
    )
    assert found.bits_right >= found.bits - 17
    assert found.odds == false_positive_bound()
    assert found.source.startswith("https://github.com/")


def test_a_resized_copy_has_lost_its_word():
    assert find(cv2.resize(marked("SDXL"), (300, 300))) is None


def test_the_mark_of_somebody_else_is_not_taken_for_a_generators():
    assert find(marked("ours")) is None


def test_the_odds_are_those_of_coin_tosses():
    assert odds(32, 0) == 2**-32
    assert odds(48, 48) == 1
    assert odds(48, 1) == 49 / 2**48


def test_what_a_word_spells_counts_no_top_bits():
    for word in WORDS:
        spelt = word.name in {"StableDiffusionV1", "StableDiffusionV1-Inpainting", "SDV2"}
        assert word.free == len(word.bits) * 7 // 8 if spelt else word.free == len(word.bits)


def test_every_word_keeps_within_its_odds_and_all_of_them_together():
    for word in WORDS:
        assert odds(word.free, word.errors) <= (1.1e-7 if word.name == "SDV2" else 1e-8)
    assert false_positive_bound() < 1.5e-7


def test_the_words_have_the_published_lengths():
    lengths = {word.name: len(word.bits) for word in WORDS}
    assert lengths == {
        "StableDiffusionV1": 136,
        "StableDiffusionV1-Inpainting": 224,
        "SDV2": 32,
        "SDXL": 48,
        "FLUX": 46,
    }


@pytest.mark.skipif(not SHARED.is_dir(), reason="the unmarked crops are not on this machine")
def test_unmarked_photos_carry_none():
    for path in sorted((SHARED / "real").iterdir())[:150]:
        assert find(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)) is None
