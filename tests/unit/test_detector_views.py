"""What a detector is shown: crops of pictures and windows of sounds, where and how large."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from trustkit.detectors.card import AudioInput, ImageInput
from trustkit.detectors.domain import detail
from trustkit.detectors.views import places, scaled, tensor, tiles, views
from trustkit.detectors.windows import grid, levelled, listen

RATE = 16_000


def picture(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def voice(seconds: float, loud: float = 0.1) -> np.ndarray:
    """Harmonics that beat as syllables do."""
    at = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 140 * k * at) / k for k in range(1, 15))
    return np.asarray(loud * tone * (0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * at)), np.float32)


def noise(seconds: float, loud: float = 0.1) -> np.ndarray:
    return np.random.default_rng(2).normal(0, loud, round(seconds * RATE)).astype(np.float32)


def test_a_crop_of_a_large_picture_is_its_own_pixels() -> None:
    seen = picture(500, 400)
    (view,) = views(seen, ImageInput(size=224))
    left, top, right, bottom = (int(side) for side in view.place)
    assert (left, top, right, bottom) == (138, 88, 362, 312)
    assert np.array_equal(view.pixels, seen[top:bottom, left:right])


def test_a_large_picture_is_reduced_by_area_and_a_small_one_enlarged() -> None:
    wanted = ImageInput(size=64, largest_short_side=100)
    large = picture(400, 200)
    area = cv2.resize(large, (200, 100), interpolation=cv2.INTER_AREA)
    assert np.array_equal(scaled(large, wanted), area)
    small = picture(50, 32)
    cubic = cv2.resize(small, (100, 64), interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(scaled(small, wanted), cubic)
    between = picture(90, 80)
    assert scaled(between, wanted) is between


def test_the_place_of_a_crop_is_in_the_pixels_of_the_picture() -> None:
    (view,) = views(picture(1000, 500), ImageInput(size=50, largest_short_side=50))
    assert view.place == (250, 0, 750, 500)


@pytest.mark.parametrize("crops", range(1, 17))
@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (64, 64), (2000, 100)])
def test_crops_are_as_many_as_asked_and_within(crops: int, width: int, height: int) -> None:
    found = places(height, width, 64, crops)
    assert 1 <= len(found) <= crops
    assert len(set(found)) == len(found)
    assert all(0 <= left <= width - 64 and 0 <= top <= height - 64 for left, top in found)
    if (width, height) == (640, 480):
        assert len(found) == crops
    if (width, height) == (64, 64):
        assert found == [(0, 0)]


def test_five_crops_are_four_and_the_middle() -> None:
    found = places(480, 640, 64, 5)
    assert len(found) == 5
    assert (288, 208) in found


@pytest.mark.parametrize(("width", "height"), [(640, 480), (64, 64), (70, 600)])
def test_tiles_cover_the_picture(width: int, height: int) -> None:
    covered = np.zeros((height, width), bool)
    for view in tiles(picture(width, height), ImageInput(size=64), 200):
        left, top, right, bottom = (round(side) for side in view.place)
        covered[top:bottom, left:right] = True
    assert covered.all()
    assert len(tiles(picture(width, height), ImageInput(size=16), 20)) <= 20


def test_a_tensor_is_normalised_in_the_order_that_is_asked() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 255, 51
    wanted = ImageInput(size=16, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 0.1))
    found = tensor(pixels, wanted)
    assert found.shape == (1, 3, 16, 16)
    assert found.dtype == np.float32
    assert found[0, :, 3, 4] == pytest.approx([2.0, -1.0, -3.0], abs=1e-5)
    other = tensor(pixels, ImageInput(size=16, order="nhwc", range=255))
    assert other[0, 3, 4] == pytest.approx([255, 0, 51])


def test_detail_is_what_there_is_to_see() -> None:
    assert detail([np.full((64, 64, 3), 90, np.uint8)]) == 0
    assert detail([picture(64, 64)]) == 1
    half = picture(64, 64)
    half[:, :32] = 200
    assert detail([half]) == pytest.approx(0.5)


def test_a_voice_is_heard_and_noise_and_silence_are_none() -> None:
    wanted = AudioInput()
    assert listen(voice(8), wanted).voice_s > 6
    assert listen(noise(8), wanted).voice_s < 0.5
    assert listen(np.zeros(8 * RATE, np.float32), wanted).voice_s == 0
    assert listen(voice(8, 1e-5), wanted).voice_s == 0  # nobody would hear it either
    mixed = np.concatenate([noise(4, 0.003), voice(4) + noise(4, 0.003), noise(4, 0.003)])
    assert 3 < listen(mixed, wanted).voice_s < 5


def test_windows_are_taken_where_the_voice_is() -> None:
    quiet = noise(20, 1e-4)
    quiet[8 * RATE : 14 * RATE] += voice(6)
    found = listen(quiet, AudioInput(min_voice=0.9))
    assert found.windows
    assert all(start >= 8 and end <= 14 for start, end in (w.place for w in found.windows))
    assert all(window.voice >= 0.9 for window in found.windows)


def test_of_many_windows_as_many_as_asked_are_taken_all_over_the_sound() -> None:
    found = listen(voice(120), AudioInput(most_windows=10))
    starts = [window.place[0] for window in found.windows]
    assert len(starts) == 10
    assert starts[0] < 12
    assert starts[-1] > 100
    assert np.diff(starts).max() <= 14


def test_every_window_has_the_same_length_and_level() -> None:
    for loud in (1e-3, 0.1, 0.5):
        for window in listen(voice(7, loud), AudioInput()).windows:
            assert window.samples.shape == (4 * RATE,)
            assert window.samples.dtype == np.float32
            level = 20 * np.log10(np.sqrt(np.mean(window.samples.astype(float) ** 2)))
            assert level == pytest.approx(-26, abs=0.1)


def test_a_short_sound_is_repeated_to_fill_a_window() -> None:
    short = voice(1.5)
    (window,) = listen(short, AudioInput(level_dbfs=None)).windows
    assert window.place == (0.0, 1.5)
    assert np.array_equal(window.samples, np.resize(short, 4 * RATE))


def test_the_last_window_ends_where_the_sound_ends() -> None:
    wanted = AudioInput()
    assert grid(9 * RATE, wanted) == [0, 2 * RATE, 4 * RATE, 5 * RATE]
    assert grid(100, wanted) == [0]


def test_bandwidth_tells_a_telephone_from_a_microphone() -> None:
    wide = voice(5) + noise(5, 0.01)
    spectrum = np.fft.rfft(wide)
    spectrum[np.fft.rfftfreq(len(wide), 1 / RATE) > 3400] = 0
    narrow = np.fft.irfft(spectrum).astype(np.float32)
    assert listen(wide, AudioInput()).bandwidth_hz > 7000
    assert 3000 < listen(narrow, AudioInput()).bandwidth_hz < 3800


def test_silence_stays_silent_and_gain_is_bounded() -> None:
    assert not levelled(np.zeros(100, np.float32), -26).any()
    assert np.abs(levelled(np.full(100, 1e-9, np.float32), -26)).max() < 1e-6
