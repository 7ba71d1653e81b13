"""A copy is led back to its record, and nobody else's file is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from tests.command import MEDIA
from tests.marks import clip, picture, talkie, texture, tune
from trustkit.asset import open_asset
from trustkit.errors import UnreadableError
from trustkit.fingerprints.files import Lead, codes_of, iscc_text, judge, queries_of, unasked
from trustkit.record import Code, Near, Query

Image_ = Image.Image


class Shelf:
    """The codes of some records, compared one by one."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.codes = [(path.stem, code) for path in files for code in codes_of(open_asset(path))]

    def leads(self, path: Path) -> list[Lead]:
        """Return where a copy leads."""
        queries = queries_of(open_asset(path))
        stored: dict[str, int] = {}
        for _, code in self.codes:
            stored[code.algorithm] = stored.get(code.algorithm, 0) + 1
        return judge(queries, list(self._near(queries)), stored)

    def _near(self, queries: Iterable[Query]) -> Iterable[Near]:
        for number, query in enumerate(queries):
            for record, code in self.codes:
                distance = bits(query.code.bits, code.bits)
                if code.algorithm == query.code.algorithm and distance <= query.within:
                    yield Near(record, number, code, distance)


def bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    return [picture(folder / f"{seed}.png", seed) for seed in range(1, 5)]


@pytest.fixture(scope="module")
def shelf(pictures: list[Path]) -> Shelf:
    return Shelf(pictures)


def cropped(share: float) -> Callable[[Image_], Image_]:
    def cut(image: Image_) -> Image_:
        wide, high = image.size
        return image.crop(
            (round(share * wide), round(share / 2 * high), wide, round((1 - share / 2) * high))
        )

    return cut


def captioned(image: Image_) -> Image_:
    made = image.copy()
    wide, high = made.size
    ImageDraw.Draw(made).rectangle((0, round(0.82 * high), wide, high), fill="black")
    return made


def windowed(image: Image_) -> Image_:
    made = Image.new("RGB", (image.width, 2 * image.height), "#f0f0f0")
    made.paste(image, (0, image.height // 3))
    ImageDraw.Draw(made).text((40, 40), "12:30   share   reply", fill="black", font_size=40)
    return made


COPIES: dict[str, tuple[Callable[[Image_], Image_], set[str]]] = {
    "smaller": (lambda image: image.resize((200, 150)), set()),
    "mirrored": (ImageOps.mirror, {"flip"}),
    "upside down": (lambda image: image.transpose(Image.Transpose.ROTATE_180), {"turn 180"}),
    "turned": (lambda image: image.transpose(Image.Transpose.ROTATE_90), {"turn 90"}),
    "mirrored and turned": (
        lambda image: ImageOps.mirror(image).transpose(Image.Transpose.ROTATE_90),
        {"flip", "turn 90"},
    ),
    "a part": (cropped(0.15), {"crop to 72 %"}),
    "a mirrored part": (lambda image: ImageOps.mirror(cropped(0.12)(image)), {"flip"}),
    "in a frame": (lambda image: ImageOps.expand(image, 120, "white"), {"border"}),
    "in a window": (windowed, {"border"}),
    "turned by ten degrees": (lambda image: image.rotate(10), {"turn 10"}),
    "with a caption": (captioned, set()),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_leads_to_its_record_and_to_no_other(
    copy: str, pictures: list[Path], shelf: Shelf, tmp_path: Path
) -> None:
    change, words = COPIES[copy]
    path = tmp_path / "copy.jpg"
    with Image.open(pictures[1]) as image:
        change(image).convert("RGB").save(path, quality=60)

    (lead,) = shelf.leads(path)

    assert lead.record == "2"
    assert lead.odds < 1e-3
    assert near_enough(words, lead.done)


def near_enough(words: set[str], done: tuple[str, ...]) -> bool:
    """Tell whether all words are there; a number may be off by two."""
    for word in words:
        text, _, number = word.replace(" %", "").rpartition(" ")
        if not number.isdigit():
            if word not in done:
                return False
        elif not any(
            one.replace(" %", "").rpartition(" ")[0] == text
            and abs(int(one.replace(" %", "").rpartition(" ")[2]) - int(number)) <= 2
            for one in done
        ):
            return False
    return True


def test_an_unknown_picture_leads_nowhere(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.leads(picture(tmp_path / "other.png", 77)) == []


def test_a_turned_photo_is_the_one_that_is_stored_turned(
    pictures: list[Path], shelf: Shelf, tmp_path: Path
) -> None:
    path = tmp_path / "phone.jpg"
    with Image.open(pictures[0]) as image:
        turned = image.transpose(Image.Transpose.ROTATE_90).convert("RGB")
        exif = turned.getexif()
        exif[0x0112] = 6  # to be turned a quarter clockwise
        turned.save(path, exif=exif)

    (lead,) = shelf.leads(path)

    assert (lead.record, lead.done) == ("1", ())


def gradient(width: int, height: int, *, falls: bool = False) -> Image_:
    ramp = np.tile(np.linspace(0, 255, width), (height, 1)).astype(np.uint8)
    return Image.fromarray(ramp[:, ::-1] if falls else ramp)


def noise(width: int, height: int) -> Image_:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width), np.uint8))


@pytest.mark.parametrize(
    "other",
    [gradient(300, 512, falls=True), gradient(512, 512).rotate(90), noise(900, 1), noise(1, 900)],
    ids=["mirrored", "upright", "row", "column"],
)
def test_a_gradient_leads_to_no_other_and_neither_does_a_row_of_pixels(
    other: Image_, tmp_path: Path
) -> None:
    gradient(512, 512).save(tmp_path / "gradient.png")
    other.save(tmp_path / "other.png")

    assert Shelf([tmp_path / "gradient.png"]).leads(tmp_path / "other.png") == []


@pytest.mark.parametrize("colour", ["white", "black", "#808080"])
def test_a_picture_of_one_colour_has_no_code(colour: str, tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    Image.new("RGB", (300, 200), colour).save(path)

    assert codes_of(open_asset(path)) == ()
    assert queries_of(open_asset(path)) == ()


def test_the_odds_grow_with_the_registry(pictures: list[Path]) -> None:
    queries = queries_of(open_asset(pictures[0]))
    near = Near("1", 0, Code("iscc-image.0", queries[0].code.bits), 40)

    few, many = (judge(queries, [near], {"iscc-image.0": n}, most=1.0)[0].odds for n in (10, 10**6))

    assert few < 1e-6 < many
    assert judge(queries, [near], {"iscc-image.0": 10**9}) == []


@pytest.mark.parametrize("name", ["scene.jpg", "scene.heic", "scene.jxl", "scene.avif"])
def test_every_format_gives_the_same_codes(name: str) -> None:
    pytest.importorskip("pillow_jxl" if name.endswith("jxl") else "pillow_heif")
    shelf = Shelf([MEDIA / "scene.png"])

    assert [lead.record for lead in shelf.leads(MEDIA / name)] == ["scene"]


def test_a_cut_off_picture_is_refused_in_one_sentence(pictures: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    path.write_bytes(pictures[0].read_bytes()[:4000])

    with pytest.raises(UnreadableError, match=r"half\.png"):
        codes_of(open_asset(path))


@pytest.mark.parametrize("name", ["page.pdf", "drawing.svg"])
def test_what_has_no_fingerprint_says_so(name: str) -> None:
    asset = open_asset(MEDIA / name)

    assert codes_of(asset) == queries_of(asset) == ()
    assert iscc_text(asset) is None
    assert "no fingerprint" in unasked(asset)


def test_five_seconds_are_found_in_two_minutes(tmp_path: Path) -> None:
    long, other = tune(tmp_path / "long.wav", 120.0), tune(tmp_path / "other.wav", 60.0, seed=9)
    shelf = Shelf([long, other])

    found = shelf.leads(excerpt(long, tmp_path / "part.mp3", 71.3, 5.2))

    assert [lead.record for lead in found] == ["long"]
    assert found[0].offset == pytest.approx(71.3, abs=0.3)
    assert any(word.startswith("begins at 71") for word in found[0].done)


def test_another_tune_leads_nowhere(tmp_path: Path) -> None:
    shelf = Shelf([tune(tmp_path / "one.wav", 30.0)])

    assert shelf.leads(tune(tmp_path / "two.wav", 12.0, seed=4)) == []


@pytest.mark.parametrize("seconds", [0.3, 4.0])
def test_too_little_sound_has_no_code(seconds: float, tmp_path: Path) -> None:
    asset = open_asset(tune(tmp_path / "short.wav", seconds))

    assert codes_of(asset) == queries_of(asset) == ()


def test_silence_has_no_code(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 320_000), np.int16), format="s16", layout="mono"
        )
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))

    assert codes_of(open_asset(path)) == ()


