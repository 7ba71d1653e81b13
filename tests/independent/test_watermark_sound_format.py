"""The sound format's page is enough: a reader written from it reads our marks; its numbers hold."""

from __future__ import annotations

import ast
import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.independent import plain_sound_reader as plain
from tests.unit.watermarks.ripples.voices import RATE, Sound, music, talk
from trustkit.watermarks import LEAST_SOUND, Search
from trustkit.watermarks.code import Code
from trustkit.watermarks.keys import PUBLIC, Key
from trustkit.watermarks.ripples import Ripples
from trustkit.watermarks.ripples.layout import LONG, NAME, SHORT, Layout
from trustkit.watermarks.ripples.reader import _REACH, MARGIN, TRIALS, bound, margin
from trustkit.watermarks.sound import LONG_FROM, SHORT_BYTES
from trustkit.watermarks.sound_reader import STRETCHES

pytestmark = pytest.mark.independent
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "watermark-sound-format.md").read_text("utf-8")
IDS = (bytes.fromhex("5eed07c0"), bytes.fromhex("0123456789abcdef"))
SECRET = Key(bytes(range(32)))
N = 1066
keys = pytest.mark.parametrize("key", [PUBLIC, SECRET], ids=["public", "secret"])


def shown(what: str) -> list[str]:
    """Return the columns after the first of the table row that begins with `what`."""
    found = re.search(rf"^\| {re.escape(what)}[^|\n]*\|(.+)\|$", PAGE, re.MULTILINE)
    assert found, what
    return [column.strip().replace("`", "") for column in found[1].split("|")]


def numbers(what: str) -> list[float]:
    return [float(word) for column in shown(what) for word in column.split(",")]


