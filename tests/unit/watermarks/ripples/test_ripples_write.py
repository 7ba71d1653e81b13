"""Marking a sound: what is refused, and that nothing but the pattern changes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.watermarks.ripples.voices import RATE, Sound, music, talk
from trustkit.watermarks import Strength
from trustkit.watermarks.keys import PUBLIC, Key
from trustkit.watermarks.ripples import RATES, Ripples
from trustkit.watermarks.ripples.layout import HIGHEST, LOWEST, Layout
from trustkit.watermarks.ripples.observe import observe
from trustkit.watermarks.ripples.search import ROWS, Folded
from trustkit.watermarks.ripples.spectrum import hear

ID = bytes.fromhex("5eed07c0")
ENGINE = Ripples(rate=RATE)


def in_blocks(sound: Sound, sizes: tuple[int, ...]) -> Sound:
    marker, out, at = ENGINE.marker(ID, RATE, len(sound)), list[Sound](), 0
    while at < sound.shape[1]:
        size = sizes[len(out) % len(sizes)]
        out.append(marker.feed(sound[:, at : at + size]))
        at += size
    return np.concatenate([*out, marker.flush()], axis=1)


def decibels(change: Sound, sound: Sound) -> float:
    return float(10 * np.log10((sound**2).sum() / (change**2).sum()))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(100, np.float32),
        np.zeros((0, 100), np.float32),
        np.zeros((1, 2, 100), np.float32),
        np.zeros((1, 100), np.float64),
        np.zeros((1, 100), np.int16),
    ],
    ids=["flat", "no channels", "a picture", "float64", "int16"],
)
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(channels, samples\) of float32"):
        ENGINE.embed(array, ID)
    with pytest.raises(ValueError, match=r"\(channels, samples\) of float32"):
        ENGINE.detect(array)


@pytest.mark.parametrize("rate", [0, -48_000, RATES[0] - 1, RATES[1] + 1])
def test_rates_that_cannot_hold_a_mark_are_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=r"8000 to 192000 Hz"):
        Ripples(rate=rate)


@pytest.mark.parametrize("payload", [b"", bytes(3), bytes(5), bytes(7), bytes(9)])
def test_ids_of_another_length_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="4 or 8 bytes"):
        ENGINE.embed(talk(6, 1), payload)


@pytest.mark.parametrize("samples", [0, 1, 100, RATE, round(3.3 * RATE)])
def test_as_many_samples_come_out_as_went_in(samples: int) -> None:
    sound = np.ascontiguousarray(talk(6, 1)[:, :samples])
    marked = ENGINE.embed(sound, ID)
    assert marked.shape == (1, samples)
    assert marked.dtype == np.float32
    assert np.isfinite(marked).all()


@pytest.mark.parametrize("sizes", [(1024,), (777, 1, 0, 13, 5000), (RATE,)])
def test_block_by_block_is_as_at_once(sizes: tuple[int, ...]) -> None:
    # Sums of another number of rows may round the last bit of a float32 otherwise.
    sound = np.concatenate([talk(6, 1), music(6, 1)])
    assert np.abs(in_blocks(sound, sizes) - ENGINE.embed(sound, ID)).max() <= 2.0**-22


@pytest.mark.parametrize("sizes", [(1024,), (777, 1, 0, 13, 5000), (RATE,)])
def test_hearing_block_by_block_is_as_at_once(sizes: tuple[int, ...]) -> None:
    sound, ear, rows, at = talk(6, 1), ENGINE.ear(RATE), list[Sound](), 0
    while at < sound.shape[1]:
        size = sizes[len(rows) % len(sizes)]
        rows.append(ear.hear(sound[:, at : at + size]))
        at += size
    heard = np.concatenate([*rows, ear.rest()])
    assert np.allclose(heard, hear(sound, RATE), rtol=1e-4, atol=1e-6)
    assert len(heard) == pytest.approx(600, abs=1)


def test_all_channels_get_the_same_gains() -> None:
    voice = talk(6, 2)
    marked = ENGINE.embed(np.concatenate([voice, -0.5 * voice, 0 * voice]), ID)
    assert np.abs(marked[0] - voice[0]).max() > 0.01
    assert np.array_equal(marked[1], -0.5 * marked[0])
    assert not marked[2].any()


def test_silence_stays_silent() -> None:
    assert not ENGINE.embed(np.zeros((2, 2 * RATE), np.float32), ID).any()


def test_what_is_too_low_or_too_high_stays_as_it_is() -> None:
    rate = 48_000
    hiss = np.random.default_rng(1).normal(0, 0.1, (1, 4 * rate)).astype(np.float32)
    change = np.abs(np.fft.rfft(Ripples(rate=rate).embed(hiss, ID) - hiss)[0]) ** 2
    hertz = np.fft.rfftfreq(hiss.shape[1], 1 / rate)
    inside = change[(hertz > LOWEST) & (hertz < HIGHEST)].mean()
    for outside in (hertz < LOWEST - 60, hertz > HIGHEST + 60):
        assert change[outside].mean() < 1e-3 * inside


def test_strength_is_loudness_and_the_id_can_be_long() -> None:
    sound = talk(6, 3)
    for payload in (ID, 2 * ID):
        subtle, default, strong = (
            decibels(Ripples(strength=s, rate=RATE).embed(sound, payload) - sound, sound)
            for s in (Strength.SUBTLE, Strength.DEFAULT, Strength.STRONG)
        )
        assert 12 < strong < default - 2
        assert default < subtle - 2 < 30


def test_two_keys_two_ids_two_marks_and_the_same_again_is_the_same() -> None:
    sound = music(6, 4)
    marked = ENGINE.embed(sound, ID)
    assert np.array_equal(ENGINE.embed(sound, ID), marked)
    other = Ripples(Key(bytes(32)), rate=RATE).embed(sound, ID)
    assert not np.allclose(other, marked, atol=1e-3)
    assert not np.allclose(ENGINE.embed(sound, ID[::-1]), marked, atol=1e-3)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100])
def test_the_pattern_begins_with_the_first_sample_and_at_250_hz(rate: int) -> None:
    hiss = np.random.default_rng(2).normal(0, 0.1, (1, 6 * rate)).astype(np.float32)
    energies = hear(Ripples(rate=rate).embed(hiss, ID), rate)
    folded = Folded(observe(energies), Layout(PUBLIC).known(ID))
    guess = folded.guesses(np.array([1.0]), 2.5, 1)[0]
    off = (guess.delay - len(energies) // 2 + ROWS / 2) % ROWS - ROWS / 2
    assert abs(off) <= 1  # hundredths of a second
    assert abs(guess.shift) <= 0.25  # semitones
    assert abs(guess.tempo - 1) < 1e-3
