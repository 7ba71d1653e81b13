"""Attacks that move a sound in time: faster, higher, cut."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.watermarks.trial.tones import RATE, done, tone, two_channels
from trustkit.watermarks.trial.sound_codecs import Sound


@pytest.fixture(scope="module")
def sound() -> Sound:
    return two_channels()


def peak(samples: Sound, rate: int) -> float:
    """Return the frequency of the loudest bin in Hz."""
    part = samples[0, samples.shape[1] // 4 : -samples.shape[1] // 4]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(part.size), 2**18))
    return float(spectrum.argmax() * rate / 2**18)


@pytest.mark.parametrize(
    ("name", "length", "hertz"),
    [
        ("tempo+5", 1 / 1.05, 1.0),
        ("tempo+2", 1 / 1.02, 1.0),
        ("tempo-5", 1 / 0.95, 1.0),
        ("speed+5", 1 / 1.05, 1.05),
        ("speed+2", 1 / 1.02, 1.02),
        ("speed-5", 1 / 0.95, 0.95),
        ("pitch+1", 1.0, 2 ** (1 / 12)),
        ("pitch-1", 1.0, 2 ** (-1 / 12)),
    ],
)
def test_tempo_and_pitch_move_as_named(name: str, length: float, hertz: float) -> None:
    copy, rate = done(name, tone(1000))

    assert rate == RATE
    assert copy.shape[1] == pytest.approx(4 * RATE * length, rel=0.005)
    assert peak(copy, rate) == pytest.approx(1000 * hertz, rel=0.001)


def found_at(part: Sound, whole: Sound) -> list[int]:
    length = part.shape[1]
    starts = np.flatnonzero(whole[0, : whole.shape[1] - length + 1] == part[0, 0])
    return [s for s in starts if np.array_equal(whole[:, s : s + length], part)]


@pytest.mark.parametrize(("name", "seconds"), [("crop10", 10), ("crop5", 5), ("crop3", 3)])
def test_crops_are_a_part_of_the_sound(name: str, seconds: float, sound: Sound) -> None:
    part, _ = done(name, sound)

    assert part.shape[1] == seconds * RATE
    assert len(found_at(part, sound)) == 1


def test_a_trim_takes_both_ends_and_an_edit_the_middle(sound: Sound) -> None:
    whole = sound.shape[1]
    part, _ = done("trim", sound)
    (start,) = found_at(part, sound)
    assert 0 < start <= 2 * RATE
    assert 0 < whole - start - part.shape[1] <= 2 * RATE

    cut, _ = done("edit", sound)
    assert cut.shape[1] == whole - RATE // 2
    assert np.array_equal(cut[:, : whole // 3], sound[:, : whole // 3])
    assert np.array_equal(cut[:, -whole // 3 :], sound[:, -whole // 3 :])


def test_pauses_go_and_short_gaps_stay() -> None:
    gap = tone(500, 3.0)
    gap[:, RATE : RATE + RATE // 2] = 0.0005  # half a second, 52 dB below
    gap[:, 2 * RATE : 2 * RATE + RATE // 10] = 0.0

    copy, _ = done("no-pauses", gap)

    assert copy.shape[1] == gap.shape[1] - RATE // 2
    assert np.array_equal(copy[:, -RATE:], gap[:, -RATE:])
    silent = np.zeros((1, RATE), np.float32)
    assert done("no-pauses", silent)[0].shape[1] == RATE
