"""`trustkit verify` and marks: what the sentence says, and what it leaves open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.command import MEDIA
from tests.conftest import Run
from tests.marks import texture
from tests.unit.watermarks.foreign.golden import marked as with_word
from trustkit.watermarks.keys import new_key, to_text
from trustkit.watermarks.tiles import Tiles

PAYLOAD = "1f00c0ffee5eed07"


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked.jpg"
    array = Tiles().embed(texture(640, 480), bytes.fromhex(PAYLOAD))
    Image.fromarray(array).save(path, quality=80)
    return path


def found(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f["code"]: f for f in row["findings"] if f["code"].startswith("watermark.")}


def test_a_mark_alone_is_told_as_a_lead(quick: Run, marked: Path) -> None:
    answer = quick("verify", marked, "-q")

    assert answer.code == 0
    assert answer.stdout.startswith("no_provenance")
    assert f"the mark {PAYLOAD} was read with the public key" in answer.stdout
    assert "no proof" in answer.stdout


def test_left_out_marks_are_not_in_the_report(quick: Run, marked: Path) -> None:
    for options in (("--skip", "watermark"), ("--only", "manifest")):
        row = quick("verify", marked, "-f", "jsonl", *options).rows()[0]
        assert not found(row)
    alone = quick("verify", marked, "-f", "jsonl", "--only", "watermark").rows()[0]
    assert {f["code"].partition(".")[0] for f in alone["findings"]} == {"watermark"}


def test_a_key_that_is_none_is_a_mistake_and_no_verdict(quick: Run, marked: Path) -> None:
    answer = quick("verify", marked, "--watermark-key", marked)

    assert answer.code == 33
    assert "is no watermark key" in answer.stderr
    assert not answer.stdout


def test_a_secret_keys_mark_is_read_with_that_key_alone(quick: Run, tmp_path: Path) -> None:
    key, path = new_key(), tmp_path / "ours.png"
    Image.fromarray(Tiles(key).embed(texture(480, 360), bytes.fromhex(PAYLOAD))).save(path)
    (tmp_path / "house.key").write_text(to_text(key))

    without = quick("verify", path, "-f", "jsonl").rows()[0]
    with_key = quick(
        "verify", path, "-f", "jsonl", "--watermark-key", tmp_path / "house.key"
    ).rows()[0]

    assert found(without)["watermark.present"]["status"] == "absent"
    assert found(with_key)["watermark.present"]["facts"]["payload"] == PAYLOAD
    assert key.master.hex() not in str(with_key)


def test_too_little_memory_costs_the_check_and_not_the_verdict(quick: Run, tmp_path: Path) -> None:
    large, policy = tmp_path / "large.png", tmp_path / "small.toml"
    Image.new("RGB", (9000, 7000)).save(large, compress_level=1)
    policy.write_text('policy = 1\nname = "small"\n[limits]\nmax_memory = "640MiB"\n')

    row = quick("verify", large, "--policy", policy, "-f", "jsonl").rows()[0]

    assert row["verdict"] == "no_provenance", row["error"]
    assert found(row)["watermark.present"]["status"] in {"skipped", "absent"}


def test_sdxls_word_is_declared_ai_with_how_firmly(quick: Run, tmp_path: Path) -> None:
    path = tmp_path / "sdxl.png"
    Image.fromarray(with_word("SDXL")).save(path)
    row = quick("verify", path, "-f", "jsonl").rows()[0]

    assert (row["verdict"], row["decision"]) == ("declared_ai", "accept")
    assert row["axes"]["origin"] == "declared_ai"
    assert row["because"] == ["watermark.generator"]
    assert "Stable Diffusion XL" in row["summary"]
    assert "anyone can write" in row["summary"]
    assert row["disclosure"] is None


def test_every_kind_gets_its_answer_and_none_a_failure(quick: Run) -> None:
    kinds = ("anim.gif", "clip.mkv", "page.pdf", "scene.avif", "scene.dng", "scene-cmyk.jpg",
             "scene.heic", "scene.jxl", "scene.tif", "sound.wav", "drawing.svg")  # fmt: skip
    media = [MEDIA / name for name in kinds]
    answer = quick("verify", *media, "-f", "jsonl", "--only", "watermark", "-j", "2")
    assert len(answer.rows()) == len(kinds)
    for row in answer.rows():
        assert row["error"] is None, row
        marks = found(row)
        assert marks["watermark.present"]["status"] in {"absent", "skipped"}, row
        assert "watermark.failed" not in marks
