"""A whole trial of sounds, with a tiny engine: what it lists, counts, repeats and reports."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.watermarks.trial.fakes import Steps
from trustkit.watermarks.trial import page, report
from trustkit.watermarks.trial.count import tally
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.result import Marked, Outcome, Result
from trustkit.watermarks.trial.sound_attacks import HARDER, SoundAttack, choose_sound
from trustkit.watermarks.trial.sound_codecs import Codec, Sound
from trustkit.watermarks.trial.sound_trial import SoundSetup, run_sounds, window

RATE = 16_000
SOME = choose_sound(["none", "8k", "noise20", "speed+5", "hp500", "crop3", "mono"])


def drawn(path: Path, seed: int, seconds: float = 6.0, channels: int = 1) -> Path:
    chance = np.random.default_rng(seed)
    noise = np.convolve(
        chance.normal(0, 0.05, round(channels * seconds * RATE)), np.ones(4), "same"
    )
    with wave.open(str(path), "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.rint(np.clip(noise, -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sounds")
    return [drawn(folder / f"{name}.wav", seed) for seed, name in enumerate("abc")]


@pytest.fixture(scope="module")
def result(files: list[Path]) -> Result:
    setup = SoundSetup(Steps(), SOME, told={"strength": "default"})
    return run_sounds(files[:2], setup, unmarked=files[2:])


def outcomes(sound: Marked) -> dict[str, Outcome]:
    return {cell.attack: cell.outcome for cell in sound.cells}


def without_times(result: Result) -> Result:
    return replace(
        result,
        marked=tuple(
            replace(m, embed_cpu=0, cells=tuple(replace(c, cpu=0) for c in m.cells))
            for m in result.marked
        ),
        unmarked=tuple(replace(u, cpu=0) for u in result.unmarked),
    )


def test_what_cannot_be_read_or_marked_is_listed(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "words.mp3").write_text("no sound")
    drawn(tmp_path / "short.wav", 1, 0.5)  # the engine itself refuses this one
    bad = [*sorted(tmp_path.iterdir()), tmp_path / "gone.wav"]

    found = run_sounds([files[0], *bad], SoundSetup(Steps(), SOME[:1]), unmarked=[bad[1], bad[2]])

    assert [m.name for m in found.marked] == ["a.wav"]
    said = {failed.name: failed.error.message for failed in found.failed}
    assert set(said) == {"words.mp3", "short.wav", "gone.wav"}
    assert said["short.wav"] == "the sound is too short for a mark"
    assert said["words.mp3"].startswith("words.mp3 has no sound that can be read")
    assert "No such file" in said["gone.wav"]
    assert [f.name for f in found.unmarked_failed] == ["words.mp3", "gone.wav"]


def test_a_wrong_payload_and_a_false_positive_are_seen(files: list[Path]) -> None:
    found = run_sounds(files[:1], SoundSetup(Steps(lies=True), SOME[:2]), unmarked=files[1:])

    assert set(outcomes(found.marked[0]).values()) == {Outcome.WRONG}
    assert tally(found).wrong == 2
    assert tally(found).chance.found == 2


def test_what_cannot_be_made_or_read_has_its_reason(files: list[Path]) -> None:
    def cut(samples: Sound, rate: int, _rng: Rng) -> tuple[Sound, int]:
        return samples[:, : rate // 20], rate

    attacks = (
        SoundAttack("cut", HARDER, "nearly nothing", cut),
        SoundAttack("absent", HARDER, "x", cut, (Codec("libnothing", "ogg"),)),
        *choose_sound(["mono"]),
    )
    cells = run_sounds(files[:1], SoundSetup(Steps(), attacks)).marked[0].cells

    assert [(cell.outcome, cell.reason) for cell in cells] == [
        (Outcome.UNREADABLE, "the sound is too short to be read"),
        (Outcome.NOT_RUN, "this build of FFmpeg has no encoder libnothing"),
        (Outcome.NOT_RUN, "it has one channel already"),
    ]


def test_every_sound_has_its_own_payload_and_every_cell_its_outcome(result: Result) -> None:
    first, second = result.marked

    assert first.payload != second.payload
    assert outcomes(first) == {
        "none": Outcome.RECOVERED,
        "8k": Outcome.RECOVERED,  # read by an engine for 8 kHz
        "noise20": Outcome.RECOVERED,
        "speed+5": Outcome.RECOVERED,
        "hp500": Outcome.UNREADABLE,
        "crop3": Outcome.UNREADABLE,
        "mono": Outcome.NOT_RUN,
    }
    amounts = {cell.attack: cell.amount for cell in first.cells}
    assert amounts["none"] == amounts["8k"] == 6
    assert amounts["crop3"] == 3
    assert amounts["speed+5"] == pytest.approx(6 / 1.05, abs=0.01)
    assert first.extent.facts == {"seconds": 6.0, "rate": RATE, "channels": 1}
    assert 10 < (first.quality["snr"] or 0) < 20
    assert result.unmarked[0].payload is None


def test_the_middle_of_a_long_sound_is_taken(tmp_path: Path) -> None:
    whole = np.arange(100, dtype=np.float32)[None, :]
    assert np.array_equal(window(whole, 10, 2.0)[0], np.arange(40, 60))
    assert np.array_equal(window(whole, 10, 99.0), whole)

    path = drawn(tmp_path / "long.wav", 1, 8.0, channels=2)
    found = run_sounds([path], SoundSetup(Steps(), SOME[:1], seconds=5.0))
    assert found.marked[0].extent.facts == {"seconds": 5.0, "rate": RATE, "channels": 2}


def test_workers_and_repetition_change_nothing_but_the_seed_does(
    files: list[Path], result: Result
) -> None:
    setup = SoundSetup(Steps(), SOME, told={"strength": "default"})
    together = run_sounds(files[:2], setup, unmarked=files[2:], jobs=2)
    other = run_sounds(files[:1], replace(setup, seed=2))

    assert without_times(together) == without_times(result)
    assert other.marked[0].payload != result.marked[0].payload


def test_table_and_sentences_are_about_sounds(result: Result) -> None:
    table = report.to_table(result)

    assert "2 sounds; recovered means every bit of the payload" in table
    assert "mean of 6 of the everyday" not in table  # five of the seven are
    assert "mean of 5 of the everyday" in table
    assert "x real time" in table
    assert "times real time on one core, reading a clean copy at" in table
    assert "Marks found in unmarked sounds: 0 of 1" in table
    assert "SNR" in table
    assert "Log-spectral distance" in table
    for word in ("picture", "megapixel", "MP", "large", "PSNR"):
        assert word not in table.replace("PESQ", "")


def test_json_has_seconds_where_pictures_have_pixels(result: Result) -> None:
    told = json.loads(report.to_json(result))

    assert told["summary"]["sounds"] == 2
    assert told["summary"]["mean_of_everyday"]["every"]["of"] == 2
    assert "large_from_pixels" not in told["summary"]
    assert set(told["summary"]["snr"]) == {"mean", "worst"}
    distances = [f["spectral_distance"] for f in told["files"]]
    assert told["summary"]["spectral_distance"]["worst"] == max(distances)
    assert told["summary"]["embed_cpu_s_per_s"] >= 0
    assert "large" not in told["attacks"][0]
    assert told["attacks"][0]["detect_cpu_s_per_s"] >= 0
    file = told["files"][0]
    assert (file["seconds"], file["rate"], file["channels"]) == (6.0, RATE, 1)
    assert file["cells"][0]["seconds"] == 6.0
    assert told["unmarked"][0]["seconds"] == 6.0


def test_the_page_is_about_sounds(result: Result) -> None:
    html = page.to_html(result)

    assert "Everyday attacks" in html
    assert "Harder attacks" in html
    assert "Every sound under every attack" in html
    assert "another sound" in html
    assert "6.0 s, 16,000 Hz, 1 ch." in html
    for word in ("picture", "megapixel", "forty", "PSNR"):
        assert word not in html
    assert html.count("<th scope=") > 30
