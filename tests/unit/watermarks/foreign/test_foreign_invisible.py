"""The engine invisible-watermark without its library: refusals, and reading what it wrote."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.unit.watermarks.foreign.golden import PAYLOAD, marked
from tests.unit.watermarks.foreign.pictures import draw
from trustkit.errors import ConfigError, MissingBackendError, UsageError
from trustkit.watermarks import Search
from trustkit.watermarks.foreign.invisible import METHODS, InvisibleWatermark


def test_an_unknown_method_is_refused():
    with pytest.raises(ConfigError, match="no method 'dct'"):
        InvisibleWatermark("dct")


@pytest.mark.parametrize(("method", "bits"), [("dwtDct", 64), ("dwtDctSvd", 64), ("rivaGan", 16)])
def test_the_capacity_leaves_room_for_the_check(method, bits):
    engine = InvisibleWatermark(method)
    assert engine.capacity == bits
    assert engine.name == f"invisible-watermark.{method}.1"
    assert engine.kind == "image"


@pytest.mark.parametrize("method", METHODS)
def test_a_payload_of_another_size_is_refused(method):
    with pytest.raises(UsageError, match="bits, not 24"):
        InvisibleWatermark(method).embed(draw(256, 256), b"abc")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (draw(256, 256)[:, :, 0], "grey"),
        (draw(100, 100), "too few"),
        (np.zeros((4, 20_000, 3), np.uint8), "too few"),
        (np.zeros((256, 256, 3), np.float64), "float64"),
    ],
)
def test_a_picture_that_cannot_be_marked_is_refused(array, words):
    with pytest.raises(UsageError, match=words):
        InvisibleWatermark().embed(array, PAYLOAD)


@pytest.mark.parametrize("method", METHODS)
def test_without_the_library_the_hint_says_what_to_install(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "imwatermark", None)
    engine = InvisibleWatermark(method)
    with pytest.raises(MissingBackendError, match="needs imwatermark") as caught:
        engine.embed(draw(256, 256), PAYLOAD[: engine.capacity // 8])
    assert "trustkit[invisible-watermark]" in caught.value.hint
    assert "opencv-python-headless" in caught.value.hint


def test_riva_gan_takes_no_large_picture():
    engine = InvisibleWatermark("rivaGan")
    large = np.zeros((2001, 2000, 3), np.uint8)
    with pytest.raises(UsageError, match="4 megapixels"):
        engine.embed(large, b"ab")
    with pytest.raises(UsageError, match="4 megapixels"):
        engine.detect(large)


def test_riva_gan_needs_the_library_to_read_as_well(monkeypatch):
    monkeypatch.setitem(sys.modules, "imwatermark", None)
    with pytest.raises(MissingBackendError, match="needs imwatermark"):
        InvisibleWatermark("rivaGan").detect(draw(256, 256))


@pytest.mark.parametrize(
    "array",
    [
        draw(256, 256),
        draw(100, 100),
        draw(256, 256)[:, :, 0],
        np.zeros((4, 20_000, 3), np.uint8),
        np.zeros((256, 256, 3), np.uint8),
        np.full((256, 256, 3), 255, np.uint8),
    ],
)
@pytest.mark.parametrize("method", ["dwtDct", "dwtDctSvd"])
def test_an_unmarked_picture_has_no_mark(method, array):
    assert InvisibleWatermark(method).detect(array) is None


def test_a_mark_with_another_word_is_not_ours():
    assert InvisibleWatermark("dwtDct").detect(marked("StableDiffusionV1")) is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("alpha", [False, True])
def test_the_librarys_mark_is_read_without_it_from_any_depth(depth, alpha, monkeypatch):
    monkeypatch.setitem(sys.modules, "imwatermark", None)
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[depth]
    picture = (marked("ours") * depth(scale)).astype(depth)
    if alpha:
        picture = np.dstack([picture, np.zeros(picture.shape[:2], depth)])
    mark = InvisibleWatermark().detect(picture, Search.FAST)
    assert mark is not None
    assert (mark.payload, mark.engine, mark.search) == (
        PAYLOAD,
        "invisible-watermark.dwtDctSvd.1",
        Search.FAST,
    )
    assert mark.false_positive_bound == 2**-32
