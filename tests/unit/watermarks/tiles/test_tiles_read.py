"""The engine's gate: what a mark must outlive, on pictures of our own and on photographs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.unit.watermarks.tiles import scenes
from trustkit.watermarks import Array, Search, Strength
from trustkit.watermarks.keys import Key
from trustkit.watermarks.tiles import Tiles
from trustkit.watermarks.tiles.reader import bound

PHOTOS = Path(__file__).resolve().parents[5] / "shared" / "data" / "photos"
NAMES = ("clic_02", "clic_08", "kodak_01", "kodak_10", "mate_02", "inet_05")
ENGINE = Tiles()


def jpeg(picture: Array, quality: int) -> Array:
    _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: Array = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(decoded)


def turned(picture: Array, degrees: float) -> Array:
    with Image.fromarray(picture) as image:
        return np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC))


def half_of_it(picture: Array) -> Array:
    height, width = picture.shape[:2]
    y, x = round(height * (1 - 0.5**0.5) / 2), round(width * (1 - 0.5**0.5) / 2)
    return np.ascontiguousarray(picture[y : height - y, x : width - x])


ATTACKS: dict[str, Callable[[Array], Array]] = {
    "JPEG 50": lambda p: jpeg(p, 50),
    "half size": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "50 % crop": half_of_it,
    "rotate 5": lambda p: turned(p, 5),
    "rotate 15": lambda p: turned(p, 15),
    "flip": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "rotate 90": lambda p: np.ascontiguousarray(np.rot90(p)),
}
attacks = pytest.mark.parametrize("attack", ATTACKS)


def payload(number: int) -> bytes:
    return np.random.default_rng(number).bytes(8)


@pytest.fixture(scope="module")
def marked() -> dict[int, Array]:
    """Pictures of our own, marked each with its own payload."""
    return {number: ENGINE.embed(scenes.scene(number), payload(number)) for number in range(4)}


@pytest.fixture(scope="module")
def photos() -> dict[int, Array]:
    """Photographs, marked; the folder is not part of the project."""
    if not PHOTOS.is_dir():
        pytest.skip(f"{PHOTOS.name} are not here")
    found = {}
    for number, name in enumerate(NAMES):
        with Image.open(PHOTOS / f"{name}.jpg") as image:
            found[number] = ENGINE.embed(np.array(image.convert("RGB")), payload(number))
    return found


def unread(pictures: dict[int, Array], attack: str) -> list[tuple[int, bytes | None]]:
    marks = {number: ENGINE.detect(ATTACKS[attack](p)) for number, p in pictures.items()}
    payloads = {number: mark.payload if mark else None for number, mark in marks.items()}
    return [(number, got) for number, got in payloads.items() if got != payload(number)]


def test_nothing_is_read_where_nothing_was_written() -> None:
    pictures = list(scenes.unmarked())
    assert len(pictures) == 60
    assert [ENGINE.detect(picture, Search.FAST) for picture in pictures] == [None] * 60
    # Of each kind some again with patience: a third of a second each.
    assert [ENGINE.detect(picture) for picture in pictures[::4]] == [None] * 15


def test_another_key_reads_nothing_after_an_attack(marked: dict[int, Array]) -> None:
    other = Tiles(Key(bytes(32)))
    for attack in ("JPEG 50", "50 % crop", "flip"):
        assert other.detect(ATTACKS[attack](marked[0])) is None


@pytest.mark.parametrize("search", Search)
def test_the_odds_of_a_false_mark_are_below_one_in_a_million(search: Search) -> None:
    assert 0 < bound(search) <= 1e-6


@attacks
def test_a_mark_outlives(marked: dict[int, Array], attack: str) -> None:
    assert unread(marked, attack) == []


@attacks
def test_a_mark_in_a_photograph_outlives(photos: dict[int, Array], attack: str) -> None:
    assert unread(photos, attack) == []


@pytest.mark.parametrize("strength", Strength)
def test_presets_are_as_loud_as_they_say_and_each_reads_clean(strength: Strength) -> None:
    engine, decibels = Tiles(strength=strength), []
    for number in range(3):
        picture = scenes.scene(number)
        copy = engine.embed(picture, payload(number))
        error = ((copy.astype(np.float64) - picture) ** 2).mean()
        decibels.append(float(10 * np.log10(255**2 / error)))
        mark = engine.detect(copy, Search.FAST)
        assert mark is not None
        assert mark.payload == payload(number)
    low, high = {"subtle": (44, 51), "default": (41, 48), "strong": (38, 46)}[strength]
    assert all(low < value < high for value in decibels), decibels


def test_gray_and_colour_hold_the_same_mark(marked: dict[int, Array]) -> None:
    gray = cv2.cvtColor(marked[1], cv2.COLOR_RGB2GRAY)
    mark = ENGINE.detect(gray)
    assert mark is not None
    assert mark.payload == payload(1)


def test_a_fast_search_costs_less_than_a_normal_one_and_reads_whole_copies(
    marked: dict[int, Array],
) -> None:
    picture = scenes.scene(203)
    spent = {}
    for search in (Search.FAST, Search.NORMAL):
        ENGINE.detect(picture, search)  # tables are made once
        start = time.process_time()
        for _ in range(2):
            ENGINE.detect(picture, search)
        spent[search] = time.process_time() - start
    assert spent[Search.FAST] < 0.7 * spent[Search.NORMAL]
    for number, copy in marked.items():
        mark = ENGINE.detect(ATTACKS["JPEG 50"](copy), Search.FAST)
        assert mark is not None
        assert mark.payload == payload(number)


def test_frames_that_are_averaged_are_read_together(marked: dict[int, Array]) -> None:
    # Of one film: the same payload on other pictures, each too noisy to be read alone.
    rng = np.random.default_rng(8)
    frames = [ENGINE.embed(scenes.scene(3 * n), payload(9)) for n in range(8)]
    planes = []
    for frame in frames:
        luma = frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        luma += rng.normal(0, 25, luma.shape).astype(np.float32)
        planes.append(ENGINE.observe(luma))
    height, width = frames[0].shape[:2]
    mark = ENGINE.read(np.mean(planes, axis=0), Search.FAST, (width, height))
    assert mark is not None
    assert mark.payload == payload(9)


def test_what_was_nearly_a_mark_is_told_apart_from_noise(marked: dict[int, Array]) -> None:
    for picture, low, high in ((marked[0], 15, 99), (scenes.scene(210), 0, 12)):
        _, z = ENGINE.look(picture, Search.FAST)
        assert low < z < high
