"""Sound through FFmpeg: what is refused, at which rate it is read, and what codecs leave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.watermarks.trial.tones import BY_NAME, RATE, done, tone, two_channels, written
from trustkit.errors import UnreadableError
from trustkit.watermarks.trial import hearing, sound_codecs, sounds
from trustkit.watermarks.trial.sound_attacks import EVERYDAY, SoundAttack
from trustkit.watermarks.trial.sound_codecs import Codec, coded, filtered, mp3, mp3_vbr, read_sound


def test_more_channels_than_two_are_refused() -> None:
    with pytest.raises(ValueError, match="3 channels"):
        done("mp3-64", np.zeros((3, RATE), np.float32))
    with pytest.raises(ValueError, match="3 channels"):
        done("tempo+5", np.zeros((3, RATE), np.float32))


def test_a_codec_that_is_not_there_is_told() -> None:
    codec = Codec("libnothing", "ogg")

    assert SoundAttack("x", EVERYDAY, "x", sounds.same, (codec,)).missing() == (
        "this build of FFmpeg has no encoder libnothing"
    )
    assert not BY_NAME["opus-32"].missing()


def test_files_without_sound_or_with_too_much_of_it_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words.mp3").write_text("no sound")
    (tmp_path / "empty.wav").touch()
    written(tmp_path / "mute.wav", np.zeros((1, 0), np.float32))
    for name in ("words.mp3", "empty.wav", "mute.wav", "gone.wav"):
        with pytest.raises(UnreadableError, match=f"{name} has no sound that can be read"):
            read_sound(tmp_path / name)

    monkeypatch.setattr(sound_codecs, "MAX_SECONDS", 3)
    written(tmp_path / "long.wav", tone(440, 4.0))
    with pytest.raises(UnreadableError, match="longer than 3 s"):
        read_sound(tmp_path / "long.wav")


def test_a_file_is_read_at_its_own_rate_or_at_48_khz(tmp_path: Path) -> None:
    sound = two_channels()
    path = written(tmp_path / "a.wav", sound)

    own, rate = read_sound(path, None)
    assert (rate, own.dtype, own.shape) == (RATE, np.float32, sound.shape)
    assert np.abs(own - sound).max() < 1e-4
    more, rate = read_sound(path)
    assert (rate, more.shape) == (48_000, (2, 2 * sound.shape[1]))


def test_codecs_change_the_sound_as_much_as_they_should() -> None:
    sound = two_channels()
    far = {}
    for name in ("mp3-128", "mp3-64", "aac-96"):
        copy, rate = done(name, sound)
        assert rate == RATE
        late = 1024 if name == "aac-96" else 0  # what AAC puts before stays there
        far[name] = hearing.snr(sound, copy[:, late : late + sound.shape[1]])
    assert 8 < far["mp3-64"] < far["mp3-128"] < 50
    assert 8 < far["aac-96"] < 50
    assert done("opus-32", sound)[1] == 48_000  # FFmpeg decodes all Opus to that


def test_filters_that_are_not_there_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        filtered(tone(440), RATE, "nothing=1")


def test_a_variable_bit_rate_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    decoded = sound_codecs._decoded

    def measured(file, rate):
        sizes.append(file.getbuffer().nbytes)
        return decoded(file, rate)

    monkeypatch.setattr(sound_codecs, "_decoded", measured)
    for codec in (mp3_vbr(2), mp3_vbr(4), mp3_vbr(9), mp3(64)):
        coded(two_channels(), RATE, codec)

    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[3] == pytest.approx(10.5 * 64_000 / 8, rel=0.02)
