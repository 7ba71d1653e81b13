"""`verify` asks the detectors that are there: what they may say, and what they may bring about."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx import helper

from tests import detected
from tests.command import MEDIA, Answer, call_here
from tests.detected import DOUBTFUL, HUMMED, LIKELY, SPOKEN_LIKE, UNLIKELY
from tests.detector_toys import picture_card, picture_model, picture_toy, sound_toy, write

Row = dict[str, Any]
Ask = Callable[..., Answer]
ASKED = {"TRUSTKIT_FAST": "0"}
POLICY = 'policy = 1\nname = "x"\n'


def ask(home: Path, *arguments: object) -> Answer:
    options = ("--only", "detectors", "-q", "-f", "jsonl")
    return call_here("verify", *options, *arguments, home=home, env=ASKED)


def rows(home: Path, *arguments: object) -> dict[str, Row]:
    return {Path(row["path"]).name: row for row in ask(home, *arguments).rows()}


def words(row: Row) -> list[tuple[str, str]]:
    return [(finding["code"], finding["status"]) for finding in row["findings"]]


def only(row: Row) -> Row:
    assert len(row["findings"]) == 1, words(row)
    finding: Row = row["findings"][0]
    return finding


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one detector of pictures and one of sounds."""
    home = tmp_path_factory.mktemp("toys")
    picture_toy(
        home / "trustkit/detectors",
        metrics={"clean": {"auc": [0.9, 0.85, 0.95, 1000], "tpr_5": [0.6, 0.55, 0.65, 900]}},
        rank=999,  # before those that come with trustkit
    )
    sound_toy(home / "trustkit/detectors", rank=999)
    return home