def excerpt(source: Path, target: Path, start: float, seconds: float) -> Path:
    """Write a part of a sound, as MP3."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = out.add_stream("libmp3lame", rate=16_000, bit_rate=48_000, layout="mono")
        resampler = av.AudioResampler("s16p", "mono", 16_000)
        for frame in given.decode(audio=0):
            if start <= frame.time < start + seconds:
                frame.pts = None
                for part in resampler.resample(frame):
                    out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return target


def cuts(path: Path, seeds: Iterable[int], *, small: bool = False, skip: int = 0) -> Path:
    """Write a film of shots of two seconds, each over a ground of its own; below 0 a still."""
    width, height = (192, 108) if small else (320, 180)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(
            "libx264", rate=12, options={"preset": "ultrafast", "crf": "30" if small else "20"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        number = 0
        for seed in seeds:
            ground = texture(360, 200, abs(seed))
            for n in range(24):
                at = n if seed >= 0 else 0
                number += 1
                if number <= skip:
                    continue
                shot = Image.fromarray(ground[at // 2 : at // 2 + 180, at : at + 320])
                frame = av.VideoFrame.from_image(shot.resize((width, height)))
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_ten_seconds_of_a_film_are_found_though_small_and_worn(tmp_path: Path) -> None:
    shelf = Shelf([cuts(tmp_path / "film.mp4", range(20, 35)), cuts(tmp_path / "b.mp4", range(5))])

    found = shelf.leads(cuts(tmp_path / "part.mp4", range(25, 30), small=True))

    assert [lead.record for lead in found] == ["film"]
    assert found[0].codes > 2
    assert found[0].offset == pytest.approx(10, abs=0.5)


def test_two_films_with_one_still_in_common_are_two_films(tmp_path: Path) -> None:
    shelf = Shelf([cuts(tmp_path / "one.mp4", [1, 2, -3, 4])])

    assert shelf.leads(cuts(tmp_path / "two.mp4", [11, 12, -3, 14])) == []


def test_the_sound_of_a_film_leads_to_the_film(tmp_path: Path) -> None:
    film = talkie(tmp_path / "film.mp4", 8.0)
    shelf = Shelf([film])

    found = shelf.leads(excerpt(film, tmp_path / "heard.mp3", 1.0, 6.0))

    assert [(lead.record, lead.algorithm) for lead in found] == [("film", "chromaprint.1")]


def test_a_damaged_film_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = clip(tmp_path / "film.mp4", 1.0)
    path.write_bytes(path.read_bytes()[:3000])

    with pytest.raises(UnreadableError, match=r"film\.mp4"):
        codes_of(open_asset(path))
