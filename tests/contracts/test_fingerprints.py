"""What every fingerprint keeps to, whatever it hears or sees."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from tests.marks import texture
from trustkit import plugins
from trustkit.fingerprints import Fingerprint
from trustkit.fingerprints.chroma import RATE
from trustkit.record import CODE_BYTES
from trustkit.watermarks.trial.sound_bed import bed

NAMES = plugins.names("fingerprints")


@pytest.fixture(params=NAMES)
def engine(request: pytest.FixtureRequest) -> Fingerprint:
    """Each installed engine."""
    made: Fingerprint = plugins.load("fingerprints", request.param)()
    return made


def scene(engine: Fingerprint, seed: int) -> np.ndarray:
    """Something to look at, or to listen to."""
    if engine.kind == "audio":
        return np.asarray(bed(12.0, RATE, np.random.default_rng(seed))[0], np.float32)
    return np.asarray(cv2.cvtColor(texture(400, 300, seed), cv2.COLOR_RGB2GRAY), np.uint8)


def worn(engine: Fingerprint, array: np.ndarray) -> np.ndarray:
    """The same with noise, as a codec leaves it."""
    rng = np.random.default_rng(5)
    if engine.kind == "audio":
        return array + np.float32(0.01) * rng.standard_normal(array.shape, np.float32)
    return np.clip(array + rng.normal(0, 4, array.shape), 0, 255).astype(np.uint8)


def codes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8).reshape(-1, CODE_BYTES)


def nearest(one: bytes, other: bytes) -> Any:
    """The fewest bits between a code of one and one of the other."""
    return np.bitwise_count(codes(one)[:, None] ^ codes(other)[None]).sum(axis=2).min()


def test_its_name_has_a_version(engine: Fingerprint) -> None:
    word, _, version = engine.name.partition(".")

    assert word
    assert version.isdigit()
    assert engine.kind in {"image", "audio"}
    assert 0 < engine.within < 128


def test_it_gives_whole_codes_and_the_same_ones_twice(engine: Fingerprint) -> None:
    first, again = (engine.compute(scene(engine, 1)) for _ in range(2))

    assert first == again
    assert len(first) >= CODE_BYTES
    assert len(first) % CODE_BYTES == 0


def test_a_worn_copy_is_near(engine: Fingerprint) -> None:
    original = scene(engine, 1)

    assert nearest(engine.compute(original), engine.compute(worn(engine, original))) < 40


def test_another_one_is_far(engine: Fingerprint) -> None:
    assert nearest(engine.compute(scene(engine, 1)), engine.compute(scene(engine, 2))) > 60


@pytest.mark.parametrize("fill", [0, 1])
def test_what_tells_nothing_is_no_accident(engine: Fingerprint, fill: int) -> None:
    shape = (3 * RATE,) if engine.kind == "audio" else (90, 160)

    found = engine.compute(np.full(shape, fill, scene(engine, 1).dtype))

    assert len(found) % CODE_BYTES == 0


@pytest.mark.parametrize("side", [1, 2, 7])
def test_the_smallest_is_taken(engine: Fingerprint, side: int) -> None:
    whole = scene(engine, 1)
    small = whole[:side] if engine.kind == "audio" else whole[:side, :side].copy()

    assert len(engine.compute(small)) % CODE_BYTES == 0


def test_the_array_stays_as_it_was(engine: Fingerprint) -> None:
    array = scene(engine, 3)
    before = array.copy()

    engine.compute(array)

    assert np.array_equal(array, before)
