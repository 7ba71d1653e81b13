"""The attacks on sound are what they are called, measured, and the same every time."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from tests.unit.watermarks.trial.tones import BY_NAME, RATE, done, tone, two_channels
from trustkit.errors import UsageError
from trustkit.watermarks.trial import hearing
from trustkit.watermarks.trial.attacks import generator
from trustkit.watermarks.trial.sound_attacks import (
    EVERYDAY,
    EVERYDAY_COUNT,
    HARDER,
    SOUND_ATTACKS,
    SoundAttack,
    choose_sound,
)
from trustkit.watermarks.trial.sound_bed import bed
from trustkit.watermarks.trial.sound_codecs import Sound

NAMES = (
    "none mp3-128 mp3-64 aac-96 opus-32 16k 8k 8bit vol-12 noise30 noise20 lp4k hp500 tempo+5 "
    "tempo+2 tempo-5 speed+5 speed+2 speed-5 pitch+1 pitch-1 reverb room crop10 crop5"
)


@pytest.fixture(scope="module")
def sound() -> Sound:
    return two_channels()


def loudness(samples: Sound) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


def within(samples: Sound, low: float, high: float) -> float:
    """Return how loud it is between two frequencies, in dB."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(samples.shape[1], 1 / RATE)
    power = np.abs(spectrum[:, (hertz >= low) & (hertz < high)]) ** 2
    return float(10 * np.log10(power.sum() + 1e-20))


def test_an_unknown_attack_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no attack on sound named 'mp3'") as refused:
        choose_sound(["none", "mp3"])

    assert "mp3-128" in refused.value.hint
    assert EVERYDAY in refused.value.hint


def test_a_sound_that_an_attack_would_not_change_is_refused() -> None:
    for name in ("mono", "left"):
        with pytest.raises(ValueError, match="one channel already"):
            done(name, tone(440))
    with pytest.raises(ValueError, match="no longer than 5 s"):
        done("crop5", tone(440, 5.0))


def test_the_everyday_ones_are_those_that_promises_are_made_of() -> None:
    assert " ".join(a.name for a in SOUND_ATTACKS if a.group == EVERYDAY) == NAMES
    assert len(NAMES.split()) == EVERYDAY_COUNT == 25
    assert {attack.group for attack in SOUND_ATTACKS} == {EVERYDAY, HARDER}
    assert len(BY_NAME) == len(SOUND_ATTACKS)
    assert all(attack.sentence for attack in SOUND_ATTACKS)
    assert [a.name for a in choose_sound(["crop3", "none"])] == ["none", "crop3"]
    assert len(choose_sound([EVERYDAY])) == EVERYDAY_COUNT


@pytest.mark.parametrize("attack", SOUND_ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_repeats_itself_and_leaves_its_sound_alone(
    attack: SoundAttack, sound: Sound
) -> None:
    if why := attack.missing():
        pytest.skip(why)
    if not attack.name.startswith("crop"):
        sound = sound[:, : 4 * RATE]
    before = sound.copy()
    sent = pickle.loads(pickle.dumps(attack))  # noqa: S301  # as worker processes get it

    one, rate = attack.apply(sound, RATE, generator(1, "a.wav", attack.name))
    other, _ = sent.apply(sound, RATE, generator(1, "a.wav", attack.name))

    assert np.array_equal(one, other)
    assert np.array_equal(sound, before)
    assert not np.shares_memory(one, sound)
    assert (one.dtype, one.ndim) == (np.float32, 2)
    assert np.abs(one).max() <= 1
    assert one.shape[0] == (1 if attack.name in {"mono", "left"} else 2)
    if attack.name not in {"none", "no-pauses"}:
        assert rate != RATE or one.shape != sound.shape or not np.array_equal(one, sound)


@pytest.mark.parametrize("name", ["noise20", "reverb", "crop5", "trim", "edit", "music6", "eq6"])
def test_chance_depends_on_the_seed(name: str, sound: Sound) -> None:
    assert not np.array_equal(done(name, sound, 1)[0], done(name, sound, 2)[0])


@pytest.mark.parametrize(
    "name", ["none", "8bit", "vol-12", "noise20", "lp4k", "hp500", "reverb", "music6", "eq6"]
)
def test_what_moves_nothing_keeps_length_and_rate(name: str, sound: Sound) -> None:
    copy, rate = done(name, sound)

    assert (copy.shape, rate) == (sound.shape, RATE)


def test_rates_bits_and_loudness_are_those_of_the_name(sound: Sound) -> None:
    assert done("16k", sound)[1] == 16_000
    copy, rate = done("8k", sound)
    assert (rate, copy.shape[1]) == (8_000, sound.shape[1] // 3)
    assert done("rates", sound)[1] == 48_000
    steps = done("8bit", sound)[0] * 128
    assert np.array_equal(steps, np.rint(steps))
    assert np.abs(steps / 128 - sound).max() <= 1 / 256
    assert loudness(done("vol-12", sound)[0]) == pytest.approx(loudness(sound) - 12, abs=0.01)


@pytest.mark.parametrize(("name", "decibels"), [("noise30", 30), ("noise20", 20), ("noise10", 10)])
def test_noise_is_as_far_below_as_it_says_and_white(
    name: str, decibels: float, sound: Sound
) -> None:
    copy, _ = done(name, sound)
    noise = copy - sound

    assert hearing.snr(sound, copy) == pytest.approx(decibels, abs=0.1)
    assert within(noise, 0, 6000) == pytest.approx(within(noise, 6000, 12_000), abs=0.2)
    assert abs(np.corrcoef(noise)[0, 1]) < 0.01


def test_bands_end_where_they_say(sound: Sound) -> None:
    low, high = done("lp4k", sound)[0], done("hp500", sound)[0]

    assert within(low, 4400, 12_000) < within(sound, 4400, 12_000) - 60
    assert within(low, 0, 4000) == pytest.approx(within(sound, 0, 4000), abs=0.01)
    assert within(high, 0, 450) < within(sound, 0, 450) - 60
    assert within(high, 500, 12_000) == pytest.approx(within(sound, 500, 12_000), abs=0.01)


def test_an_echo_falls_by_60_db_in_its_time() -> None:
    click = np.zeros((1, RATE), np.float32)
    click[0, 100] = 0.5
    heard, _ = done("reverb", click)

    assert loudness(heard) == pytest.approx(loudness(click), abs=0.01)
    tail = heard[0, 100:].astype(np.float64)
    assert np.sum(tail[1:] ** 2) == pytest.approx(tail[0] ** 2, rel=0.01)  # as loud as the direct
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1])  # Schroeder 1965
    at = [int(np.argmax(left < left[100] - fall)) / RATE for fall in (5, 35)]
    assert 2 * (at[1] - at[0]) == pytest.approx(0.45, rel=0.1)


