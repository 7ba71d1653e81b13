"""The mark in films, with a small engine of the right shape: what matters here is the film."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.films import Recipe, film, ground
from trustkit.errors import PublishError, UnreadableError
from trustkit.media.film import Luma, Settings
from trustkit.media.film.frames import sample
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.film import FLOOR, SEGMENTS, mark_film, read_film
from trustkit.watermarks.film_marker import REFRESH
from trustkit.watermarks.tiles import Tiles

OURS, THEIRS = b"\x01" * 8, b"\x02" * 8
RATE = Fraction(1, 25)
FAST = Settings(preset="ultrafast", crf=20)


class Tiny:
    """Correlates with the patterns of the payloads that it knows."""

    shape = (144, 256)

    def __init__(self, loudness: float = 2.0) -> None:
        self.loudness, self.residuals, self.observed, self.reads = loudness, 0, 0, 0

    def residual(self, luma: np.ndarray, payload: bytes, *, film: bool = False) -> np.ndarray:
        assert film
        assert luma.dtype == np.float32
        assert 0 <= luma.min() <= luma.max() <= 255
        self.residuals += 1
        return self.loudness * self.pattern(payload)

    def observe(self, luma: np.ndarray) -> np.ndarray:
        self.observed += 1
        small = cv2.resize(luma, self.shape[::-1], interpolation=cv2.INTER_AREA)
        rough = small - cv2.GaussianBlur(small, (0, 0), 2)
        return rough / (rough.std() + 1e-3)

    def read(self, plane: np.ndarray, search: Search, size: tuple[int, int]) -> Mark | None:
        self.reads += 1
        flat = (plane - plane.mean()).ravel()
        for payload in (OURS, THEIRS):
            pattern = self.observe(self.pattern(payload)).ravel()
            found = float(flat @ pattern / np.linalg.norm(flat) / np.linalg.norm(pattern))
            if found * flat.size**0.5 > 8:
                return Mark(payload, "tiny", found * flat.size**0.5, 1e-9, search, "tiny")
        return None

    def bound(self, search: Search) -> float:
        return Tiles().bound(search)

    def pattern(self, payload: bytes) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(payload).digest()[:4], "big")
        noise = np.random.default_rng(seed).normal(size=self.shape).astype(np.float32)
        soft = cv2.GaussianBlur(noise, (0, 0), 1)
        return soft / soft.std()


def lumas(path: Path) -> list[Luma]:
    return list(sample(path, 10_000))


def spliced(target: Path, *parts: Path) -> Path:
    """Join films of one size into one."""
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "23", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        count = 0
        for part in parts:
            with av.open(str(part)) as container:
                for frame in container.decode(video=0):
                    frame.pts, frame.time_base, frame.pict_type = count, RATE, 0
                    count += 1
                    out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def test_an_unmarked_film_has_no_mark(tmp_path):
    for number, recipe in enumerate((Recipe(), Recipe(shots=4), Recipe(frames=1))):
        assert read_film(film(tmp_path / f"{number}.mp4", recipe), Tiny()) is None


def test_a_black_film_is_read_without_a_single_try(tmp_path):
    recipe = Recipe("libx264rgb", pixels="bgr24", options={"preset": "ultrafast"})
    engine = Tiny()
    assert read_film(film(tmp_path / "flat.mkv", recipe), engine) is None
    assert engine.reads == 0


def test_what_is_no_film_is_refused(tmp_path):
    (tmp_path / "in.mp4").write_bytes(b"no film" * 999)
    with pytest.raises(UnreadableError):
        read_film(tmp_path / "in.mp4", Tiny())


def test_a_mark_that_does_not_hold_is_refused_and_nothing_is_written(tmp_path):
    source = film(tmp_path / "in.mp4")
    weak = Tiny(loudness=0.01)
    with pytest.raises(PublishError, match="not readable"):
        mark_film(source, tmp_path / "out.mp4", weak, OURS, FAST)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
    made = mark_film(source, tmp_path / "out.mp4", weak, OURS, FAST, insist=False)
    assert made.mark is None
    assert "not readable" in made.warnings[-1]


def test_a_marked_film_is_read_as_a_whole_with_its_payload(tmp_path):
    source = film(tmp_path / "in.mp4", Recipe(sound="aac"))
    made = mark_film(source, tmp_path / "out.mp4", Tiny(), OURS, FAST)
    assert made.mark
    assert (made.frames, made.codec, made.warnings) == (40, "h264", ())
    # The pattern deviates by 2, which is 42 dB, and is made quieter.
    assert made.psnr == pytest.approx(FLOOR, abs=0.3)
    assert made.worst_psnr == pytest.approx(FLOOR - 2, abs=0.2)
    for search in Search:
        mark = read_film(tmp_path / "out.mp4", Tiny(), search)
        assert mark
        assert (mark.payload, mark.search) == (OURS, search)
        assert mark.span == (0.0, 1.6)
    mark_film(source, source, Tiny(), THEIRS, FAST)
    mark = read_film(source, Tiny())
    assert mark
    assert mark.payload == THEIRS


def test_the_mark_lives_through_half_the_size_and_a_second_encoding(tmp_path):
    source = film(tmp_path / "in.mp4", Recipe(size=(640, 360)))
    mark_film(source, tmp_path / "marked.mp4", Tiny(), OURS, FAST)
    with (
        av.open(str(tmp_path / "marked.mp4")) as container,
        av.open(str(tmp_path / "half.webm"), "w") as out,
    ):
        stream = out.add_stream("libvpx-vp9", rate=25, options={"crf": "30", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number, frame in enumerate(container.decode(video=0)):
            if number % 2 == 0:
                small = frame.reformat(width=320, height=180)
                small.pts, small.time_base = number // 2, RATE
                out.mux(stream.encode(small))
        out.mux(stream.encode(None))
    mark = read_film(tmp_path / "half.webm", Tiny())
    assert mark
    assert mark.payload == OURS


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_marked_part_of_a_film_is_found_and_its_span_told(tmp_path, place):
    other = film(tmp_path / "other.mp4", Recipe(frames=150, shots=5))
    film(tmp_path / "in.mp4", Recipe(frames=100, shots=3))
    mark_film(tmp_path / "in.mp4", tmp_path / "part.mp4", Tiny(), OURS, FAST)
    parts = [other, other]
    parts.insert(place, tmp_path / "part.mp4")
    joined = spliced(tmp_path / "joined.mp4", *parts)
    engine = Tiny()
    mark = read_film(joined, engine)
    assert mark
    assert mark.payload == OURS
    assert mark.span
    segment = 16 / SEGMENTS
    assert mark.span[0] == pytest.approx(6 * place, abs=segment)
    assert mark.span[1] == pytest.approx(6 * place + 4, abs=segment)
    assert engine.reads < 120


@pytest.mark.parametrize(("search", "most"), [(Search.FAST, 5e-7), (Search.NORMAL, 1e-6)])
def test_each_reading_of_a_film_is_a_chance_to_be_wrong_and_is_counted(tmp_path, search, most):
    class Late(Tiny):
        """Finds what is not there, at its last chance."""

        def __init__(self, chance: int = 0) -> None:
            super().__init__()
            self.chance, self.asked = chance, list[Search]()

        def read(self, plane: np.ndarray, search: Search, size: tuple[int, int]) -> Mark | None:
            self.asked.append(search)
            if len(self.asked) != self.chance:
                return None
            return Mark(OURS, "late", 9.0, self.bound(search), search, "late")

    source = film(tmp_path / "in.mp4", Recipe(frames=200))
    never = Late()
    assert read_film(source, never, search) is None
    mark = read_film(source, Late(len(never.asked)), search)
    assert mark
    expected = sum(Tiles().bound(asked) for asked in never.asked)
    assert mark.false_positive_bound == pytest.approx(expected, rel=1e-9)
    assert mark.false_positive_bound <= most


def test_a_fresh_copy_is_checked_by_a_few_frames(tmp_path):
    source = film(tmp_path / "in.mp4", Recipe(frames=200))
    engine = Tiny()
    made = mark_film(source, tmp_path / "out.mp4", engine, OURS, FAST)
    assert made.mark
    assert engine.observed - 2 * engine.reads <= 10


def test_a_copy_that_begins_black_is_checked_further_on(tmp_path):
    flat = Recipe("libx264rgb", pixels="bgr24", options={"preset": "ultrafast"})
    parts = [film(tmp_path / "flat.mkv", flat), film(tmp_path / "one.mp4")]
    joined = spliced(tmp_path / "joined.mp4", *parts)
    made = mark_film(joined, tmp_path / "out.mp4", Tiny(), OURS, FAST)
    assert made.mark


def test_the_residual_is_made_anew_at_cuts_and_now_and_then(tmp_path):
    engine = Tiny()
    still = film(tmp_path / "one.mp4", Recipe(frames=60, still=True))
    mark_film(still, tmp_path / "out.mp4", engine, OURS, FAST)
    # One for the first two frames, which are louder.
    assert engine.residuals == 1 + -(-58 // REFRESH)
    engine = Tiny()
    cut = film(tmp_path / "cut.mp4", Recipe(frames=60, shots=6, still=True))
    mark_film(cut, tmp_path / "out.mp4", engine, OURS, FAST)
    assert engine.residuals == 12


def test_the_mark_keeps_within_the_range_of_the_film(tmp_path):
    class Seen(Tiny):
        def residual(self, luma: np.ndarray, payload: bytes, *, film: bool = False) -> np.ndarray:
            super().residual(luma, payload, film=film)
            return np.where(self.pattern(payload) > 0, 100, -100).astype(np.float32)

    lossless = {"crf": "0", "preset": "ultrafast"}
    for tags, low, high in (((1, 1, 1, 1), 16, 235), ((1, 1, 1, 2), 0, 255)):
        source = film(tmp_path / "in.mp4", Recipe(frames=3, colour=tags, options=lossless))
        settings = Settings(crf=0, preset="ultrafast")
        mark_film(source, tmp_path / "out.mp4", Seen(), OURS, settings, floor=0, insist=False)
        was = min(int(luma.plane.min()) for luma in lumas(source))
        values = [luma.plane for luma in lumas(tmp_path / "out.mp4")]
        assert min(int(plane.min()) for plane in values) == min(low, was)
        assert max(int(plane.max()) for plane in values) == high


def test_films_of_ten_bits_are_marked_as_loudly(tmp_path):
    options = {"preset": "ultrafast"}
    source = film(tmp_path / "in.mkv", Recipe(pixels="yuv420p10le", options=options))
    made = mark_film(source, tmp_path / "out.mkv", Tiny(), OURS, FAST, floor=30)
    assert made.psnr == pytest.approx(20 * np.log10(255 / 2), abs=0.4)
    mark = read_film(tmp_path / "out.mkv", Tiny())
    assert mark
    assert mark.payload == OURS


def test_a_long_film_costs_no_more_to_read_than_a_short_one(tmp_path):
    options = {"preset": "ultrafast", "g": "25"}
    long = film(tmp_path / "long.mp4", Recipe(frames=1500, size=(64, 48), options=options))
    engine = Tiny()
    read_film(long, engine, Search.FAST)
    assert engine.observed - 2 * engine.reads <= 2 * 24


def test_a_large_film_gets_a_quieter_mark_of_slower_waves():
    power, roughness = [], []
    for size in ((640, 360), (1920, 1080)):
        luma = cv2.resize(ground((640, 360)).astype(np.float32) * 255, size)
        residual = Tiles().residual(luma, OURS, film=True)
        power.append(float((residual**2).mean()))
        roughness.append(float((np.diff(residual) ** 2).mean()) / power[-1])
    assert power[1] < 0.8 * power[0]
    assert roughness[1] < 0.8 * roughness[0]
