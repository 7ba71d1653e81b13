"""What every sound engine keeps to, however it hides its bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.marks import engines_of
from trustkit import plugins
from trustkit.errors import TrustkitError
from trustkit.watermarks import Array, Search
from trustkit.watermarks.keys import new_key
from trustkit.watermarks.trial.sound_bed import bed

RATE = 16_000
PAYLOAD = bytes.fromhex("5eed07c0")
Make = Callable[..., Any]


@pytest.fixture(params=engines_of("audio"))
def make(request: pytest.FixtureRequest) -> Make:
    return plugins.load("watermarks", request.param)


def sound(seconds: float = 8.0, channels: int = 1, seed: int = 1) -> Array:
    samples = 0.2 * bed(seconds, RATE, np.random.default_rng(seed))
    return np.repeat(samples, channels, axis=0)


@pytest.mark.parametrize("payload", [b"", bytes(3), bytes(5), bytes(9)], ids=len)
def test_a_payload_of_another_length_is_refused(make: Make, payload: bytes) -> None:
    with pytest.raises((ValueError, TrustkitError)):
        make(rate=RATE).embed(sound(), payload)


STRANGE = {
    "no channel": np.zeros((0, 100), np.float32),
    "one dimension": np.zeros(100, np.float32),
    "whole numbers": np.zeros((1, 100), np.int16),
    "doubles": np.zeros((1, 100), np.float64),
    "no number": np.full((1, 100), np.nan, np.float32),
}


@pytest.mark.parametrize("array", STRANGE.values(), ids=STRANGE)
def test_what_is_no_sound_is_refused(make: Make, array: Array) -> None:
    with pytest.raises((ValueError, TrustkitError)):
        make(rate=RATE).embed(array, PAYLOAD)


@pytest.mark.parametrize("rate", [0, 7_999, 192_001])
def test_other_rates_are_refused(make: Make, rate: int) -> None:
    with pytest.raises((ValueError, TrustkitError)):
        make(rate=rate)


@pytest.mark.parametrize("length", [0, 1, 500])
def test_what_is_too_short_has_no_mark_and_keeps_its_length(make: Make, length: int) -> None:
    engine, short = make(rate=RATE), sound()[:, :length]
    marked = engine.embed(short, PAYLOAD)
    assert (marked.shape, marked.dtype) == (short.shape, short.dtype)
    assert engine.detect(marked) is None


def test_what_nobody_marked_has_no_mark(make: Make) -> None:
    engine = make(rate=RATE)
    noise = np.random.default_rng(2).normal(0, 0.1, (1, 8 * RATE)).astype(np.float32)
    for array in (sound(), noise, np.zeros_like(noise), np.ones_like(noise)):
        for search in Search:
            assert engine.detect(array, search) is None


def test_a_wrong_key_finds_nothing(make: Make) -> None:
    marked = make(key=new_key(), rate=RATE).embed(sound(), PAYLOAD)
    assert make(rate=RATE).detect(marked) is None
    assert make(key=new_key(), rate=RATE).detect(marked) is None


@pytest.mark.parametrize("payload", [PAYLOAD, 2 * PAYLOAD], ids=len)
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_what_was_marked_is_read_and_the_input_stays(
    make: Make, channels: int, payload: bytes
) -> None:
    engine, plain = make(rate=RATE), sound(channels=channels)
    before = plain.copy()
    marked = engine.embed(plain, payload)
    assert np.array_equal(plain, before)
    assert (marked.shape, marked.dtype) == (plain.shape, plain.dtype)
    mark = engine.detect(marked)
    assert (mark.payload, mark.engine) == (payload, engine.name)
    assert 0 < mark.false_positive_bound <= 1e-6
    assert mark.timing is not None
    assert mark.span is not None


def test_marking_the_same_gives_the_same(make: Make) -> None:
    engine = make(rate=RATE)
    assert np.array_equal(engine.embed(sound(), PAYLOAD), engine.embed(sound(), PAYLOAD))
