"""`trustkit sign` on every format: inside where the engine can, beside by full name where not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.command import AI, KEY, MEDIA, TRUST
from tests.conftest import Run, Verify
from tests.manifests import codes, finding, flip

EMBEDDED = (
    *("scene.jpg", "scene-progressive.jpg", "scene-cmyk.jpg"),
    *("page.png", "scene.png", "scene-alpha.png", "noise.png", "anim.png"),
    *("scene.webp", "scene-lossless.webp", "anim.webp"),
    *("scene.gif", "anim.gif", "scene.tif", "scene.dng"),
    *("scene.avif", "scene.heic", "scene.jxl", "drawing.svg"),
    *("clip.mp4", "clip-faststart.mp4", "clip-fragmented.mp4", "clip-two-mdat.mp4"),
    *("clip.mov", "clip.m4v", "clip.avi"),
    *("sound.m4a", "sound.wav", "sound.mp3", "sound.flac", "page.pdf"),
)
BESIDE = (
    *("clip.mkv", "clip.webm", "scene.bmp"),
    *("sound.ogg", "sound.opus", "sound.aac", "sound.aiff"),
)
ALL = (*EMBEDDED, *BESIDE)
URL = "https://press.example/scene.c2pa"


@pytest.fixture(scope="module")
def verdicts(verify: Verify, signed_folder: Path) -> dict[str, dict[str, Any]]:
    return verify("-r", signed_folder)


@pytest.fixture(scope="module")
def verdicts_beside(verify: Verify, beside_folder: Path) -> dict[str, dict[str, Any]]:
    return verify("-r", beside_folder)


@pytest.fixture(scope="module")
def flipped(
    tmp_path_factory: pytest.TempPathFactory, verify: Verify, signed_folder: Path
) -> dict[str, dict[str, Any]]:
    folder = Path(shutil.copytree(signed_folder, tmp_path_factory.mktemp("flipped") / "f"))
    for name in ALL:
        flip(folder / name)
    return verify("-r", folder)


def test_no_test_file_is_left_out(media: list[Path]) -> None:
    assert {path.name for path in media} == set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_one_flipped_bit_is_never_intact(flipped: dict[str, dict[str, Any]], name: str) -> None:
    assert flipped[name]["axes"]["integrity"] in {"altered", "unreadable"}
    assert flipped[name]["verdict"] in {"tampered", "inconclusive"}


@pytest.mark.parametrize("name", ALL)
def test_a_signed_file_is_intact_trusted_and_accepted(
    verdicts: dict[str, dict[str, Any]], name: str
) -> None:
    row = verdicts[name]
    assert row["axes"] == {
        "integrity": "intact",
        "signer": "trusted",
        "origin": "declared_ai",
        "synthetic": "not_checked",
        "identity": "none",
    }
    assert (row["verdict"], row["decision"]) == ("declared_ai", "accept")


@pytest.mark.parametrize("name", EMBEDDED)
def test_the_manifest_is_inside(
    signed: dict[str, dict[str, Any]], verdicts: dict[str, dict[str, Any]], name: str
) -> None:
    assert signed[name]["sidecar"] is None
    assert not Path(f"{signed[name]['output']}.c2pa").exists()
    assert finding(verdicts[name], "manifest.present")["facts"]["where"] == "embedded"


@pytest.mark.parametrize("name", BESIDE)
def test_a_file_with_no_place_for_a_manifest_gets_a_sidecar_and_a_warning(
    signed: dict[str, dict[str, Any]], verdicts: dict[str, dict[str, Any]], name: str
) -> None:
    output = Path(signed[name]["output"])
    assert signed[name]["sidecar"] == f"{output}.c2pa"
    assert output.read_bytes() == (MEDIA / name).read_bytes()
    assert any("sidecar" in warning for warning in signed[name]["warnings"])
    assert finding(verdicts[name], "manifest.present")["facts"]["where"] == "sidecar"


@pytest.mark.parametrize("name", ALL)
def test_with_sidecar_the_file_keeps_every_byte_and_verifies(
    verdicts_beside: dict[str, dict[str, Any]], beside_folder: Path, name: str
) -> None:
    assert (beside_folder / name).read_bytes() == (MEDIA / name).read_bytes()
    assert verdicts_beside[name]["axes"]["integrity"] == "intact"
    assert verdicts_beside[name]["axes"]["signer"] == "trusted"
    assert finding(verdicts_beside[name], "manifest.present")["facts"]["where"] == "sidecar"


def test_a_sidecar_counts_by_its_full_name_never_by_the_stem(
    verify: Verify, beside_folder: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        shutil.copy(MEDIA / "scene.png", tmp_path / name)
    manifest = beside_folder / "scene.png.c2pa"
    shutil.copy(manifest, tmp_path / "a.jpg.c2pa")
    shutil.copy(manifest, tmp_path / "b.c2pa")
    shutil.copy(manifest, tmp_path / "c.png.c2pa")

    rows = verify(*(tmp_path / name for name in ("a.png", "b.png", "c.png")))

    assert rows["a.png"]["verdict"] == "no_provenance"
    assert rows["b.png"]["verdict"] == "no_provenance"
    assert rows["c.png"]["verdict"] == "declared_ai"


def test_the_sidecar_of_another_file_calls_a_file_altered(
    verify: Verify, beside_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(MEDIA / "page.png", tmp_path / "page.png")
    shutil.copy(beside_folder / "scene.png.c2pa", tmp_path / "page.png.c2pa")
    assert verify(tmp_path / "page.png")["page.png"]["verdict"] == "tampered"


@pytest.mark.parametrize("content", [b"", b"no manifest at all", b"\0\0\0\x08jumb"])
def test_a_sidecar_that_cannot_be_read_is_inconclusive_never_silence(
    verify: Verify, tmp_path: Path, content: bytes
) -> None:
    shutil.copy(MEDIA / "scene.png", tmp_path)
    (tmp_path / "scene.png.c2pa").write_bytes(content)
    row = verify(tmp_path / "scene.png")["scene.png"]
    assert (row["verdict"], row["axes"]["integrity"]) == ("inconclusive", "unreadable")


def test_a_manifest_inside_comes_before_one_beside_which_is_said(
    verify: Verify, signed_folder: Path, beside_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(signed_folder / "scene.png", tmp_path)
    shutil.copy(beside_folder / "page.png.c2pa", tmp_path / "scene.png.c2pa")
    row = verify(tmp_path / "scene.png")["scene.png"]
    assert row["axes"]["integrity"] == "intact"
    assert "not_read" in finding(row, "manifest.present")["facts"]


def test_a_sidecar_is_refused_for_a_file_with_a_manifest_inside(
    run: Run, signed_folder: Path, tmp_path: Path
) -> None:
    source = signed_folder / "scene.jpg"
    answer = run("sign", source, "-o", tmp_path / "out.jpg", "--key", KEY, *AI, "--sidecar")
    assert answer.code == 40
    assert list(tmp_path.iterdir()) == []


def test_a_remote_manifest_that_is_not_there_is_inconclusive(
    run: Run, verify: Verify, tmp_path: Path
) -> None:
    output = tmp_path / "scene.jpg"
    source = MEDIA / "scene.jpg"
    signing = run("sign", source, "-o", output, "--key", KEY, *AI, "--remote", URL, "-f", "json")
    assert signing.code == 0, signing.stderr
    manifest = Path(signing.json()["files"][0]["sidecar"])
    assert URL.encode() in output.read_bytes()

    beside = verify(output)["scene.jpg"]
    manifest.unlink()
    alone = verify(output)["scene.jpg"]

    assert beside["axes"]["integrity"] == "intact"
    assert (alone["verdict"], alone["axes"]["integrity"]) == ("inconclusive", "unreadable")
    assert alone["decision"] == "review"
    assert finding(alone, "manifest.remote")["facts"]["url"] == URL
    assert codes(alone)["manifest.remote"] == "skipped"


@pytest.mark.parametrize("name", ["scene.bmp", "sound.ogg"])
def test_a_format_that_cannot_carry_an_address_is_refused(
    run: Run, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    answer = run("sign", MEDIA / name, "-o", output, "--key", KEY, *AI, "--remote", URL)
    assert answer.code == 40
    assert "--sidecar" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_verify_says_follows_the_list_not_the_file(run: Run, signed_folder: Path) -> None:
    nobody = run("verify", signed_folder / "sound.wav", "--format", "json")
    everybody = run("verify", signed_folder / "sound.wav", "--format", "json", "--trust", TRUST)
    assert nobody.json()["files"][0]["axes"]["signer"] == "untrusted"
    assert everybody.json()["files"][0]["axes"]["signer"] == "trusted"
