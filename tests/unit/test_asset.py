"""An asset: one file that holds still, or is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.command import BROKEN, MEDIA
from trustkit.asset import KEPT, Asset, open_asset
from trustkit.errors import UnreadableError

HEAD = (MEDIA / "scene.jpg").read_bytes()[:4096]
SIZES = pytest.mark.parametrize("size", [len(HEAD), KEPT + 1])


def made(folder: Path, size: int) -> Path:
    path = folder / "scene.jpg"
    path.write_bytes(HEAD)
    os.truncate(path, size)  # a large one is a hole: it costs nothing
    return path


def read(asset: Asset) -> bytes:
    with asset.open() as stream:
        return stream.read(len(HEAD))


@pytest.mark.parametrize("name", ["not-a-picture.jpg", "empty.jpg", "missing.jpg", "."])
def test_what_is_no_media_file_cannot_be_opened(name: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        open_asset(BROKEN / name)
    assert refused.value.hint


def test_a_file_beyond_the_limit_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="4,095"):
        open_asset(made(tmp_path, len(HEAD)), max_bytes=4095)
    open_asset(made(tmp_path, len(HEAD)), max_bytes=4096)


@SIZES
def test_a_file_that_has_changed_is_refused(tmp_path: Path, size: int) -> None:
    path = made(tmp_path, size)
    asset = open_asset(path)
    path.write_bytes(HEAD + b"more")
    with pytest.raises(UnreadableError, match="changed"):
        read(asset)


@SIZES
def test_a_file_that_was_put_in_its_place_is_refused(tmp_path: Path, size: int) -> None:
    path = made(tmp_path, size)
    asset = open_asset(path)
    (tmp_path / "sub").mkdir()
    made(tmp_path / "sub", size).rename(path)
    with pytest.raises(UnreadableError, match="changed"):
        read(asset)


@SIZES
def test_a_file_that_is_gone_is_refused(tmp_path: Path, size: int) -> None:
    asset = open_asset(made(tmp_path, size))
    asset.path.unlink()
    with pytest.raises((UnreadableError, OSError)):
        read(asset)


def test_a_large_file_that_changes_while_it_is_open_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path, KEPT + 1)
    asset = open_asset(path)
    with pytest.raises(UnreadableError, match="changed"), asset.open():
        os.truncate(path, KEPT + 2)


def test_a_small_file_is_the_same_for_everyone_once_it_was_read(tmp_path: Path) -> None:
    path = made(tmp_path, len(HEAD))
    asset = open_asset(path)
    first = read(asset)
    path.write_bytes(HEAD[:2000])
    assert read(asset) == first == HEAD
    assert len(asset.sha256) == 64


def test_the_sidecar_has_the_full_name(tmp_path: Path) -> None:
    assert open_asset(made(tmp_path, len(HEAD))).sidecar == tmp_path / "scene.jpg.c2pa"