@pytest.fixture(scope="module")
def pictures(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """What is said of many pictures, by their names."""
    folder = tmp_path_factory.mktemp("pictures")
    detected.grey(folder / "likely.png", LIKELY)
    detected.grey(folder / "doubtful.png", DOUBTFUL)
    detected.grey(folder / "unlikely.png", UNLIKELY)
    detected.grey(folder / "tiny.png", LIKELY, (24, 24))
    detected.grey(folder / "strip.png", LIKELY, (400, 40))
    loud = np.zeros((96, 96, 3))
    loud[:, :, 0] = 250
    detected.written(folder / "loud.png", loud)
    clear = np.zeros((96, 96, 4), np.uint8)  # nothing but transparency, on white when shown
    cv2.imwrite(str(folder / "clear.png"), clear)
    deep = np.full((96, 96), round(65535 * LIKELY), np.uint16)
    cv2.imwrite(str(folder / "deep.png"), deep)
    whole = detected.grainy(folder / "whole.png", LIKELY, 0.2)
    (folder / "cut.png").write_bytes(whole.read_bytes()[:4000])
    whole.unlink()
    (folder / "drawing.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    )
    return rows(toys, "-r", folder, MEDIA / "page.pdf")


def test_a_file_that_cannot_be_decoded_is_not_checked_and_says_why(
    pictures: dict[str, Row],
) -> None:
    for name in ("cut.png", "drawing.svg", "page.pdf"):
        finding = only(pictures[name])
        assert (finding["code"], finding["status"]) == ("detector.synthetic", "skipped"), name
        assert finding["reason"], name
        assert pictures[name]["axes"]["synthetic"] == "not_checked"
        assert pictures[name]["verdict"] == "no_provenance"


def test_a_picture_unlike_all_that_was_measured_is_inconclusive(pictures: dict[str, Row]) -> None:
    for name, why in (("tiny.png", "24 pixels"), ("strip.png", "long"), ("loud.png", "")):
        finding, row = only(pictures[name]), pictures[name]
        assert finding["code"] == "detector.inconclusive", name
        assert finding["facts"]["in_domain"] is False
        assert why in finding["summary"]
        assert (row["verdict"], row["axes"]["synthetic"]) == ("inconclusive", "inconclusive")


def test_a_likely_answer_tells_how_often_it_is_wrong(pictures: dict[str, Row]) -> None:
    row, finding = pictures["likely.png"], only(pictures["likely.png"])

    assert (row["verdict"], row["decision"]) == ("likely_ai", "review")
    assert row["axes"]["synthetic"] == "likely"
    assert finding["weight"] == "weak"
    assert finding["source"] == "detector:toy-picture@1"
    assert finding["summary"] == (
        "toy-picture finds indications of AI generation: such a score is 33 times as common among "
        "generated pictures as among others; it is wrong about 1 % (0.5 to 2 %, 1,000 counted) of "
        "other pictures"
    )
    facts = finding["facts"]
    assert facts["score"] == pytest.approx(4.0, abs=0.05)
    assert (facts["threshold"], facts["false_positive_rate"], facts["counted"]) == (2.0, 0.01, 1000)
    assert facts["second_look"] == pytest.approx(4.0, abs=0.1)
    assert row["summary"].startswith("toy-picture finds")


def test_no_indications_prove_nothing_and_say_so(pictures: dict[str, Row]) -> None:
    row = pictures["unlikely.png"]

    assert words(row) == [("detector.synthetic", "absent")]
    assert (row["verdict"], row["axes"]["synthetic"]) == ("no_provenance", "unlikely")
    assert "misses 40 % (35 to 45 %, 900 counted) of generated pictures" in row["summary"]
    assert "proves nothing" in row["summary"]


def test_between_the_thresholds_it_is_inconclusive(pictures: dict[str, Row]) -> None:
    assert words(pictures["doubtful.png"]) == [("detector.inconclusive", "present")]
    assert only(pictures["doubtful.png"])["facts"]["second_look"] is None


def test_transparency_and_depth_are_looked_at_as_they_are_shown(pictures: dict[str, Row]) -> None:
    assert only(pictures["clear.png"])["facts"]["score"] == pytest.approx(5.0, abs=0.05)
    assert only(pictures["deep.png"])["facts"]["score"] == pytest.approx(4.0, abs=0.05)


def test_the_text_report_has_the_answer_and_its_error_rate_in_one_line(
    toys: Path, tmp_path: Path
) -> None:
    picture = detected.grey(tmp_path / "a.png", LIKELY)
    answer = call_here("verify", picture, "-q", "--only", "detectors", home=toys, env=ASKED)

    assert answer.code == 20
    lines = answer.stdout.splitlines()
    assert len(lines) == 2
    assert "likely_ai" in lines[0]
    assert "wrong about 1 % (0.5 to 2 %, 1,000 counted)" in lines[1]
    assert not {"real", "fake", "authentic"} & set(answer.stdout.split())


def test_a_detector_alone_rejects_only_where_a_policy_says_so(toys: Path, tmp_path: Path) -> None:
    picture = detected.grey(tmp_path / "a.png", LIKELY)
    case = '[[case]]\ndecision = "{}"\nwhen.any = ["detector.synthetic"]\n'
    (alone := tmp_path / "alone.toml").write_text(POLICY + case.format("reject"))
    (review := tmp_path / "review.toml").write_text(POLICY + case.format("review"))
    allowed = tmp_path / "allowed.toml"
    allowed.write_text(f"{alone.read_text()}[detectors]\nallow_detector_reject = true\n")

    assert ask(toys, picture, "--policy", alone).code == 33
    assert ask(toys, picture, "--policy", review).code == 20
    assert ask(toys, picture).code == 20
    assert ask(toys, picture, "--policy", allowed).code == 10


def test_a_policy_chooses_how_often_a_detector_may_be_wrong(toys: Path, tmp_path: Path) -> None:
    picture = detected.grey(tmp_path / "a.png", 0.75)  # logit 2.5
    found = {}
    for rate in ("0.05", "0.01", "0.001", "0.02"):
        policy = tmp_path / f"{rate}.toml"
        policy.write_text(f"{POLICY}[detectors]\nmax_false_positive_rate = {rate}\n")
        answer = ask(toys, picture, "--policy", policy)
        found[rate] = answer.code if rate == "0.02" else words(answer.rows()[0])

    assert found["0.05"] == found["0.01"] == [("detector.synthetic", "present")]
    assert found["0.001"] == [("detector.inconclusive", "present")]
    assert found["0.02"] == 33


def test_an_answer_that_flips_under_a_mild_re_encode_is_inconclusive(tmp_path: Path) -> None:
    picture_toy(tmp_path / "trustkit/detectors", of="grain", rank=999)
    picture = detected.grainy(tmp_path / "a.png", 0.5, 0.105)
    finding = only(ask(tmp_path, picture).rows()[0])

    assert finding["facts"]["score"] > 2.0
    assert finding["facts"]["second_look"] < 1.0
    assert finding["code"] == "detector.inconclusive"
    assert "flips" in finding["summary"]


def test_detectors_that_disagree_are_inconclusive_and_the_lead_speaks(tmp_path: Path) -> None:
    shelf = tmp_path / "trustkit/detectors"
    picture_toy(shelf, "leader", rank=999)
    picture_toy(shelf, "second", of="grain", rank=998)
    detected.grey(tmp_path / "likely.png", LIKELY)
    detected.grainy(tmp_path / "grainy.png", 0.3, 0.25)
    detected.grey(tmp_path / "unlikely.png", UNLIKELY)
    found = rows(tmp_path, *sorted(tmp_path.glob("*.png")))

    for name in ("likely.png", "grainy.png"):
        finding = only(found[name])
        assert finding["code"] == "detector.inconclusive", name
        assert "disagree: leader" in finding["summary"]
        assert finding["source"] == "detector:leader@1"
        assert finding["facts"]["others"][0]["name"] == "second"
    assert words(found["unlikely.png"]) == [("detector.synthetic", "absent")]


def test_a_film_is_told_apart_by_its_pictures_and_its_sound(toys: Path, tmp_path: Path) -> None:
    detected.film(tmp_path / "both.mp4", [LIKELY], SPOKEN_LIKE)
    detected.film(tmp_path / "pictures.mp4", [LIKELY], HUMMED)
    detected.film(tmp_path / "sound.mkv", [UNLIKELY], SPOKEN_LIKE)
    detected.film(tmp_path / "silent.mp4", [UNLIKELY], None)
    found = rows(toys, *sorted(tmp_path.iterdir()))

    says = {name: [(f["facts"]["part"], f["facts"]["answer"]) for f in row["findings"]]
            for name, row in found.items()}  # fmt: skip
    assert says == {
        "both.mp4": [("picture", "likely"), ("sound", "likely")],
        "pictures.mp4": [("picture", "likely"), ("sound", "unlikely")],
        "sound.mkv": [("picture", "unlikely"), ("sound", "likely")],
        "silent.mp4": [("picture", "unlikely")],
    }
    assert found["sound.mkv"]["verdict"] == "likely_ai"
    frames = found["both.mp4"]["findings"][0]
    assert "in its frames" in frames["summary"]
    assert "nothing about faces that were swapped" in frames["summary"]
    assert len(frames["facts"]["time_line"]) >= 5
    assert frames["facts"]["spans"] == [
        [frames["facts"]["time_line"][0][0], frames["facts"]["time_line"][-1][0]]
    ]
    assert "in its sound" in found["sound.mkv"]["findings"][1]["summary"]


def test_a_part_of_a_film_that_differs_makes_it_inconclusive(toys: Path, tmp_path: Path) -> None:
    lights = [UNLIKELY, UNLIKELY, LIKELY, UNLIKELY, UNLIKELY, UNLIKELY, UNLIKELY, LIKELY]
    mixed = detected.film(tmp_path / "mixed.mp4", lights, None, 8)
    moment = detected.film(tmp_path / "moment.mp4", [*[UNLIKELY] * 19, LIKELY], None, 8)
    found = rows(toys, mixed, moment)

    assert words(found["mixed.mp4"]) == [("detector.inconclusive", "present")]
    assert "frames reach its threshold" in found["mixed.mp4"]["summary"]
    assert found["mixed.mp4"]["findings"][0]["facts"]["spans"]
    assert words(found["moment.mp4"]) == [("detector.synthetic", "absent")]


def test_a_film_that_is_not_looked_through_says_up_to_where(toys: Path, tmp_path: Path) -> None:
    lights = [UNLIKELY] * 4 + [LIKELY] * 6
    path = detected.film(tmp_path / "a.mp4", lights, None, seconds=60, key=10_000)
    whole = detected.film(tmp_path / "b.mp4", [UNLIKELY], None)
    found = rows(toys, path, whole)

    told = r"nothing after 1\d(\.\d)? of its 60 seconds was looked at"
    assert re.search(told, only(found["a.mp4"])["summary"])
    assert "nothing after" not in only(found["b.mp4"])["summary"]


def test_a_detector_does_not_take_the_word_from_a_manifest_that_cannot_be_read(
    toys: Path, tmp_path: Path
) -> None:
    path = detected.grey(tmp_path / "a.png", LIKELY)
    data, body = path.read_bytes(), b"caBX" + b"no manifest" * 9
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    path.write_bytes(data[:33] + chunk + data[33:])
    options = ("verify", path, "-q", "--skip", "watermark")
    answer = call_here(*options, home=toys, env=ASKED)
    row = call_here(*options, "-f", "jsonl", home=toys, env=ASKED).rows()[0]

    assert (row["verdict"], row["axes"]["integrity"]) == ("likely_ai", "unreadable")
    (unread,) = (f for f in row["findings"] if f["code"] == "manifest.unreadable")
    assert unread["summary"] in answer.stdout
    assert "indications of AI" in answer.stdout


def test_a_sound_is_judged_where_there_is_a_voice_and_not_where_there_is_none(
    toys: Path, tmp_path: Path
) -> None:
    detected.sound(tmp_path / "likely.wav", SPOKEN_LIKE)
    detected.sound(tmp_path / "unlikely.wav", HUMMED)
    detected.sound(tmp_path / "noise.wav", HUMMED, noise=True)
    detected.sound(tmp_path / "long.wav", SPOKEN_LIKE, 75.0)
    found = rows(toys, *sorted(tmp_path.glob("*.wav")))

    assert words(found["likely.wav"]) == [("detector.synthetic", "present")]
    assert words(found["long.wav"]) == [("detector.synthetic", "present")]
    assert words(found["unlikely.wav"]) == [("detector.synthetic", "absent")]
    assert words(found["noise.wav"]) == [("detector.synthetic", "skipped")]
    assert "voice" in only(found["noise.wav"])["reason"]
    times = [place[:2] for place in only(found["long.wav"])["facts"]["time_line"]]
    assert times[0][0] < 2
    assert times[-1][1] > 70


def test_without_detectors_nothing_is_checked_and_that_is_said(tmp_path: Path) -> None:
    picture = detected.grey(tmp_path / "a.png", LIKELY)
    sound_toy(tmp_path / "trustkit/detectors")
    finding = only(ask(tmp_path, "--only", "detectors", picture).rows()[0])

    if finding["status"] == "skipped":  # until a detector of pictures comes with trustkit
        assert finding["reason"] == "no detector of pictures is installed"
    else:
        assert finding["source"] != "detector:toy-picture@1"


def test_a_model_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = picture_toy(tmp_path / "trustkit/detectors", rank=999)
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"!")
    answer = ask(tmp_path, detected.grey(tmp_path / "a.png", LIKELY))

    assert answer.code == 33
    row = answer.rows()[0]
    assert row["error"]["code"] == "configuration"
    assert row["axes"]["synthetic"] == "not_checked"


def test_a_score_that_is_no_number_is_no_answer(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["pixels"], ["mean4"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["mean4"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "ten"], ["below"]),
        helper.make_node("Log", ["below"], ["logit"]),
    ]
    card = {**picture_card("broken"), "rank": 999}
    write(tmp_path / "trustkit/detectors", "broken", picture_model(nodes), card)
    answer = ask(tmp_path, detected.grey(tmp_path / "a.png", LIKELY))

    assert words(answer.rows()[0]) == [("detector.synthetic", "skipped")]
    assert "no score" in only(answer.rows()[0])["reason"]
    json.loads(answer.stdout, parse_constant=pytest.fail)


def test_fast_leaves_the_detectors_out(toys: Path, tmp_path: Path) -> None:
    picture = detected.grey(tmp_path / "a.png", LIKELY)
    options = ("verify", picture, "-q", "-f", "jsonl", "--skip", "watermark")
    fast = call_here(*options, "--fast", home=toys, env=ASKED).rows()[0]
    slow = call_here(*options, home=toys, env=ASKED).rows()[0]

    assert not any(f["code"].startswith("detector") for f in fast["findings"])
    assert (fast["verdict"], fast["axes"]["synthetic"]) == ("no_provenance", "not_checked")
    assert slow["verdict"] == "likely_ai"
    assert ask(toys, picture, "--fast").code == 33
    assert ask(toys, picture, "--device", "no-such").code == 33