def beginning(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def packed(signs: np.ndarray) -> bytes:
    return np.packbits(signs < 0).tobytes()


def written(sound: Sound, payload: bytes, master: bytes) -> Sound:
    """Mark a sound by the page alone: windows of 48 ms, two at a time, as loud everywhere."""
    size = round(0.048 * RATE)
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
    hertz = np.arange(size // 2 + 1) * RATE / size
    inside = (hertz >= 250) & (hertz <= 7200)
    padded = np.pad(sound.astype(np.float64), ((0, 0), (size, 2 * size)))
    starts = np.arange(0, padded.shape[1] - size, size // 2)
    seconds = (starts - size + size / 2) / RATE
    ripples = plain.pattern(payload, master, seconds, hertz[inside])
    gains = np.ones((len(starts), len(hertz)))
    gains[:, inside] = 10 ** (1.5 * ripples / math.sqrt(352) / 20)
    out = np.zeros_like(padded)
    for start, gain in zip(starts.tolist(), gains, strict=True):
        spectrum = np.fft.rfft(padded[:, start : start + size] * window) * gain
        out[:, start : start + size] += np.fft.irfft(spectrum, size) * window
    return out[:, size : size + sound.shape[1]].astype(np.float32)


def test_the_plain_reader_imports_numpy_and_nothing_of_ours() -> None:
    source = Path(plain.__file__).read_text("utf-8")
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"__future__", "hashlib", "hmac", "math", "numpy"}
    assert len(source.splitlines()) <= 150


@keys
def test_the_plain_reader_finds_nothing_without_a_mark_or_with_another_key(key: Key) -> None:
    sound = talk(8, 11)
    assert plain.read(sound, RATE, key.master) is None
    other = SECRET if key is PUBLIC else PUBLIC
    assert plain.read(Ripples(other, rate=RATE).embed(sound, IDS[0]), RATE, key.master) is None


@keys
@pytest.mark.parametrize("payload", IDS, ids=["short", "long"])
def test_what_our_engine_marks_the_plain_reader_reads_whole_and_cropped(
    key: Key, payload: bytes
) -> None:
    sound = np.concatenate([talk(11, 12), music(11, 13)])
    marked = Ripples(key, rate=RATE).embed(sound, payload)
    crop = slice(round(1.377 * RATE), round(9.377 * RATE))
    voice = IDS.index(payload)  # one channel of the two
    for copy in (marked, marked[voice : voice + 1, crop]):
        found = plain.read(copy, RATE, key.master)
        assert found is not None
        assert found[0] == payload


@keys
@pytest.mark.parametrize("payload", IDS, ids=["short", "long"])
def test_what_is_written_by_the_page_alone_our_engine_reads(key: Key, payload: bytes) -> None:
    sound = (talk if key is PUBLIC else music)(8, 14)
    assert Ripples(key, rate=RATE).detect(sound, Search.FAST) is None
    marked = written(sound, payload, key.master)
    for copy in (marked, np.ascontiguousarray(marked[:, 12_345:])):
        mark = Ripples(key, rate=RATE).detect(copy, Search.FAST)
        assert mark is not None
        assert mark.payload == payload


def test_the_waves_of_the_page_are_those_of_the_engine_and_of_the_plain_reader() -> None:
    layout, waves = Layout(PUBLIC), plain.waves()
    assert list(zip(layout.kt.tolist(), layout.kf.tolist(), strict=True)) == waves
    assert numbers("waves, of them sync") == [len(waves), layout.is_sync.sum()] == [704, 171]
    assert f"{len(waves) - layout.is_sync.sum()} are data waves" in PAGE
    assert 2 * (~layout.is_sync).sum() == N
    digits = "".join("1" if is_sync else "0" for is_sync in plain.synced())
    assert digits == "".join(map(str, layout.is_sync.astype(int)))
    assert [beginning(digits.encode())] == shown("the waves in order")
    pairs = ((5, 1), (-5, 1), (48, 8), (-23, 1))
    assert numbers("`D` of the pairs") == [plain.draw(*pair) for pair in pairs]
    turns = plain.turns(PUBLIC.master)
    assert [turns[:4].tobytes().hex(" ", 2)] == shown("p[0] .. p[3]")
    assert [beginning(turns.tobytes())] == shown("the 1,408 bytes of phases")
    assert np.allclose(layout.phases, np.exp(2j * np.pi * turns / 65536), atol=1e-6)


@pytest.mark.parametrize("column", [0, 1], ids=["short", "long"])
def test_the_code_words_of_the_page_are_those_of_the_engine_and_of_the_plain_reader(
    column: int,
) -> None:
    payload, code = IDS[column], Layout(PUBLIC).codes[column]
    assert (code.bits, code.n) == ((SHORT, LONG)[column], N)
    assert shown("of the id")[column] == payload.hex()
    key = PUBLIC.derive(f"{NAME} code {code.bits}")
    for signs in (code.encode(payload), plain.signs(payload, key, N)):
        assert packed(signs)[:8].hex() == shown("the signs begin")[column]
        assert beginning(packed(signs)) == shown("the SHA-256 of those 134 bytes")[column]


def test_the_short_code_alone_of_the_page_is_that_of_the_engine_and_of_the_plain_reader() -> None:
    key = bytes(range(32))
    for n in (448, 1000):
        word = Code(key, n, SHORT).encode(IDS[0])
        assert (word == plain.signs(IDS[0], key, n)).all()
        assert f"n = {n} {'the SHA-256 begins ' * (n == 448)}`{beginning(packed(word))}`" in PAGE


@pytest.mark.parametrize("column", [0, 1], ids=["short", "long"])
def test_the_pattern_of_the_page_is_that_of_the_plain_reader_and_of_the_engine(column: int) -> None:
    rows = re.findall(r"^\| p\(([\d.]+) s, (\d+) Hz\)", PAGE, re.MULTILINE)
    assert len(rows) == 7
    layout = Layout(PUBLIC)
    waves = layout.spectrum(IDS[column])
    for seconds, hertz in rows:
        t, f = float(seconds), float(hertz)
        value = numbers(f"p({seconds} s, {hertz} Hz)")[column]
        told = plain.pattern(IDS[column], PUBLIC.master, np.array([t]), np.array([f]))[0, 0]
        assert told == pytest.approx(value, abs=1e-4)
        turns = layout.kt * t / 2.56 + layout.kf * np.log2(f / 250) / 1.5
        assert (waves * np.exp(2j * np.pi * turns)).real.sum() == pytest.approx(value, abs=1e-3)
    tile = np.arange(256) / 100, 250 * 2 ** (np.arange(18) / 12)
    whole = plain.pattern(IDS[column], PUBLIC.master, *tile)
    assert numbers("root mean square of the pattern") == pytest.approx([whole.std()], abs=1e-4)


def test_the_keys_of_the_page_are_those_of_the_engine_and_of_the_plain_reader() -> None:
    assert PUBLIC.master == plain.PUBLIC
    for purpose in ("phases", "code 32", "code 64"):
        label = f"{NAME} {purpose}"
        assert plain.derived(PUBLIC.master, label) == PUBLIC.derive(label)
        assert shown(f"`{label}`")[1] == PUBLIC.derive(label).hex()


@pytest.mark.parametrize("search", Search)
def test_the_odds_of_the_page_are_those_of_the_reader(search: Search) -> None:
    tempo, bands = _REACH[search]
    of_any_length = bound(search) * math.pi**2 / 6
    row = (
        f"| {search} | {100 * tempo:g} % | {bands:g} | {TRIALS[search]} | {MARGIN[search]:.0f} "
        f"| {bound(search):.1e} | {of_any_length:.1e} |"
    )
    assert row.replace("e-0", "e-") in PAGE


def test_the_bits_and_the_deviations_of_the_page_are_those_of_the_reader() -> None:
    needed = [math.sqrt((bits + margin(Search.NORMAL, 0)) * 2 * math.log(2)) for bits in (32, 64)]
    assert "z of {:.2f} and more\n   for a short id, {:.2f} for a long one".format(*needed) in PAGE
    more = margin(Search.NORMAL, 99) - margin(Search.NORMAL, 0)
    assert f"The hundredth stretch is asked for {more:.1f} bits more" in PAGE
    assert sum(bound(Search.NORMAL, n) for n in range(100_000)) < 1.645 * bound(Search.NORMAL)


def test_the_seconds_of_the_page_are_those_of_the_reader() -> None:
    assert f"less than {LEAST_SOUND:g} seconds in it is *too short*" in PAGE
    assert f"A sound of {LONG_FROM:g} seconds or more gets all {LONG} bits" in PAGE
    assert f"the last {8 * SHORT_BYTES} of them" in PAGE
    assert f"`fast` hears {STRETCHES[Search.FAST]} stretches" in PAGE
    assert f"`normal` {STRETCHES[Search.NORMAL]};" in PAGE
