"""Our reader and our engine beside the library invisible-watermark itself, where it is installed.

It brings torch, gigabytes of it, so it is not among the packages of `make check`: there the same is
tested against what the library wrote and read once, in tests/unit/watermarks/foreign. To run this:

    pip install 'trustkit[invisible-watermark]' onnxruntime
    pip install --force-reinstall --no-deps opencv-python-headless
"""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.unit.watermarks.foreign.pictures import SIZES, draw
from trustkit.watermarks.foreign.dwtdct import Method, decode, means, votes
from trustkit.watermarks.foreign.invisible import InvisibleWatermark
from trustkit.watermarks.foreign.published import WORDS, Writing, find

try:
    from imwatermark import WatermarkDecoder, WatermarkEncoder
    from imwatermark.dwtDctSvd import EmbedDwtDctSvd
    from imwatermark.maxDct import EmbedMaxDct
except (ImportError, OSError) as error:  # absent, or its OpenCV wants a system library
    pytest.skip(f"invisible-watermark is not here: {error}", allow_module_level=True)

pytestmark = pytest.mark.independent

READERS = {Method.DWT_DCT: EmbedMaxDct, Method.DWT_DCT_SVD: EmbedDwtDctSvd}
CHANCE = np.random.default_rng(7)


def noise(height, width):
    return CHANCE.integers(0, 256, (height, width, 3), dtype=np.uint8)


def flat(height, width):
    return np.full((height, width, 3), (10, 200, 30), np.uint8)


def clouds(height, width):
    """Return soft shapes, as photos have them: RivaGAN loses bits in drawn edges."""
    grain = np.random.default_rng(1).normal(size=(height, width, 3)).astype(np.float32)
    colour = cv2.GaussianBlur(grain, (0, 0), 12)
    light = cv2.GaussianBlur(grain.mean(2), (0, 0), 4)[:, :, None]
    picture = 128 + 8 * colour / colour.std() + 15 * light / light.std()
    return np.clip(picture, 0, 255).astype(np.uint8)


def marked(rgb, word, method="dwtDct", writing=Writing.BYTES):
    encoder = WatermarkEncoder()
    encoder.set_watermark("bits", word)
    ordered = rgb if writing is Writing.SWAPPED else rgb[:, :, ::-1]
    given = np.ascontiguousarray(ordered)
    if writing is not Writing.BYTES:
        given = given.astype(np.float32)
    made = encoder.encode(given, str(method))
    made = made if writing is Writing.SWAPPED else made[:, :, ::-1]
    return np.ascontiguousarray(np.clip(np.rint(made), 0, 255).astype(np.uint8))


def read(rgb, bits, method):
    """Return the library's bits, and each bit's mean before it is cut."""
    kept = []
    reader = READERS[method]([], bits)
    inner = reader.decode_frame
    reader.decode_frame = lambda *given: kept.append(inner(*given)) or kept[-1]
    word = reader.decode(np.ascontiguousarray(rgb[:, :, ::-1]))
    return word, np.array([np.mean(each) for each in kept[0]])


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("picture", [draw, noise, flat])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bits", [32, 48, 136])
def test_unmarked_pictures_read_bit_for_bit(method, kind, picture, size, bits):
    rgb = picture(*size).astype(kind)
    word, average = read(rgb, bits, method)
    assert np.array_equal(decode(rgb, bits, method), word)
    assert np.array_equal(means(votes(rgb, method), bits), average)


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("picture", [draw, noise, flat])
@pytest.mark.parametrize("size", SIZES)
def test_marked_pictures_read_bit_for_bit(method, picture, size):
    rgb = marked(picture(*size), CHANCE.integers(0, 2, 64).tolist(), method)
    word, average = read(rgb, 64, method)
    assert np.array_equal(decode(rgb, 64, method), word)
    assert np.array_equal(means(votes(rgb, method), 64), average)
    public = WatermarkDecoder("bits", 64).decode(np.ascontiguousarray(rgb[:, :, ::-1]), str(method))
    assert np.array_equal(decode(rgb, 64, method), public)


@pytest.mark.parametrize(
    ("word", "writing"),
    [(word, writing) for word in WORDS for writing in word.writings],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_published_word_is_found_as_its_generator_writes_it(word, writing):
    bits = [int(bit) for bit in word.bits]
    found = find(marked(draw(520, 776), bits, writing=writing))
    assert found is not None
    assert (found.name, found.writing) == (word.name, writing)


@pytest.mark.parametrize("method", ["dwtDctSvd", "rivaGan"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
def test_our_engine_marks_with_the_library_and_reads_its_mark(method, depth):
    if method == "rivaGan":
        pytest.importorskip("onnxruntime")
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[depth]
    picture = (clouds(320, 384) * depth(scale)).astype(depth)
    picture = np.dstack([picture, picture[:, :, 0]])
    engine = InvisibleWatermark(method)
    payload = bytes.fromhex("1020304050607080")[: engine.capacity // 8]
    made = engine.embed(picture, payload)
    assert (made.shape, made.dtype) == (picture.shape, picture.dtype)
    assert np.array_equal(made[:, :, 3], picture[:, :, 3])
    assert engine.detect(picture) is None
    mark = engine.detect(made)
    assert mark is not None
    assert (mark.payload, mark.engine) == (payload, engine.name)
