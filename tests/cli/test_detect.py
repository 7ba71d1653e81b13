"""`trustkit detect`: its answers, its refusals, and what it writes to explain them."""

from __future__ import annotations

import json
import os
import shutil
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from onnx import helper
from PIL import Image

from tests.command import MEDIA, Answer, call_here
from tests.detector_toys import picture_card, picture_model, picture_toy, sound_toy, write
from tests.marks import picture, texture

Detect = Callable[..., Answer]
KEYS = {"name", "score", "likelihood_ratio", "threshold", "false_positive_rate", "decision",
        "in_domain", "reason"}  # fmt: skip
MAPLESS = {"output": {"score": "logit"}, "domain": {"min_side": 32}}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one detector of pictures, one of sounds, and one without a map."""
    home = tmp_path_factory.mktemp("detecting")
    folder = home / "trustkit" / "detectors"
    picture_toy(folder, "bright", rank=900)
    sound_toy(folder, "high", rank=900)
    picture_toy(folder, "grainy", of="grain", rank=1, **MAPLESS)
    return home


@pytest.fixture
def detect(shelf: Path) -> Detect:
    """Run the command with these detectors alone."""

    def asked(*arguments: object, detectors: tuple[str, ...] = ("bright", "high")) -> Answer:
        named = [word for name in detectors for word in ("--detector", name)]
        return call_here("detect", *arguments, *named, "-q", home=shelf)

    return asked


def plain(path: Path, level: int, size: tuple[int, int] = (200, 160)) -> Path:
    """Write a picture of one brightness, with a little texture."""
    grain = texture(*size).astype(int) // 16
    Image.fromarray(np.clip(grain + level - 8, 0, 255).astype(np.uint8)).save(path)
    return path


def tone(path: Path, hertz: float, seconds: float = 3.0) -> Path:
    """Write a voice-like tone that swells and fades."""
    at = np.arange(round(16_000 * seconds)) / 16_000
    samples = 0.4 * np.sin(2 * np.pi * hertz * at) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * at))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def stills(path: Path, levels: list[int], frames: int = 5) -> Path:
    """Write a film of 10 frames a second, so many for each brightness."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for level in levels:
            rows = np.clip(texture(160, 120).astype(int) // 16 + level - 8, 0, 255)
            for _ in range(frames):
                frame = av.VideoFrame.from_ndarray(rows.astype(np.uint8), format="rgb24")
                out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_name_that_matches_nothing_is_exit_3(detect: Detect, tmp_path: Path) -> None:
    answer = detect(tmp_path / "*.jpg", "-f", "jsonl")

    assert answer.code == 3
    assert answer.rows()[0]["error"]["code"] == "no_input"


def test_a_detector_that_is_not_there_is_said_with_those_that_are(detect: Detect) -> None:
    answer = detect(MEDIA / "scene.jpg", detectors=("psychic",))

    assert answer.code == 33
    assert "no detector named 'psychic'" in answer.stderr
    assert "bright" in answer.stderr
    assert "high" in answer.stderr


def test_a_device_that_is_not_there_is_said_with_those_that_are(detect: Detect) -> None:
    answer = detect(MEDIA / "scene.jpg", "--device", "abacus", "-f", "json")

    assert answer.code == 33
    assert answer.json()["error"]["code"] == "configuration"
    assert "cpu" in answer.stderr


def test_a_changed_model_is_not_asked(tmp_path: Path) -> None:
    folder = picture_toy(tmp_path / "trustkit/detectors", "bright")
    with (folder / "model.onnx").open("ab") as stream:
        stream.write(b"\0")

    answer = call_here(
        "detect", MEDIA / "scene.jpg", "--detector", "bright", "-f", "jsonl",
        "--explain", tmp_path / "why", home=tmp_path,
    )  # fmt: skip

    assert answer.code == 33
    assert "was changed" in answer.rows()[0]["error"]["message"]
    assert answer.rows()[0]["synthetic"] is None
    assert answer.rows()[0]["explained"] is None  # the same keys as of any other file


def test_a_broken_card_is_exit_33(tmp_path: Path) -> None:
    folder = picture_toy(tmp_path / "trustkit/detectors", "bright")
    (folder / "card.toml").write_text("card = 1\nfriend = true\n")

    answer = call_here("detect", MEDIA / "scene.jpg", "--detector", "bright", home=tmp_path)

    assert answer.code == 33


def test_a_rate_that_nobody_measured_is_a_wrong_call(detect: Detect) -> None:
    assert detect(MEDIA / "scene.jpg", "--false-positive-rate", "0.02").code == 2


def test_files_that_cannot_be_read_are_exit_30_and_the_others_are_answered(
    detect: Detect, tmp_path: Path
) -> None:
    whole = plain(tmp_path / "whole.jpg", 60)
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:700])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")

    answer = detect("-r", tmp_path, "-f", "jsonl")

    rows = {Path(row["path"]).name: row for row in answer.rows()}
    assert answer.code == 30
    assert [name for name, row in rows.items() if row["error"]] == [
        "cut.jpg",
        "empty.jpg",
        "text.jpg",
    ]
    assert rows["cut.jpg"]["synthetic"] is None
    assert rows["whole.jpg"]["synthetic"] == "unlikely"


