"""The measures of sound against their formulas, written out."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest

from trustkit.watermarks.trial import hearing
from trustkit.watermarks.trial.sound_codecs import Sound

RATE = 16_000


@pytest.fixture(scope="module")
def noise() -> Sound:
    return np.random.default_rng(5).normal(0, 0.1, (2, 2 * RATE)).astype(np.float32)


def test_sounds_of_other_shapes_are_refused(noise: Sound) -> None:
    for measure in (hearing.snr, hearing.spectral_distance):
        with pytest.raises(ValueError, match="one shape"):
            measure(noise, noise[:1])
    for measured in (hearing.segmental_snr, hearing.pesq):
        with pytest.raises(ValueError, match="one shape"):
            measured(noise, noise[:, 1:], RATE)
    with pytest.raises(ValueError, match="one shape"):
        hearing.snr(noise[0], noise[0])


def test_silence_and_what_is_too_short_have_no_distance() -> None:
    silent = np.zeros((1, RATE), np.float32)
    short = np.ones((1, 100), np.float32)

    assert hearing.spectral_distance(silent, silent) is None
    assert hearing.spectral_distance(short, short) is None
    assert hearing.segmental_snr(silent, silent, RATE) is None
    assert hearing.segmental_snr(short, short, RATE) is None
    assert hearing.snr(silent, silent + 1) == -math.inf


def test_snr_is_its_formula() -> None:
    one = np.array([[3.0, 0.0, 4.0]], np.float32)
    other = np.array([[3.0, 0.5, 4.0]], np.float32)

    assert hearing.snr(one, other) == pytest.approx(20.0)  # 25 to 0.25
    assert hearing.snr(one, one) == math.inf


def test_segmental_snr_is_a_mean_of_frames_within_bounds() -> None:
    frame = round(0.02 * RATE)
    one = np.full((1, 4 * frame), 0.1, np.float32)
    one[:, 3 * frame :] = 0.0001  # 60 dB below: silent
    other = one.copy()
    other[:, :frame] += 0.01  # 20 dB
    other[:, frame : 2 * frame] += 0.0001  # 60 dB, which counts as 35
    other[:, 2 * frame : 3 * frame] -= 2.0  # -26 dB, which counts as -10
    other[:, 3 * frame :] += 1.0

    assert hearing.segmental_snr(one, other, RATE) == pytest.approx((20 + 35 - 10) / 3, abs=1e-3)


def test_spectral_distance_of_a_gain_is_the_gain(noise: Sound) -> None:
    assert hearing.spectral_distance(noise, noise * 2) == pytest.approx(
        20 * math.log10(2), abs=1e-3
    )
    assert hearing.spectral_distance(noise, noise) == 0


def test_spectral_distance_is_its_formula(noise: Sound) -> None:
    one = noise[:, :8000].copy()
    one[:, 4000:] = 0  # the last frames are silent, and do not count
    other = one + noise[::-1, 8000:16000] * 0.2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)

    def power(sound: Sound, channel: int, start: int) -> Sound:
        return np.abs(np.fft.rfft(sound[channel, start : start + 2048].astype(float) * window)) ** 2

    places = [(c, s) for c in range(2) for s in range(0, 8000 - 2047, 512)]
    floor = 1e-8 * max(power(one, *place).max() for place in places)
    loudest = max(power(one, *place).sum() for place in places)
    far = []
    for place in places:
        a, b = power(one, *place), power(other, *place)
        if a.sum() > 0 and a.sum() >= 1e-5 * loudest:
            apart = 10 * np.log10(np.maximum(a, floor)) - 10 * np.log10(np.maximum(b, floor))
            far.append(np.sqrt(np.mean(apart**2)))

    assert len(far) < len(places)
    assert hearing.spectral_distance(one, other) == pytest.approx(np.mean(far), rel=1e-4)


def test_frames_at_a_time_change_nothing(noise: Sound, monkeypatch: pytest.MonkeyPatch) -> None:
    other = noise + noise[::-1] * np.float32(0.1)
    whole = hearing.spectral_distance(noise, other)
    monkeypatch.setattr(hearing, "_FRAMES", 7)

    assert hearing.spectral_distance(noise, other) == pytest.approx(whole, abs=1e-9)


@pytest.mark.skipif(find_spec("pesq") is None, reason="pesq is not installed")
def test_pesq_is_highest_for_the_same_and_none_for_silence(noise: Sound) -> None:
    same = hearing.pesq(noise, noise, RATE)

    assert same == pytest.approx(4.644, abs=0.001)
    assert (hearing.pesq(noise, noise + noise[:, ::-1], RATE) or 5) < 4
    assert hearing.pesq(np.zeros_like(noise), noise, RATE) is None


def test_pesq_that_is_not_installed_is_no_number(
    noise: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "find_spec", lambda _name: None)

    assert hearing.pesq(noise, noise, RATE) is None
