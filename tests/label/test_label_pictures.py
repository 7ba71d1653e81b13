"""Labels in pictures: readable in every format, upright, and nothing else touched if possible."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.command import MEDIA
from tests.conftest import Run
from tests.label.label_material import busy, inside, luminance, plain, ratio

FORMATS = [
    *("scene.jpg", "scene-progressive.jpg", "scene-cmyk.jpg", "scene.png", "scene-alpha.png"),
    *("noise.png", "page.png", "scene.webp", "scene-lossless.webp", "scene.gif", "scene.tif"),
    *("scene.bmp", "scene.avif", "scene.heic", "scene.jxl"),
]
EXACT = {
    *("scene.png", "scene-alpha.png", "noise.png", "page.png", "scene-lossless.webp"),
    *("scene.tif", "scene.bmp"),
}
AI = ("--text", "ai")


def labelled(quick: Run, source: Path, out: Path, *options: object) -> dict[str, Any]:
    answer = quick("label", source, "-o", out, *(options or AI), "-f", "jsonl")
    assert answer.code == 0, answer.stderr
    row: dict[str, Any] = answer.rows()[0]
    return row


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_can_be_marked_can_be_labelled(
    name: str, quick: Run, tmp_path: Path
) -> None:
    out = tmp_path / name
    row = labelled(quick, MEDIA / name, out)

    assert row["contrast"] >= 4.5
    assert row["around"] >= 4.5
    if name in EXACT:
        assert (row["outside"], row["most"]) == (0.0, 0)


@pytest.mark.parametrize("name", sorted(EXACT))
def test_lossless_formats_keep_every_other_pixel(name: str, quick: Run, tmp_path: Path) -> None:
    out = tmp_path / name
    row = labelled(quick, MEDIA / name, out)
    x, y, width, height = row["box"]

    with Image.open(MEDIA / name) as one, Image.open(out) as other:
        before, after = (np.array(image.convert("RGBA")) for image in (one, other))
    assert (before != after)[y : y + height, x : x + width].any()
    after[y : y + height, x : x + width] = before[y : y + height, x : x + width]
    assert (before == after).all()


@pytest.mark.skipif(shutil.which("jpegtran") is None, reason="jpegtran is not installed")
@pytest.mark.parametrize(
    ("options", "unit"),
    [
        ({"subsampling": 2}, 16),
        ({"subsampling": 0}, 8),
        ({"subsampling": 2, "progressive": True}, 16),
    ],
)
@pytest.mark.parametrize("position", ["top-right", "bottom-right"])
def test_a_jpeg_keeps_the_blocks_that_its_label_does_not_touch(
    options: dict[str, Any], unit: int, position: str, quick: Run, tmp_path: Path
) -> None:
    # Sides that are no multiples of a block: the last ones are filled up.
    source, out = tmp_path / "in.jpg", tmp_path / "out.jpg"
    Image.open(busy(tmp_path / "busy.png", (488, 376))).crop((0, 0, 483, 371)).save(
        source, quality=85, **options
    )
    row = labelled(quick, source, out, *AI, "--position", position)
    x, y, width, height = row["box"]

    with Image.open(source) as one, Image.open(out) as other:
        before, after = (np.asarray(image.convert("RGB"), np.int16) for image in (one, other))
        assert one.info.get("progressive") == other.info.get("progressive")
    # Decoders smooth chroma over one more pixel.
    left, top = (at // unit * unit - 1 for at in (x, y))
    right, bottom = (-(-at // unit) * unit + 1 for at in (x + width, y + height))
    rows, columns = np.nonzero(np.abs(before - after).max(axis=2))
    assert left <= columns.min()
    assert columns.max() < right
    assert top <= rows.min()
    assert rows.max() < bottom


def test_a_jpeg_is_labelled_where_no_jpegtran_is_installed(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    answer = quick("label", MEDIA / "scene.jpg", "-o", out, *AI, env={"PATH": str(tmp_path)})

    assert answer.code == 0
    with Image.open(out) as image:
        assert image.size == (240, 160)


def test_sixteen_bits_stay_sixteen(quick: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    deep = rng.integers(0, 65536, (240, 320, 3), dtype=np.uint16)
    for name in ("deep.png", "deep.tif"):
        assert cv2.imwrite(str(tmp_path / name), deep)
        row = labelled(quick, tmp_path / name, tmp_path / f"out-{name}")
        after = cv2.imread(str(tmp_path / f"out-{name}"), cv2.IMREAD_UNCHANGED)
        x, y, width, height = row["box"]

        assert after is not None
        assert after.dtype == np.uint16
        assert set(np.unique(after[y + height // 2, x + 4 : x + 8])) <= {0, 65535}
        after[y : y + height, x : x + width] = deep[y : y + height, x : x + width]
        assert (after == deep).all()


@pytest.mark.parametrize(
    ("colour", "box_is"),
    [
        ((255, 255, 255), 0),
        ((0, 0, 0), 255),
        ((128, 128, 128), 0),
        ((110, 110, 110), 255),
        ((255, 0, 0), 0),
        ((0, 0, 255), 255),
    ],
)
def test_black_or_white_is_chosen_by_what_stands_off_more(
    colour: tuple[int, int, int], box_is: int, quick: Run, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    row = labelled(quick, plain(tmp_path / "in.png", colour), out)
    seen = inside(out, row["box"])
    ground = luminance(np.array(colour, np.uint8))

    assert int(np.median(seen)) == box_is
    assert ratio(float(np.median(luminance(seen))), float(ground)) >= 4.5
    assert row["around"] == pytest.approx(ratio(box_is / 255, float(ground)), abs=0.02)


def test_on_a_busy_picture_letters_are_read_against_their_box(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    row = labelled(quick, busy(tmp_path / "in.jpg"), out, "--text", "ai-generated")
    seen = luminance(inside(out, row["box"]))

    assert ratio(float(np.percentile(seen, 2)), float(np.percentile(seen, 98))) > 15
    assert row["contrast"] > 10


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp", "avif"])
def test_a_turned_picture_has_its_label_upright_where_it_is_shown(
    kind: str, quick: Run, tmp_path: Path
) -> None:
    if kind in {"jpg", "avif"}:
        upright = Image.new("RGB", (320, 240), (40, 90, 60))
    else:
        upright = Image.open(busy(tmp_path / "busy.png", (320, 240)))
    options: dict[str, object] = {"lossless": True} if kind == "webp" else {}
    upright.save(tmp_path / f"1.{kind}", **options)
    labelled(quick, tmp_path / f"1.{kind}", tmp_path / f"out-1.{kind}", "--text", "ai-modified")
    wanted = np.asarray(Image.open(tmp_path / f"out-1.{kind}").convert("RGB"), np.int16)
    for orientation in (2, 3, 5, 6, 7, 8):
        back = {2: 2, 3: 3, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
        turn = Image.new("RGB", (1, 1)).getexif()
        turn[0x0112] = back
        stored = upright.copy().convert("RGB")
        stored.info = {}
        stored.getexif()[0x0112] = back
        stored = ImageOps.exif_transpose(stored)
        turn[0x0112] = orientation
        path = tmp_path / f"{orientation}.{kind}"
        stored.save(path, exif=turn, **options)
        labelled(quick, path, tmp_path / f"out-{orientation}.{kind}", "--text", "ai-modified")
        with Image.open(tmp_path / f"out-{orientation}.{kind}") as made:
            shown = np.asarray(ImageOps.exif_transpose(made).convert("RGB"), np.int16)

        assert shown.shape == wanted.shape
        assert np.abs(shown - wanted).mean() < (3 if kind in {"jpg", "avif"} else 1e-9)


@pytest.mark.parametrize("name", ["anim.gif", "anim.png", "anim.webp"])
def test_animations_have_the_label_in_every_frame(name: str, quick: Run, tmp_path: Path) -> None:
    out = tmp_path / name
    row = labelled(quick, MEDIA / name, out)
    x, y, width, height = row["box"]

    with Image.open(MEDIA / name) as before, Image.open(out) as image:
        assert image.n_frames == before.n_frames  # type: ignore[attr-defined]
        assert image.info.get("loop") == before.info.get("loop")
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            before.seek(number)
            before.load()
            box = np.asarray(image.convert("RGB").crop((x, y, x + width, y + height)))
            bright = luminance(box)
            assert ratio(float(bright.min()), float(bright.max())) > 15
            assert image.info["duration"] == before.info["duration"]


def test_a_palette_with_room_keeps_its_other_pixels(quick: Run, tmp_path: Path) -> None:
    image = Image.open(busy(tmp_path / "busy.png", (240, 160))).quantize(200)
    image.save(tmp_path / "in.gif")
    row = labelled(quick, tmp_path / "in.gif", tmp_path / "out.gif")

    assert row["outside"] == 0.0


def test_every_page_of_a_document_is_labelled(quick: Run, tmp_path: Path) -> None:
    pages = [Image.new("RGB", size, (250, 250, 240)) for size in ((400, 300), (300, 500))]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    out = tmp_path / "out.tif"
    labelled(quick, tmp_path / "in.tif", out)

    with Image.open(out) as image:
        for number, page in enumerate(pages):
            image.seek(number)
            seen = np.asarray(image.convert("RGB"))
            corner = seen[: page.height // 2, page.width // 2 :]
            assert (corner == 0).any()
            assert (seen[page.height // 2 :] == np.asarray(page)[page.height // 2 :]).all()


def test_a_small_preview_before_the_page_of_a_tiff_is_passed_over(
    quick: Run, tmp_path: Path
) -> None:
    small, page = Image.new("RGB", (40, 30), (9, 9, 9)), Image.new("RGB", (400, 300), (9, 9, 9))
    page.encoderinfo = {"tiffinfo": {254: 0}}
    small.save(tmp_path / "in.tif", save_all=True, append_images=[page], tiffinfo={254: 1})
    row = labelled(quick, tmp_path / "in.tif", tmp_path / "out.tif")

    assert row["warnings"] == ["its smaller previews are not marked"]
    with Image.open(tmp_path / "out.tif") as image:
        image.seek(1)
        assert (np.asarray(image) == 255).any()


def test_a_colour_that_means_transparent_is_not_used(quick: Run, tmp_path: Path) -> None:
    for number, key in enumerate([(0, 0, 0), (255, 255, 255)]):
        path, out = tmp_path / f"{number}.png", tmp_path / f"out-{number}.png"
        Image.new("RGB", (200, 150), (90, 140, 190)).save(path, transparency=key)
        row = labelled(quick, path, out)
        x, y, width, height = row["box"]
        with Image.open(out) as image:
            alpha = np.asarray(image.convert("RGBA"))[y : y + height, x : x + width, 3]

        assert (alpha == 255).all()


def test_on_clear_ground_the_label_is_solid(quick: Run, tmp_path: Path) -> None:
    Image.new("RGBA", (200, 150), (0, 0, 0, 0)).save(tmp_path / "in.png")
    row = labelled(quick, tmp_path / "in.png", tmp_path / "out.png")
    x, y, width, height = row["box"]

    with Image.open(tmp_path / "out.png") as image:
        alpha = np.asarray(image)[..., 3]
    assert alpha[y + height // 2, x + 2 : x + width - 2].min() == 255
    assert alpha[y + height :].max() == 0


def test_profile_exif_and_xmp_stay(quick: Run, tmp_path: Path) -> None:
    profile = b"\0" * 36 + b"acsp" + b"\0" * 88
    exif = Image.new("RGB", (1, 1)).getexif()
    exif[0x013B] = "somebody"
    for name in ("in.jpg", "in.png", "in.webp"):
        out = tmp_path / f"out-{name}"
        Image.new("RGB", (200, 150), (90, 140, 190)).save(
            tmp_path / name, icc_profile=profile, exif=exif
        )
        labelled(quick, tmp_path / name, out)
        with Image.open(out) as image:
            assert image.info["icc_profile"] == profile
            assert image.getexif()[0x013B] == "somebody"


@pytest.mark.parametrize(
    ("position", "left", "top"),
    [
        *(("top-right", 1, 0), ("top-left", 0, 0), ("top", 0.5, 0)),
        *(("bottom-right", 1, 1), ("bottom-left", 0, 1), ("bottom", 0.5, 1)),
    ],
)
def test_the_label_stands_where_it_is_asked_for(
    position: str, left: float, top: float, quick: Run, tmp_path: Path
) -> None:
    source = plain(tmp_path / "in.png", (128, 128, 128), (600, 400))
    row = labelled(quick, source, tmp_path / "o.png", *AI, "--position", position)
    x, y, width, height = row["box"]

    assert x == pytest.approx(12 + left * (600 - 24 - width), abs=1)
    assert y == pytest.approx(12 + top * (400 - 24 - height), abs=1)


def test_its_size_follows_the_shorter_side_down_to_a_least(quick: Run, tmp_path: Path) -> None:
    for size, asked, capital in (
        ((2000, 1000), "auto", 40.0),
        ((1000, 2000), "auto", 40.0),
        ((2000, 1000), "5", 50.0),
        ((300, 200), "auto", 14.0),
    ):
        source = plain(tmp_path / "in.png", (128, 128, 128), size)
        row = labelled(quick, source, tmp_path / "o.png", *AI, "--size", asked)

        assert row["capital"] == pytest.approx(capital)


def test_where_there_is_no_room_it_is_smaller_and_that_is_said(quick: Run, tmp_path: Path) -> None:
    source = plain(tmp_path / "in.png", (128, 128, 128), (300, 200))
    row = labelled(quick, source, tmp_path / "o.png", "--text", "ai-generated", "--size", "20")

    assert 12 <= row["capital"] < 40
    assert "smaller than asked for" in row["warnings"][0]


def test_a_thumbnail_that_shows_no_label_is_told(quick: Run, tmp_path: Path) -> None:
    small = tmp_path / "small.jpg"
    Image.new("RGB", (160, 120), (9, 9, 9)).save(small)
    jpeg = small.read_bytes()
    # A second directory with nothing but the thumbnail's place and length.
    tiff = b"II*\0\x08\0\0\0" + b"\0\0" + b"\x0e\0\0\0" + b"\2\0"
    tiff += b"\x01\x02\4\0\1\0\0\0" + (44).to_bytes(4, "little")
    tiff += b"\x02\x02\4\0\1\0\0\0" + len(jpeg).to_bytes(4, "little") + b"\0\0\0\0"
    Image.new("RGB", (320, 240), (9, 9, 9)).save(
        tmp_path / "in.jpg", exif=b"Exif\0\0" + tiff + jpeg
    )
    row = labelled(quick, tmp_path / "in.jpg", tmp_path / "out.jpg")

    assert row["warnings"] == ["the thumbnail in its Exif is not labelled"]


def test_the_same_label_gives_the_same_bytes_in_place_too(quick: Run, tmp_path: Path) -> None:
    here = Path(shutil.copy(MEDIA / "scene.jpg", tmp_path / "a.jpg"))
    labelled(quick, here, tmp_path / "b.jpg")

    assert quick("label", here, "--in-place", *AI).code == 0
    assert here.read_bytes() == (tmp_path / "b.jpg").read_bytes()


def test_text_tells_what_was_drawn_and_the_alt_text(quick: Run, tmp_path: Path) -> None:
    answer = quick(
        *("label", MEDIA / "scene.jpg", "-o", tmp_path / "o.jpg", "--text", "ai-modified"),
        *("--lang", "fr-CA", "--alt-text", "Un ballon"),
    )

    assert "AI MODIFIED / Modifié par IA  contrast " in answer.stdout
    assert "alt text: Un ballon. Ce contenu a été modifié" in answer.stdout


def test_the_page_is_told_what_the_label_says(quick: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    call = ("label", MEDIA / "scene.jpg", "-o", tmp_path / "o.jpg", "--json", page, "-f", "jsonl")
    quick(*call, "--text", "ai-generated", "--lang", "de", "--alt-text", "Ein Ballon")
    found = json.loads(page.read_text("utf-8"))
    assert found == {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "name": "o.jpg",
        "encodingFormat": "image/jpeg",
        "inLanguage": "de",
        "description": "Ein Ballon. Dieser Inhalt wurde mit künstlicher Intelligenz erzeugt.",
        "width": 240,
        "height": 160,
        "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
        "trainedAlgorithmicMedia",
    }

    # AI alone does not say which source type it is, so none is made up.
    answer = quick(*call, "--text", "ai")
    assert "digitalSourceType" not in json.loads(page.read_text("utf-8"))
    assert "name one with --source-type" in answer.rows()[0]["warnings"][0]
    quick(*call, "--text", "ai", "--source-type", "algorithmicMedia")
    assert json.loads(page.read_text("utf-8"))["digitalSourceType"].endswith("algorithmicMedia")


def test_one_page_has_all_that_were_labelled(quick: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    files = (MEDIA / "scene.jpg", MEDIA / "drawing.svg", MEDIA / "scene.png")
    answer = quick("label", *files, "-o", tmp_path / "out", *AI, "--json", page, "-f", "json")

    assert answer.code == 40
    assert [row["error"] is None for row in answer.json()["files"]] == [True, False, True]
    assert [one["name"] for one in json.loads(page.read_text("utf-8"))] == [
        "scene.jpg",
        "scene.png",
    ]


def test_standard_input_and_output_carry_a_picture(quick: Run, tmp_path: Path) -> None:
    answer = quick("label", "-", "-o", "-", *AI, stdin=(MEDIA / "scene.png").read_bytes())

    assert answer.code == 0
    (tmp_path / "o.png").write_bytes(answer.raw)
    with Image.open(tmp_path / "o.png") as image:
        assert image.size == (240, 160)
