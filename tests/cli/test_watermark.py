"""`trustkit watermark embed` and `key`: what is refused, what is written, what is said."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.command import AI, KEY, MEDIA
from tests.conftest import Run, Verify
from tests.marks import clip, picture
from tests.test_architecture import HEAVY

PAYLOAD = "1f00c0ffee5eed07"
ROW = {
    *("path", "output", "payload", "engine", "key"),
    *("psnr", "ssim", "snr", "sound", "self_check", "warnings", "error"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    picture(folder / "a.png")
    clip(folder / "c.mp4")
    return folder


@pytest.fixture
def original(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made / "a.png", tmp_path / "a.png"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("payload", ["", "1234", "1f00c0ffee5eed0g", "1f00c0ffee5eed0700"])
def test_what_is_no_payload_is_refused(quick: Run, original: Path, payload: str) -> None:
    answer = quick("watermark", "embed", original, "-o", f"{original}.out", "--payload", payload)
    assert answer.code == 2
    assert "16 hexadecimal digits" in answer.stderr
    assert names(original.parent) == {"a.png"}


def test_a_payload_and_a_new_id_exclude_each_other(quick: Run, original: Path) -> None:
    answer = quick("watermark", "embed", original, "--in-place", "--payload", PAYLOAD, "--new-id")
    assert answer.code == 2
    assert names(original.parent) == {"a.png"}


def test_without_a_target_nothing_is_done(quick: Run, original: Path) -> None:
    assert quick("watermark", "embed", original).code == 2
    assert names(original.parent) == {"a.png"}


def test_the_original_is_never_overwritten_unasked(quick: Run, original: Path) -> None:
    before = original.read_bytes()
    answer = quick("watermark", "embed", original, "-o", original.parent)
    assert answer.code == 40
    assert "--in-place" in answer.stderr
    assert original.read_bytes() == before


@pytest.mark.parametrize("name", ["a.png", "c.mp4"])
def test_what_is_no_plain_file_is_never_replaced_by_one(
    quick: Run, made: Path, tmp_path: Path, name: str
) -> None:
    device = tmp_path / "device"
    os.mkfifo(device)
    answer = quick("watermark", "embed", made / name, "-o", device)
    assert answer.code == 40
    assert "not a plain file" in answer.stderr
    assert device.is_fifo()
    assert names(tmp_path) == {"device"}


@pytest.mark.parametrize("content", [b"", b"mine", b"trustkit watermark key 1\n00ff\n"])
def test_a_bad_key_file_is_a_matter_of_configuration(
    quick: Run, original: Path, tmp_path: Path, content: bytes
) -> None:
    key = tmp_path / "k"
    key.write_bytes(content)
    for arguments in (("embed", original, "--in-place"), ("detect", original)):
        answer = quick("watermark", *arguments, "--key", key)
        assert answer.code == 33
        assert "00ff" not in answer.stdout + answer.stderr


def test_no_output_takes_the_place_of_another_input(quick: Run, original: Path) -> None:
    other = original.parent / "there" / original.name
    other.parent.mkdir()
    picture(other, seed=2)
    before = other.read_bytes()
    answer = quick("watermark", "embed", original, other, "-o", other.parent, "-f", "jsonl")
    assert answer.code == 40
    assert "itself an input" in answer.rows()[0]["error"]["message"]
    assert other.read_bytes() == before


def test_an_engine_that_is_not_there_is_named(quick: Run, original: Path) -> None:
    answer = quick("watermark", "embed", original, "--in-place", "--engine", "nobodys")
    assert answer.code == 30
    assert "tiles" in answer.stderr


@pytest.mark.parametrize("name", ["page.pdf", "drawing.svg", "scene.dng"])
def test_what_cannot_hold_a_mark_is_refused(quick: Run, tmp_path: Path, name: str) -> None:
    answer = quick("watermark", "embed", MEDIA / name, "-o", tmp_path / name)
    assert answer.code == 40
    assert "no engine" in answer.stderr
    assert names(tmp_path) == set()


def test_nothing_found_is_no_input(quick: Run, tmp_path: Path) -> None:
    assert quick("watermark", "embed", tmp_path / "*.png", "-o", tmp_path / "out").code == 3


def test_a_flat_picture_is_refused_unless_allowed_and_then_said(quick: Run, tmp_path: Path) -> None:
    flat, out = tmp_path / "flat.png", tmp_path / "out.png"
    Image.fromarray(np.full((100, 120, 3), 128, np.uint8)).save(flat)

    refused = quick("watermark", "embed", flat, "-o", out, "-f", "json")
    assert refused.code == 40
    assert refused.json()["files"][0]["output"] is None
    assert "--allow-weak" in refused.json()["files"][0]["error"]["hint"]
    assert names(tmp_path) == {"flat.png"}

    allowed = quick("watermark", "embed", flat, "-o", out, "--allow-weak", "-f", "jsonl")
    assert allowed.code == 0
    (row,) = allowed.rows()
    assert row["self_check"] is False
    assert "weak" in row["warnings"][0]


def test_a_file_with_a_manifest_is_refused_and_the_order_told(
    quick: Run, verify: Verify, made: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "c.mp4"):
        signed, out = tmp_path / name, tmp_path / f"out-{name}"
        assert quick("sign", made / name, "-o", signed, "--key", KEY, *AI, "-q").code == 0

        refused = quick("watermark", "embed", signed, "-o", out)
        assert refused.code == 40
        assert "sign afterwards" in refused.stderr
        assert not out.exists()

        more = () if name == "a.png" else ("--preset", "ultrafast")
        dropped = quick("watermark", "embed", signed, "-o", out, "--drop-manifest", *more)
        assert dropped.code == 0, dropped.stderr
        assert dropped.stderr.count("its manifest was left out") == 1
        assert verify(out)[out.name]["verdict"] == "no_provenance"


def test_a_manifest_beside_the_file_counts_and_is_never_left_to_lie(
    quick: Run, original: Path
) -> None:
    signing = quick("sign", original, "--in-place", "--sidecar", "--key", KEY, *AI, "-q")
    assert signing.code == 0, signing.stderr
    assert quick("watermark", "embed", original, "--in-place").code == 40
    answer = quick("watermark", "embed", original, "--in-place", "--drop-manifest")
    assert answer.code == 0
    assert "a.png.c2pa speaks of other bytes" in answer.stderr


def test_a_failure_leaves_the_others_marked(quick: Run, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = quick(
        *("watermark", "embed", MEDIA / "sound.wav", made / "a.png"), "-o", out, "-f", "jsonl"
    )
    assert answer.code == 40
    bad, good = answer.rows()
    assert bad["error"]["code"] == "publish"
    assert good["error"] is None
    assert names(out) == {"a.png"}


def test_the_row_says_what_the_contract_promises(
    quick: Run, original: Path, tmp_path: Path
) -> None:
    out = tmp_path / "m.png"
    answer = quick("watermark", "embed", original, "-o", out, "--payload", PAYLOAD.upper(), "-f",
                   "json")  # fmt: skip
    (row,) = answer.json()["files"]
    assert answer.code == 0
    assert set(row) == ROW
    assert row["payload"] == PAYLOAD
    assert row["self_check"] is True
    assert 40 < row["psnr"] < 50
    assert 0.9 < row["ssim"] < 1
    assert row["key"] == "public"


def test_each_file_gets_an_id_of_its_own(quick: Run, made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "a.png", tmp_path / "b.png")
    out = tmp_path / "out"
    one, other = quick(
        *("watermark", "embed", made / "a.png", tmp_path / "b.png", "-o", out, "-f", "jsonl")
    ).rows()
    assert one["payload"] != other["payload"]
    assert one["payload"][0] == other["payload"][0] == "1"


def test_one_payload_for_several_files_is_noted(quick: Run, made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "a.png", tmp_path / "b.png")
    sources = (made / "a.png", tmp_path / "b.png")
    answer = quick("watermark", "embed", *sources, "-o", tmp_path / "out", "--payload", PAYLOAD)
    assert answer.code == 0
    assert "one and the same payload" in answer.stderr


def test_the_answer_in_words(quick: Run, original: Path) -> None:
    answer = quick("watermark", "embed", original, "--in-place", "--payload", PAYLOAD)
    told = re.sub(r"\d+\.\d+", "N", answer.stdout)
    assert told == f"marked  {original}  {PAYLOAD}  N dB  SSIM N  self-check passed\n"
    assert answer.stderr == ""
    assert names(original.parent) == {"a.png"}


def test_a_name_of_another_format_is_noted(quick: Run, original: Path, tmp_path: Path) -> None:
    answer = quick("watermark", "embed", original, "-o", tmp_path / "out.jpg")
    assert "it is image/png, whatever its name says" in answer.stderr


def test_standard_output_gets_the_file_alone(run: Run, original: Path) -> None:
    answer = run("watermark", "embed", "-", "-o", "-", stdin=original.read_bytes())
    assert answer.code == 0
    assert answer.raw.startswith(b"\x89PNG")
    assert "marked  -" in answer.stderr


def test_a_key_is_never_overwritten_and_only_its_owner_reads_it(quick: Run, tmp_path: Path) -> None:
    key = tmp_path / "k"
    made = quick("watermark", "key", "-o", key)
    assert made.code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert before.split()[-1].decode() not in made.stdout
    assert quick("watermark", "key", "-o", key).code == 40
    assert key.read_bytes() == before
    assert quick("watermark", "key", "-o", tmp_path / "no" / "k").code == 40


def test_help_loads_nothing_heavy() -> None:
    ask = (
        "import json, sys\n"
        "from trustkit.cli import main\n"
        "sys.argv = ['trustkit', 'watermark', '--help']\n"
        "try:\n    main.main()\n"
        "finally:\n"
        "    print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, env=os.environ, check=False
    )
    assert "embed" in done.stdout
    assert not HEAVY & set(json.loads(done.stderr.splitlines()[-1]))
