"""Sound made anew: what is refused leaves nothing behind, what is written has all it came with."""

from __future__ import annotations

import base64
import functools
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from tests.command import MEDIA, REPOSITORY
from trustkit.errors import MissingBackendError, PublishError, UnreadableError, UsageError
from trustkit.media.sniff import sniff
from trustkit.media.sound import Limits, Settings
from trustkit.media.sound.look import look
from trustkit.media.sound.remake import remake
from trustkit.media.sound.samples import blocks

PICTURE = cv2.imencode(".png", np.random.default_rng(3).integers(0, 255, (160, 160, 3)))[
    1
].tobytes()
TAGS = {"title": "Tönung", "artist": "A", "album": "B", "date": "2024", "comment": "of ours"}


class Same:
    """Changes nothing."""

    def __init__(self, rate: int, channels: int, layout: str) -> None:
        self.channels = channels

    def feed(self, block: np.ndarray) -> np.ndarray:
        return block

    def flush(self) -> np.ndarray:
        return np.zeros((self.channels, 0), np.float32)


class Late(Same):
    """Holds back 4096 samples."""

    def __init__(self, rate: int, channels: int, layout: str) -> None:
        super().__init__(rate, channels, layout)
        self.held = super().flush()

    def feed(self, block: np.ndarray) -> np.ndarray:
        everything = np.concatenate([self.held, block], axis=1)
        ready = max(0, everything.shape[1] - 4096)
        self.held = everything[:, ready:]
        return everything[:, :ready]

    def flush(self) -> np.ndarray:
        return self.held


@dataclass
class Recipe:
    """A sound to be made; empty `kind`: what the encoder takes first."""

    codec: str
    rate: int = 44100
    layout: str = "stereo"
    samples: int = 30_001
    kind: str = ""
    bit_rate: int = 0
    options: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    stream_tags: dict[str, str] = field(default_factory=dict)
    chapters: bool = False
    cover: bool = False
    starts: int = 0


def waves(r: Recipe, seed: int = 0) -> np.ndarray:
    """Return soft noise, other in each channel, as float32."""
    channels = av.AudioLayout(r.layout).nb_channels
    noise = np.random.default_rng(seed).normal(size=(channels, r.samples + 8)) * 0.2
    window = np.hanning(11)[1:-1] / np.hanning(11).sum()
    return np.stack([np.convolve(row, window, "valid") for row in noise]).astype(np.float32)


def frame(r: Recipe, block: np.ndarray, at: int) -> Any:
    packed = np.ascontiguousarray(block.T).reshape(1, -1)
    made = av.AudioFrame.from_ndarray(packed, format="flt", layout=r.layout)
    made.sample_rate, made.pts, made.time_base = r.rate, at + r.starts, Fraction(1, r.rate)
    return made


def add(out: Any, r: Recipe) -> Any:
    stream = out.add_stream(r.codec, rate=r.rate, options=r.options)
    stream.codec_context.layout = r.layout
    if r.kind:
        stream.codec_context.format = r.kind
    if r.bit_rate:
        stream.codec_context.bit_rate = r.bit_rate
    stream.metadata.update(r.stream_tags)
    return stream


def sound(path: Path, r: Recipe) -> Path:
    """Write the sound and return where it is."""
    kind = {".m4a": "mp4", ".mka": "matroska", ".wma": "asf"}.get(path.suffix)
    with av.open(str(path), "w", format=kind, container_options=r.muxer) as out:
        stream = add(out, r)
        out.metadata.update(r.tags)
        if r.chapters:
            base = Fraction(1, 1000)
            ends = {"id": 1, "start": 0, "end": 300, "time_base": base, "metadata": {"title": "1"}}
            out.set_chapters([ends, {**ends, "id": 2, "start": 300, "end": 600}])
        cover = out.add_mux_stream("png", width=160, height=160) if r.cover else None
        stream.codec_context.open()
        if cover:
            cover.disposition = 0x400
            packet = av.Packet(PICTURE)
            packet.stream, packet.pts, packet.dts = cover, 0, 0
            out.mux(packet)
        out.mux(stream.encode(frame(r, waves(r), 0)))
        out.mux(stream.encode(None))
    return path


@functools.cache
def long(name: str) -> bytes:
    """Return four seconds of sound in a file of that name's kind."""
    codec = {".mp3": "libmp3lame", ".flac": "flac", ".opus": "libopus", ".wav": "pcm_s16le"}
    recipe = Recipe(codec.get(Path(name).suffix, "aac"), rate=48_000, samples=192_000)
    with tempfile.TemporaryDirectory() as folder:
        return sound(Path(folder) / name, recipe).read_bytes()


def heard(path: Path, number: int = 0, **options: Any) -> np.ndarray:
    return np.concatenate(list(blocks(path, look(path)[number], **options)), axis=1)


