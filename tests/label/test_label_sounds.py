"""Notices in sounds: before the piece and again in it, as loud as it, which stays what it is."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.command import MEDIA
from tests.conftest import Run
from tests.label.label_material import read_wav, recording, write_wav

PAUSE = 0.4  # seconds of silence after each notice
SOUNDS = [
    *("sound.wav", "sound.aiff", "sound.flac", "sound.mp3", "sound.m4a", "sound.ogg"),
    *("sound.opus", "sound.aac"),
]
LOSSLESS = {"sound.wav", "sound.aiff", "sound.flac"}


@pytest.fixture(scope="module")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recording(tmp_path_factory.mktemp("notice") / "notice.wav", 1.5)


def labelled(quick: Run, source: Path, out: Path, *options: object) -> dict[str, Any]:
    answer = quick("label", source, "-o", out, "--text", "ai", *options, "-f", "jsonl")
    assert answer.code == 0, answer.stderr
    row: dict[str, Any] = answer.rows()[0]
    return row


def samples(path: Path) -> tuple[NDArray[Any], int]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        found = []
        for frame in container.decode(stream):
            made = frame.to_ndarray()
            found.append(made if frame.format.is_planar else made.reshape(-1, stream.channels).T)
        return np.concatenate(found, axis=1), stream.rate


@pytest.mark.parametrize("name", SOUNDS)
def test_a_notice_comes_first_and_the_piece_after_it(
    name: str, notice: Path, quick: Run, tmp_path: Path
) -> None:
    out = tmp_path / name
    row = labelled(quick, MEDIA / name, out, "--notice", notice)
    (before, rate), (after, _) = samples(MEDIA / name), samples(out)
    added = round(1.5 * rate) + round(PAUSE * rate)

    assert row["times"] == [[0.0, pytest.approx(1.5, abs=0.01)]]
    assert row["voice"] == "notice.wav"
    assert after.shape[1] - before.shape[1] == pytest.approx(added, abs=4200)
    if name in LOSSLESS:
        more = after.shape[1] - before.shape[1]
        assert more == pytest.approx(added, abs=2)
        assert (after[:, more:] == before).all()
        assert np.abs(after[:, : round(1.5 * rate)]).max() > 0


def test_of_a_long_piece_every_sample_stays_around_its_notices(
    notice: Path, quick: Run, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    piece = rng.integers(-8000, 8000, (2, 8000 * 40)).astype(np.int16)
    piece[:, 8000 * 14 + 2000 : 8000 * 14 + 4000] = 0  # a pause within four seconds of twelve
    source, out = write_wav(tmp_path / "in.wav", piece, 8000), tmp_path / "out.wav"
    row = labelled(quick, source, out, "--notice", notice, "--every", "0.2")
    after = read_wav(out)

    assert len(row["times"]) == 4
    kept, at = [], 0
    for begin, end in row["times"]:
        kept.append(after[:, at : round(begin * 8000)])
        at = round((end + PAUSE) * 8000)
    kept.append(after[:, at:])
    assert (np.concatenate(kept, axis=1) == piece).all()
    # The second is in the pause, where it cuts no word.
    second = row["times"][1][0] - 1.5 - PAUSE
    assert 14.25 <= second <= 14.5


def test_other_chunks_of_a_wav_stay_and_its_sizes_are_right(
    notice: Path, quick: Run, tmp_path: Path
) -> None:
    whole = (MEDIA / "sound.wav").read_bytes()
    more = b"LIST" + (26).to_bytes(4, "little") + b"INFOINAM" + (14).to_bytes(4, "little")
    more += b"a title of it\0" + b"cue " + (4).to_bytes(4, "little") + bytes(4)
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    source.write_bytes(
        whole[:4] + (len(whole) + len(more) - 8).to_bytes(4, "little") + whole[8:] + more
    )
    row = labelled(quick, source, out, "--notice", notice)
    made = out.read_bytes()

    assert int.from_bytes(made[4:8], "little") == len(made) - 8
    assert made.endswith(more)
    assert "cue chunk tells of moments that are later now" in row["warnings"][0]
    with wave.open(str(out)) as file, wave.open(str(source)) as before:
        assert file.getnframes() == before.getnframes() + round(1.5 * 16000) + round(0.4 * 16000)


def test_tags_and_covers_of_sounds_stay(notice: Path, quick: Run, tmp_path: Path) -> None:
    for name in ("sound.mp3", "sound.m4a", "sound.flac", "sound.ogg"):
        with av.open(str(MEDIA / name)) as container:
            wanted = {k: v for k, v in container.metadata.items() if k in {"title", "artist"}}
        labelled(quick, MEDIA / name, tmp_path / name, "--notice", notice)
        with av.open(str(tmp_path / name)) as container:
            assert {k: container.metadata.get(k) for k in wanted} == wanted


@pytest.mark.parametrize("bits", [24, 32])
def test_deep_samples_stay_exact(bits: int, notice: Path, quick: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    raw = rng.bytes(2 * bits // 8 * 16000)
    source, out = tmp_path / "in.wav", tmp_path / "out.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(bits // 8)
        file.setframerate(16000)
        file.writeframes(raw)
    labelled(quick, source, out, "--notice", notice)

    with wave.open(str(out)) as file:
        assert file.readframes(file.getnframes()).endswith(raw)


@pytest.mark.parametrize(("level", "hertz"), [(0.05, 440.0), (0.2, 440.0), (0.9, 3000.0)])
def test_a_notice_is_as_loud_as_the_piece(
    level: float, hertz: float, notice: Path, quick: Run, tmp_path: Path
) -> None:
    from trustkit.media.sound.loudness import loudness

    source = recording(tmp_path / "in.wav", 4.0, level=level, hertz=hertz)
    labelled(quick, source, tmp_path / "out.wav", "--notice", notice)
    after = read_wav(tmp_path / "out.wav").astype(np.float32) / 32768
    spoken, piece = after[:, :24000], after[:, 24000 + 6400 :]
    wanted = min(-14.0, max(-31.0, loudness([piece], 16000)))

    assert loudness([spoken], 16000) == pytest.approx(wanted, abs=0.5)
    assert np.abs(spoken).max() <= 10 ** (-1 / 20) + 1e-3


def test_loudness_is_that_of_the_standard() -> None:
    from trustkit.media.sound.loudness import loudness

    # EBU Tech 3341, case 1: 1 kHz in stereo, -23 dBFS peak, is -23 LUFS; one side alone 3 LU less.
    for rate in (44100, 48000):
        at = np.arange(20 * rate) / rate
        tone = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * at)).astype(np.float32)
        assert loudness([np.stack([tone, tone])], rate) == pytest.approx(-23.0, abs=0.1)
        assert loudness([tone[None]], rate) == pytest.approx(-26.0, abs=0.1)
        # Case 3: quieter parts before and after are gated out.
        quiet = tone * np.float32(10 ** (-13 / 20))
        whole = np.concatenate([quiet[: 10 * rate], tone, tone, tone, quiet[: 10 * rate]])
        assert loudness([np.stack([whole, whole])], rate) == pytest.approx(-23.0, abs=0.1)
    assert loudness([np.zeros((1, 8000), np.float32)], 8000) == -np.inf


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_without_a_recording_an_engine_speaks_each_language(quick: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    one = labelled(quick, MEDIA / "sound.wav", out, "--lang", "de")
    two = labelled(quick, MEDIA / "sound.wav", out, "--lang", "de,el")

    assert one["voice"] == "espeak-ng"
    assert one["said"] == [
        "Dieser Inhalt wurde mit künstlicher Intelligenz erzeugt oder verändert."
    ]
    assert one["times"][0][1] > 2
    assert two["times"][0][1] > one["times"][0][1] + 2


def test_several_streams_of_sound_are_refused(notice: Path, quick: Run, tmp_path: Path) -> None:
    source = tmp_path / "in.mka"
    with av.open(str(source), "w", format="matroska") as out:
        streams = [out.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(2)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8000, 0
            out.mux(stream.encode(frame))
    renamed = source.rename(tmp_path / "in.mkv")
    answer = quick("label", renamed, "-o", tmp_path / "o.mkv", "--text", "ai", "--notice", notice)

    assert answer.code == 40
    assert "2 streams of sound" in answer.stderr


def test_text_tells_what_is_spoken(notice: Path, quick: Run, tmp_path: Path) -> None:
    call = ("label", MEDIA / "sound.wav", "-o", tmp_path / "out.wav", "--text", "ai")
    answer = quick(*call, "--notice", notice)

    assert "spoken: notice.wav" in answer.stdout
    assert "at 0.0-1.5 s" in answer.stdout
