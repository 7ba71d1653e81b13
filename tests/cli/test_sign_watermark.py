"""`trustkit sign` and marks: what is in the file is named, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import encypher_c2pa
import pytest
from PIL import Image

from tests.command import BROKEN, KEY, KEYS, MEDIA
from tests.conftest import Run
from tests.marks import texture
from trustkit.watermarks.keys import PUBLIC, Key, new_key, to_text
from trustkit.watermarks.tiles import Tiles

PAYLOAD = "1f00c0ffee5eed07"
NAMED = {"alg": "org.trustkit.tiles.1", "value": PAYLOAD}
SIGN = ("--key", KEY, "--source-type", "digitalCapture", "-q", "--format", "json")


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    return write(tmp_path / "marked.png", PUBLIC)


def write(path: Path, key: Key) -> Path:
    Image.fromarray(Tiles(key).embed(texture(480, 360), bytes.fromhex(PAYLOAD))).save(path)
    return path


def row(answer: Any) -> dict[str, Any]:
    assert answer.code == 0, answer.stderr
    found: dict[str, Any] = answer.json()["files"][0]
    return found


def test_an_unmarked_file_names_no_mark(quick: Run, tmp_path: Path) -> None:
    output = tmp_path / "out.jpg"
    answer = row(quick("sign", MEDIA / "scene.jpg", "-o", output, *SIGN))

    assert answer["soft_bindings"] == []
    shown = quick("inspect", output).stdout
    assert "soft" not in shown
    assert "watermarked" not in shown


def test_unlooked_for_a_mark_is_not_named(quick: Run, marked: Path) -> None:
    output = marked.with_name("out.png")
    answer = row(quick("sign", marked, "-o", output, *SIGN, "--no-soft-binding"))

    assert answer["soft_bindings"] == []
    assert "soft" not in quick("inspect", output).stdout


def test_a_bad_key_is_refused_and_nothing_written(quick: Run, marked: Path) -> None:
    output = marked.with_name("out.png")
    answer = quick("sign", marked, "-o", output, *SIGN, "--watermark-key", "/nowhere.key")

    assert answer.code == 33
    assert not output.exists()


def test_a_mark_of_an_unnamed_key_is_not_named_and_of_a_named_one_is(
    quick: Run, tmp_path: Path
) -> None:
    key = new_key()
    ours, output = write(tmp_path / "ours.png", key), tmp_path / "out.png"
    (tmp_path / "house.key").write_text(to_text(key))

    without = row(quick("sign", ours, "-o", output, *SIGN))
    with_key = quick("sign", ours, "-o", output, *SIGN, "--watermark-key", tmp_path / "house.key")

    assert without["soft_bindings"] == []
    assert row(with_key)["soft_bindings"] == [NAMED]


def test_what_cannot_be_looked_at_is_signed_with_a_note(quick: Run, tmp_path: Path) -> None:
    answer = row(quick("sign", BROKEN / "truncated.jpg", "-o", tmp_path / "out.jpg", *SIGN))

    assert answer["soft_bindings"] == []
    assert any("no mark was looked for" in warning for warning in answer["warnings"])


def test_a_mark_is_named_as_both_engines_accept_it_and_inspect_shows_it(
    quick: Run, marked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENCYPHER_C2PA_TELEMETRY", "off")
    output = marked.with_name("out.png")
    answer = row(quick("sign", marked, "-o", output, *SIGN))

    assert answer["soft_bindings"] == [NAMED]
    shown = quick("inspect", output).stdout
    assert f"soft binding: org.trustkit.tiles.1  {PAYLOAD}" in shown
    assert "c2pa.watermarked.bound" in shown
    assert "FAIL" not in shown
    described = quick("inspect", output, "--format", "json").json()["tree"]
    bound = next(a for a in described["assertions"] if a["label"] == "c2pa.soft-binding")
    assert bound["data"] == {
        "alg": "org.trustkit.tiles.1",
        "blocks": [{"scope": {}, "value": PAYLOAD}],
    }
    assert [a["action"] for a in described["actions"]] == ["c2pa.created", "c2pa.watermarked.bound"]
    # C2PA 2.4 asks no source type of it, and the declaration must stay the signer's own.
    assert "digitalSourceType" not in described["actions"][1]

    report = encypher_c2pa.verify(
        str(output),
        mime_type="image/png",
        trust_pem=(KEYS / "trust/test-signers.pem").read_text(),
        no_default_trust=True,
        online=False,
    )
    assert (report["integrity"], report["validation_state"]) == ("valid", "Trusted")
    assert "softBindingMissing" not in json.dumps(report)


@pytest.mark.parametrize("change", ["smaller", "mirrored", "turned"])
def test_the_mark_of_a_whole_copy_is_named_whatever_was_done_to_it(
    quick: Run, tmp_path: Path, change: str
) -> None:
    picture = Image.fromarray(Tiles(PUBLIC).embed(texture(720, 540), bytes.fromhex(PAYLOAD)))
    copies = {
        "smaller": picture.resize((504, 378)),
        "mirrored": picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turned": picture.transpose(Image.Transpose.ROTATE_90),
    }
    copies[change].save(tmp_path / "copy.jpg", quality=80)
    answer = row(quick("sign", tmp_path / "copy.jpg", "-o", tmp_path / "out.jpg", *SIGN))

    assert answer["soft_bindings"] == [NAMED]
