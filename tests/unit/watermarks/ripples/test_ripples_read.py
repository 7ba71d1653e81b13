"""Reading a mark in a sound: nothing where nothing is, and the id where one is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from tests.unit.watermarks.ripples.voices import RATE, Sound, music, talk
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.keys import Key
from trustkit.watermarks.ripples import Ripples
from trustkit.watermarks.ripples.reader import bound, margin, seconds_of_sound
from trustkit.watermarks.ripples.spectrum import hear
from trustkit.watermarks.trial.sound_attacks import SOUND_ATTACKS
from trustkit.watermarks.trial.sound_codecs import resampled

SHORT, LONG = bytes.fromhex("5eed07c0"), bytes.fromhex("0123456789abcdef")
ENGINE = Ripples(rate=RATE)
ATTACKS = {attack.name: attack for attack in SOUND_ATTACKS}
both = pytest.mark.parametrize("payload", [SHORT, LONG], ids=["short", "long"])
voices = pytest.mark.parametrize("voice", [talk, music])


@cache
def marked(voice: Callable[[float, int], Sound], payload: bytes) -> Sound:
    """Return a marked sound of 9 s, once for each."""
    return ENGINE.embed(voice(9, 21), payload)


def read(sound: Sound, rate: int = RATE, search: Search = Search.NORMAL) -> Mark:
    mark = Ripples(rate=rate).detect(np.ascontiguousarray(sound), search)
    assert mark is not None
    return mark


def unmarked() -> dict[str, Sound]:
    rng, times = np.random.default_rng(1), np.arange(6 * RATE) / RATE
    wobble = np.sin(2 * np.pi * 440 * times) * (1 + 0.3 * np.sin(2 * np.pi * 5 / 2.56 * times))
    clicks = np.zeros(6 * RATE)
    clicks[:: RATE // 8] = 0.9
    sounds = {
        "silence": np.zeros(6 * RATE),
        "one level": np.full(6 * RATE, 0.25),
        "noise": rng.normal(0, 0.1, 6 * RATE),
        "a tone that wavers": 0.3 * wobble,
        "clicks": clicks,
        "one click": np.eye(1, 6 * RATE, 3 * RATE)[0],
        "loud noise, cut off": np.clip(rng.normal(0, 3, 6 * RATE), -1, 1),
    }
    return {name: sound[None].astype(np.float32) for name, sound in sounds.items()} | {
        "talk": talk(9, 22),
        "music": music(9, 22),
    }


@pytest.mark.parametrize("name", list(unmarked()))
def test_nothing_is_found_where_nothing_is(name: str) -> None:
    for search in (Search.NORMAL, Search.DEEP):
        assert ENGINE.detect(unmarked()[name], search) is None


def test_a_wrong_key_finds_nothing_in_twenty_marked_sounds() -> None:
    rng = np.random.default_rng(2)
    keys = ENGINE, Ripples(Key(rng.bytes(32)), rate=RATE), Ripples(Key(rng.bytes(32)), rate=RATE)
    for number in range(20):
        sound = (talk, music)[number % 2](4, 30 + number // 4)
        copy = keys[number % 3].embed(sound, rng.bytes((4, 8)[number // 2 % 2]))
        assert keys[(number + 1) % 3].detect(copy) is None


@pytest.mark.parametrize("samples", [0, 1, 100, RATE])
def test_nothing_is_found_in_next_to_no_sound(samples: int) -> None:
    for search in Search:
        assert ENGINE.look(np.zeros((1, samples), np.float32), search) == (None, 0.0)
        few = np.ascontiguousarray(marked(talk, SHORT)[:, :samples])
        assert ENGINE.look(few, search) == (None, 0.0)


@pytest.mark.parametrize("search", Search)
def test_chance_finds_a_mark_less_than_once_in_a_million_files_of_any_length(
    search: Search,
) -> None:
    odds = [bound(search, stretch) for stretch in range(2_000)]
    assert odds == sorted(odds, reverse=True)
    assert odds[0] < sum(odds) <= 1e-6
    assert margin(search, 1) == margin(search, 0) + 2


def test_a_mark_tells_the_odds_of_the_stretch_and_the_search_that_found_it() -> None:
    energies = hear(marked(music, SHORT), RATE)
    for search, stretch in ((Search.FAST, 0), (Search.NORMAL, 7), (Search.DEEP, 1)):
        mark, best = ENGINE.reading(energies, search, stretch)
        assert mark is not None
        assert best > 6
        assert (mark.search, mark.false_positive_bound) == (search, bound(search, stretch))


@both
@voices
@pytest.mark.parametrize("search", Search)
def test_an_id_comes_back_at_its_own_length(
    voice: Callable[[float, int], Sound], payload: bytes, search: Search
) -> None:
    mark = read(marked(voice, payload), search=search)
    assert mark.payload == payload
    assert mark.engine == "org.trustkit.ripples.1"
    assert mark.path == "whole"
    assert mark.confidence > 12
    assert mark.timing is not None
    assert mark.timing.tempo == pytest.approx(1, abs=0.003)
    assert mark.timing.pitch == pytest.approx(0, abs=0.3)


def test_ids_that_begin_alike_are_told_apart_by_their_length() -> None:
    sound = talk(6, 23)
    for payload in (SHORT, SHORT + bytes(4), bytes(4) + SHORT, bytes(4), bytes(8), b"\xff" * 8):
        assert read(ENGINE.embed(sound, payload)).payload == payload


def test_a_secret_key_reads_its_own_and_not_that_of_all() -> None:
    secret = Ripples(Key(bytes(range(32))), rate=RATE)
    copy = secret.embed(talk(6, 24), LONG)
    assert ENGINE.detect(copy) is None
    mark = secret.detect(copy)
    assert mark is not None
    assert mark.payload == LONG


@pytest.mark.parametrize(
    ("rate", "other"),
    [
        (8_000, 44_100), (11_025, 16_000), (16_000, 8_000), (22_050, 48_000),
        (44_100, 11_025), (48_000, 22_050), (96_000, 44_100), (192_000, 16_000),
    ],
)  # fmt: skip
def test_every_rate_is_marked_and_read_and_read_at_another(rate: int, other: int) -> None:
    copy = Ripples(rate=rate).embed(resampled(talk(6, 25), RATE, rate), SHORT)
    for search in (Search.FAST, Search.NORMAL):
        assert read(copy, rate, search).payload == SHORT
        assert read(resampled(copy, rate, other), other, search).payload == SHORT


@both
@pytest.mark.parametrize(
    ("attack", "tempo", "pitch"),
    [
        ("tempo+5", 1.05, 0), ("tempo-5", 0.95, 0), ("pitch+1", 1, 1), ("pitch-1", 1, -1),
        ("speed+5", 1.05, 0.845), ("speed-5", 0.95, -0.888),
    ],
)  # fmt: skip
def test_faster_slower_higher_and_lower_copies_are_read_and_told(
    attack: str, tempo: float, pitch: float, payload: bytes
) -> None:
    rng = np.random.default_rng(3)
    for voice in (talk, music):
        copy, rate = ATTACKS[attack].apply(marked(voice, payload), RATE, rng)
        mark = read(copy, rate)
        assert mark.payload == payload
        assert mark.timing is not None
        assert mark.timing.tempo == pytest.approx(tempo, abs=0.004)
        assert mark.timing.pitch == pytest.approx(pitch, abs=0.3)


@both
@voices
def test_parts_are_read_wherever_they_begin(
    voice: Callable[[float, int], Sound], payload: bytes
) -> None:
    whole = marked(voice, payload)
    for begin, end in ((0.5, 9), (0.013, 5), (2.56, 7.56), (3.777, 8.777)):
        part = whole[:, round(begin * RATE) : round(end * RATE)]
        for search in (Search.FAST, Search.NORMAL):
            assert read(part, search=search).payload == payload


@both
def test_softer_louder_mixed_and_upside_down_copies_are_read(payload: bytes) -> None:
    stereo = ENGINE.embed(np.concatenate([talk(9, 21), music(9, 21)]), payload)
    for copy in (
        stereo,
        stereo[:1],
        stereo[1:],
        stereo.mean(0, keepdims=True),
        stereo * np.array([[1], [-1]], np.float32),
        1e-3 * stereo,
        np.clip(3 * stereo, -1, 1),
        np.asarray(np.rint(127 * stereo) / 127, np.float32),
    ):
        assert read(copy, search=Search.FAST).payload == payload


@voices
def test_the_span_tells_where_the_mark_is(voice: Callable[[float, int], Sound]) -> None:
    sound = np.concatenate([voice(7, 41), marked(voice, SHORT), voice(6, 42)], axis=1)
    mark = read(sound)
    assert mark.payload == SHORT
    assert mark.span is not None
    assert mark.span == pytest.approx((7, 16), abs=1)


def test_a_mark_is_followed_into_other_stretches_and_only_where_it_is() -> None:
    mark = read(marked(talk, SHORT))
    heard = ENGINE.follow(hear(ENGINE.embed(music(6, 43), SHORT), RATE), mark)
    assert heard is not None
    assert heard == pytest.approx((0, 600), abs=100)
    assert ENGINE.follow(hear(music(6, 43), RATE), mark) is None
    assert ENGINE.follow(hear(talk(6, 1)[:, :RATE], RATE), mark) is None


def test_a_mark_is_not_followed_into_a_stretch_with_another_id() -> None:
    mark = read(marked(talk, SHORT))
    assert ENGINE.follow(hear(ENGINE.embed(music(6, 43), SHORT[::-1]), RATE), mark) is None


def test_the_seconds_of_sound_leave_silence_out() -> None:
    assert seconds_of_sound(np.zeros((0, 58), np.float32)) == 0
    assert seconds_of_sound(np.zeros((300, 58), np.float32)) == 0
    hiss = np.random.default_rng(4).normal(0, 0.1, (1, 4 * RATE)).astype(np.float32)
    assert seconds_of_sound(hear(hiss, RATE)) == pytest.approx(4, abs=0.02)
    for silence in (0.0, 1e-4):  # 60 dB below
        padded = np.concatenate([hiss * np.float32(silence), hiss, hiss * np.float32(silence)], 1)
        assert seconds_of_sound(hear(padded, RATE)) == pytest.approx(4, abs=0.05)
    # What is soft counts, whatever its level, as long as nothing else is louder.
    assert seconds_of_sound(hear(hiss * np.float32(1e-3), RATE)) == pytest.approx(4, abs=0.02)
