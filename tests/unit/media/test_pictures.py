"""Picture files whose pixels change and nothing else: per format, at `open_picture` and `save`."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.media.pictures import TYPES, Change, open_picture, vp8
from trustkit.media.pictures.spread import Spread

WIDTH, HEIGHT = 160, 120
POINTER = b'<x:xmpmeta xmlns:q="http://purl.org/dc/terms/" q:provenance="https://a.example/m"/>'
NO_POINTER = POINTER.replace(b'q:provenance="https://a.example/m"', b" " * 34)
EXIF = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6
ICC = b"profile " * 20
MANIFEST = (
    b"\0\0\0\x40jumb\0\0\0\x28jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9bq\x03c2pa\0" + b"m" * 16
)


def picture(mode: str = "RGBA") -> Image.Image:
    """Return a smooth picture: a band of it cannot be seen, another half."""
    rng = np.random.default_rng(7)
    small = rng.integers(40, 216, (12, 16, 4), dtype=np.uint8)
    array = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    array[:20, :, 3], array[20:40, :, 3], array[40:, :, 3] = 0, 128, 255
    image = Image.fromarray(array)
    return image if mode == "RGBA" else image.convert("LA" if mode == "LA" else "RGB").convert(mode)


def plane(amplitude: float = 4.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    rng = np.random.default_rng(3)
    return (rng.standard_normal((24, 32)) * amplitude).astype(np.float32)


def whole(size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray[Any, Any]:
    return cv2.resize(plane(), size, interpolation=cv2.INTER_CUBIC)


def saved(mode: str, kind: str, **options: Any) -> bytes:
    coded = BytesIO()
    picture(mode).save(coded, kind, **options)
    return coded.getvalue()


def changed(content: bytes, media_type: str, folder: Path) -> tuple[bytes, Any, Change]:
    opened = open_picture(BytesIO(content), media_type, "a picture")
    opened.view(100)
    target = folder / "out"
    change = opened.save(target, [plane()] * len(opened.facts.sizes))
    return target.read_bytes(), opened.facts, change


def decoded(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


def samples(content: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(decoded(content)).astype(np.float64)


def likeness(before: bytes, after: bytes) -> float:
    """Return how the change of the first channel correlates with the plane, where it shows."""
    old, new = samples(before), samples(after)
    seen = np.ones((HEIGHT, WIDTH), bool)
    if decoded(before).mode in {"RGBA", "LA"}:
        seen = old[..., -1] > 0
    apart = (new - old).reshape(HEIGHT, WIDTH, -1)[..., 0]
    return float(np.corrcoef(apart[seen], whole()[seen])[0, 1])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SAMPLES: dict[str, Callable[[], bytes]] = {
    "image/jpeg": lambda: saved("RGB", "JPEG"),
    "image/png": lambda: saved("RGBA", "PNG"),
    "image/webp": lambda: saved("RGBA", "WEBP"),
    "image/gif": lambda: saved("P", "GIF"),
    "image/tiff": lambda: saved("RGB", "TIFF", compression="tiff_lzw"),
    "image/bmp": lambda: saved("RGB", "BMP"),
    "image/avif": lambda: saved("RGB", "AVIF", speed=10),
    "image/jp2": lambda: saved("RGB", "JPEG2000"),
}


# Refusals


def test_a_kind_that_cannot_be_written_again_is_refused() -> None:
    with pytest.raises(UnreadableError, match="whose pixels trustkit cannot change"):
        open_picture(BytesIO(b"<svg/>"), "image/svg+xml", "a.svg")


@pytest.mark.parametrize("media_type", SAMPLES)
def test_damaged_bytes_are_refused_in_words(media_type: str, tmp_path: Path) -> None:
    content = SAMPLES[media_type]()
    rng = np.random.default_rng(1)
    refused = 0
    for round_ in range(25):
        broken = bytearray(content[: len(content) // 2] if round_ == 0 else content)
        for at in rng.integers(4, len(broken), 12):
            broken[at] = rng.integers(0, 256)
        try:
            changed(bytes(broken), media_type, tmp_path)
        except TrustkitError:
            refused += 1
    assert refused


def test_a_bomb_is_refused_by_its_header() -> None:
    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")

    with pytest.raises(UnreadableError, match="more than 200,000,000 pixels"):
        open_picture(BytesIO(bomb), "image/png", "bomb.png")


@pytest.mark.parametrize(
    ("mode", "options", "why"),
    [
        ("1", {}, "1-bit samples"),
        ("P", {}, "kind of colours"),
        ("F", {}, "32-bit samples"),
        ("1", {"compression": "group4"}, "1-bit samples"),
    ],
)
def test_a_tiff_that_would_lose_something_is_refused(
    mode: str, options: dict[str, Any], why: str
) -> None:
    coded = BytesIO()
    picture("L").convert(mode).save(coded, "TIFF", **options)

    with pytest.raises(UnreadableError, match=why):
        open_picture(coded, "image/tiff", "a.tif")


def test_directories_in_a_circle_are_refused() -> None:
    content = bytearray(saved("L", "TIFF"))
    at = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, at)[0]
    struct.pack_into("<I", content, at + 2 + 12 * count, at)

    with pytest.raises(UnreadableError, match="cannot be decoded"):
        open_picture(BytesIO(content), "image/tiff", "a.tif")


def test_ten_bits_of_an_avif_are_not_cut_down_to_eight() -> None:
    array = np.full((64, 64, 3), 500, np.uint16)
    _, coded = cv2.imencode(".avif", array, [cv2.IMWRITE_AVIF_DEPTH, 10])

    with pytest.raises(UnreadableError, match="10 or 12 bits"):
        open_picture(BytesIO(coded.tobytes()), "image/avif", "a.avif")


# The arithmetic


@pytest.mark.parametrize("size", [(1999, 1501), (40, 5003), (20, 15), (32, 24)])
def test_strips_are_what_one_resize_of_the_whole_would_be(size: tuple[int, int]) -> None:
    spread = Spread(plane(), size)
    edges = sorted({0, 1, 7, size[1] // 3, size[1] - 1, size[1]})

    strips = np.concatenate([spread.rows(a, b) for a, b in pairwise(edges)])

    assert np.abs(strips - whole(size)).max() < 1e-3


def test_a_small_luma_is_the_average_by_area() -> None:
    opened = open_picture(BytesIO(saved("RGB", "PNG")), "image/png", "a.png")
    luma = np.asarray(picture("RGB")).astype(np.float32) @ np.float32([0.299, 0.587, 0.114])

    view = opened.view(63)

    exact = cv2.resize(luma, (63, 47), interpolation=cv2.INTER_AREA)
    assert view.luma.shape == (47, 63)
    assert view.cover is None
    assert np.abs(view.luma - exact).max() < 0.5  # luma itself is rounded


def test_what_cannot_be_seen_is_shown_white_and_said() -> None:
    view = open_picture(BytesIO(saved("RGBA", "PNG")), "image/png", "a.png").view(1000)

    assert view.cover is not None
    assert np.all(view.cover[:20] == 0)
    assert np.all(view.luma[:20] == 255)
    assert np.all(view.cover[40:] == 1)


def test_psnr_is_of_the_pixels_before_they_are_coded(tmp_path: Path) -> None:
    content = saved("RGB", "PNG")

    after, _, change = changed(content, "image/png", tmp_path)

    squares = ((samples(after) - samples(content)) ** 2).mean()
    assert change.psnr == pytest.approx(10 * np.log10(255**2 / squares), abs=1e-6)


def test_weights_are_for_red_green_and_blue(tmp_path: Path) -> None:
    content = saved("RGB", "BMP")
    open_picture(BytesIO(content), "image/bmp", "a").save(
        tmp_path / "o", [plane()], (0.0, 1.0, 0.5)
    )

    apart = samples((tmp_path / "o").read_bytes()) - samples(content)
    assert not apart[..., 0].any()
    assert np.abs(apart[..., 1] - whole()).max() < 0.51
    assert np.abs(apart[..., 2] - whole() / 2).max() < 0.51


# What is kept, and what goes


def jpeg_with(content: bytes, *segments: tuple[int, bytes]) -> bytes:
    more = b"".join(
        bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data
        for marker, data in segments
    )
    return content[:2] + more + content[2:]


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"quality": 77, "progressive": True}),
        ("RGB", {"quality": 95, "subsampling": 1}),
        ("RGB", {"quality": 95, "subsampling": 0, "qtables": [[3] * 64, [5] * 64]}),
        ("RGB", {"quality": 90, "keep_rgb": True}),
        ("L", {"quality": 60}),
    ],
)
def test_a_jpeg_keeps_its_tables_and_its_metadata(
    mode: str, options: dict[str, Any], tmp_path: Path
) -> None:
    content = saved(mode, "JPEG", exif=EXIF, icc_profile=ICC, comment=b"a word", **options)
    content = jpeg_with(content, (0xED, b"Photoshop 3.0\0iptc"))

    after, facts, _ = changed(content, "image/jpeg", tmp_path)

    old: Any = Image.open(BytesIO(content))
    new: Any = Image.open(BytesIO(after))
    assert new.quantization == old.quantization
    assert new.layer == old.layer
    assert new.info == old.info
    assert new.applist == old.applist
    assert (facts.layout, facts.bits, facts.notes) == (mode, 8, ())
    assert likeness(content, after) > 0.8


def test_a_jpeg_in_inks_gets_brighter_where_the_plane_says(tmp_path: Path) -> None:
    content = saved("CMYK", "JPEG", quality=95)

    after, facts, _ = changed(content, "image/jpeg", tmp_path)

    assert facts.layout == "CMYK"
    assert decoded(after).info["adobe_transform"] == 0
    light = samples(after).sum(2) - samples(content).sum(2)
    assert np.corrcoef(light.ravel(), whole().ravel())[0, 1] < -0.9  # ink, not light


def test_a_manifest_leaves_a_jpeg_and_other_boxes_stay(tmp_path: Path) -> None:
    ours = (0xEB, b"JP\0\x01\0\0\0\x01" + MANIFEST)
    more = (0xEB, b"JP\0\x01\0\0\0\x02" + MANIFEST[:8] + b"the rest")
    other = (0xEB, b"JP\0\x02\0\0\0\x01\0\0\0\x20jumb\0\0\0\x18jumdsomething else")
    xmp = (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + POINTER)
    content = jpeg_with(saved("RGB", "JPEG"), ours, more, other, xmp)

    after, facts, _ = changed(content, "image/jpeg", tmp_path)

    assert facts.has_manifest
    assert facts.has_remote_manifest
    assert b"c2pa" not in after
    assert b"the rest" not in after
    assert other[1] in after
    assert NO_POINTER in after


def test_a_second_picture_behind_a_jpeg_is_still_found(tmp_path: Path) -> None:
    coded = BytesIO()
    picture("RGB").save(
        coded, "MPO", save_all=True, append_images=[Image.new("RGB", (80, 60), "red")]
    )

    after, facts, _ = changed(coded.getvalue(), "image/jpeg", tmp_path)

    pair: Any = Image.open(BytesIO(after))
    assert (pair.n_frames, facts.frames) == (2, 1)
    pair.seek(1)
    assert pair.size == (80, 60)
    assert pair.convert("RGB").getpixel((9, 9))[0] > 250
    assert likeness(coded.getvalue(), after) > 0.8


def test_what_a_phone_writes_behind_a_jpeg_stays(tmp_path: Path) -> None:
    after, _, _ = changed(saved("RGB", "JPEG") + b"SEFH a trailer SEFT", "image/jpeg", tmp_path)

    assert after.endswith(b"\xff\xd9SEFH a trailer SEFT")


def png(mode: str, **options: Any) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "x")
    info.add_itxt("XML:com.adobe.xmp", POINTER.decode())
    info.add(b"gAMA", struct.pack(">I", 45455))
    info.add(b"caBX", MANIFEST)
    info.add(b"prVt", b"safe to copy")
    info.add(b"prVT", b"unsafe to copy")
    return saved(mode, "PNG", pnginfo=info, dpi=(100, 100), exif=EXIF, icc_profile=ICC, **options)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_a_png_keeps_its_chunks_and_loses_its_manifest(mode: str, tmp_path: Path) -> None:
    content = png(mode)

    after, facts, _ = changed(content, "image/png", tmp_path)

    old, new = decoded(content).info, decoded(after).info
    assert new.pop("xmp", b"").replace(b" ", b"") == NO_POINTER.replace(b" ", b"")
    assert {k: v for k, v in new.items() if "xmp" not in k} == {
        k: v for k, v in old.items() if "xmp" not in k
    }
    assert (facts.has_manifest, facts.has_remote_manifest) == (True, True)
    assert b"c2pa" not in after
    assert b"safe to copy" in after
    assert b"unsafe to copy" not in after
    assert decoded(after).mode == mode
    assert likeness(content, after) > 0.95


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "TIFF")])
def test_alpha_and_what_lies_under_it_stay_untouched(mode: str, kind: str, tmp_path: Path) -> None:
    content = saved(mode, kind)

    after, _, _ = changed(content, f"image/{kind.lower()}", tmp_path)

    old, new = samples(content), samples(after)
    assert np.array_equal(old[..., -1], new[..., -1])
    assert np.array_equal(old[:20], new[:20])


@pytest.mark.parametrize("shape", [(), (3,), (4,)])
@pytest.mark.parametrize("kind", ["png", "tiff", "jp2"])
def test_sixteen_bits_stay_sixteen(kind: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    array = rng.integers(9_000, 50_000, (HEIGHT, WIDTH, *shape), dtype=np.uint16)
    options = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000] if kind == "jp2" else []
    if kind == "jp2" and shape == (4,):
        return
    content = cv2.imencode(f".{kind}", array, options)[1].tobytes()

    after, facts, _ = changed(content, f"image/{kind}", tmp_path)

    back = cv2.imdecode(np.frombuffer(after, np.uint8), cv2.IMREAD_UNCHANGED)
    apart = (back.astype(np.float64) - array) / 257
    assert facts.bits == 16
    assert back.dtype == np.uint16
    colours = apart[..., :3] if shape else apart[..., None]
    assert np.abs(colours - whole()[..., None]).max() < 1 / 257  # finer than 8 bits can say


def test_a_palette_becomes_true_colour_and_that_is_said(tmp_path: Path) -> None:
    content = png("P", transparency=3)

    after, facts, _ = changed(content, "image/png", tmp_path)

    assert facts.notes == ("its palette becomes true colour",)
    assert decoded(after).mode == "RGBA"
    old = np.asarray(decoded(content).convert("RGBA"))
    assert np.array_equal(old[..., 3], np.asarray(decoded(after))[..., 3])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_transparent_colour_stays_where_it_was_and_nowhere_else(
    mode: str, tmp_path: Path
) -> None:
    image = picture(mode)
    key = image.getpixel((77, 66))
    content = saved(mode, "PNG", transparency=key)

    after, _, _ = changed(content, "image/png", tmp_path)

    old, new = (np.asarray(decoded(c).convert("RGBA"))[..., 3] for c in (content, after))
    assert old[66, 77] == 0
    assert np.array_equal(old, new)
    assert decoded(after).info["transparency"] == key


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("disposal", [1, 2])
def test_an_animation_keeps_its_timing_and_its_frames(
    kind: str, disposal: int, tmp_path: Path
) -> None:
    frames = [picture().rotate(9 * turn) for turn in range(4)]
    options: dict[str, Any] = {"loop": 3, "duration": [50, 60, 70, 80]}
    if kind != "WEBP":
        options["disposal"] = disposal
    else:
        options |= {"lossless": disposal == 1, "background": (1, 2, 3, 4)}
    coded = BytesIO()
    frames[0].save(coded, kind, save_all=True, append_images=frames[1:], **options)
    media_type = f"image/{kind.lower()}"

    after, facts, _ = changed(coded.getvalue(), media_type, tmp_path)

    old: Any = Image.open(coded)
    new: Any = Image.open(BytesIO(after))
    assert new.n_frames == old.n_frames == facts.frames == 4
    assert new.info["loop"] == old.info["loop"]
    for number in range(4):
        old.seek(number)
        new.seek(number)
        one, two = (np.asarray(i.convert("RGBA")).astype(np.float32) for i in (old, new))
        seen = one[..., 3] > 200
        like = np.corrcoef((two - one)[..., :3].mean(2)[seen], whole()[seen])[0, 1]
        assert new.info["duration"] == old.info["duration"]
        assert np.array_equal(one[..., 3] > 0, two[..., 3] > 0)
        assert like > 0.5
    shown = open_picture(BytesIO(after), media_type, "a").view(50, 3)
    assert shown.luma.shape == (38, 50)


def test_a_webp_keeps_what_describes_it(tmp_path: Path) -> None:
    content = saved(
        "RGBA", "WEBP", lossless=True, exact=True, exif=EXIF[6:], icc_profile=ICC, xmp=POINTER
    )
    body = content[12:] + b"C2PA" + struct.pack("<I", len(MANIFEST)) + MANIFEST
    content = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    after, facts, _ = changed(content, "image/webp", tmp_path)

    assert (facts.has_manifest, facts.has_remote_manifest) == (True, True)
    assert b"c2pa" not in after
    assert struct.unpack("<I", after[4:8])[0] == len(after) - 8
    old, new = decoded(content), decoded(after)
    assert {**new.info, "xmp": b""} == {**old.info, "xmp": b""}
    assert new.info["xmp"] == NO_POINTER
    assert np.array_equal(np.asarray(old)[:20], np.asarray(new)[:20])
    assert likeness(content, after) > 0.95


@pytest.mark.parametrize("quality", [40, 60, 80, 92])
def test_a_lossy_webp_is_quantised_as_finely_as_before(quality: int) -> None:
    rng = np.random.default_rng(0)
    noisy = np.asarray(picture("RGB")).astype(int) + rng.integers(-20, 20, (HEIGHT, WIDTH, 3))
    coded = BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(coded, "WEBP", quality=quality)

    assert vp8.quality(coded.getvalue()[20:]) == pytest.approx(quality, abs=9)


@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]
)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_tiff_keeps_its_compression_and_its_tags(
    mode: str, compression: str | None, tmp_path: Path
) -> None:
    tags = {700: POINTER, 33723: b"iptc", 52545: MANIFEST, 65000: b"private"}
    content = saved(
        mode, "TIFF", compression=compression, tiffinfo=tags, icc_profile=ICC, dpi=(300, 300)
    )  # fmt: skip

    after, facts, _ = changed(content, "image/tiff", tmp_path)

    old, new = (dict(decoded(c).tag_v2) for c in (content, after))  # type: ignore[attr-defined]
    assert (facts.has_manifest, facts.has_remote_manifest) == (True, True)
    assert MANIFEST[-16:] not in after
    assert old.pop(52545) == MANIFEST
    assert new.pop(700) == NO_POINTER
    places = {273, 278, 279, 700}  # one large strip is cut into smaller ones
    assert {k: v for k, v in new.items() if k not in places} == {
        k: v for k, v in old.items() if k not in places
    }
    assert abs(likeness(content, after)) > 0.9


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_one_large_bare_strip_of_a_tiff_is_never_held_whole(tmp_path: Path, mode: str) -> None:
    noise = np.random.default_rng(1).integers(40, 200, (5000, 7001, len(mode)), np.uint8)
    coded = BytesIO()
    Image.fromarray(noise.squeeze()).save(coded, "TIFF", tiffinfo={278: 5000}, dpi=(300, 300))
    plane = np.random.default_rng(2).normal(0, 2, (50, 70)).astype(np.float32)

    tracemalloc.start()
    picture = open_picture(coded, "image/tiff", "a.tif")
    picture.view(400)
    picture.save(tmp_path / "a.tif", [plane])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 80_000_000
    with Image.open(tmp_path / "a.tif") as image, Image.open(coded) as original:
        after = np.asarray(image).reshape(noise.shape)
        assert dict(image.getexif()) == dict(original.getexif())
    assert 1 < np.std(after - noise.astype(np.int16)) < 3
    assert abs(after - noise.astype(np.int16)).max() < 15


def test_no_pixel_of_the_original_stays_in_a_tiff(tmp_path: Path) -> None:
    content = saved("RGB", "TIFF", compression="tiff_lzw")
    at, size = (decoded(content).tag_v2[tag][0] for tag in (273, 279))  # type: ignore[attr-defined]

    after, _, _ = changed(content, "image/tiff", tmp_path)

    assert content[at + 100 : at + 160] not in after
    assert len(after) < 1.5 * len(content)
    assert size


def test_each_page_of_a_tiff_gets_a_plane_of_its_own(tmp_path: Path) -> None:
    coded = BytesIO()
    pages = [picture("L").resize((100, 50)), picture("CMYK")]
    picture("RGB").save(coded, "TIFF", save_all=True, append_images=pages, compression="packbits")

    after, facts, _ = changed(coded.getvalue(), "image/tiff", tmp_path)

    new: Any = Image.open(BytesIO(after))
    assert facts.sizes == ((WIDTH, HEIGHT), (100, 50), (WIDTH, HEIGHT))
    new.seek(1)
    apart = np.asarray(new).astype(np.float32) - np.asarray(pages[0])
    assert np.abs(apart - whole((100, 50))).max() < 0.51
    new.seek(2)
    assert new.mode == "CMYK"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [1, 2])
def test_tiles_and_planes_of_any_order_stay_what_they_are(
    order: str, planar: int, tmp_path: Path
) -> None:
    array = np.asarray(picture("RGB")).astype(np.uint16) * 200 + 77
    content = tiled(array, order, planar)

    after, facts, _ = changed(content, "image/tiff", tmp_path)

    assert facts.bits == 16
    assert len(after) == len(content)
    back = untiled(after, order, planar)
    assert np.abs((back - array.astype(float)) / 257 - whole()[..., None]).max() < 1 / 257


def tiled(array: np.ndarray[Any, Any], order: str, planar: int, side: int = 64) -> bytes:
    """Return an uncompressed TIFF of tiles, written by hand: Pillow writes strips alone."""
    down, across = -(-HEIGHT // side), -(-WIDTH // side)
    padded = np.zeros((down * side, across * side, 3), np.uint16)
    padded[:HEIGHT, :WIDTH] = array
    tiles = [
        padded[side * r : side * (r + 1), side * c : side * (c + 1), planes]
        for planes in ([slice(0, 3)] if planar == 1 else [slice(n, n + 1) for n in range(3)])
        for r in range(down)
        for c in range(across)
    ]
    data = [tile.astype(f"{order}u2").tobytes() for tile in tiles]
    offsets = [8 + sum(map(len, data[:n])) for n in range(len(data))]
    entries = [(256, WIDTH), (257, HEIGHT), (258, 16), (259, 1), (262, 2), (277, 3), (284, planar)]
    entries += [(322, side), (323, side)]
    arrays = 8 + sum(map(len, data))
    directory = arrays + 8 * len(data)
    packed = [struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries]
    packed += [struct.pack(f"{order}HHII", 324, 4, len(data), arrays)]
    packed += [struct.pack(f"{order}HHII", 325, 4, len(data), arrays + 4 * len(data))]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", directory)
    tables = struct.pack(f"{order}{2 * len(data)}I", *offsets, *map(len, data))
    count = struct.pack(f"{order}H", len(packed))
    return head + b"".join(data) + tables + count + b"".join(packed) + bytes(4)


def untiled(content: bytes, order: str, planar: int, side: int = 64) -> np.ndarray[Any, Any]:
    down, across = -(-HEIGHT // side), -(-WIDTH // side)
    count = down * across * (1 if planar == 1 else 3)
    raw = np.frombuffer(content, f"{order}u2", count * side * side * (3 if planar == 1 else 1), 8)
    if planar == 1:
        tiles = raw.reshape(down, across, side, side, 3).transpose(0, 2, 1, 3, 4)
    else:
        tiles = raw.reshape(3, down, across, side, side).transpose(1, 3, 2, 4, 0)
    return tiles.reshape(down * side, across * side, 3)[:HEIGHT, :WIDTH].astype(float)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_bmp_is_changed_in_place(mode: str, tmp_path: Path) -> None:
    content = saved(mode, "BMP", dpi=(120, 120))

    after, _, _ = changed(content, "image/bmp", tmp_path)

    assert (after[:54], len(after)) == (content[:54], len(content))
    assert likeness(content, after) > 0.95


def test_a_gif_keeps_its_words_and_what_is_transparent(tmp_path: Path) -> None:
    content = saved("P", "GIF", comment=b"a word", transparency=5)

    after, facts, _ = changed(content, "image/gif", tmp_path)

    old, new = (np.asarray(decoded(c).convert("RGBA"))[..., 3] for c in (content, after))
    assert decoded(after).info["comment"] == b"a word"
    assert np.array_equal(old, new)
    assert "dithered" in facts.notes[0]


@pytest.mark.parametrize(
    ("media_type", "kind", "options", "least"),
    [
        ("image/avif", "AVIF", {"quality": 90, "speed": 9, "subsampling": "4:4:4"}, 0.7),
        ("image/jp2", "JPEG2000", {}, 0.95),
        ("image/jp2", "JPEG2000", {"irreversible": True, "quality_layers": [8], "mct": 1}, 0.8),
    ],
)
def test_other_formats_come_back_as_themselves(
    media_type: str, kind: str, options: dict[str, Any], least: float, tmp_path: Path
) -> None:
    described = {"exif": EXIF, "icc_profile": ICC, "xmp": POINTER} if kind == "AVIF" else {}
    content = saved("RGB", kind, **options, **described)

    after, facts, _ = changed(content, media_type, tmp_path)

    old, new = decoded(content), decoded(after)
    assert (new.format, new.mode) == (kind, "RGB")
    assert {**new.info, "xmp": b""} == {**old.info, "xmp": b""}
    assert facts.has_remote_manifest == bool(described)
    assert POINTER not in after
    assert len(after) < 1.5 * len(content)
    assert likeness(content, after) > least


@pytest.mark.parametrize("bits", [8, 10])
def test_a_heic_keeps_its_bits(bits: int, tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    array = np.asarray(picture("RGB")).astype(np.uint16) * 257
    made = (
        heif.from_bytes("RGB;16", (WIDTH, HEIGHT), array.tobytes())
        if bits == 10
        else heif.from_pillow(picture("RGB"))
    )
    made.info.update({"exif": EXIF[:-8] + b"\x01" + EXIF[-7:], "icc_profile": ICC, "xmp": POINTER})
    coded = BytesIO()
    made.save(coded, quality=90)

    after, facts, _ = changed(coded.getvalue(), "image/heic", tmp_path)

    old, new = (
        heif.open_heif(BytesIO(c), convert_hdr_to_8bit=False) for c in (coded.getvalue(), after)
    )
    assert facts.bits == new.info["bit_depth"] == bits
    assert new.info["icc_profile"] == ICC
    assert new.info["exif"] == old.info["exif"]
    assert new.info["xmp"] == NO_POINTER
    apart = np.asarray(new).astype(np.float32)[..., 1] - np.asarray(old).astype(np.float32)[..., 1]
    assert np.corrcoef(apart.ravel(), whole().ravel())[0, 1] > 0.8


@pytest.mark.parametrize("lossless", [True, False])
def test_a_jpeg_xl_stays_lossless_if_it_was(lossless: bool, tmp_path: Path) -> None:
    pytest.importorskip("pillow_jxl")
    content = saved("RGB", "JXL", lossless=lossless, use_container=True, exif=EXIF[6:], xmp=POINTER)

    after, facts, change = changed(content, "image/jxl", tmp_path)

    assert facts.has_remote_manifest
    assert NO_POINTER in after
    assert decoded(after).info["exif"] == decoded(content).info["exif"]
    squares = ((samples(after) - samples(content)) ** 2).mean()
    is_exact = bool(abs(10 * np.log10(255**2 / squares) - change.psnr) < 1e-6)
    assert is_exact is lossless


def test_every_type_that_is_promised_has_its_reader() -> None:
    assert set(SAMPLES) | {"image/heic", "image/heif", "image/jxl"} == set(TYPES)
