"""Detectors: CPU of a picture, of a sound and of a film, decoding included; memory of long films.

Asks what is installed, in the user's own folder too. The baseline is what none of them can do
without: decoding.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from bench.measure import Figure, child, command, paired, tell
from trustkit.detectors import Kind
from trustkit.detectors.heard import excerpts
from trustkit.detectors.panelists import Panel, Seat, panel
from trustkit.media.film.look import look as look_at_film
from trustkit.media.film.stills import stills
from trustkit.media.rgb import rgb
from trustkit.media.sound.look import look as look_at_sound

ROUNDS = 5
PICTURE = (1600, 1200)
SECONDS = 60  # of the clip
LOOP = 20  # seconds that are drawn; the rest is the same packets again
RATE, SIZE = 25, (1920, 1080)
LONG = 10  # times as long is the film whose memory is held against
FRAMES = 16
PICTURE_MS = {"picture-small": 60.0, "picture-clip": 400.0}
TIMES_REAL = 20.0
FILM_S = {"with picture-clip": 15.0, "without": 5.0}
MEMORY = 1.1  # times that of the short film


def main() -> None:
    cv2.setNumThreads(1)
    sees, hears = panel(Kind.IMAGE), panel(Kind.AUDIO)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures += _pictures(folder, sees.seats)
        clip = _clip(folder / "minute.mp4")
        figures += _sounds(clip, hears.seats)
        figures += _films(folder, clip, sees)
    material = f"a JPEG of {PICTURE[0]} x {PICTURE[1]}; a clip of 1080p, {SECONDS} s, H.264, AAC"
    tell("detect", figures, _told("pictures", sees), _told("sound", hears), material)


def _pictures(folder: Path, seats: tuple[Seat, ...]) -> Iterator[Figure]:
    path = folder / "picture.jpg"
    cv2.imwrite(str(path), _scene(0, PICTURE), [cv2.IMWRITE_JPEG_QUALITY, 90])

    def decode() -> Any:
        with path.open("rb") as stream:
            return rgb(stream, "image/jpeg", "picture.jpg", 10**8)

    array = decode()
    alone: tuple[float, ...] = ()
    for seat in seats:
        pairs = paired(decode, partial(seat.score, array), ROUNDS)
        alone = tuple(1000 * a for a, _ in pairs)
        name = seat.member.name
        yield Figure(f"{name}, a picture, CPU", tuple(1000 * b for _, b in pairs), "ms",
                     PICTURE_MS.get(name))  # fmt: skip
        yield Figure(f"{name}, times decoding it", tuple(b / a for a, b in pairs), "x")
    alone = alone or tuple(1000 * a for a, _ in paired(decode, decode, ROUNDS))
    yield Figure("decoding the picture alone, CPU", alone, "ms")


def _sounds(clip: Path, seats: tuple[Seat, ...]) -> Iterator[Figure]:
    sound = look_at_sound(clip)[0]

    def decode(rate: int = 16_000) -> Any:
        return list(excerpts(clip, sound, rate))

    for seat in seats:
        heard = decode(seat.detector.rate)
        length = sum(len(samples) for _, samples in heard) / seat.detector.rate
        pairs = paired(decode, partial(_hear, seat, heard), ROUNDS)
        name = seat.member.name
        yield Figure(f"{name}, times real time", tuple(length / b for _, b in pairs), "x",
                     TIMES_REAL, is_floor=True)  # fmt: skip
        yield Figure(f"{name}, times decoding it", tuple(b / a for a, b in pairs), "x")
    decoding = tuple(SECONDS / a for a, _ in paired(decode, decode, ROUNDS))
    yield Figure("decoding the sound alone, times real time", decoding, "x")


def _hear(seat: Seat, heard: list[Any]) -> None:
    for _, samples in heard:
        seat.score(samples)


def _films(folder: Path, clip: Path, sees: Panel) -> Iterator[Figure]:
    film = look_at_film(clip)

    def decode() -> Any:
        return sum(1 for _ in stills(clip, film, FRAMES))

    yield Figure(f"the stills of a 1080p clip of {SECONDS} s alone, CPU",
                 tuple(a for a, _ in paired(decode, decode, 3)), "s")  # fmt: skip
    long = _again(clip, folder / "long.mp4", LONG)
    verify = [command("trustkit"), "verify", "--exit-zero", "-q", "-f", "jsonl"]
    start = child([*verify, "--only", "metadata", str(clip)])
    took = [child([*verify, "--only", "detectors", str(clip)]) for _ in range(3)]
    which = "with picture-clip" if "picture-clip" in _names(sees) else "without"
    yield Figure("verify the clip, detectors alone, CPU", tuple(t.cpu for t in took), "s",
                 FILM_S[which])  # fmt: skip
    yield Figure(
        "the same without the command's start", tuple(t.cpu - start.cpu for t in took), "s"
    )
    took_long = child([*verify, "--only", "detectors", str(long)])
    yield Figure(f"verify {LONG} times as long, CPU", (took_long.cpu,), "s")
    peak = max(t.peak for t in took)
    yield Figure("peak memory, the clip", (peak / 2**20,), "MB")
    yield Figure(f"peak memory, {LONG} times as long, ratio", (took_long.peak / peak,), "x", MEMORY)


def _names(found: Panel) -> list[str]:
    return [seat.member.name for seat in found.seats]


def _told(what: str, found: Panel) -> str:
    return f"detectors of {what}: {', '.join(_names(found)) or found.why_not}"


def _scene(number: int, size: tuple[int, int]) -> Any:
    # Soft shapes, edges and grain; BGR.
    rng = np.random.default_rng(number)
    width, height = size
    coarse = rng.integers(20, 236, (9, 16, 3)).astype(np.uint8)
    scene = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(30):
        x, y, reach = rng.integers(0, width), rng.integers(0, height), int(rng.integers(8, 120))
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        cv2.circle(scene, (int(x), int(y)), reach, colour, -1, cv2.LINE_AA)
    grain = rng.normal(0, 4, (height, width, 1))
    return np.clip(scene + grain, 0, 255).astype(np.uint8)


def _clip(path: Path) -> Path:
    """Write the clip: panned scenes of 4 seconds, and a voice-like sound."""
    width, height = SIZE
    drawn = path.with_name("drawn.mp4")
    with av.open(str(drawn), "w") as out:
        video: Any = out.add_stream("libx264", rate=RATE, options={"crf": "23", "preset": "fast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio: Any = out.add_stream("aac", rate=48_000, options={"b": "128k"})
        heard = 0
        for number in range(LOOP * RATE):
            shot, at = divmod(number, 4 * RATE)
            if at == 0:
                ground = _scene(shot, (width + 4 * RATE, height))
            rows = np.ascontiguousarray(ground[:, at : at + width])
            frame = av.VideoFrame.from_ndarray(rows, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
            while heard < (number + 1) * 48_000 // RATE:
                out.mux(audio.encode(_voice(heard)))
                heard += 1024
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    return _again(drawn, path, SECONDS // LOOP)


def _voice(first: int) -> Any:
    seconds = (first + np.arange(1024)) / 48_000
    pitch = 120 * seconds + 0.8 * np.sin(2 * np.pi * 0.7 * seconds)
    waves = sum(np.sin(2 * np.pi * k * pitch) / k for k in range(1, 24))
    envelope = np.clip(np.sin(2 * np.pi * 3.5 * seconds) + 0.4, 0, 1)  # syllables
    mono = (0.15 * envelope * waves).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([mono, mono]), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
    return frame


def _again(source: Path, target: Path, times: int) -> Path:
    """Write a film that is `source` several times over, packet by packet."""
    with av.open(str(source)) as read:
        # A tenth of a second in between: the streams do not end at the same moment.
        length = Fraction(read.duration, av.time_base) + Fraction(1, 10)
    with av.open(str(target), "w") as out:
        made: dict[int, Any] = {}
        for number in range(times):
            with av.open(str(source)) as read:
                for stream in read.streams:
                    if number == 0:
                        made[stream.index] = out.add_stream_from_template(stream)
                for packet in read.demux():
                    if packet.dts is None:
                        continue
                    later = int(number * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = made[packet.stream.index]
                    out.mux(packet)
    return target


if __name__ == "__main__":
    main()
