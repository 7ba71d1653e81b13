"""`trustkit watermark detect`: what cannot be read, what is not found, what is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.command import BROKEN, MEDIA
from tests.conftest import Run
from tests.marks import clip, picture

PAYLOAD = "1f00c0ffee5eed07"
ROW = {
    *("path", "present", "payload", "engine", "key", "confidence", "false_positive_bound"),
    *("geometry", "sound", "span", "search", "path_found", "reason", "error"),
}


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory, quick: Run) -> Path:
    """A picture as it was and marked, also with a key; read it, never write to it."""
    folder = tmp_path_factory.mktemp("marked")
    plain = picture(folder / "plain.png")
    embed = ("watermark", "embed", plain, "--payload", PAYLOAD)
    assert quick(*embed, "-o", folder / "marked.png").code == 0
    assert quick("watermark", "key", "-o", folder / "k").code == 0
    assert quick(*embed, "-o", folder / "secret.png", "--key", folder / "k").code == 0
    return folder


def test_what_cannot_be_read_is_an_error_never_silence(quick: Run, marked: Path) -> None:
    broken = BROKEN / "not-a-picture.jpg"
    files = (broken, MEDIA / "page.pdf", marked / "none.png", marked / "marked.png")
    answer = quick("watermark", "detect", *files, "-f", "jsonl", "--search", "fast")
    assert answer.code == 30
    *bad, good = answer.rows()
    assert [row["path"] for row in (*bad, good)] == [str(path) for path in files]
    for row in bad:
        assert row["error"]["code"] == "unreadable"
        assert row["present"] is None
    assert "no engine reads marks in application/pdf yet" in bad[1]["error"]["message"]
    assert good["present"] is True


def test_nothing_that_matches_is_no_input(quick: Run, tmp_path: Path) -> None:
    assert quick("watermark", "detect", tmp_path / "*.png").code == 3
    assert quick("watermark", "detect").code == 2


def test_a_folder_needs_to_be_asked_for(quick: Run, marked: Path) -> None:
    assert quick("watermark", "detect", marked).code == 30


def test_a_picture_without_a_mark_is_never_called_unmarked(quick: Run, marked: Path) -> None:
    plain = marked / "plain.png"
    answer = quick("watermark", "detect", plain)
    assert answer.code == 0
    assert answer.stdout == f"no mark readable  {plain}  (normal search)\n"
    assert "unmarked" not in answer.stdout
    assert "not marked" not in answer.stdout


def test_the_wrong_key_finds_nothing_and_the_right_one_is_named(quick: Run, marked: Path) -> None:
    secret, key = marked / "secret.png", marked / "k"
    look = ("watermark", "detect", secret, "--search", "fast", "-f", "jsonl")
    (public,) = quick(*look).rows()
    (both,) = quick(*look, "--key", "public", "--key", key).rows()
    (alone,) = quick(*look, "--key", key).rows()
    assert public["present"] is False
    assert public["payload"] is None
    assert (both["payload"], both["key"]) == (PAYLOAD, str(key))
    # Two keys have two chances to find what is not there.
    assert both["false_positive_bound"] == pytest.approx(
        2 * alone["false_positive_bound"], rel=0.01
    )


def test_the_row_says_what_the_contract_promises(run: Run, marked: Path) -> None:
    answer = run(
        "watermark", "detect", "-", "-f", "json", stdin=(marked / "marked.png").read_bytes()
    )
    (row,) = answer.json()["files"]
    assert answer.code == 0
    assert set(row) == ROW
    assert (row["path"], row["present"], row["payload"]) == ("-", True, PAYLOAD)
    assert (row["key"], row["search"], row["span"]) == ("public", "normal", None)
    assert 0 < row["false_positive_bound"] <= 1e-6
    assert set(row["geometry"]) == {"scale", "rotation", "flip", "crop", "squeeze"}


def test_the_answer_in_words(quick: Run, marked: Path, tmp_path: Path) -> None:
    mirrored = tmp_path / "turned.jpg"
    with Image.open(marked / "marked.png") as whole:
        whole.transpose(Image.Transpose.ROTATE_90).resize((240, 320)).save(mirrored, quality=70)
    answer = quick("watermark", "detect", mirrored)
    told = re.sub(r"path \w+", "path P", re.sub(r"\d+\.\de[-+]\d+|\d+\.\d", "N", answer.stdout))
    assert told.splitlines() == [
        f"mark {PAYLOAD}  {mirrored}",
        "  read with the public key by org.trustkit.tiles.1, a lead to a record and no proof",
        "  confidence N; odds of chance at most N (normal search, path P)",
        "  about 100 % of the marked picture, turned by N°",
    ]


def test_a_folder_is_read_in_order_by_several_workers(quick: Run, marked: Path) -> None:
    look = ("watermark", "detect", "-r", marked, "-f", "jsonl", "--search", "fast")
    answer = quick(*look, "--jobs", "2")
    found = {Path(row["path"]).name: row["present"] for row in answer.rows()}
    # The key file is no kind of media, which is said and not passed over.
    assert list(found) == ["k", "marked.png", "plain.png", "secret.png"]
    assert found == {"k": None, "marked.png": True, "plain.png": False, "secret.png": False}
    assert answer.code == 30


def test_a_film_tells_from_where_to_where_it_is_marked(quick: Run, tmp_path: Path) -> None:
    source, out = clip(tmp_path / "c.mp4"), tmp_path / "m.mp4"
    refused = quick("watermark", "embed", source, "-o", out, "--preset", "nonsense")
    assert refused.code == 40
    assert not out.exists()
    embed = ("watermark", "embed", source, "-o", out, "--payload", PAYLOAD, "-f", "jsonl")
    (row,) = quick(*embed, "--preset", "ultrafast", "--crf", "20").rows()
    assert row["error"] is None
    assert (row["self_check"], row["ssim"]) == (True, None)
    assert row["psnr"] > 42
    (found,) = quick("watermark", "detect", out, "-f", "jsonl", "--search", "fast").rows()
    assert found["payload"] == PAYLOAD
    assert found["span"] == [0.0, pytest.approx(2.0, abs=0.1)]
