"""Pictures and frames for detectors: whole, upright, as they are shown."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from tests import detected
from tests.command import MEDIA
from tests.detector_toys import picture_toy, sound_toy
from tests.films import Recipe, film
from trustkit.asset import open_asset
from trustkit.detectors import Answer
from trustkit.detectors.files import Eyes, Limits
from trustkit.detectors.recheck import picture_again, sound_again
from trustkit.errors import UnreadableError
from trustkit.media.film.look import look
from trustkit.media.film.stills import stills
from trustkit.media.rgb import rgb


@pytest.fixture(scope="module")
def toy_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one detector of pictures and one of sounds, for what is not a command."""
    home = tmp_path_factory.mktemp("home")
    picture_toy(home / "detectors", rank=999)
    sound_toy(home / "detectors", rank=999)
    with patch.dict(os.environ, {"TRUSTKIT_HOME": str(home)}):
        yield home


def quarters() -> Image.Image:
    """A picture that is red at its upper left and black elsewhere."""
    rows = np.zeros((64, 96, 3), np.uint8)
    rows[:32, :48, 0] = 255
    return Image.fromarray(rows)


def seen(image: Image.Image, kind: str, **options: object) -> np.ndarray:
    out = BytesIO()
    image.save(out, kind, **options)
    media = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "GIF": "image/gif"}
    return rgb(out, media[kind], "x", 10**6)


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    out = BytesIO()
    quarters().save(out, "PNG")

    with pytest.raises(UnreadableError, match="megapixels"):
        rgb(out, "image/png", "x", 6000)


def test_a_kind_that_is_not_decoded_is_refused() -> None:
    with pytest.raises(UnreadableError, match="not decoded here"):
        rgb(BytesIO(b"x"), "image/svg+xml", "x", 10**6)


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1))])
def test_a_picture_is_turned_as_its_exif_says(orientation: int, corner: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    array = seen(quarters(), "PNG", exif=exif)

    assert array.shape == ((64, 96, 3) if orientation != 6 else (96, 64, 3))
    assert array[corner].tolist() == [255, 0, 0]


def test_any_layout_becomes_rgb_of_eight_bits() -> None:
    grey = seen(Image.new("L", (64, 64), 200), "JPEG")
    inks = seen(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "TIFF")
    moving = seen(quarters(), "GIF", save_all=True, append_images=[Image.new("RGB", (96, 64))])

    assert grey.shape == inks.shape == (64, 64, 3)
    assert grey.dtype == np.uint8
    assert inks[0, 0].tolist() == [255, 0, 0]
    assert moving[0, 0].tolist() == [255, 0, 0]


def test_the_pixels_are_those_of_a_plain_decoding() -> None:
    with (MEDIA / "scene.jpg").open("rb") as stream:
        array = rgb(stream, "image/jpeg", "scene.jpg", 10**6)

    assert np.array_equal(array, np.asarray(Image.open(MEDIA / "scene.jpg").convert("RGB")))


def test_stills_are_spread_over_the_film_and_upright(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", Recipe(frames=100, turned=90, options={"g": "10"}, shots=4))
    found = list(stills(path, look(path), 8))

    assert 5 <= len(found) <= 8
    assert found[0].pixels.shape == (320, 180, 3)
    assert found[0].seconds < 1
    assert found[-1].seconds > 2.8
    assert [s.seconds for s in found] == sorted({s.seconds for s in found})


def test_a_short_film_with_one_key_frame_is_looked_through(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", Recipe(frames=60, options={"g": "250", "sc_threshold": "0"}))

    assert len(list(stills(path, look(path), 12))) >= 8


def test_a_scene_that_is_cut_in_between_is_not_missed(tmp_path: Path) -> None:
    lights = [0.2] * 9 + [0.9] + [0.2] * 10
    path = detected.film(tmp_path / "a.mp4", lights, None, 20)  # a second of another scene
    found = [still.pixels.mean() for still in stills(path, look(path), 12)]

    assert max(found) > 200


def test_a_damaged_film_gives_what_is_whole(tmp_path: Path) -> None:
    path = detected.film(tmp_path / "a.mkv", [0.3, 0.6], None, 6)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 400] = bytes(400)
    path.write_bytes(data)

    assert list(stills(path, look(path), 8))


def test_the_second_look_keeps_size_and_content() -> None:
    picture = np.asarray(Image.open(MEDIA / "scene.jpg").convert("RGB"))
    again = picture_again(picture)
    tone = np.sin(np.arange(32_000) / 9).astype(np.float32) / 2

    assert again.shape == picture.shape
    assert np.abs(again[:-5, :-3].astype(int) - picture[5:, 3:]).mean() < 6
    assert picture_again(picture[:2, :2]).shape == (2, 2, 3)
    later = sound_again(tone, 16_000)
    assert len(later) == 32_000 - 800
    assert np.corrcoef(later, tone[800:])[0, 1] > 0.99


def test_a_file_that_takes_too_long_is_not_checked(toy_home: Path, tmp_path: Path) -> None:
    path = detected.film(tmp_path / "a.mp4", [0.9], 300.0)
    answers = list(Eyes(limits=Limits(seconds=-1.0)).look(open_asset(path)))

    assert [one.judgement.answer for one in answers] == [Answer.NOT_CHECKED] * 2
    assert all("seconds" in one.judgement.reason for one in answers)


def test_a_file_that_changes_meanwhile_is_refused(toy_home: Path, tmp_path: Path) -> None:
    path = detected.film(tmp_path / "a.mp4", [0.9], None)
    asset = open_asset(path)
    time.sleep(0.01)
    path.write_bytes(path.read_bytes() + b"\0")

    with pytest.raises(UnreadableError, match="changed"):
        list(Eyes().look(asset))


def test_a_film_of_too_many_pixels_is_not_checked(toy_home: Path, tmp_path: Path) -> None:
    path = detected.film(tmp_path / "a.mp4", [0.9], None)
    eyes = Eyes(limits=replace(Limits(), frame_pixels=100))

    assert "megapixels" in next(iter(eyes.look(open_asset(path)))).judgement.reason


def test_a_picture_that_is_too_small_loads_no_model(toy_home: Path, tmp_path: Path) -> None:
    path = detected.grey(tmp_path / "a.png", 0.9, (20, 20))
    script = (
        "import sys; from pathlib import Path; from trustkit.asset import open_asset\n"
        "from trustkit.detectors.files import Eyes\n"
        f"one, = Eyes().look(open_asset(Path({str(path)!r})))\n"
        "print(one.judgement.answer, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["inconclusive", "False"]
