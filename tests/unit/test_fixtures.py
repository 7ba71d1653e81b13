"""The test media: listed with their sha256, and found out when they are not what they should be."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("fixtures/media", "fixtures/broken", "trustkit/samples")
MEDIA = r"\.(?!py$|md$)\w+$"  # what a folder holds besides code and notes
LISTED = re.compile(r"^\| `([^`]+)` \| .+ \| Apache-2\.0 \| `([0-9a-f]{64})` \|$", re.MULTILINE)
FAST = ("fixtures/media/scene.png", "fixtures/media/sound.wav")


def listed() -> dict[str, str]:
    return dict(LISTED.findall((REPOSITORY / "fixtures/README.md").read_text("utf-8")))


def check(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "fixtures/make.py", "--check", "--root", str(root), *FAST]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in FAST:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, target)
    return tmp_path


def test_a_repainted_picture_is_named_and_refused(copy: Path) -> None:
    path = copy / FAST[0]
    Image.open(path).rotate(180).save(path)

    checked = check(copy)

    assert checked.returncode == 1
    assert f"{FAST[0]}: is not what its recipe makes" in checked.stdout
    assert FAST[1] not in checked.stdout


def test_other_sound_and_a_lost_picture_are_named_and_refused(copy: Path) -> None:
    samples = bytearray((copy / FAST[1]).read_bytes())
    samples[44:] = bytes(len(samples) - 44)  # silence behind the header
    (copy / FAST[1]).write_bytes(samples)
    (copy / FAST[0]).unlink()

    checked = check(copy)

    assert checked.returncode == 1
    assert f"{FAST[0]}: is missing" in checked.stdout
    assert f"{FAST[1]}: is not what its recipe makes" in checked.stdout


def test_the_same_picture_in_other_bytes_passes_and_is_mentioned(copy: Path) -> None:
    path = copy / FAST[0]
    Image.open(path).save(path, compress_level=1)

    checked = check(copy)

    assert checked.returncode == 0
    assert f"{FAST[0]}: other bytes, but the same picture or sound" in checked.stdout


def test_untouched_files_pass(copy: Path) -> None:
    checked = check(copy)

    assert checked.returncode == 0
    assert "2 checked, 0 wrong" in checked.stdout


@pytest.mark.parametrize("name", sorted(listed()))
def test_a_listed_file_has_the_listed_sha256(name: str) -> None:
    assert hashlib.sha256((REPOSITORY / name).read_bytes()).hexdigest() == listed()[name]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_file_is_unlisted(folder: str) -> None:
    files = [path for path in (REPOSITORY / folder).rglob("*") if re.search(MEDIA, path.name)]
    names = {p.relative_to(REPOSITORY).as_posix() for p in files if "__pycache__" not in p.parts}

    assert names
    assert names <= listed().keys()
