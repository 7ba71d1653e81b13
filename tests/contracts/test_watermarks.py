"""What every picture engine keeps to, however it hides its bits."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from tests.marks import engines_of
from trustkit import plugins
from trustkit.errors import MissingBackendError, TrustkitError, UsageError
from trustkit.watermarks import PAYLOAD_BYTES, Array, Search, Watermark
from trustkit.watermarks.keys import Key, new_key

PAYLOAD = bytes.fromhex("0123456789abcdef")
SMALLER = {"uint8": 1, "uint16": 257, "float32": 1 / 255}
SHAPES = {"gray": (), "RGB": (3,), "RGBA": (4,)}
searches = pytest.mark.parametrize("search", [Search.FAST, Search.NORMAL])

Make = Callable[..., Watermark]


@pytest.fixture(params=engines_of("image"))
def make(request: pytest.FixtureRequest) -> Make:
    """Makes engines of one kind; skips those that need weights or a part that is not here."""
    backend, reason = _backend(request.param)
    if reason:
        pytest.skip(reason)
    return backend


@cache
def _scene(channels: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(7)
    picture = np.full((360, 480, 3), 130, np.float32)
    for sigma, loud in ((40, 700), (8, 100), (2, 20)):
        rough = rng.normal(size=picture.shape).astype(np.float32)
        picture += loud * cv2.GaussianBlur(rough, (0, 0), sigma)
    eight = np.clip(picture, 0, 255).astype(np.uint8)
    if not channels:
        return eight[..., 0]
    alpha = rng.integers(0, 256, (360, 480, 1)).astype(np.uint8)
    return np.concatenate([eight, alpha], 2) if channels == (4,) else eight


@cache
def _backend(name: str) -> tuple[Make, str]:
    backend: Any = None
    try:
        backend = plugins.load("watermarks", name)
        engine: Watermark = backend()
        if engine.kind != "image":
            return backend, f"{name} marks {engine.kind}"
        engine.embed(scene(), PAYLOAD)
    except MissingBackendError as error:
        return backend, str(error)
    except TypeError as error:
        return backend, f"{name} cannot be made from nothing: {error}"
    return backend, ""


def scene(kind: str = "RGB", dtype: str = "uint8") -> Array:
    step = SMALLER[dtype]
    values = _scene(SHAPES[kind])
    return (values.astype(np.float64) * step).astype(dtype)


def in_eight_bits(array: Array) -> Array:
    return array.astype(np.float64) / SMALLER[str(array.dtype)]


def marked_or_refused(engine: Watermark, picture: Array) -> None:
    assert engine.detect(picture) is None
    try:
        marked = engine.embed(picture, PAYLOAD)
    except TrustkitError:  # in words: nothing else may come
        return
    assert (marked.shape, marked.dtype) == (picture.shape, picture.dtype)
    mark = engine.detect(marked)
    assert mark is None or mark.payload == PAYLOAD


def marked_with(engine: Watermark, picture: Array) -> Array:
    """Return the picture marked; skips what the engine says that it does not mark."""
    try:
        return engine.embed(picture, PAYLOAD)
    except UsageError as error:
        pytest.skip(f"{engine.name}: {error}")


@pytest.mark.parametrize("payload", [b"", bytes(7), bytes(9)], ids=len)
def test_a_payload_of_another_length_is_refused(make: Make, payload: bytes) -> None:
    with pytest.raises((ValueError, TrustkitError)):
        make().embed(scene(), payload)


STRANGE = {
    "no pixels": np.zeros((0, 0, 3), np.uint8),
    "no width": np.zeros((5, 0), np.uint8),
    "two channels": np.zeros((300, 300, 2), np.uint8),
    "four dimensions": np.zeros((1, 300, 300, 3), np.uint8),
    "yes and no": np.zeros((300, 300, 3), np.bool_),
    "wide numbers": np.zeros((300, 300, 3), np.int32),
    "other byte order": np.zeros((300, 300, 3), np.dtype("u2").newbyteorder()),
}


@pytest.mark.parametrize("picture", STRANGE.values(), ids=STRANGE)
def test_what_is_no_picture_is_refused_or_has_no_mark(make: Make, picture: Array) -> None:
    refused = (ValueError, TrustkitError)
    with pytest.raises(refused):
        make().embed(picture, PAYLOAD)
    with suppress(*refused):
        assert make().detect(picture) is None


@pytest.mark.parametrize("kind", SHAPES)
@searches
def test_nothing_is_read_where_nothing_was_written(make: Make, kind: str, search: Search) -> None:
    assert make().detect(scene(kind), search) is None


def test_another_key_reads_nothing(make: Make) -> None:
    marked = make().embed(scene(), PAYLOAD)
    try:
        others = [make(key=new_key()), make(key=Key(bytes(32)))]
    except TypeError:
        pytest.skip(f"{make().name} has no keys")
    for other in others:
        assert other.detect(marked) is None
        mark = other.detect(other.embed(marked, PAYLOAD[::-1]))
        assert mark is not None
        assert mark.payload == PAYLOAD[::-1]


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (2, 2), (7, 9), (16, 16), (64, 64), (1, 3000), (3000, 1), (8, 2500), (2500, 8)],
    ids=str,
)
def test_tiny_and_very_long_pictures_are_marked_or_refused(
    make: Make, shape: tuple[int, int]
) -> None:
    marked_or_refused(
        make(), np.random.default_rng(5).integers(0, 256, (*shape, 3)).astype(np.uint8)
    )


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_pictures_are_marked_or_refused(make: Make, shade: int) -> None:
    marked_or_refused(make(), np.full((200, 300, 3), shade, np.uint8))


@pytest.mark.parametrize("dtype", SMALLER)
@pytest.mark.parametrize("kind", SHAPES)
def test_a_mark_comes_back_and_all_else_stays(make: Make, kind: str, dtype: str) -> None:
    engine, picture = make(), scene(kind, dtype)
    before = picture.copy()
    picture.flags.writeable = False
    marked = marked_with(engine, picture)
    assert (marked.shape, marked.dtype) == (picture.shape, picture.dtype)
    assert (picture == before).all(), "the caller's array was written to"
    assert marked is not picture
    assert not np.shares_memory(marked, picture)
    if kind == "RGBA":
        assert (marked[..., 3] == picture[..., 3]).all(), "alpha was touched"
    error = in_eight_bits(marked) - in_eight_bits(picture)
    assert 0 < np.abs(error).mean() < 6
    assert np.abs(error).max() < 64
    for search in Search:
        mark = engine.detect(marked, search)
        assert mark is not None
        assert mark.payload == PAYLOAD
        assert mark.engine == engine.name
        assert mark.search == search
        assert 0 < mark.false_positive_bound <= 1e-6
        assert mark.confidence > 0
        assert mark.path
        assert mark.span is None


def test_one_bad_number_spoils_neither_the_picture_nor_the_mark(make: Make) -> None:
    picture = scene("RGB", "float32")
    picture[5, 5], picture[9, 9, 0], picture[12, 9, 1] = np.nan, np.inf, -np.inf
    marked = make().embed(picture, PAYLOAD)
    assert np.isfinite(marked[20:]).all()
    mark = make().detect(marked)
    assert mark is not None
    assert mark.payload == PAYLOAD


@pytest.mark.parametrize("dtype", SMALLER)
def test_values_stay_within_the_types_range(make: Make, dtype: str) -> None:
    # Half black, half white: there is no room beyond, and an overflow would be a loud speck.
    picture = scene("RGB", dtype)
    picture[:, :240] = 0
    picture[:, 240:] = 255 * SMALLER[dtype]
    marked = in_eight_bits(make().embed(picture, PAYLOAD))
    assert marked[:, :240].max() < 64
    assert marked[:, 240:].min() > 191
    assert marked.min() >= 0
    assert marked.max() <= 255


def test_the_same_is_written_and_read_every_time(make: Make) -> None:
    one, two = make().embed(scene(), PAYLOAD), make().embed(scene(), PAYLOAD)
    assert (one == two).all()
    engine = make()
    marks = [engine.detect(one), engine.detect(two), make().detect(one)]
    assert marks[0] is not None
    assert marks[0] == marks[1] == marks[2]
    # What was read before must not colour what is read next.
    assert engine.detect(scene()) is None
    assert engine.detect(one) == marks[0]


@pytest.mark.parametrize("payload", [bytes(8), b"\xff" * 8, b"\0\xff" * 4], ids=bytes.hex)
def test_every_payload_comes_back(make: Make, payload: bytes) -> None:
    mark = make().detect(make().embed(scene(), payload))
    assert mark is not None
    assert mark.payload == payload


@pytest.mark.parametrize("turn", ["view", "reversed", "transposed"])
def test_an_array_laid_out_otherwise_is_the_same_picture(make: Make, turn: str) -> None:
    wide = np.repeat(scene(), 2, axis=1)
    picture = {
        "view": wide[:, ::2],
        "reversed": scene()[::-1].copy()[::-1],
        "transposed": np.asfortranarray(scene()),
    }[turn]
    assert (picture == scene()).all()
    marked = make().embed(picture, PAYLOAD)
    assert (marked == make().embed(scene(), PAYLOAD)).all()


def test_an_engine_says_who_it_is(make: Make) -> None:
    engine = make()
    assert engine.kind == "image"
    assert engine.capacity == 8 * PAYLOAD_BYTES
    name, _, version = engine.name.rpartition(".")
    assert name.count(".") >= 1, "a reverse domain name"
    assert version.isdigit(), "the format's version"