@pytest.mark.parametrize(
    ("level", "word", "code"), [(40, "unlikely", 0), (165, "inconclusive", 20), (250, "likely", 20)]
)
def test_the_three_answers(
    detect: Detect, tmp_path: Path, level: int, word: str, code: int
) -> None:
    answer = detect(plain(tmp_path / "a.png", level), "-f", "json")

    (row,) = answer.json()["files"]
    assert (row["synthetic"], answer.code) == (word, code)
    (one,) = row["detectors"]
    assert set(one) >= KEYS
    assert one["decision"] == word
    assert one["false_positive_rate"] == 0.01
    assert one["false_positive_interval"] == [0.005, 0.02]
    assert one["counted"] == 1000
    assert row["error"] is None


def test_a_lower_rate_has_a_higher_threshold(detect: Detect, tmp_path: Path) -> None:
    path = plain(tmp_path / "a.png", 165)

    found = {
        rate: detect(path, "-f", "json", "--false-positive-rate", rate).json()["files"][0]
        for rate in ("0.05", "0.001")
    }

    assert [found[rate]["synthetic"] for rate in found] == ["likely", "inconclusive"]
    assert [found[rate]["detectors"][0]["threshold"] for rate in found] == [1.0, 3.0]


def test_no_number_is_shown_without_its_error_rate(detect: Detect, tmp_path: Path) -> None:
    answer = detect(plain(tmp_path / "dark.png", 40), plain(tmp_path / "light.png", 250))

    numbers = [line for line in answer.stdout.splitlines() if ": score" in line]
    assert len(numbers) == 2
    for line in numbers:
        assert "1 % (0.5 to 2 %, 1,000 counted) of other pictures" in line
    assert "proves nothing" in answer.stdout.split("light.png")[0]
    assert "indications of AI generation" in answer.stdout
    for word in ("fake", "real ", "authentic"):
        assert word not in answer.stdout.lower()


def test_a_kind_that_nobody_is_asked_about_is_not_checked(detect: Detect, tmp_path: Path) -> None:
    answer = detect(tone(tmp_path / "a.wav", 200), "-f", "jsonl", detectors=("bright",))

    (row,) = answer.rows()
    assert (row["synthetic"], answer.code) == ("not_checked", 0)
    assert row["detectors"] == []
    assert row["reason"] == "no detector of sound is among those asked"


def test_standard_input_is_one_file(shelf: Path, tmp_path: Path) -> None:
    data = plain(tmp_path / "a.png", 250).read_bytes()

    answer = call_here(
        "detect", "-", "-f", "jsonl", "--explain", tmp_path / "why", "--detector", "bright",
        home=shelf, stdin=data,
    )  # fmt: skip

    assert answer.rows()[0]["synthetic"] == "likely"
    assert (tmp_path / "why/stdin.bright.png").exists()


def test_detect_and_verify_answer_the_same(shelf: Path, tmp_path: Path) -> None:
    paths = [
        *(plain(tmp_path / f"{level}.png", level) for level in (40, 165, 250)),
        *(tone(tmp_path / f"{hertz}.wav", hertz) for hertz in (200, 3000)),
        plain(tmp_path / "small.png", 250, (16, 16)),
        stills(tmp_path / "film.mp4", [250] * 3),
        *(MEDIA / name for name in ("page.pdf", "drawing.svg", "scene.heic", "scene-cmyk.jpg")),
    ]

    seen = call_here("detect", *paths, "-f", "jsonl", "-q", home=shelf).rows()
    judged = call_here(
        "verify", *paths, "--only", "detectors", "-f", "jsonl", "-q", home=shelf,
        env={"TRUSTKIT_FAST": "0"},
    ).rows()  # fmt: skip

    assert len({row["synthetic"] for row in seen}) >= 3
    assert [row["synthetic"] for row in seen] == [row["axes"]["synthetic"] for row in judged]
    for row, report in zip(seen, judged, strict=True):
        facts = [f["facts"] for f in report["findings"] if f["code"].startswith("detector.")]
        leads = [fact["score"] for fact in facts if "score" in fact]
        assert leads == [one["score"] for one in row["detectors"][:1]]