def offset(was: np.ndarray, now: np.ndarray) -> int:
    """Return by how many samples `now` is late, by correlation."""
    length = min(was.shape[1], now.shape[1])
    size = 1 << (2 * length).bit_length()
    spectrum = np.fft.rfft(now[0, :length], size) * np.conj(np.fft.rfft(was[0, :length], size))
    late = int(np.argmax(np.fft.irfft(spectrum, size)))
    return late if late < size // 2 else late - size


def ratio(was: np.ndarray, now: np.ndarray) -> float:
    """Return the signal to noise ratio in dB, but for the first and last moments."""
    part = slice(2500, min(was.shape[1], now.shape[1]) - 2500)
    noise = np.square(now[:, part] - was[:, part]).sum()
    return float(10 * np.log10(np.square(was[:, part]).sum() / max(noise, 1e-20)))


def told(path: Path) -> tuple[dict[str, str], list[tuple[float, str]], list[bytes]]:
    """Return the tags of the file and of its sound, its chapters, and its pictures."""
    with av.open(str(path)) as container:
        tags = {**container.streams.audio[0].metadata, **container.metadata}
        chapters = [
            (float(c["start"] * c["time_base"]), c["metadata"]["title"])
            for c in container.chapters()
        ]
        pictures = [bytes(next(container.demux(s))) for s in container.streams.video]
    for name in ("encoder", "ENCODER", "DURATION"):
        tags.pop(name, None)
    return tags, chapters, pictures


def packets(path: Path, number: int) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = container.streams[number]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]


def pcm(rate: int, channels: int, bits: int, data: bytes, told: int | None = None) -> bytes:
    """Return a WAV file whose header may lie."""
    size, block = len(data) if told is None else told, channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * block, 2**32 - 1), block, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


# Refusals.


def test_what_is_no_sound_is_refused_in_words(tmp_path):
    cases = {
        "text.mp3": b"not a sound" * 500,
        "empty.wav": b"",
        "list.m3u8": b"#EXTM3U\nother.ts\n",
        "noise.wav": b"RIFF\xff\xff\xff\xffWAVEfmt " + random.Random(1).randbytes(3000),
        "silent.wav": pcm(48000, 1, 16, b""),
        "still.png": PICTURE,
    }
    for name, data in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableError, match=name):
            remake(tmp_path / name, tmp_path / "out.wav", Same)
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (pcm(4_000_000, 2, 16, bytes(4000)), "samples a second"),
        (pcm(384_000, 1, 16, bytes(4000)), "samples a second"),
        (pcm(4000, 1, 16, bytes(4000)), "samples a second"),
        (pcm(48_000, 64, 16, bytes(12800)), "64 channels"),
        (pcm(48_000, 9, 16, bytes(1800)), "9 channels"),
    ],
)
def test_headers_beyond_the_limits_are_refused(tmp_path, data, word):
    source = tmp_path / "in.wav"
    source.write_bytes(data)
    with pytest.raises(UnreadableError, match=word):
        look(source)


@pytest.mark.parametrize("name", ["in.wav", "in.mp3"])
def test_sound_longer_than_the_limit_is_refused(tmp_path, name):
    codec = "libmp3lame" if name == "in.mp3" else "pcm_s16le"
    source = sound(tmp_path / name, Recipe(codec))
    with pytest.raises(UnreadableError, match="long"):
        remake(source, source, Same, limits=Limits(seconds=0.5))


@pytest.mark.parametrize(
    ("name", "codec", "instead"),
    [
        ("in.wma", "wmav2", "MP3"),
        ("in.wv", "wavpack", "FLAC"),
        ("in.wav", "adpcm_ima_wav", "FLAC"),
        ("in.mka", "wavpack", "FLAC"),
    ],
)
def test_a_codec_that_is_not_written_is_refused_and_another_named(tmp_path, name, codec, instead):
    source = sound(tmp_path / name, Recipe(codec, bit_rate=128_000))
    before = source.read_bytes()
    with pytest.raises(PublishError, match="cannot be written here; nothing was written") as error:
        remake(source, source, Same)
    assert instead in error.value.hint
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_vorbis_without_its_library_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    monkeypatch.delitem(sys.modules, "trustkit.media.sound.vorbis", raising=False)
    with pytest.raises(MissingBackendError, match="soundfile") as error:
        remake(MEDIA / "sound.ogg", tmp_path / "out.ogg", Same)
    assert "trustkit[vorbis]" in error.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bit_rate", [-1, 0, 400_000])
def test_bit_rates_that_make_no_sense_are_refused(tmp_path, bit_rate):
    with pytest.raises(UsageError, match="bit rate"):
        remake(MEDIA / "sound.mp3", tmp_path / "out.mp3", Same, Settings(bit_rate=bit_rate))


KINDS = ["in.mp3", "in.m4a", "in.flac", "in.opus", "in.mka", "in.wav"]
# A shorter sound, and silence, is no damage that can be told.
NO_DAMAGE = {("in.mp3", "cut off"), ("in.opus", "cut off"), ("in.wav", "zeroes")}
DAMAGES = [(name, how) for name in KINDS for how in ("cut off", "zeroes", "missing")]


