"""What kind of media bytes are: each test file by content alone, and hostile heads by no name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.command import MEDIA
from trustkit.media.sniff import EXTENSIONS, HEAD, kind, sniff

TYPES = {
    **dict.fromkeys(("scene.jpg", "scene-progressive.jpg", "scene-cmyk.jpg"), "image/jpeg"),
    **dict.fromkeys(("page.png", "scene.png", "scene-alpha.png", "noise.png"), "image/png"),
    **dict.fromkeys(("scene.webp", "scene-lossless.webp", "anim.webp"), "image/webp"),
    **dict.fromkeys(("scene.gif", "anim.gif"), "image/gif"),
    **dict.fromkeys(("clip.mp4", "clip-faststart.mp4", "clip-fragmented.mp4"), "video/mp4"),
    "anim.png": "image/png",
    "clip-two-mdat.mp4": "video/mp4",
    "scene.tif": "image/tiff",
    "scene.dng": "image/x-adobe-dng",
    "scene.avif": "image/avif",
    "scene.heic": "image/heic",
    "scene.jxl": "image/jxl",
    "scene.bmp": "image/bmp",
    "drawing.svg": "image/svg+xml",
    "page.pdf": "application/pdf",
    "clip.mov": "video/quicktime",
    "clip.m4v": "video/x-m4v",
    "clip.avi": "video/x-msvideo",
    "clip.mkv": "video/x-matroska",
    "clip.webm": "video/webm",
    "sound.m4a": "audio/mp4",
    "sound.wav": "audio/wav",
    "sound.mp3": "audio/mpeg",
    "sound.flac": "audio/flac",
    "sound.ogg": "audio/ogg",
    "sound.opus": "audio/opus",
    "sound.aac": "audio/aac",
    "sound.aiff": "audio/aiff",
}


def head(name: str) -> bytes:
    with (MEDIA / name).open("rb") as stream:
        return stream.read(HEAD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff",
        b"thirteen byte",
        b"RIFF\0\0\0\0XXXX",
        b"FORM\0\0\0\0XXXX",
        b"<html></html>",
        b"<?xml version='1.0'?><html/>",
        b"PK\x03\x04",
        b"\x7fELF",
        b"MZ",
        b"GIF88a",
        b"\x89PNG\r\n",
        bytes(HEAD),
    ],
)
def test_what_is_no_media_is_none_whatever_its_name(data: bytes) -> None:
    for name in ("", "x.jpg", "x.mp4", "x.svg", "x.dng", "x.flac"):
        assert sniff(data, name) is None


@given(st.binary(max_size=64), st.text(max_size=12))
def test_any_bytes_and_name_get_an_answer(data: bytes, name: str) -> None:
    found = sniff(data, name)
    assert found is None or kind(found) in {"image", "audio", "video", "document"}


@given(st.sampled_from(sorted(TYPES)), st.integers(0, HEAD))
def test_a_head_cut_short_gets_an_answer(name: str, length: int) -> None:
    sniff(head(name)[:length], name)


def test_no_test_file_is_left_out() -> None:
    assert set(TYPES) == {path.name for path in MEDIA.iterdir()}


@pytest.mark.parametrize("name", TYPES)
def test_each_file_is_known_by_its_bytes(name: str) -> None:
    assert sniff(head(name), name) == TYPES[name]


@pytest.mark.parametrize("name", sorted(set(TYPES) - {"scene.tif", "scene.dng", "sound.mp3"}))
def test_the_name_does_not_matter(name: str) -> None:
    # Two endings break a tie: a TIFF whose directory comes late may be a DNG, and behind an ID3 tag
    # may stand other sound than MP3.
    for other in ("", "x.txt", "x.jpg", "x.mp4", "x.dng", "x.flac"):
        assert sniff(head(name), other) == TYPES[name]


def test_every_type_has_a_kind_and_an_ending() -> None:
    assert {kind(media_type) for media_type in TYPES.values()} == {
        "image", "audio", "video", "document",
    }  # fmt: skip
    assert all(ending.startswith(".") for ending in EXTENSIONS.values())