def test_a_room_is_a_band_an_echo_noise_and_a_codec() -> None:
    hiss = np.random.default_rng(2).normal(0, 0.1, (1, 4 * RATE)).astype(np.float32)
    copy, _ = done("room", hiss)

    assert 0 < copy.shape[1] - hiss.shape[1] <= 2048  # AAC's delay
    assert within(copy, 20, 100) == pytest.approx(within(hiss, 20, 100) - 25, abs=3)
    assert within(copy, 1000, 4000) == pytest.approx(within(hiss, 1000, 4000), abs=2)
    assert hearing.snr(hiss, copy[:, 1024:][:, : hiss.shape[1]]) < 5


def test_music_lies_under_the_sound_and_fills_the_spectrum(sound: Sound) -> None:
    assert hearing.snr(sound, done("music6", sound)[0]) == pytest.approx(6, abs=0.1)

    music = bed(6.0, RATE, generator(1, "a", "b"))
    assert loudness(music) == pytest.approx(0, abs=0.01)
    octaves = [
        within(music, low, 2 * low) - within(music, 0, 12_000) for low in 47 * 2 ** np.arange(8)
    ]
    assert min(octaves) > -30
    seconds = music.reshape(12, -1)
    assert np.std(seconds, axis=1).min() > 0.3  # it never stops


def test_an_equaliser_stays_within_its_gains() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (1, 4 * RATE)).astype(np.float32)
    copy, _ = done("eq6", noise)
    gains = [
        within(copy, f, 1.1 * f) - within(noise, f, 1.1 * f) for f in 60 * 1.5 ** np.arange(12)
    ]

    assert max(np.abs(gains)) <= 6.1
    assert max(gains) - min(gains) > 3


def test_a_compressor_brings_loud_and_soft_together() -> None:
    steps = tone(500) * np.repeat(np.array([1.0, 0.1], np.float32), 2 * RATE)
    copy, _ = done("squeezed", steps)
    loud, soft = slice(RATE // 2, RATE), slice(3 * RATE, 7 * RATE // 2)

    assert copy.shape == steps.shape
    before = loudness(steps[:, loud]) - loudness(steps[:, soft])
    assert loudness(copy[:, loud]) - loudness(copy[:, soft]) < before - 6


def test_channels_are_mixed_or_dropped(sound: Sound) -> None:
    assert np.allclose(done("mono", sound)[0], (sound[:1] + sound[1:]) / 2, atol=1e-7)
    assert np.array_equal(done("left", sound)[0], sound[:1])


def test_silence_survives_every_attack() -> None:
    for attack in SOUND_ATTACKS:
        seconds = 11 if attack.name.startswith("crop") else 2
        silent = np.zeros((2, seconds * RATE), np.float32)
        copy, _ = attack.apply(silent, RATE, generator(1, "a", attack.name))
        assert np.isfinite(copy).all()
        assert np.abs(copy).max() < 1e-3
