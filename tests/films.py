"""Small films that the tests make: with sound, subtitles, chapters, odd time stamps, and so on."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.codec.context import Flags

MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@dataclass
class Recipe:
    """A film to be made; empty `stamps` are 0, 1, 2, ... of `rate`."""

    codec: str = "libx264"
    size: tuple[int, int] = (320, 180)
    pixels: str = "yuv420p"
    rate: int = 25
    frames: int = 40
    stamps: list[int] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=lambda: {"crf": "18", "preset": "ultrafast"})
    sound: str = ""
    sound_starts: float = 0.0
    subtitles: str = ""
    chapters: bool = False
    cover: bool = False
    attachment: bool = False
    turned: int = 0
    colour: tuple[int, int, int, int] | None = None  # primaries, transfer, matrix, range
    aspect: Fraction | None = None
    interlaced: bool = False
    two_pictures: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    muxer: dict[str, str] = field(default_factory=dict)
    shots: int = 1
    still: bool = False


def film(path: Path, recipe: Recipe | None = None) -> Path:
    """Write the film and return where it is."""
    r = recipe or Recipe()
    with av.open(str(path), "w", container_options=r.muxer) as out:
        out.metadata.update(r.metadata)
        pictures = [_picture(out, r)]
        if r.two_pictures:
            pictures.append(_picture(out, r))
        sound = out.add_stream(r.sound, rate=48000) if r.sound else None
        if sound:
            sound.metadata["language"] = "ger"
        text = out.add_mux_stream(r.subtitles) if r.subtitles else None
        if text:
            text.metadata["language"] = "fre"
        done = cv2.imencode(".jpg", np.full((32, 32, 3), 90, np.uint8))[1].tobytes()
        cover = None
        if r.cover and path.suffix == ".mkv":
            out.add_attachment("cover.jpg", "image/jpeg", done)
        elif r.cover:
            cover = out.add_mux_stream("mjpeg", width=32, height=32)
            cover.disposition = 0x400
        if r.attachment:
            out.add_attachment("letters.ttf", "font/ttf", b"letters" * 20)
        if r.chapters:
            out.set_chapters([_chapter(1, 0, 700, "one"), _chapter(2, 700, 1600, "two")])
        for stream in (*pictures, *([sound] if sound else [])):
            stream.codec_context.open()
        if cover:
            out.mux(_packet(cover, done, 0, 0))
        _run(out, r, pictures, sound, text)
    return path


def _run(out: Any, r: Recipe, pictures: list[Any], sound: Any, text: Any) -> None:
    stamps, heard, ends = r.stamps or list(range(r.frames)), 0, 0.0
    for number, stamp in enumerate(stamps):
        ends = (stamp + 1) / r.rate
        for picture in pictures:
            out.mux(picture.encode(frame(r, number, stamp)))
        while sound and heard / 48000 < ends:
            out.mux(sound.encode(_sound(sound, heard, r.sound_starts)))
            heard += 1024
        if text and number in {5, 25}:
            words = f"line {number}".encode()
            data = len(words).to_bytes(2, "big") + words if r.subtitles == "mov_text" else words
            out.mux(_packet(text, data, 40 * stamp, 500))
    for stream in (*pictures, *([sound] if sound else [])):
        out.mux(stream.encode(None))


def ground(size: tuple[int, int], shot: int = 0) -> np.ndarray:
    """Return the luma of a shot's ground, from 0 to 1: soft shapes with some grain."""
    rng = np.random.default_rng(shot)
    width, height = size
    coarse = cv2.resize(rng.random((6, 10)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.clip(0.2 + 0.6 * coarse + 0.02 * rng.normal(size=(height, width)), 0.1, 0.9)


def frame(r: Recipe, number: int, stamp: int) -> Any:
    """Return one frame: the shot's ground, moved to the left by a pixel a frame."""
    made = av.VideoFrame(*r.size, r.pixels)
    shot = number * r.shots // max(1, len(r.stamps) or r.frames)
    luma = np.roll(ground(r.size, shot), 0 if r.still else -number, 1)
    depth = made.format.components[0].bits
    kind = np.uint8 if depth == 8 else np.uint16
    for place, plane in enumerate(made.planes):
        rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
        if place == 0 and made.format.name.startswith(("yuv", "gray")):
            rows[:, : plane.width] = luma * ((1 << depth) - 1)
        else:
            rows[:] = 3 << (depth - 3)
    made.pts, made.time_base = stamp, Fraction(1, r.rate)
    return made


def _picture(out: Any, r: Recipe) -> Any:
    stream = out.add_stream(r.codec, rate=r.rate, options=r.options)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = *r.size, r.pixels
    context.time_base = Fraction(1, r.rate)
    if r.colour:
        context.color_primaries, context.color_trc = r.colour[:2]
        context.colorspace, context.color_range = r.colour[2:]
    if r.aspect:
        context.sample_aspect_ratio = r.aspect
    if r.interlaced:
        context.flags |= Flags.interlaced_dct.value | Flags.interlaced_me.value
    if r.turned:
        stream.set_display_rotation(r.turned)
    return stream


def _sound(stream: Any, at: int, starts: float) -> Any:
    rng = np.random.default_rng(at)
    layout, shape = ("stereo", (2, 1024)) if stream.name == "aac" else ("mono", (1, 1024))
    kind = stream.codec_context.format.name
    waves = (rng.normal(size=shape) * 0.1).astype(np.float32)
    if kind == "s16":
        waves = (waves * 9000).astype(np.int16)
    made = av.AudioFrame.from_ndarray(waves, format=kind, layout=layout)
    made.sample_rate, made.pts = 48000, at + int(starts * 48000)
    made.time_base = Fraction(1, 48000)
    return made


def _packet(stream: Any, data: bytes, milliseconds: int, lasts: int) -> Any:
    packet = av.Packet(data)
    packet.stream = stream
    packet.time_base = Fraction(1, 1000)
    packet.pts = packet.dts = milliseconds
    packet.duration = lasts
    return packet


def _chapter(number: int, start: int, end: int, title: str) -> dict[str, Any]:
    base = Fraction(1, 1000)
    return {
        "id": number,
        "start": start,
        "end": end,
        "time_base": base,
        "metadata": {"title": title},
    }
