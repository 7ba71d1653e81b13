"""Marks in sound through the command: what is refused, what is written, what is read and said."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest

from tests.command import COMMAND, KEY, MEDIA
from tests.conftest import Run
from tests.marks import clip, talkie, tune

PAYLOAD, SHORT = "1f00c0ffee5eed07", "ee5eed07"
PICTURE, SOUND = "org.trustkit.tiles.1", "org.trustkit.ripples.1"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tune(tmp_path_factory.mktemp("plain") / "tune.mp3")


@pytest.fixture(scope="module")
def marked(plain: Path, quick: Run) -> Path:
    out = plain.with_name("marked.mp3")
    assert quick("watermark", "embed", plain, "-o", out, "--payload", PAYLOAD).code == 0
    return out


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talkie(tmp_path_factory.mktemp("film") / "film.mp4")


def silence(path: Path) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 96_000), np.int16), layout="mono")
        frame.sample_rate = 16_000
        out.mux(stream.encode(frame))
    return path


def test_what_is_too_short_or_silent_is_refused_and_nothing_written(
    quick: Run, tmp_path: Path
) -> None:
    for source in (MEDIA / "sound.wav", MEDIA / "sound.m4a", silence(tmp_path / "silence.wav")):
        out = tmp_path / f"out{source.suffix}"
        answer = quick("watermark", "embed", source, "-o", out)
        assert answer.code == 40
        assert "less than 3 seconds of sound" in answer.stderr
        assert "--allow-weak" in answer.stderr
        assert not out.exists()


def test_a_short_sound_is_too_short_to_tell_and_never_called_unmarked(quick: Run) -> None:
    answer = quick("watermark", "detect", MEDIA / "sound.wav")
    assert answer.code == 0
    assert answer.stdout.startswith("too short to tell")
    (row,) = quick("watermark", "detect", MEDIA / "sound.wav", "-f", "jsonl").rows()
    assert (row["present"], row["reason"]) == (False, "too_short")


def test_a_film_whose_sound_is_too_short_says_so(quick: Run) -> None:
    (row,) = quick("watermark", "detect", MEDIA / "clip.mp4", "-f", "jsonl").rows()
    assert (row["present"], row["error"]) == (False, None)
    assert "less than 3 seconds of sound" in row["reason"]


def test_a_broken_sound_is_an_error_and_never_silence(quick: Run, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes((MEDIA / "sound.wav").read_bytes()[:30])
    answer = quick("watermark", "detect", broken, "-f", "jsonl")
    assert answer.code == 30
    assert answer.rows()[0]["present"] is None


def test_a_sound_with_a_manifest_is_refused(quick: Run, plain: Path, tmp_path: Path) -> None:
    signed = tmp_path / "signed.mp3"
    sign = ("--key", KEY, "--source-type", "digitalCapture", "-q")
    assert quick("sign", plain, "-o", signed, *sign).code == 0
    answer = quick("watermark", "embed", signed, "-o", tmp_path / "out.mp3")
    assert answer.code == 40
    assert "mark first" in answer.stderr


def test_a_short_sound_carries_the_end_of_the_id_and_says_so(
    quick: Run, plain: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp3"
    answer = quick("watermark", "embed", plain, "-o", out, "--payload", PAYLOAD, "-f", "json")
    (row,) = answer.json()["files"]
    assert (row["payload"], row["sound"], row["engine"]) == (SHORT, SHORT, SOUND)
    assert (row["psnr"], row["ssim"], row["self_check"]) == (None, None, True)
    assert row["snr"] > 17
    assert any(SHORT in warning for warning in row["warnings"])


def test_the_mark_is_read_with_its_odds(quick: Run, plain: Path, marked: Path) -> None:
    found, none = quick("watermark", "detect", marked, plain, "-f", "jsonl").rows()
    assert (found["present"], found["payload"], found["engine"]) == (True, SHORT, SOUND)
    assert found["geometry"] is None
    assert 0 < found["false_positive_bound"] <= 1e-6
    assert found["sound"]["tempo"] == pytest.approx(1, abs=0.003)
    assert found["sound"]["seconds"] == pytest.approx(8, abs=0.6)
    assert found["span"][1] - found["span"][0] > 6
    assert (none["present"], none["payload"], none["reason"]) == (False, None, None)


def test_the_answer_in_words(quick: Run, marked: Path) -> None:
    said = quick("watermark", "detect", marked).stdout
    told = re.sub(r"\d+\.\de[-+]\d+|\b\d+\.\d", "N", said)
    assert told.splitlines() == [
        f"mark {SHORT}  {marked}",
        "  read with the public key by org.trustkit.ripples.1, a lead to a record and no proof",
        "  confidence N; odds of chance at most N (normal search, path whole)",
        "  read from N seconds of sound",
        "  from N s to N s",
    ]


def test_a_wrong_key_finds_nothing(quick: Run, plain: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "k", tmp_path / "out.mp3"
    assert quick("watermark", "key", "-o", key).code == 0
    assert quick("watermark", "embed", plain, "-o", out, "--key", key, "-q").code == 0
    (without,) = quick("watermark", "detect", out, "-f", "jsonl").rows()
    (with_key,) = quick("watermark", "detect", out, "--key", key, "-f", "jsonl").rows()
    assert (without["present"], with_key["present"]) == (False, True)


def test_a_long_sound_carries_the_whole_id(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.flac"
    long = tune(tmp_path / "long.flac", seconds=31)
    assert quick("watermark", "embed", long, "-o", out, "--payload", PAYLOAD, "-q").code == 0
    (row,) = quick("watermark", "detect", out, "-f", "jsonl").rows()
    assert row["payload"] == PAYLOAD


def test_a_film_carries_one_id_in_picture_and_sound(quick: Run, film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    embed = ("watermark", "embed", film, "-o", out, "--payload", PAYLOAD, "--preset", "ultrafast")
    answer = quick(*embed, "-f", "json")
    assert answer.code == 0, answer.stderr
    (row,) = answer.json()["files"]
    assert (row["payload"], row["sound"], row["engine"]) == (PAYLOAD, SHORT, PICTURE)
    assert row["psnr"] > 42
    assert row["snr"] > 17
    (found,) = quick("watermark", "detect", out, "-f", "jsonl").rows()
    assert (found["payload"], found["sound"]["payload"]) == (PAYLOAD, SHORT)
    assert "its sound has the same mark" in quick("watermark", "detect", out).stdout


@pytest.mark.parametrize(("part", "payload"), [("picture", PAYLOAD), ("sound", SHORT)])
def test_only_one_part_of_a_film_is_marked_when_asked(
    quick: Run, film: Path, tmp_path: Path, part: str, payload: str
) -> None:
    out = tmp_path / "out.mp4"
    embed = ("watermark", "embed", film, "-o", out, "--payload", PAYLOAD, "--only", part, "-q")
    assert quick(*embed, *(("--preset", "ultrafast") if part == "picture" else ())).code == 0
    (found,) = quick("watermark", "detect", out, "-f", "jsonl").rows()
    assert found["error"] is None
    assert found["payload"] == payload
    assert (found["sound"] is None) == (part == "picture")


def test_sound_alone_in_a_container_of_films_is_sound(quick: Run, tmp_path: Path) -> None:
    alone, out = tune(tmp_path / "alone.mp4"), tmp_path / "out.mp4"
    assert quick("watermark", "embed", alone, "-o", out, "--payload", PAYLOAD, "-q").code == 0
    (row,) = quick("watermark", "detect", out, "-f", "jsonl").rows()
    assert (row["payload"], row["engine"]) == (SHORT, SOUND)
    (report,) = quick("verify", out, "--only", "watermark", "-f", "jsonl").rows()
    (found,) = report["findings"]
    assert (found["status"], found["facts"]["payload"]) == ("present", SHORT)


def test_a_silent_film_has_no_sound_to_mark(quick: Run, tmp_path: Path) -> None:
    silent = clip(tmp_path / "silent.mp4")
    both = quick("watermark", "embed", silent, "-o", tmp_path / "a.mp4", "-f", "json")
    (row,) = both.json()["files"]
    assert (row["sound"], row["snr"], row["warnings"]) == (None, None, [])
    alone = quick("watermark", "embed", silent, "-o", tmp_path / "b.mp4", "--only", "sound")
    assert alone.code == 40
    assert "no sound" in alone.stderr


def test_a_film_whose_sound_cannot_hold_a_mark_is_marked_in_its_picture(
    quick: Run, tmp_path: Path
) -> None:
    film, out = talkie(tmp_path / "film.mp4", seconds=4, loud=0.0), tmp_path / "out.mp4"
    embed = ("watermark", "embed", film, "-o", out, "--preset", "ultrafast", "-f", "json")
    (row,) = quick(*embed).json()["files"]
    assert row["error"] is None
    assert (row["sound"], row["self_check"]) == (None, True)
    assert "its sound is left unmarked" in row["warnings"][0]


def test_asked_to_end_it_leaves_nothing_half_written(tmp_path: Path, home: Path) -> None:
    long = tune(tmp_path / "long.flac", seconds=60)
    command = [str(COMMAND), "watermark", "embed", str(long), "-o", str(tmp_path / "out.flac")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    assert process.wait(30) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["long.flac"]


def test_verify_reads_it_and_sign_names_it(quick: Run, marked: Path, tmp_path: Path) -> None:
    signed = tmp_path / "signed.mp3"
    sign = ("--key", KEY, "--source-type", "digitalCapture", "-q", "-f", "json")
    (row,) = quick("sign", marked, "-o", signed, *sign).json()["files"]
    assert row["soft_bindings"] == [{"alg": SOUND, "value": SHORT}]
    (report,) = quick("verify", signed, "-f", "jsonl").rows()
    found = {one["code"]: one for one in report["findings"]}
    assert found["watermark.present"]["status"] == "present"
    assert found["watermark.present"]["facts"]["timing"]["tempo"] == pytest.approx(1, abs=0.003)
    assert found["watermark.bound"]["status"] == "present"


def test_sounds_are_tried_on_a_folder_of_ones_own(
    quick: Run, marked: Path, plain: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "tune.mp3").write_bytes(plain.read_bytes())
    answer = quick("watermark", "bench", folder, "--attacks", "none,vol-12", "-f", "json", "-q")
    assert answer.code == 0, answer.stderr
    summary = answer.json()["summary"]
    assert summary["sounds"] == 1
    assert summary["wrong_payloads"] == 0
    assert summary["snr"]["mean"] > 17
