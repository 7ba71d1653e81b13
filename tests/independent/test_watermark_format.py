"""The format's page is enough: a reader written from it reads our marks, and its numbers hold."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.independent import plain_reader
from trustkit.watermarks import Search
from trustkit.watermarks.code import Code
from trustkit.watermarks.keys import PUBLIC, Key
from trustkit.watermarks.tiles import Tiles
from trustkit.watermarks.tiles.layout import NAME, Layout
from trustkit.watermarks.tiles.reader import MARGIN, TRIALS, bound

pytestmark = pytest.mark.independent
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "watermark-format.md").read_text("utf-8")
PAYLOAD = bytes.fromhex("0123456789abcdef")
SECRET = Key(bytes(range(32)))


def shown(what: str) -> str:
    """Return the second column of the row of the page's tables that begins with `what`."""
    found = re.search(rf"^\| {re.escape(what)}[^|\n]*\| ([^|\n]+) \|", PAGE, re.MULTILINE)
    assert found, what
    return found[1].replace("`", "")


def numbers(what: str) -> list[float]:
    return [float(word) for word in shown(what).split(",")]


def beginning(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def packed(signs: np.ndarray) -> bytes:
    return np.packbits(signs < 0).tobytes()


def scene(width: int, height: int, seed: int) -> np.ndarray:
    """Return a picture of hills, grain and a few hard edges."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 120, np.float32)
    for sigma, loud in ((60, 900), (12, 150), (2, 18)):
        rough = rng.normal(size=(height, width, 3)).astype(np.float32)
        picture += loud * cv2.GaussianBlur(rough, (0, 0), sigma)
    for _ in range(6):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        shade = tuple(map(float, rng.integers(30, 220, 3)))
        cv2.circle(picture, (x, y), height // 9, shade, cv2.FILLED, cv2.LINE_AA)
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_the_plain_reader_imports_numpy_and_nothing_of_ours() -> None:
    source = Path(plain_reader.__file__).read_text("utf-8")
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"__future__", "hashlib", "hmac", "math", "numpy"}
    assert len(source.splitlines()) <= 150


@pytest.mark.parametrize("key", [PUBLIC, SECRET], ids=["public", "secret"])
def test_the_plain_reader_finds_nothing_without_a_mark_or_with_another_key(key: Key) -> None:
    picture = scene(500, 400, 3)
    assert plain_reader.read(picture, key.master) is None
    other = SECRET if key is PUBLIC else PUBLIC
    assert plain_reader.read(Tiles(other).embed(picture, PAYLOAD), key.master) is None


@pytest.mark.parametrize("key", [PUBLIC, SECRET], ids=["public", "secret"])
def test_what_our_engine_marks_the_plain_reader_reads(key: Key) -> None:
    for seed, size in ((1, (640, 480)), (2, (420, 700))):
        payload = hashlib.sha256(bytes([seed])).digest()[:8]
        marked = Tiles(key).embed(scene(*size, seed), payload)
        for copy in (
            marked,
            np.ascontiguousarray(np.rot90(marked[:, ::-1])),
            cv2.resize(marked, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
        ):
            found = plain_reader.read(copy, key.master)
            assert found is not None
            assert found[0] == payload


def test_what_is_written_by_the_page_alone_our_engine_reads() -> None:
    picture = scene(640, 480, 4)
    plane = plain_reader.tile(PAYLOAD, PUBLIC.master)
    width, height = 370, 277  # 320 * sqrt(4/3) and 320 * sqrt(3/4), rounded
    tiled = np.tile(plane, (5, 6))[:height, :width].astype(np.float32)
    step = cv2.resize(tiled / tiled.std() * 2.2, (640, 480), interpolation=cv2.INTER_CUBIC)
    marked = np.clip(np.rint(picture + step[..., None]), 0, 255).astype(np.uint8)
    mark = Tiles().detect(marked, Search.FAST)
    assert mark is not None
    assert mark.payload == PAYLOAD


def test_the_examples_of_the_page_are_those_of_the_engine_and_of_the_plain_reader() -> None:
    layout, waves = Layout(PUBLIC), plain_reader.waves()
    assert list(zip(layout.kx.tolist(), layout.ky.tolist(), strict=True)) == waves
    assert numbers("waves, of them sync") == [len(waves), layout.is_sync.sum()] == [1048, 210]
    digits = "".join("1" if plain_reader.is_sync(*wave) else "0" for wave in waves)
    assert digits == "".join(map(str, layout.is_sync.astype(int)))
    assert beginning(digits.encode()) == shown("the waves in order")
    pairs = ((3, 0), (5, 2), (26, 0), (4, 3))
    assert numbers("`D` of the pairs") == [plain_reader.draw(*pair) for pair in pairs]
    turns = plain_reader.turns(PUBLIC.master)
    assert turns[:4].tobytes().hex(" ", 2) == shown("p[0] .. p[3]")
    assert beginning(turns.tobytes()) == shown("the 2,096 bytes of phases")
    assert np.allclose(layout.phases, np.exp(2j * np.pi * turns / 65536), atol=1e-6)


def test_the_code_words_of_the_page_are_those_of_the_engine_and_of_the_plain_reader() -> None:
    key = PUBLIC.derive(f"{NAME} code")
    for signs in (Layout(PUBLIC).code.encode(PAYLOAD), plain_reader.signs(PAYLOAD, key, 1676)):
        assert len(signs) == 1676
        assert packed(signs)[:8].hex() == shown("the signs, 1 for -1")
        assert beginning(packed(signs)) == shown("the SHA-256 of those 210 bytes")
    payload, plain = bytes.fromhex("1f00c0ffee5eed07"), bytes(range(32))
    for n in (448, 1000):
        word = Code(plain, n).encode(payload)
        assert (word == plain_reader.signs(payload, plain, n)).all()
        assert f"n = {n} {'the SHA-256 begins ' * (n == 448)}`{beginning(packed(word))}`" in PAGE


def test_the_tile_of_the_page_is_that_of_the_engine_and_of_the_plain_reader() -> None:
    layout = Layout(PUBLIC)
    ours = layout.paint(layout.spectrum(PAYLOAD)) * 2048
    for tile in (ours, plain_reader.tile(PAYLOAD, PUBLIC.master)):
        assert tile[0, :5] == pytest.approx(numbers("t(0, 0) .. t(4, 0)"), abs=1e-4)
        assert tile[1, :3] == pytest.approx(numbers("t(0, 1) .. t(2, 1)"), abs=1e-4)
        assert tile.std() == pytest.approx(numbers("root mean square of the tile")[0], abs=1e-4)


def test_the_keys_of_the_page_are_those_of_the_engine_and_of_the_plain_reader() -> None:
    assert PUBLIC.master.hex() in PAGE
    assert PUBLIC.master == plain_reader.PUBLIC
    for purpose in ("phases", "code"):
        label = f"{NAME} {purpose}"
        assert plain_reader.derived(PUBLIC.master, label) == PUBLIC.derive(label)
        assert f"| `{label}` |" in PAGE
        assert f"`{PUBLIC.derive(label).hex()}`" in PAGE


@pytest.mark.parametrize("search", Search)
def test_the_odds_of_the_page_are_those_of_the_reader(search: Search) -> None:
    row = f"| {search} | {TRIALS[search]} | {MARGIN[search]:.0f} | {bound(search):.1e} |"
    assert row.replace("e-0", "e-") in PAGE
