"""Pictures, films and sounds that can hold a mark, made by the tests."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from trustkit import plugins
from trustkit.errors import MissingBackendError
from trustkit.watermarks.trial.sound_bed import bed


def engines_of(kind: str) -> list[str]:
    """Return the engines that mark this kind of media; one whose part is missing marks pictures."""
    found = []
    for name in plugins.names("watermarks"):
        try:
            its_kind = getattr(plugins.load("watermarks", name), "kind", "image")
        except MissingBackendError:
            its_kind = "image"
        found += [name] if its_kind == kind else []
    return found


def texture(width: int, height: int, seed: int = 1) -> np.ndarray:
    """Return RGB of soft shapes with finer ones upon them."""
    rng = np.random.default_rng(seed)
    made = np.full((height, width, 3), 128, np.float32)
    for step, height_ in ((4, 6), (16, 14), (64, 30)):
        size = (-(-height // step), -(-width // step), 3)
        made += height_ * cv2.resize(
            rng.normal(size=size).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
    return np.clip(made, 0, 255).astype(np.uint8)


def picture(path: Path, seed: int = 1, size: tuple[int, int] = (640, 480)) -> Path:
    """Write a picture and return where it is."""
    Image.fromarray(texture(*size, seed)).save(path)
    return path


def clip(path: Path, seconds: float = 2.0, size: tuple[int, int] = (320, 240)) -> Path:
    """Write a film whose ground slides by, and return where it is."""
    width, height = size
    count = round(25 * seconds)
    ground = texture(width + 2 * count, height + count)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "18", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(count):
            part = ground[number : number + height, 2 * number : 2 * number + width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(part), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def tune(path: Path, seconds: float = 8.0, rate: int = 16_000, seed: int = 1) -> Path:
    """Write music, with a codec by the name's ending, and return where it is."""
    with av.open(str(path), "w") as out:
        _play(out, seconds, rate, seed)
    return path


def talkie(path: Path, seconds: float = 6.0, loud: float = 0.4) -> Path:
    """Write a film with music, or with silence, and return where it is."""
    silent = clip(path.with_name(f"silent-{path.name}"), seconds)
    with av.open(str(silent)) as picture_, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(picture_.streams.video[0])
        _play(out, seconds, 48_000, 3, loud)
        for packet in picture_.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    silent.unlink()
    return path


def _play(
    out: av.container.OutputContainer, seconds: float, rate: int, seed: int, loud: float = 0.4
) -> None:
    codec = {"wav": "pcm_s16le", "opus": "libopus", "mp3": "libmp3lame", "flac": "flac"}
    name = codec.get(Path(out.name).suffix[1:], "aac")
    stream = out.add_stream(name, rate=48_000 if name == "libopus" else rate, layout="mono")
    samples = bed(seconds, stream.rate, np.random.default_rng(seed))
    samples *= np.float32(loud) / np.abs(samples).max()
    for at in range(0, samples.shape[1], 1024):
        part = np.ascontiguousarray(samples[:, at : at + 1024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = stream.rate, at
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
