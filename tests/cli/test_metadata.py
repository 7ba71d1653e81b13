"""`trustkit metadata read|write`: the standards' names, and no broken signature."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.command import AI, BROKEN, KEY, MEDIA
from tests.conftest import Run

SAID = ("--set", "DigitalSourceType=trainedAlgorithmicMedia", "--set", "AISystemUsed=Painter")
BLOCK = {
    "Label": "1",
    "ContentProducer": "Example Lab",
    "ProduceID": "42",
    "ReservedCode1": "",
    "ContentPropagator": "",
    "PropagateID": "",
    "ReservedCode2": "",
}


def test_a_signed_file_of_every_format_is_refused_and_stays_as_it_is(
    quick: Run, signed_folder: Path, tmp_path: Path
) -> None:
    paths = sorted(path for path in signed_folder.iterdir() if path.suffix != ".c2pa")
    before = {path: path.read_bytes() for path in paths}
    answer = quick("metadata", "write", *paths, "-o", tmp_path / "out", *SAID, "-f", "jsonl")

    assert answer.code == 40
    rows = answer.rows()
    assert len(rows) == len(paths)
    unsupported = {".bmp", ".ogg", ".opus", ".aiff", ".pdf"}
    for row in rows:
        assert row["error"]["code"] == "publish"
        if Path(row["path"]).suffix not in unsupported:
            assert "manifest" in row["error"]["message"], row
    assert [path for path in paths if path.read_bytes() != before[path]] == []
    assert not list((tmp_path / "out").rglob("*.*"))


def test_a_file_with_a_manifest_beside_it_is_refused(
    quick: Run, beside_folder: Path, tmp_path: Path
) -> None:
    answer = quick("metadata", "write", beside_folder / "scene.jpg", "-o", tmp_path, *SAID)

    assert answer.code == 40
    assert "has a manifest beside it" in answer.stderr


@pytest.mark.parametrize(("name", "value", "said"), [
    ("AISystemused", "x", "do you mean AISystemUsed?"),
    ("aiSystemUsed", "x", "do you mean AISystemUsed?"),
    ("digital_source_type", "x", "do you mean DigitalSourceType?"),
    ("Nonsense", "x", "fields: DigitalSourceType"),
    ("DigitalSourceType", "ai", "terms: digitalCapture"),
    ("DigitalSourceType", "trainedAlgorithmicData", "terms: digitalCapture"),
    ("DataMining", "no", "terms: DMI-UNSPECIFIED"),
    ("Credit", "", "--remove Credit"),
    ("Credit", "a\x01b", "control characters"),
    ("AIPromptInformation", "x" * 60_000, "50,000"),
    ("AIGC", "{}", "Label is missing"),
    ("AIGC", json.dumps(BLOCK | {"ContentProducer": "\ud800"}), "XML cannot hold"),
    ("Creator", "A; ", "an empty name"),
])  # fmt: skip
def test_a_wrong_name_or_value_is_told_before_anything_is_written(
    quick: Run, tmp_path: Path, name: str, value: str, said: str
) -> None:
    out = tmp_path / "a.jpg"
    answer = quick("metadata", "write", MEDIA / "scene.jpg", "-o", out, "--set", f"{name}={value}")

    assert answer.code == 2
    assert said in answer.stderr
    assert not out.exists()


@pytest.mark.parametrize("options", [
    (), ("--set", "Credit"), ("--set", "Credit=a", "--set", "Credit=b"),
    ("--set", "Credit=a", "--remove", "Credit"), ("--remove", "credits"),
])  # fmt: skip
def test_a_call_that_makes_no_sense_is_refused(
    quick: Run, tmp_path: Path, options: tuple[str, ...]
) -> None:
    answer = quick("metadata", "write", MEDIA / "scene.jpg", "-o", tmp_path / "a.jpg", *options)

    assert answer.code == 2


@pytest.mark.parametrize(("change", "problem"), [
    ({"Label": "AIGC"}, "Label is 'AIGC', not 1, 2 or 3"),
    ({"Label": 1}, "Label is no text"),
    ({"ReservedCode1": None}, "ReservedCode1 is no text"),
    ({"PropatorID": "x"}, "PropatorID is no key of it (PropagateID?)"),
    ({"ProduceID": ""}, "ProduceID is empty"),
    ({"Label": "3", "ContentProducer": ""}, "neither a producer nor a propagator"),
])  # fmt: skip
def test_a_block_that_is_not_valid_is_not_written_and_its_field_is_named(
    quick: Run, tmp_path: Path, change: dict[str, object], problem: str
) -> None:
    block = tmp_path / "block.json"
    block.write_text(json.dumps(BLOCK | change))
    answer = quick(
        "metadata", "write", MEDIA / "scene.jpg", "-o", tmp_path / "a.jpg", "--aigc", block
    )

    assert answer.code == 2
    assert problem in answer.stderr
    assert not (tmp_path / "a.jpg").exists()


@pytest.mark.parametrize(("raw", "status", "problem"), [
    ('{"Label":"1"', "malformed", "is not JSON"),
    ("[1]", "malformed", "is no JSON object"),
    ('{"Label":"1","Label":"2"}', "malformed", "twice"),
    ("[" * 50_000, "malformed", "is not JSON"),
    (json.dumps(BLOCK), "valid", ""),
])  # fmt: skip
def test_a_block_found_is_checked_and_kept_as_it_stands(
    quick: Run, tmp_path: Path, raw: str, status: str, problem: str
) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("AIGC", raw)
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path, pnginfo=texts)
    row = quick("metadata", "read", path, "-f", "jsonl").rows()[0]

    assert row["aigc"]["status"] == status
    assert problem in "; ".join(row["aigc"]["problems"])
    assert row["fields"]["AIGC"] == raw


def test_json_is_one_document_with_every_file_and_error(quick: Run, tmp_path: Path) -> None:
    good = tmp_path / "a.png"
    block = tmp_path / "block.json"
    block.write_text(json.dumps(BLOCK))
    done = quick(
        "metadata", "write", MEDIA / "scene.png", "-o", good, *SAID, "--aigc", block, "-f", "json"
    )
    assert done.code == 0
    assert done.json()["files"][0]["fields"]["AISystemUsed"] == "Painter"
    answer = quick("metadata", "read", good, BROKEN / "empty.jpg", tmp_path / "no", "-f", "json")

    assert answer.code == 30
    rows = answer.json()["files"]
    assert rows[0]["aigc"] == {"status": "valid", "problems": [], "block": BLOCK}
    assert {"place": "xmp", "key": "Iptc4xmpExt:AISystemUsed", "value": "Painter",
            "field": "AISystemUsed"} in rows[0]["found"]  # fmt: skip
    assert [row["error"]["code"] for row in rows[1:]] == ["unreadable", "unreadable"]


def test_a_damaged_file_is_read_as_far_as_it_goes_and_never_written(
    quick: Run, tmp_path: Path
) -> None:
    answer = quick("metadata", "read", BROKEN / "truncated.mp4", "-f", "jsonl")
    assert answer.code == 30
    assert answer.rows()[0]["malformed"]

    out = tmp_path / "a.mp4"
    answer = quick("metadata", "write", BROKEN / "truncated.mp4", "-o", out, *SAID)
    assert answer.code == 40
    assert not out.exists()


def test_what_cannot_be_written_says_so(quick: Run, tmp_path: Path) -> None:
    paths = [MEDIA / name for name in ("scene.bmp", "sound.ogg", "page.pdf", "sound.aiff")]
    answer = quick("metadata", "write", *paths, "-o", tmp_path, *SAID)

    assert answer.code == 40
    assert answer.stderr.count("is not written") == len(paths)
    assert list(tmp_path.iterdir()) == []


def test_an_original_is_never_overwritten_unasked(quick: Run, tmp_path: Path) -> None:
    path = Path(shutil.copy(MEDIA / "scene.jpg", tmp_path / "a.jpg"))
    assert quick("metadata", "write", path, "-o", path, *SAID).code == 40
    assert quick("metadata", "write", path, *SAID).code == 2
    assert path.read_bytes() == (MEDIA / "scene.jpg").read_bytes()

    path.chmod(0o640)
    assert quick("metadata", "write", path, "--in-place", *SAID).code == 0
    assert "AISystemUsed [xmp]: Painter" in quick("metadata", "read", path).stdout
    assert path.stat().st_mode & 0o777 == 0o640


def test_in_place_a_link_stays_and_what_it_names_is_written(quick: Run, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path = Path(shutil.copy(MEDIA / "scene.jpg", tmp_path / "there/a.jpg"))
    link = tmp_path / "link.jpg"
    link.symlink_to(path)
    assert quick("metadata", "write", link, "--in-place", *SAID).code == 0
    assert link.is_symlink()
    assert "AISystemUsed [xmp]: Painter" in quick("metadata", "read", path).stdout

    written = path.read_bytes()
    path.with_name("a.jpg.c2pa").write_bytes(b"a manifest")
    answer = quick("metadata", "write", link, "--in-place", "--remove", "AISystemUsed")
    assert answer.code == 40
    assert "manifest beside it" in answer.stderr
    assert path.read_bytes() == written


def test_what_only_another_place_says_is_told(quick: Run, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    answer = quick("metadata", "write", path, "--in-place", "--remove", "Creator")

    assert answer.code == 0
    assert "Creator still stands in exif (Artist)" in answer.stderr
    quiet = quick("metadata", "write", path, "--in-place", "--remove", "Creator", "-q")
    assert quiet.stderr == ""


def test_folders_keep_their_names_and_standard_input_works(quick: Run, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("a.jpg", "deep/b.jpg"):
        shutil.copy(MEDIA / "scene.jpg", tmp_path / "in" / name)
    answer = quick("metadata", "write", tmp_path / "in", "-r", "-o", tmp_path / "out", *SAID)
    assert answer.code == 0
    rows = quick("metadata", "read", "-r", tmp_path / "out", "-f", "jsonl").rows()
    assert [row["fields"]["AISystemUsed"] for row in rows] == ["Painter", "Painter"]

    data = (MEDIA / "scene.jpg").read_bytes()
    piped = quick("metadata", "write", "-", "-o", tmp_path / "c.jpg", *SAID, stdin=data)
    assert piped.code == 0
    assert (tmp_path / "c.jpg").read_bytes() == (tmp_path / "out/a.jpg").read_bytes()


def test_written_first_and_signed_last_the_manifest_holds(quick: Run, tmp_path: Path) -> None:
    for name in ("scene.jpg", "scene.png", "clip.mp4", "scene.avif", "sound.mp3"):
        done = quick("metadata", "write", MEDIA / name, "-o", tmp_path / name, *SAID)
        assert done.code == 0
    names = sorted(tmp_path.iterdir())
    out = tmp_path / "signed"
    signed = quick("sign", *names, "-o", out, "--key", KEY, *AI, "--no-soft-binding", "-q")
    assert signed.code == 0
    rows = quick("verify", *out.iterdir(), "--skip", "watermark", "-f", "jsonl").rows()

    assert {row["axes"]["integrity"] for row in rows} == {"intact"}
    for row in quick("metadata", "read", "-r", out, "-f", "jsonl").rows():
        assert row["has_manifest"]
        assert row["fields"]["AISystemUsed"] == "Painter"


def test_a_hostile_value_cannot_write_to_the_terminal(quick: Run, tmp_path: Path) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Comment", "\x1b[2Jgone\rline")
    path = tmp_path / "a.png"
    Image.new("RGB", (4, 4)).save(path, pnginfo=texts)
    answer = quick("metadata", "read", path)

    assert "\x1b" not in answer.stdout
    assert "\r" not in answer.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(quick: Run, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    answer = quick("metadata", "write", MEDIA / "scene.jpg", "-o", folder / "a.jpg", *SAID)

    assert answer.code == 40