@pytest.mark.parametrize(("name", "damage"), [d for d in DAMAGES if d not in NO_DAMAGE])
def test_damaged_sound_is_refused_and_nothing_is_lost(tmp_path, name, damage):
    source, data = tmp_path / name, long(name)
    middle = len(data) // 2
    rest = {"cut off": b"", "zeroes": bytes(5000) + data[middle + 5000 :]}
    damaged = data[:middle] + rest.get(damage, data[middle + 5000 :])
    source.write_bytes(damaged)
    with pytest.raises(UnreadableError, match=name):
        remake(source, source, Same)
    assert source.read_bytes() == damaged
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("name", "word"), [("in.mp3", "seconds it tells"), ("in.opus", "cut off")])
def test_sound_that_may_be_cut_off_is_written_with_a_warning(tmp_path, name, word):
    source = tmp_path / name
    source.write_bytes(long(name)[: len(long(name)) // 2])
    made = remake(source, tmp_path / f"out-{name}", Same)
    assert word in made.warnings[0]


class Short(Same):
    def feed(self, block: np.ndarray) -> np.ndarray:
        return block[:, 1:]


class Mixed(Same):
    def feed(self, block: np.ndarray) -> np.ndarray:
        return block[:1]


class Refusing(Same):
    def feed(self, block: np.ndarray) -> np.ndarray:
        raise PublishError("no")


@pytest.mark.parametrize("changer", [Short, Mixed, Refusing])
@pytest.mark.parametrize("name", ["sound.wav", "sound.m4a", "sound.flac"])
def test_a_changer_that_loses_samples_or_refuses_leaves_the_target(tmp_path, name, changer):
    source = MEDIA / ("clip.mkv" if name == "sound.flac" else name)
    if changer is Mixed:
        source = MEDIA / "sound.flac"
    target = tmp_path / f"out{source.suffix}"
    target.write_bytes(b"older")
    with pytest.raises(PublishError):
        remake(source, target, changer)
    assert target.read_bytes() == b"older"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_inspector_that_refuses_leaves_the_target(tmp_path):
    seen = []

    def refuse(path: Path) -> None:
        seen.append(look(path)[0].codec)
        raise PublishError("no mark")

    (tmp_path / "out.mp3").write_bytes(b"older")
    with pytest.raises(PublishError, match="no mark"):
        remake(MEDIA / "sound.mp3", tmp_path / "out.mp3", Same, inspect=refuse)
    assert seen == ["mp3"]
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("out.mp3", b"older")]


WORKER = """
import resource, sys, time
from pathlib import Path
import numpy as np
from trustkit.errors import PublishError
from trustkit.media.sound.remake import remake
path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
class Slow:
    def __init__(self, rate, channels, layout):
        self.channels = channels
    def feed(self, block):
        print("fed", flush=True)
        time.sleep(0 if limit else 0.05)
        return block
    def flush(self):
        return np.zeros((self.channels, 0), np.float32)
try:
    remake(path, path, Slow)
except PublishError as error:
    sys.exit(error.message)
"""


@pytest.mark.parametrize("name", ["in.wav", "in.mp3"])
def test_a_killed_remake_leaves_the_old_file(tmp_path, name):
    codec = "pcm_s16le" if name == "in.wav" else "libmp3lame"
    source = sound(tmp_path / name, Recipe(codec, samples=400_000))
    before = source.read_bytes()
    words = [sys.executable, "-c", WORKER, str(source), "0"]
    process = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE)
    for _ in range(3):
        assert process.stdout.readline() == b"fed\n"
    time.sleep(0.02)
    process.kill()
    process.wait()
    process.stdout.close()
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["in.wav", "in.m4a"])
def test_a_full_disk_leaves_the_original_and_says_so(tmp_path, name):
    codec = "pcm_s16le" if name == "in.wav" else "aac"
    source = sound(tmp_path / name, Recipe(codec, samples=100_000))
    before = source.read_bytes()
    words = [sys.executable, "-c", WORKER, str(source), "4096"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert "the copy cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert source.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [name]


# What is written.

LOSSLESS = {
    "16.wav": Recipe("pcm_s16le"),
    "24.wav": Recipe("pcm_s24le", rate=192_000, layout="5.1"),
    "71.wav": Recipe("pcm_s24le", rate=48_000, layout="7.1"),
    "32.wav": Recipe("pcm_s32le"),
    "float.wav": Recipe("pcm_f32le", rate=96_000),
    "double.wav": Recipe("pcm_f64le"),
    "8.wav": Recipe("pcm_u8", rate=8000, layout="mono"),
    "law.wav": Recipe("pcm_alaw", rate=8000, layout="mono"),
    "rf64.wav": Recipe("pcm_s16le", muxer={"rf64": "always"}),
    "24.aiff": Recipe("pcm_s24be"),
    "24.caf": Recipe("pcm_s24le"),
    "24.w64": Recipe("pcm_s24le"),
    "16.au": Recipe("pcm_s16be"),
    "16.flac": Recipe("flac", kind="s16"),
    "24.flac": Recipe("flac", kind="s32", rate=96_000),
    "71.flac": Recipe("flac", kind="s32", layout="7.1"),
    "192.flac": Recipe("flac", kind="s32", rate=192_000),
    "32.flac": Recipe(
        "flac", kind="s32", options={"strict": "experimental", "bits_per_raw_sample": "32"}
    ),
    "flac.ogg": Recipe("flac", kind="s16"),
    "16.m4a": Recipe("alac", kind="s16p"),
    "24.m4a": Recipe("alac", kind="s32p", layout="5.1"),
    "flac.mka": Recipe("flac", kind="s32"),
    "flac.mp4": Recipe("flac", kind="s16"),
    "24.mka": Recipe("pcm_s24le"),
    "16.mov": Recipe("pcm_s16le"),
}


def exact(path: Path) -> np.ndarray:
    """Return the samples as FFmpeg gives them, without any of our code."""
    with av.open(str(path)) as container:
        packed = av.AudioResampler(format=container.streams.audio[0].format.packed.name)
        made = [f for one in container.decode(audio=0) for f in packed.resample(one)]
        return np.concatenate([f.to_ndarray() for f in made], axis=1)


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_sound_stays_the_same_to_the_last_bit(tmp_path, name):
    source, target = sound(tmp_path / name, LOSSLESS[name]), tmp_path / f"out-{name}"
    made = remake(source, target, Late)
    assert np.array_equal(exact(source), exact(target))
    (was,), (now,) = look(source), look(target)
    assert (was.bits, was.rate, was.layout, was.format) == (
        *(now.bits, now.rate, now.layout),
        now.format,
    )
    assert made.warnings == ()
    assert (made.samples, made.streams) == (30_001, 1)
    if source.suffix in {".wav", ".aiff", ".caf", ".w64", ".au"}:
        assert source.read_bytes() == target.read_bytes()


LOSSY = {
    "44.mp3": (Recipe("libmp3lame", bit_rate=192_000), 15),
    "8.mp3": (Recipe("libmp3lame", rate=8000, layout="mono", bit_rate=64_000), 15),
    "24.mp3": (Recipe("libmp3lame", rate=24_000, layout="mono", bit_rate=64_000), 12),
    "44.m4a": (Recipe("aac", bit_rate=256_000), 17),
    "51.mp4": (Recipe("aac", rate=48_000, layout="5.1", bit_rate=640_000), 12),
    "71.mov": (Recipe("aac", rate=48_000, layout="7.1", bit_rate=800_000), 12),
    "aac.mka": (Recipe("aac", bit_rate=256_000), 17),
    "raw.aac": (Recipe("aac", bit_rate=256_000), 17),
    "stereo.opus": (Recipe("libopus", rate=48_000, bit_rate=256_000), 15),
    "51.opus": (Recipe("libopus", rate=48_000, layout="5.1", bit_rate=512_000), 12),
    "71.opus": (Recipe("libopus", rate=48_000, layout="7.1", bit_rate=640_000), 12),
    "opus.mka": (Recipe("libopus", rate=48_000, bit_rate=256_000), 15),
    "opus.mp4": (Recipe("libopus", rate=48_000, bit_rate=256_000), 15),
    "mp3.mka": (Recipe("libmp3lame", bit_rate=256_000), 15),
    "ac3.mka": (Recipe("ac3", rate=48_000, layout="5.1(side)", bit_rate=448_000), 12),
    "eac3.mp4": (Recipe("eac3", rate=48_000, bit_rate=256_000), 12),
    "mp2.mka": (Recipe("mp2", rate=48_000, bit_rate=320_000), 12),
}


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_sound_stays_in_its_place_and_as_long(tmp_path, name):
    recipe, least = LOSSY[name]
    source, target = sound(tmp_path / name, recipe), tmp_path / f"out-{name}"
    made = remake(source, target, Late)
    was, now = heard(source), heard(target)
    assert was.shape == now.shape
    assert offset(was, now) == 0
    assert ratio(was, now) > least
    assert len(made.warnings) == ("ac3" in recipe.codec)
    assert look(target)[0].layout == recipe.layout
    assert look(target)[0].start == look(source)[0].start


def test_vorbis_keeps_its_channels_its_place_and_its_comments(tmp_path):
    library = pytest.importorskip("soundfile")
    recipe = Recipe("", rate=48_000, layout="5.1", samples=60_000)
    source, target = tmp_path / "in.ogg", tmp_path / "out.ogg"
    with library.SoundFile(
        source, "w", 48_000, 6, "VORBIS", format="OGG", compression_level=0.2
    ) as out:
        out.title = "Tönung"
        out.write(waves(recipe).T)
    remake(source, target, Late)
    was, now = heard(source), heard(target)
    assert was.shape == now.shape == (6, 60_000)
    assert offset(was, now) == 0
    assert ratio(was, now) > 10
    assert told(source) == told(target)
    assert told(target)[0]["TITLE"] == "Tönung"


@pytest.mark.parametrize("name", ["sound.wav", "sound.mp3", "sound.m4a", "sound.opus"])
def test_a_file_may_take_its_own_place(tmp_path, name):
    source = tmp_path / name
    shutil.copy(MEDIA / name, source)
    source.chmod(0o640)
    was = heard(source)
    remake(source, source, Late)
    assert offset(was, heard(source)) == 0
    assert source.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_only_what_is_said_is_changed_and_each_stream_once(tmp_path):
    asked = []

    class Half(Late):
        def __init__(self, rate: int, channels: int, layout: str) -> None:
            super().__init__(rate, channels, layout)
            asked.append((rate, channels, layout))

        def feed(self, block: np.ndarray) -> np.ndarray:
            assert block.dtype == np.float32
            return super().feed(block * np.float32(0.5))

    remake(MEDIA / "sound.flac", tmp_path / "out.flac", Half)
    was, now = exact(MEDIA / "sound.flac"), exact(tmp_path / "out.flac")
    assert np.array_equal(now, np.rint(was / 2).astype(np.int16))
    assert asked == [(44100, 2, "stereo")]


def test_samples_that_clip_are_counted(tmp_path):
    class Loud(Same):
        def feed(self, block: np.ndarray) -> np.ndarray:
            return np.where(block > 0.5, np.float32(1.5), block)

    count = int((heard(MEDIA / "sound.wav") > 0.5).sum())
    made = remake(MEDIA / "sound.wav", tmp_path / "out.wav", Loud)
    assert count > 0
    assert made.warnings[0].startswith(f"{count} samples ")
    assert exact(tmp_path / "out.wav").max() == 32767


def test_the_bit_rate_is_never_lower_and_never_poor(tmp_path):
    for name, bit_rate, least in (
        ("a.mp3", 192_000, 192_000),
        ("b.mp3", 48_000, 128_000),
        ("c.m4a", 200_000, 185_000),
        ("d.m4a", 40_000, 118_000),
    ):
        codec = "libmp3lame" if name.endswith("mp3") else "aac"
        source = sound(tmp_path / name, Recipe(codec, bit_rate=bit_rate, samples=60_000))
        remake(source, tmp_path / f"out-{name}", Same)
        assert (look(tmp_path / f"out-{name}")[0].bit_rate or 0) >= least
    remake(tmp_path / "a.mp3", tmp_path / "e.mp3", Same, Settings(bit_rate=320_000))
    assert look(tmp_path / "e.mp3")[0].bit_rate == 320_000


# What stands beside the sound.


def test_a_wav_keeps_every_chunk_but_what_told_of_its_samples(tmp_path):
    body = waves(Recipe("", layout="mono"))
    data = (body * 32767).astype("<i2").tobytes() + b"\0"
    before = chunk(b"bext", b"B" * 603) + chunk(b"iXML", b"<x/>") + chunk(b"PEAK", b"p" * 16)
    after = chunk(b"LIST", b"INFOINAM\x04\0\0\0abc\0") + chunk(b"cue ", bytes(28))
    whole = pcm(48_000, 1, 16, data)
    source = tmp_path / "in.wav"
    source.write_bytes(
        whole[:36] + before + whole[36:] + b"\0" + after + chunk(b"C2PA", b"c2pa" * 9)
    )
    made = remake(source, tmp_path / "out.wav", Late)
    copy = (tmp_path / "out.wav").read_bytes()
    expected = source.read_bytes().replace(b"PEAK\x10\0\0\0" + b"p" * 16, chunk(b"JUNK", bytes(16)))
    assert copy == expected.replace(chunk(b"C2PA", b"c2pa" * 9), chunk(b"JUNK", bytes(36)))
    assert "PEAK" in made.warnings[0]


@pytest.mark.parametrize("told", [0, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_keeps_its_header(tmp_path, told):
    data = (waves(Recipe("")) * 32767).astype("<i2").T.tobytes()
    source = tmp_path / "in.wav"
    source.write_bytes(pcm(48_000, 2, 16, data, told))
    remake(source, tmp_path / "out.wav", Late)
    assert (tmp_path / "out.wav").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("name", ["in.mp3", "in.flac", "in.m4a", "in.mka", "in.wav", "in.aiff"])
def test_tags_covers_and_chapters_go_over(tmp_path, name):
    codec = {
        ".mp3": "libmp3lame",
        ".flac": "flac",
        ".m4a": "aac",
        ".mka": "aac",
        ".wav": "pcm_s16le",
        ".aiff": "pcm_s16be",
    }[Path(name).suffix]
    recipe = Recipe(codec, tags=TAGS)
    recipe.chapters = name in {"in.mp3", "in.m4a", "in.mka"}
    recipe.cover = name in {"in.mp3", "in.m4a", "in.flac"}
    if name == "in.m4a":
        recipe.muxer = {"brand": "M4A "}
    source, target = sound(tmp_path / name, recipe), tmp_path / f"out-{name}"
    made = remake(source, target, Late)
    assert told(target) == told(source)
    assert made.warnings == ()
    tags, chapters, pictures = told(target)
    assert tags["title"] == "Tönung"
    assert len(chapters) == 2 * recipe.chapters
    assert pictures == [PICTURE] * recipe.cover
    assert sniff(target.read_bytes()[:4096], name) == sniff(source.read_bytes()[:4096], name)


def test_an_mp3_keeps_its_tags_to_the_byte_but_no_manifest(tmp_path):
    def synchsafe(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    def id3(name: bytes, body: bytes) -> bytes:
        return name + synchsafe(len(body)) + b"\0\0" + body

    rated = id3(b"POPM", b"me\0\xff\0\0\0\7") + id3(b"TXXX", b"\3odd\0value")
    manifest = id3(b"GEOB", b"\0application/x-c2pa-manifest-store\0a\0b\0" + b"jumb" * 500)
    bare = sound(tmp_path / "bare.mp3", Recipe("libmp3lame", muxer={"id3v2_version": "0"}))
    ape = b"APETAGEX" + struct.pack("<4I", 2000, 32, 0, 0) + bytes(8)
    tail = ape + b"TAG" + b"t" * 125
    source, target = tmp_path / "in.mp3", tmp_path / "out.mp3"
    tag = rated + manifest + bytes(64)
    source.write_bytes(b"ID3\4\0\0" + synchsafe(len(tag)) + tag + bare.read_bytes() + tail)
    remake(source, target, Late)
    copy = target.read_bytes()
    assert copy.startswith(b"ID3\4\0\0" + synchsafe(len(rated)) + rated + b"\xff")
    assert copy.endswith(tail)
    assert b"c2pa" not in copy
    assert heard(target).shape == (2, 30_001)


def test_flac_keeps_its_blocks_to_the_byte(tmp_path):
    source, target = sound(tmp_path / "in.flac", Recipe("flac", kind="s32")), tmp_path / "out.flac"
    data = source.read_bytes()
    comments = (
        b"\4\0\0\0mine"
        + struct.pack("<I", 2)
        + b"".join(struct.pack("<I", len(text)) + text for text in (b"ARTIST=one", b"ARTIST=two"))
    )
    extra = b"".join(
        bytes([kind]) + len(body).to_bytes(3, "big") + body
        for kind, body in ((3, bytes(18)), (2, b"riffdata"), (4, comments))
    )
    frames = data.index(b"\xff\xf8", 42)
    source.write_bytes(data[:42] + extra + b"\x81\0\0\4\0\0\0\0" + data[frames:])
    remake(source, target, Late)
    copy = target.read_bytes()
    assert copy[42:].startswith(extra[22:] + b"\x81\0\0\4\0\0\0\0\xff\xf8")
    assert copy[26:42] == data[26:42]  # the sum of the samples


def test_opus_keeps_a_cover_that_fills_many_pages(tmp_path):
    block = struct.pack(">II9sI", 3, 9, b"image/png", 0)
    block += struct.pack(">5I", 160, 160, 24, 0, len(PICTURE)) + PICTURE
    tags = {**TAGS, "METADATA_BLOCK_PICTURE": base64.b64encode(block).decode()}
    source = sound(tmp_path / "in.opus", Recipe("libopus", rate=48_000, tags=tags, chapters=True))
    remake(source, tmp_path / "out.opus", Late)
    assert len(PICTURE) > 65_025
    assert told(tmp_path / "out.opus") == told(source)
    assert told(source)[2] == [PICTURE]
    assert heard(tmp_path / "out.opus").shape == heard(source).shape


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def test_an_m4a_keeps_unusual_tags_and_xmp_but_no_manifest_and_no_old_delay(tmp_path):
    def free(name: bytes) -> bytes:
        parts = box(b"mean", b"\0\0\0\0com.apple.iTunes") + box(b"name", b"\0\0\0\0" + name)
        return box(b"----", parts + box(b"data", b"\0\0\0\1\0\0\0\0odd value"))

    source, target = tmp_path / "in.m4a", tmp_path / "out.m4a"
    data = sound(source, Recipe("aac", tags=TAGS)).read_bytes()
    index, user = data.index(b"moov") - 4, data.index(b"udta") - 4
    handler = bytes(4) + b"\0\0\0\0mdirappl" + bytes(9)
    kept = box(b"\xa9nam", box(b"data", b"\0\0\0\1\0\0\0\0Odd")) + free(b"MusicBrainz Id")
    inner = bytes(4) + box(b"hdlr", handler) + box(b"ilst", kept + free(b"iTunSMPB"))
    told = box(b"udta", box(b"meta", inner))
    xmp = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x:xmpmeta/>")
    manifest = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + b"c2pa")
    source.write_bytes(data[:index] + box(b"moov", data[index + 8 : user] + told) + manifest + xmp)
    made = remake(source, target, Late)
    copy = target.read_bytes()
    assert made.warnings == ()
    assert box(b"ilst", kept) in copy
    assert copy.endswith(xmp)
    assert b"c2pa" not in copy
    assert b"iTunSMPB" not in copy


@pytest.mark.parametrize("name", ["clip.mp4", "clip-faststart.mp4", "clip-fragmented.mp4"])
def test_an_index_that_comes_first_comes_first_in_the_copy(tmp_path, name):
    remake(MEDIA / name, tmp_path / name, Late)
    order = [
        path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")
        for path in (MEDIA / name, tmp_path / name)
    ]
    assert order == [name != "clip.mp4"] * 2
    assert [p[1] for p in packets(MEDIA / name, 0)] == [p[1] for p in packets(tmp_path / name, 0)]
    assert offset(heard(MEDIA / name), heard(tmp_path / name)) == 0


# Films.


def film(path: Path, starts: int = 0, gap: int = 0) -> Path:
    """Write a film with two audio tracks and subtitles; `gap` in samples, after 0.6 seconds."""
    text = "mov_text" if path.suffix == ".mp4" else "subrip"
    tracks = [
        Recipe("aac", rate=48_000, samples=57_600, starts=starts, stream_tags={"language": "ger"}),
        Recipe("aac", rate=44_100, samples=50_000, layout="mono", stream_tags={"language": "fre"}),
    ]
    with av.open(str(path), "w") as out:
        picture = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "bf": "2"})
        picture.codec_context.width, picture.codec_context.height = 64, 48
        picture.codec_context.pix_fmt = "yuv420p"
        streams = [add(out, track) for track in tracks]
        words = out.add_mux_stream(text)
        words.metadata["language"] = "ita"
        out.metadata["title"] = "A film"
        for stream in (picture, *streams):
            stream.codec_context.open()
        for number in range(30):
            made = av.VideoFrame(64, 48, "yuv420p")
            made.pts, made.time_base = number, Fraction(1, 25)
            out.mux(picture.encode(made))
            for stream, track in zip(streams, tracks, strict=True):
                each = track.rate // 25
                part = waves(track)[:, number * each : (number + 1) * each]
                if part.shape[1]:
                    for packet in stream.encode(frame(track, part, number * each)):
                        packet.pts = packet.dts = packet.pts + gap * (packet.pts > 28_800)
                        out.mux(packet)
            if number == 20:
                line = b"a line"
                packet = av.Packet(
                    len(line).to_bytes(2, "big") + line if ".mp4" in path.name else line
                )
                packet.stream, packet.time_base = words, Fraction(1, 1000)
                packet.pts, packet.dts, packet.duration = 800, 800, 500
                out.mux(packet)
        for stream in (picture, *streams):
            for packet in stream.encode(None):
                if stream is not picture:
                    packet.pts = packet.dts = packet.pts + gap
                out.mux(packet)
    return path


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_a_film_keeps_all_but_its_sound_in_its_place(tmp_path, name):
    source, target = film(tmp_path / name), tmp_path / f"out-{name}"
    made = remake(source, target, Late)
    assert made.warnings == ()
    assert made.streams == 2
    for number in (0, 3):
        assert packets(source, number) == packets(target, number) != []
    for number in (0, 1):
        was, now = heard(source, number), heard(target, number)
        assert was.shape == now.shape
        assert offset(was, now) == 0
    languages = [[s.language for s in look(path)] for path in (source, target)]
    assert languages == [["ger", "fre"]] * 2
    with av.open(str(target)) as container:
        order = [packet.stream.type for packet in container.demux() if packet.size]
    runs = "".join(kind[0] for kind in order).split("v")
    assert max(len(run) for run in runs) < 20  # sound and picture take turns


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_sound_that_starts_late_starts_as_late_in_the_copy(tmp_path, name):
    source, target = film(tmp_path / name, starts=16_000), tmp_path / f"out-{name}"
    remake(source, target, Late)
    starts = []
    for path in (source, target):
        first = look(path)[0]
        starts.append(first.start * first.rate)
        block = heard(path)
        # Where no edit list hides it, the encoder's own beginning is heard as silence.
        starts[-1] += offset(waves(Recipe("", samples=57_600)), block)
    assert abs(starts[0] - starts[1]) <= (0 if name == "in.mp4" else 48)
    assert abs(starts[0] - 16_000) <= 48


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
def test_a_gap_in_the_sound_of_a_film_stays_where_it_is(tmp_path, name):
    def times(path: Path) -> list[float]:
        with av.open(str(path)) as container:
            return [float(f.pts * f.time_base) for f in container.decode(audio=0)]

    source, target = film(tmp_path / name, gap=24_000), tmp_path / f"out-{name}"
    remake(source, target, Late)
    was, now = times(source), times(target)
    assert max(np.diff(was)) > 0.5
    assert np.allclose(was, now, atol=0.0025)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.m4v", "clip.mkv", "clip.webm"])
def test_films_of_every_kind_are_written(tmp_path, name):
    made = remake(MEDIA / name, tmp_path / name, Late)
    assert made.warnings == ()
    assert offset(heard(MEDIA / name), heard(tmp_path / name)) == 0
    assert sniff((tmp_path / name).read_bytes()[:4096]) == sniff((MEDIA / name).read_bytes()[:4096])


def test_a_film_that_is_not_written_becomes_what_the_name_tells(tmp_path):
    with pytest.raises(PublishError, match="avi"):
        remake(MEDIA / "clip.avi", tmp_path / "out.avi", Same)
    remake(MEDIA / "clip.avi", tmp_path / "out.mkv", Same)
    assert offset(heard(MEDIA / "clip.avi"), heard(tmp_path / "out.mkv")) == 0


# What is read.


def test_blocks_are_cut_mixed_and_resampled_as_asked(tmp_path):
    source = sound(tmp_path / "in.wav", Recipe("pcm_f32le", samples=100_000))
    whole = heard(source)
    assert np.array_equal(heard(source, start=0.5, seconds=1.0), whole[:, 22_050:66_150])
    assert np.allclose(heard(source, mono=True), whole.mean(axis=0, keepdims=True), atol=1e-6)
    half = heard(source, rate=22_050)
    assert half.shape == (2, 50_000)
    assert half.dtype == np.float32
    back = np.repeat(half, 2, axis=1)
    assert abs(offset(whole, back)) <= 1
    assert heard(source, rate=22_050, mono=True, start=1.0).shape == (1, 50_000 - 22_050)


@pytest.mark.parametrize("name", ["in.mp3", "in.m4a", "in.flac", "in.opus", "in.mka", "in.aac"])
def test_a_late_start_is_sought_to_the_sample(tmp_path, name):
    codec = {"in.mp3": "libmp3lame", "in.flac": "flac", "in.opus": "libopus"}.get(name, "aac")
    recipe = Recipe(codec, rate=48_000, layout="mono", samples=48_000 * 15)
    source = sound(tmp_path / name, recipe)
    part = heard(source, start=12.0, seconds=1.0)
    whole = heard(source)[:, 12 * 48_000 : 13 * 48_000]
    assert part.shape == whole.shape
    assert abs(offset(whole, part)) <= (48 if name == "in.mka" else 0)


@pytest.mark.parametrize("name", ["in.mp3", "in.flac", "in.opus", "in.m4a", "in.aac"])
def test_a_reader_goes_on_after_damage_and_counts_it(tmp_path, name):
    source, data = tmp_path / name, long(name)
    source.write_bytes(data)
    whole = heard(source)
    middle = len(data) // 2
    source.write_bytes(data[:middle] + bytes(5000) + data[middle + 5000 :])
    places: list[float] = []
    found = heard(source, damaged=places.append)
    assert places
    assert 1.0 < places[0] < 3.0
    assert abs(found.shape[1] - whole.shape[1]) < 30_000
    if name != "in.aac":  # which has no times
        assert found.shape == whole.shape or name == "in.mp3"


def test_samples_that_are_no_numbers_are_silence_to_a_reader_and_refused_by_a_writer(tmp_path):
    source = sound(tmp_path / "in.wav", Recipe("pcm_f32le", layout="mono"))
    data = bytearray(source.read_bytes())
    data[-4000:-3992] = np.array([np.nan, np.inf], np.float32).tobytes()
    source.write_bytes(data)
    assert list(heard(source)[0, -1000:-998]) == [0.0, 0.0]
    with pytest.raises(UnreadableError, match="no number"):
        remake(source, source, Same)
    assert source.read_bytes() == data


def test_progress_ends_at_the_end(tmp_path):
    seen: list[tuple[float, float | None]] = []
    remake(MEDIA / "sound.wav", tmp_path / "out.wav", Same, progress=lambda *at: seen.append(at))
    assert seen[-1] == (1.0, 1.0)
    assert seen == sorted(seen)


def test_memory_does_not_grow_with_the_sound(tmp_path):
    source = tmp_path / "long.wav"
    with wave.open(str(source), "wb") as out:
        out.setparams((2, 2, 48_000, 0, "NONE", ""))
        minute = random.Random(1).randbytes(4 * 48_000 * 10)
        for _ in range(18):  # 35 MB
            out.writeframes(minute)
    words = [sys.executable, "-c", MEASURED, str(source)]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 25_000  # KiB


MEASURED = """
import resource, sys
from pathlib import Path
import numpy as np
from trustkit.media.sound.remake import remake
class Same:
    def __init__(self, rate, channels, layout):
        self.channels = channels
    def feed(self, block):
        return block
    def flush(self):
        return np.zeros((self.channels, 0), np.float32)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
remake(Path(sys.argv[1]), Path(sys.argv[1]), Same)
print(peak() - before)
"""
