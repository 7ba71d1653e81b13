"""Whatever stops signing half way, the file under its name is the old one or the new one, whole."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
import wave
from pathlib import Path

import pytest

from tests.command import AI, COMMAND, KEY, MEDIA, environment
from tests.conftest import Verify

SIZE = 20 * 2**20
KILLS = 10  # a group, of which there are two
ORDER = ("--key", KEY, *AI, "-q")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV of 20 MB; noise, so that no part of it looks like another."""
    path = tmp_path_factory.mktemp("large") / "large.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes(random.Random(20).randbytes(SIZE))
    return path


def command(path: Path) -> list[str]:
    return [str(COMMAND), "sign", str(path), "--in-place", *ORDER]


@pytest.mark.parametrize("group", [1, 2])
def test_a_killed_signing_leaves_the_old_file_or_the_new_one(
    large: Path, home: Path, verify: Verify, tmp_path: Path, group: int
) -> None:
    chance = random.Random(group)
    whole = tmp_path / "whole.wav"
    shutil.copy(large, whole)
    start = time.monotonic()
    subprocess.run(command(whole), env=environment(home), check=True)
    duration = time.monotonic() - start
    original = large.read_bytes()

    signed = [whole]
    for number in range(KILLS):
        path = tmp_path / f"{number}.wav"
        shutil.copy(large, path)
        process = subprocess.Popen(command(path), env=environment(home), stderr=subprocess.DEVNULL)
        time.sleep(duration * chance.uniform(0.3, 1.05))
        process.kill()
        process.wait()
        if path.read_bytes() == original:
            path.unlink()
        else:
            signed.append(path)

    rows = verify(*signed)
    assert {row["axes"]["integrity"] for row in rows.values()} == {"intact"}
    assert {row["verdict"] for row in rows.values()} == {"declared_ai"}


@pytest.mark.parametrize("more", [(), ("--sidecar",)])
@pytest.mark.parametrize("limit", [0, 4, 4096, 12 * 1024])  # KiB that a file may have
def test_a_full_disk_leaves_the_original_and_says_so(
    large: Path, home: Path, tmp_path: Path, limit: int, more: tuple[str, ...]
) -> None:
    path = tmp_path / "in.wav"
    shutil.copy(large, path)
    words = ["bash", "-c", f'ulimit -f {limit} && exec "$@"', "sh", *command(path), *more]
    done = subprocess.run(
        words, env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 40, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert path.read_bytes() == large.read_bytes()
    assert [left.name for left in tmp_path.iterdir()] == ["in.wav"]


def test_a_folder_that_takes_no_file_leaves_the_original(home: Path, tmp_path: Path) -> None:
    words = [str(COMMAND), "sign", str(MEDIA / "scene.jpg"), "-o", "/proc/out.jpg", *ORDER]
    done = subprocess.run(
        words, env=environment(home), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 40, done.stderr
    assert "Traceback" not in done.stderr
