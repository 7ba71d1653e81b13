"""Our reading of invisible-watermark's marks against the library's own, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.watermarks.foreign.golden import PAYLOAD, arrays, marked
from tests.unit.watermarks.foreign.pictures import draw
from trustkit.errors import UsageError
from trustkit.watermarks.foreign.dwtdct import Method, decode, means, strips, votes

READINGS = sorted(name for name in arrays() if name.startswith("read/"))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((300, 300), np.uint8),
        np.zeros((300, 300, 4), np.uint8),
        np.zeros((300, 300, 3), np.uint16),
        np.zeros((300, 300, 3), np.float64),
    ],
)
def test_what_is_no_colour_of_a_known_type_is_refused(array):
    with pytest.raises(UsageError, match="needs RGB"):
        decode(array, 32)


def test_a_picture_below_the_librarys_size_is_refused():
    with pytest.raises(UsageError, match="too few"):
        decode(draw(255, 256), 32)


@pytest.mark.parametrize("bits", [0, -1, 1025, 10**9])
def test_more_bits_than_blocks_or_none_are_refused(bits):
    with pytest.raises(UsageError, match="carries no word"):
        decode(draw(256, 256), bits)


def test_a_strip_of_pixels_has_no_blocks_and_is_refused():
    with pytest.raises(UsageError, match="carries no word"):
        decode(np.zeros((7, 20_000, 3), np.uint8), 32)


@pytest.mark.parametrize("name", READINGS)
def test_we_read_what_the_library_reads(name):
    _, height, width, kind, method, bits = name.split("/")
    picture = draw(int(height), int(width)).astype(kind)
    assert np.array_equal(decode(picture, int(bits), Method(method)), arrays()[f"bits/{name}"])


@pytest.mark.parametrize("name", [name for name in READINGS if "/uint8/" in name])
def test_each_bits_mean_is_the_librarys_to_the_last_digit(name):
    _, height, width, _, method, bits = name.split("/")
    ours = means(votes(draw(int(height), int(width)), Method(method)), int(bits))
    assert np.array_equal(ours, arrays()[name])


def test_a_mark_by_the_library_is_read():
    word = decode(marked("ours"), 96, Method.DWT_DCT_SVD)
    assert np.packbits(word).tobytes()[:8] == PAYLOAD


def test_strips_are_read_as_one_picture():
    tall = draw(700, 300)
    parts = [votes(np.concatenate([strip, strip])) for strip in strips(tall)]
    assert np.array_equal(np.concatenate([part[: part.size // 2] for part in parts]), votes(tall))


def test_even_grey_where_rounding_decides_reads_the_same_in_every_block():
    for value in (0, 16, 128, 255):
        even = np.full((256, 256, 3), value, np.uint8)
        for method in Method:
            assert len(set(votes(even, method).tolist())) == 1
