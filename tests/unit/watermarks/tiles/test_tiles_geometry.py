"""How a copy lies on the marked picture is told right: size, turn, mirror, crop and squeeze."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.unit.watermarks.tiles import scenes
from trustkit.watermarks import Array, Geometry, Search
from trustkit.watermarks.tiles import Tiles

PAYLOAD = bytes.fromhex("0123456789abcdef")


@pytest.fixture(scope="module")
def marked() -> Array:
    """A marked picture of 720 x 480."""
    return Tiles().embed(np.ascontiguousarray(np.rot90(scenes.scene(1))), PAYLOAD)


def geometry(copy: Array, search: Search = Search.NORMAL) -> Geometry:
    mark = Tiles().detect(np.ascontiguousarray(copy), search)
    assert mark is not None
    assert mark.payload == PAYLOAD
    return mark.geometry


def is_like(found: Geometry, **wanted: float) -> bool:
    expected = Geometry(**wanted)  # type: ignore[arg-type]
    off = (found.rotation - expected.rotation + 180) % 360 - 180
    assert -180 < found.rotation <= 180
    return (
        found.flip is expected.flip
        and abs(off) < 0.6
        and found.scale == pytest.approx(expected.scale, rel=0.015)
        and found.crop == pytest.approx(expected.crop, abs=0.025)
        and found.squeeze == pytest.approx(expected.squeeze, rel=0.015)
    )


def turned(picture: Array, degrees: float) -> Array:
    """Turn counter-clockwise, as Pillow does."""
    with Image.fromarray(picture) as image:
        return np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC))


def test_a_whole_copy_lies_straight(marked: Array) -> None:
    assert geometry(marked, Search.FAST) == Geometry()


def test_a_resized_copy_lies_as_the_picture_did(marked: Array) -> None:
    smaller = cv2.resize(marked, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    assert geometry(smaller, Search.FAST) == Geometry()


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_quarter_turns_and_mirrors_are_told_mirror_first(
    marked: Array, quarters: int, flip: bool
) -> None:
    copy = np.rot90(marked[:, ::-1] if flip else marked, quarters)
    found = geometry(copy, Search.FAST)
    assert is_like(found, rotation=90.0 * quarters, flip=flip), found


@pytest.mark.parametrize("degrees", [-15, -3, 5, 12])
def test_a_turn_is_positive_counter_clockwise(marked: Array, degrees: int) -> None:
    found = geometry(turned(marked, degrees))
    assert is_like(found, rotation=degrees), found


def test_a_mirror_and_a_turn_are_told_together(marked: Array) -> None:
    found = geometry(turned(np.ascontiguousarray(marked[:, ::-1]), 7))
    assert is_like(found, rotation=7, flip=True), found


@pytest.mark.parametrize("area", [0.75, 0.5, 0.3])
def test_a_crop_tells_its_share_of_the_area(marked: Array, area: float) -> None:
    height, width = marked.shape[:2]
    y, x = round(height * (1 - area**0.5) * 0.7), round(width * (1 - area**0.5) * 0.2)
    copy = marked[y : y + round(height * area**0.5), x : x + round(width * area**0.5)]
    found = geometry(copy)
    assert is_like(found, scale=area**-0.5, crop=area), found


def test_a_crop_of_another_shape_tells_its_share_too(marked: Array) -> None:
    found = geometry(marked[:, 150:570])
    assert is_like(found, scale=(720 / 420) ** 0.5, crop=420 / 720), found


def test_a_turned_crop_tells_both(marked: Array) -> None:
    copy = turned(marked, 8)[60:420, 90:630]
    found = geometry(copy)
    assert is_like(found, rotation=8, scale=4 / 3, crop=9 / 16), found


@pytest.mark.parametrize(("across", "down"), [(0.85, 1.0), (1.0, 0.88)])
def test_a_squeeze_is_width_against_height(marked: Array, across: float, down: float) -> None:
    found = geometry(cv2.resize(marked, None, fx=across, fy=down, interpolation=cv2.INTER_AREA))
    assert is_like(found, squeeze=across / down), found


def test_a_border_makes_the_mark_smaller_and_cuts_nothing_off(marked: Array) -> None:
    copy = cv2.copyMakeBorder(marked, 40, 40, 60, 60, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    found = geometry(copy)
    scale = (720 * 480 / (840 * 560)) ** 0.5
    assert is_like(found, scale=scale), found


def test_a_slant_is_told_as_it_is_in_the_middle(marked: Array) -> None:
    height, width = marked.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shift = np.array([(8, 4), (-8, 0), (6, -3), (0, -2)], np.float32)
    view = cv2.getPerspectiveTransform(corners, corners + shift)
    found = geometry(cv2.warpPerspective(marked, view, (width, height)))
    assert is_like(found, scale=0.99), found
