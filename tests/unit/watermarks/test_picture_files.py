"""Picture files in and out, with an engine of the right shape that is no good but small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from trustkit.asset import Asset, open_asset
from trustkit.errors import PublishError, UnreadableError
from trustkit.watermarks import Mark, Plane, Search
from trustkit.watermarks.picture import mark_picture, read_picture

PAYLOAD = b"\xa5" * 8
_CLEAR = 6.0  # standard deviations


@dataclass(frozen=True)
class Plain:
    """One byte, a pattern a bit, on a plane of one area; it finds no place and no turn."""

    strength: float = 3.0
    side: int = 256
    weights = (1.0, 1.0, 1.0)

    def residual(self, luma: Plane, payload: bytes, *, grey: bool = False) -> Plane:
        height, width = self._shape(luma)
        signs = 1 - 2.0 * np.unpackbits(np.frombuffer(payload[:1], np.uint8))
        pattern = np.tensordot(signs, self._patterns(height, width), 1)
        small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        busy = cv2.GaussianBlur(np.abs(small - cv2.GaussianBlur(small, (0, 0), 4)), (0, 0), 8)
        mask = np.minimum(1, busy / 2)
        return np.asarray(pattern / pattern.std() * mask * self.strength, np.float32)

    def observe(self, luma: Plane) -> Plane:
        height, width = self._shape(luma)
        small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
        fine = small - cv2.GaussianBlur(small, (0, 0), 4)
        return np.asarray(fine / (1 + cv2.GaussianBlur(np.abs(fine), (0, 0), 6)), np.float32)

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        assert abs(plane.shape[1] / plane.shape[0] - size[0] / size[1]) < 0.1
        patterns = self._patterns(*plane.shape)
        seen = np.tensordot(patterns, plane, 2) / (plane.std() * math.sqrt(plane.size) + 1e-9)
        z = np.abs(seen) / patterns[0].std()
        if np.median(z) < _CLEAR:
            return None
        payload = np.packbits(seen < 0).tobytes() * 8
        return Mark(payload, "plain", float(np.median(z)), 1e-3, search, "as it lies")

    def _shape(self, luma: Plane) -> tuple[int, int]:
        scale = self.side / math.sqrt(luma.size)
        return round(luma.shape[0] * scale), round(luma.shape[1] * scale)

    def _patterns(self, height: int, width: int) -> np.ndarray[Any, Any]:
        # One set for all shapes near each other: two sizes of a copy may differ by a pixel.
        rng = np.random.default_rng(11)
        noise = rng.standard_normal((8, 128, 128)).astype(np.float32)
        fine = [
            cv2.GaussianBlur(one, (0, 0), 1.0) - cv2.GaussianBlur(one, (0, 0), 2.5) for one in noise
        ]
        return np.stack([cv2.resize(one, (width, height)) for one in fine])


class Deaf(Plain):
    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        return None


class Hoarse(Plain):
    """It reads everything but what was made smaller."""

    def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
        return super().read(plane, search, size) if size[0] > 300 else None


def photo(width: int = 480, height: int = 360, seed: int = 1) -> Image.Image:
    rng = np.random.default_rng(seed)
    array = np.zeros((height, width, 3), np.float32)
    for cells, loud in ((8, 60), (30, 20), (120, 8)):
        small = rng.standard_normal((cells, cells, 3)).astype(np.float32) * loud
        array += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return Image.fromarray((array + 128).clip(0, 255).astype(np.uint8))


def written(folder: Path, name: str, image: Image.Image | None = None, **options: Any) -> Asset:
    path = folder / name
    (image or photo()).save(path, **options)
    return open_asset(path)


def test_a_picture_that_is_too_small_is_refused_and_nothing_written(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png", photo(300, 100))

    with pytest.raises(PublishError, match="less than 128 pixels"):
        mark_picture(asset, tmp_path / "o.png", Plain(), PAYLOAD)

    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_flat_picture_is_refused_with_that_reason(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png", Image.new("RGB", (400, 300), "#808080"))

    with pytest.raises(PublishError, match="too flat"):
        mark_picture(asset, tmp_path / "o.png", Plain(), PAYLOAD)


def test_what_cannot_be_read_back_does_not_replace_what_was_there(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.jpg")
    before = asset.path.read_bytes()

    with pytest.raises(PublishError, match="cannot be read in the written file"):
        mark_picture(asset, asset.path, Deaf(), PAYLOAD)

    assert asset.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_a_louder_mark_of_before_is_named_when_it_hides_the_new_one(tmp_path: Path) -> None:
    class Earlier(Plain):
        def read(self, plane: Plane, search: Search, size: tuple[int, int]) -> Mark | None:
            mark = super().read(plane, search, size)
            return mark and replace(mark, payload=bytes.fromhex("00c0ffee00c0ffee"))

    asset = written(tmp_path, "a.png")

    with pytest.raises(PublishError, match="the mark 00c0ffee00c0ffee is read instead"):
        mark_picture(asset, tmp_path / "o.png", Earlier(), PAYLOAD)

    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_mark_that_does_not_survive_half_size_is_refused(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png")

    with pytest.raises(PublishError, match="at half its size"):
        mark_picture(asset, tmp_path / "o.png", Hoarse(), PAYLOAD)


def test_a_mark_that_does_not_survive_jpeg_is_refused(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png")

    with pytest.raises(PublishError, match="would not hold"):
        mark_picture(asset, tmp_path / "o.png", Plain(strength=0.3), PAYLOAD)


def test_a_damaged_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    photo().save(path)
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(UnreadableError, match="cannot be decoded"):
        mark_picture(open_asset(path), tmp_path / "o.png", Plain(), PAYLOAD)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png")

    with pytest.raises(PublishError, match="cannot be written"):
        mark_picture(asset, tmp_path / "no" / "o.png", Plain(), PAYLOAD)


def test_a_weak_mark_is_written_if_asked_for_and_warned_of(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png")

    marked = mark_picture(asset, tmp_path / "o.png", Deaf(), PAYLOAD, allow_weak=True)

    assert not marked.self_check
    assert marked.warnings == ("its mark is weak: it cannot be read in the written file",)
    assert (tmp_path / "o.png").exists()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {"quality": 85}),
        ("a.png", {}),
        ("a.webp", {"quality": 80}),
        ("a.gif", {}),
        ("a.tif", {"compression": "tiff_lzw"}),
        ("a.bmp", {}),
        ("a.avif", {"speed": 10}),
        ("a.jp2", {}),
    ],
)
def test_a_marked_file_is_of_the_same_kind_and_can_be_read(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    asset = written(tmp_path, name, **options)
    target = tmp_path / f"o{asset.path.suffix}"

    marked = mark_picture(asset, target, Plain(), PAYLOAD)

    again = open_asset(target)
    found = read_picture(again, Plain())
    assert found is not None
    assert found.payload == PAYLOAD
    assert again.media_type == asset.media_type
    assert marked.self_check
    assert 36 < marked.psnr < 48
    assert 0.85 < marked.ssim < 1
    assert len(list(tmp_path.iterdir())) == 2
    assert read_picture(asset, Plain()) is None


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_gray_and_inks_carry_it_too(mode: str, tmp_path: Path) -> None:
    asset = written(tmp_path, "a.jpg", photo().convert(mode), quality=90)

    mark_picture(asset, asset.path, Plain(strength=4), PAYLOAD)

    found = read_picture(open_asset(asset.path), Plain())
    assert found is not None
    assert found.payload == PAYLOAD


def test_an_animation_is_read_from_its_frames_together(tmp_path: Path) -> None:
    frames = [photo(seed=seed) for seed in range(12)]
    asset = written(
        tmp_path, "a.webp", frames[0], save_all=True, append_images=frames[1:], quality=70, method=0
    )

    mark_picture(asset, tmp_path / "o.webp", Plain(), PAYLOAD)

    found = read_picture(open_asset(tmp_path / "o.webp"), Plain())
    assert found is not None
    assert found.payload == PAYLOAD


def test_every_page_of_a_document_carries_it(tmp_path: Path) -> None:
    pages = [photo(400, 300, seed=2), photo(300, 420, seed=3)]
    asset = written(tmp_path, "a.tif", save_all=True, append_images=pages)

    mark_picture(asset, tmp_path / "o.tif", Plain(), PAYLOAD)

    with Image.open(tmp_path / "o.tif") as document:
        for number in range(3):
            document.seek(number)
            page = BytesIO()
            document.copy().save(page, "PNG")
            (tmp_path / f"{number}.png").write_bytes(page.getvalue())
    found = [read_picture(open_asset(tmp_path / f"{n}.png"), Plain()) for n in range(3)]
    assert [mark and mark.payload for mark in found] == [PAYLOAD] * 3


def test_what_goes_is_said(tmp_path: Path) -> None:
    asset = written(
        tmp_path, "a.tif", tiffinfo={52545: b"\0\0\0\x10jumbc2pa", 700: b"<x>" + b" " * 9 + b"</x>"}
    )

    marked = mark_picture(asset, tmp_path / "o.tif", Plain(), PAYLOAD)

    assert marked.warnings == ("its manifest was left out: it would not hold for changed pixels",)


def test_the_same_path_keeps_its_permissions(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.jpg", quality=90)
    asset.path.chmod(0o640)

    mark_picture(asset, asset.path, Plain(), PAYLOAD)

    assert asset.path.stat().st_mode & 0o777 == 0o640


def test_ssim_and_psnr_are_those_of_the_pixels(tmp_path: Path) -> None:
    asset = written(tmp_path, "a.png")

    marked = mark_picture(asset, tmp_path / "o.png", Plain(), PAYLOAD)

    one, two = (np.asarray(Image.open(tmp_path / n)).astype(float) for n in ("a.png", "o.png"))
    assert marked.psnr == pytest.approx(10 * math.log10(255**2 / ((one - two) ** 2).mean()))
    lumas = [array @ [0.299, 0.587, 0.114] for array in (one, two)]
    assert marked.ssim == pytest.approx(ssim_of(*lumas), abs=2e-3)


def ssim_of(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Wang et al. 2004, straight from the paper."""

    def mean(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 2.55**2, 7.65**2
    top = (2 * ma * mb + c1) * (2 * both + c2)
    return float((top / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())