def hostile(folder: Path) -> None:
    Image.new("RGB", (1, 1)).save(folder / "1x1.png")
    Image.new("RGB", (1, 30000), "white").save(folder / "1x30000.png")
    Image.fromarray(texture(90, 80)[..., 0].astype(np.uint16) * 257).save(folder / "16bit.png")
    alpha = np.dstack([texture(90, 80), np.zeros((80, 90), np.uint8)])
    Image.fromarray(alpha).save(folder / "alpha.png")
    Image.fromarray(texture(90, 80)).convert("CMYK").save(folder / "cmyk.jpg")
    frames = [Image.fromarray(texture(90, 80, seed)) for seed in (1, 2)]
    frames[0].save(folder / "moves.gif", save_all=True, append_images=frames[1:])
    stills(folder / "short.mp4", [100], frames=1)
    plain(folder / f"{'long-' * 40}.png", 40)
    plain(folder / "a\nb\x1b[2J.png", 40)
    tone(folder / "silence.wav", 0.0)
    tone(folder / "blip.wav", 200, 0.1)


def test_hostile_files_are_answered_and_explained_or_refused_in_a_sentence(
    detect: Detect, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    hostile(folder)

    answer = detect(
        "-r", folder, "--explain", tmp_path / "why", "-f", "jsonl", "-j", 2,
        detectors=("bright", "grainy", "high"),
    )  # fmt: skip

    rows = {Path(row["path"]).name: row for row in answer.rows()}
    assert len(rows) == len(list(folder.iterdir()))
    assert {name for name, row in rows.items() if row["error"]} == set()
    for name in ("1x1.png", "1x30000.png"):
        assert rows[name]["synthetic"] == "inconclusive"
        assert not (tmp_path / f"why/{name}.bright.png").exists()
        (why,) = json.loads((tmp_path / f"why/{name}.json").read_text())["explanations"]
        assert "out of the detector's domain" in why["reason"]
    for name in ("16bit.png", "alpha.png", "cmyk.jpg", "moves.gif"):
        with Image.open(tmp_path / f"why/{name}.bright.png") as drawn:
            assert drawn.size[0] >= 480
    assert rows["silence.wav"]["synthetic"] in {"inconclusive", "not_checked"}
    assert rows["blip.wav"]["synthetic"] in {"inconclusive", "not_checked"}


def explained(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return found


def test_a_heat_map_says_how_it_was_made_and_what_it_does_not_show(
    detect: Detect, tmp_path: Path
) -> None:
    path = picture(tmp_path / "a.jpg", size=(320, 200))

    answer = detect(
        path, "--explain", tmp_path / "why", "-f", "jsonl", detectors=("bright", "grainy")
    )

    page = explained(tmp_path / "why", "a.jpg")
    assert "not what was altered" in page["shows"]
    assert [one["how"] for one in page["explanations"]] == ["model", "parts"]
    for one in page["explanations"]:
        assert len(one["scores"]) == one["rows"]
        assert {len(row) for row in one["scores"]} == {one["columns"]}
        assert one["made"]
        assert (tmp_path / "why" / one["file"]).read_bytes().startswith(b"\x89PNG")
    assert answer.rows()[0]["explained"]["files"] == [
        str(tmp_path / "why" / name)
        for name in ("a.jpg.json", "a.jpg.bright.png", "a.jpg.grainy.png")
    ]


def test_a_sound_has_a_time_line_with_spans(detect: Detect, tmp_path: Path) -> None:
    low, high = tone(tmp_path / "low.wav", 200), tone(tmp_path / "high.wav", 3000)

    rows = detect(low, high, "--explain", tmp_path / "why", "-f", "jsonl").rows()

    assert [row["synthetic"] for row in rows] == ["unlikely", "likely"]
    (span,) = explained(tmp_path / "why", "high.wav")["explanations"][0]["spans"]
    assert span[0] == 0.0
    assert span[1] == pytest.approx(3.0, abs=0.1)
    assert rows[1]["detectors"][0]["spans"] == [pytest.approx(span)]
    assert explained(tmp_path / "why", "low.wav")["explanations"][0]["spans"] == []
    assert (tmp_path / "why/high.wav.high.png").exists()


def test_a_film_has_a_time_line_of_its_frames(detect: Detect, tmp_path: Path) -> None:
    path = stills(tmp_path / "a.mp4", [40, 40, 250, 250, 250, 40, 40])

    (row,) = detect(path, "--explain", tmp_path / "why", "-f", "jsonl").rows()

    (why,) = explained(tmp_path / "why", "a.mp4")["explanations"]
    assert [part["score"] > 2 for part in why["time_line"]].count(True) >= 3
    (span,) = why["spans"]
    assert 0.5 < span[0] < 1.5
    assert 1.5 < span[1] <= 2.6
    assert (tmp_path / "why/a.mp4.bright.png").exists()
    assert row["synthetic"] == "inconclusive"  # a part is unlike the rest


def test_the_same_name_in_two_folders_is_explained_twice(detect: Detect, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        plain(tmp_path / name / "a.png", 40)

    rows = detect("-r", tmp_path, "--explain", tmp_path / "why", "-f", "jsonl").rows()

    assert [Path(row["explained"]["files"][0]).name for row in rows] == [
        "a.png.json",
        "a.png-2.json",
    ]
    assert explained(tmp_path / "why", "a.png-2")["path"] == str(tmp_path / "two/a.png")


def test_a_second_run_replaces_its_own_and_takes_none_of_it_for_an_input(
    detect: Detect, tmp_path: Path
) -> None:
    plain(tmp_path / "a.png", 40)

    first = detect("-r", tmp_path, "--explain", tmp_path / "why", "-f", "jsonl")
    before = {path.name: path.read_bytes() for path in (tmp_path / "why").iterdir()}
    second = detect("-r", tmp_path, "--explain", tmp_path / "why", "-f", "jsonl")

    assert first.rows() == second.rows()
    assert {path.name: path.read_bytes() for path in (tmp_path / "why").iterdir()} == before


def test_a_place_without_a_score_takes_nothing_from_the_answer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean4"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["mean4"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Log", ["mean"], ["logit"]),  # of black no number
    ]
    card = {**picture_card("logs"), **MAPLESS}
    write(tmp_path / "trustkit/detectors", "logs", picture_model(nodes), card)
    rows = np.full((256, 256, 3), 80, np.uint8)
    rows[90:166, 90:166] = 0  # between the four crops
    Image.fromarray(rows).save(tmp_path / "a.png")
    answer = call_here("detect", tmp_path / "a.png", "--detector", "logs", "-f", "jsonl",
                       "--explain", tmp_path / "why", home=tmp_path)  # fmt: skip

    assert (answer.code, answer.rows()[0]["synthetic"]) == (0, "unlikely")
    (why,) = json.loads((tmp_path / "why/a.png.json").read_text())["explanations"]
    assert "one of its places has none" in why["reason"]


def test_a_file_of_somebody_else_is_kept_and_the_answer_is_given_all_the_same(
    detect: Detect, tmp_path: Path
) -> None:
    path = plain(tmp_path / "a.png", 40)
    (tmp_path / "a.png.json").write_text("{}")

    answer = detect(path, "--explain", tmp_path, "-f", "jsonl")

    (row,) = answer.rows()
    assert answer.code == 40
    assert row["synthetic"] == "unlikely"
    assert row["error"] is None
    assert "no explanation of ours" in row["explained"]["error"]["message"]
    assert (tmp_path / "a.png.json").read_text() == "{}"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a.png.json"]


def test_an_input_is_never_overwritten(detect: Detect, tmp_path: Path) -> None:
    plain(tmp_path / "a.png", 40)
    detect(tmp_path / "a.png", "--explain", tmp_path)
    before = (tmp_path / "a.png.bright.png").read_bytes()

    answer = detect(
        tmp_path / "a.png", tmp_path / "a.png.bright.png", "--explain", tmp_path, "-f", "jsonl"
    )

    assert answer.code == 40
    assert "itself an input" in answer.rows()[0]["explained"]["error"]["message"]
    assert (tmp_path / "a.png.bright.png").read_bytes() == before


def test_explanations_into_a_file_are_a_wrong_call(detect: Detect, tmp_path: Path) -> None:
    path = plain(tmp_path / "a.png", 40)

    answer = detect(path, "--explain", path)

    assert answer.code == 2
    assert "is no folder" in answer.stderr


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="needs Linux")
def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    detect: Detect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    path = plain(tmp_path / "a.png", 40)
    folder = tmp_path / "why"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on the size of files is the full disk that a test can have without being root.
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        answer = detect(path, "--explain", folder, "-f", "jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert answer.code == 40
    assert "cannot be written" in answer.rows()[0]["explained"]["error"]["message"]
    assert answer.rows()[0]["synthetic"] == "unlikely"
    assert list(folder.iterdir()) == []


def test_the_installed_command_answers(shelf: Path, tmp_path: Path, run: Any) -> None:
    from tests.command import call

    shutil.copy(MEDIA / "scene.jpg", tmp_path / "a.jpg")

    answer = call("detect", tmp_path / "a.jpg", "--detector", "bright", home=shelf)

    assert answer.code == 0
    assert answer.stdout.startswith(f"no indications  {tmp_path / 'a.jpg'}\n")
