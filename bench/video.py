"""Video: whether the mark is read after what the internet does to films, and what marking costs.

The clips are made from photos (`bench/clips.py`); TRUSTKIT_CLIPS names a folder of further ones.
Each is marked at crf 18, and the marked film attacked. The cost is paired: marking a 1080p film
against decoding and encoding it with the same settings and threads. It hangs on the film: a smooth
one, of which an encoder sees little, is the worst case.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench import clips, measure
from bench.measure import Figure
from trustkit.media.film import Luma, Settings
from trustkit.media.film.remake import remake
from trustkit.watermarks import Search
from trustkit.watermarks.files import one_thread
from trustkit.watermarks.film import FilmEngine, mark_film, read_film
from trustkit.watermarks.tiles import Tiles

PHOTOS = Path(os.environ.get("TRUSTKIT_PHOTOS", measure.ROOT.parent / "shared/data/photos"))
# Photos large enough to be a film's ground.
CHOSEN = (
    *("clic_00", "clic_02", "clic_07", "mate_01", "clic_08", "mate_04"),
    *("clic_13", "clic_16", "clic_03", "mate_07", "clic_09", "clic_10"),
)
ROUNDS = 3  # of the cost; a round is a minute or more
MESSAGE = b"benchof1"
COSTED = ("overlay-1080p", "camera-1080p")  # smooth, and grainy; those named by the user besides

Frames = Iterator[Any]
X264 = {"preset": "veryfast"}


@dataclass(frozen=True)
class Attack:
    """What is done to a marked film: frames changed, then encoded; `times` in sequence."""

    name: str
    codec: str
    options: dict[str, str]
    frames: Callable[[Frames], Frames] = lambda frames: frames
    times: int = 1
    floor: float = 1.0


def half_rate(frames: Frames) -> Frames:
    for number, frame in enumerate(frames):
        if number % 2 == 0:
            yield frame


def half_size(frames: Frames) -> Frames:
    for frame in frames:
        width, height = frame.width // 4 * 2, frame.height // 4 * 2
        yield stamped(frame.reformat(width=width, height=height, interpolation="AREA"), frame)


def half_area(frames: Frames) -> Frames:
    for frame in frames:
        share = 0.5**0.5
        width, height = (int(side * share) // 2 * 2 for side in (frame.width, frame.height))
        x, y = (frame.width - width) // 4 * 2, (frame.height - height) // 4 * 2
        picture = frame.to_ndarray(format="rgb24")[y : y + height, x : x + width]
        cut = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        yield stamped(cut.reformat(format="yuv420p"), frame)


def stamped(frame: Any, like: Any) -> Any:
    frame.pts, frame.time_base = like.pts, like.time_base
    return frame


ATTACKS = (
    Attack("none", "", {}),
    Attack("crf 23", "libx264", X264 | {"crf": "23"}),
    Attack("crf 28", "libx264", X264 | {"crf": "28"}),
    Attack("crf 35", "libx264", X264 | {"crf": "35"}, floor=0.9),
    Attack("VP9 crf 36", "libvpx-vp9", {"crf": "36", "b": "0", "cpu-used": "6", "row-mt": "1"}),
    Attack("AV1 crf 40", "libsvtav1", {"crf": "40", "preset": "10"}),
    Attack(
        "H.265 crf 28",
        "libx265",
        {"crf": "28", "preset": "veryfast", "x265-params": "log-level=none"},
    ),
    Attack("half rate", "libx264", X264 | {"crf": "23"}, half_rate),
    Attack("half size", "libx264", X264 | {"crf": "23"}, half_size),
    Attack("50 % crop", "libx264", X264 | {"crf": "23"}, half_area),
    Attack("crf 28 twice", "libx264", X264 | {"crf": "28"}, times=2),
)


def attack(source: Path, target: Path, how: Attack) -> Path:
    """Write the attacked film to `target` and return where it is."""
    if not how.codec:
        return source
    for turn in range(how.times):
        path = target.with_stem(f"{target.stem}-{turn}")
        encode(source, path, how)
        source = path
    return source


def encode(source: Path, target: Path, how: Attack) -> None:
    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        picture = film.streams.video[0]
        picture.thread_type = "AUTO"
        stream: Any = None
        for frame in how.frames(film.decode(picture)):
            if stream is None:
                stream = out.add_stream(how.codec, rate=picture.average_rate, options=how.options)
                stream.width, stream.height = frame.width, frame.height
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = frame.time_base or Fraction(1, 1000)
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def films(folder: Path) -> list[Path]:
    """Return the clips: those made from photos, and those of the folder the user names."""
    photos = [PHOTOS / f"{name}.jpg" for name in CHOSEN]
    if not all(photo.exists() for photo in photos):
        raise SystemExit(f"the clips are made from photos that are not in {PHOTOS}")
    more = os.environ.get("TRUSTKIT_CLIPS")
    return [*clips.make(photos, folder), *(sorted(Path(more).glob("*.mp4")) if more else ())]


@dataclass(frozen=True)
class Row:
    """What became of one clip: confidence after each attack, None where nothing was read."""

    name: str
    psnr: float
    confidences: tuple[float | None, ...]
    wrong: int
    seconds: tuple[float, ...]

    def __str__(self) -> str:
        each = ("-" if value is None else f"{value:.0f}" for value in self.confidences)
        return f"{self.name:16} {self.psnr:.1f} dB  {' '.join(each)}"


def tried(film: Path, payload: bytes, folder: Path) -> Row:
    """Mark one clip, attack it in each way, read."""
    engine, settings = Tiles(), Settings("h264", 18, "veryfast")
    master = folder / f"{film.stem}-marked.mkv"
    made = mark_film(film, master, engine, payload, settings, insist=False)
    confidences, seconds, wrong = list[float | None](), [], 0
    for how in ATTACKS:
        attacked = attack(master, folder / f"{film.stem}-attacked.mkv", how)
        start = time.process_time()
        mark = read_film(attacked, engine, Search.NORMAL)
        seconds.append(time.process_time() - start)
        good = mark is not None and mark.payload == payload
        wrong += mark is not None and not good
        confidences.append(mark.confidence if mark and good else None)
    wrong += read_film(film, engine, Search.NORMAL) is not None
    return Row(film.stem, made.psnr, tuple(confidences), wrong, tuple(seconds))


def robustness(folder: Path) -> tuple[list[Figure], list[str]]:
    """Try each clip, in as many processes as there are cores."""
    clips = films(folder)
    payloads = [bytes([number + 1]) * 8 for number in range(len(clips))]
    rows = []
    with ProcessPoolExecutor(initializer=one_thread) as pool:
        for row in pool.map(tried, clips, payloads, [folder] * len(clips)):
            rows.append(row)
            print(f"  {row}", flush=True)
    figures = []
    for number, how in enumerate(ATTACKS):
        share = statistics.mean(row.confidences[number] is not None for row in rows)
        figures.append(Figure(f"read after {how.name}", (share,), "share", how.floor, True))
    psnrs = tuple(row.psnr for row in rows)
    figures.append(Figure("PSNR of the luma", psnrs, "dB", 43, is_floor=True))
    figures.append(Figure("PSNR of the worst film", (min(psnrs),), "dB", 43, is_floor=True))
    wrong = float(sum(row.wrong for row in rows))
    figures.append(Figure("wrong or found in the unmarked", (wrong,), "films", 0))
    seconds = tuple(second for row in rows for second in row.seconds)
    figures.append(Figure("CPU of reading a film", seconds, "s"))
    return figures, [str(row) for row in rows]


def nothing(_luma: Luma) -> None:
    """Change nothing: the pump alone."""


def plain(source: Path, target: Path, settings: Settings) -> None:
    """Decode and encode, by the shortest way there is."""
    options = {"crf": f"{settings.crf:g}", "preset": settings.preset}
    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        picture = film.streams.video[0]
        picture.thread_type = "AUTO"
        picture.codec_context.thread_count = settings.threads
        stream: Any = out.add_stream("libx264", rate=picture.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base = picture.time_base
        stream.codec_context.thread_count = settings.threads
        for frame in film.decode(picture):
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def cost(engine: FilmEngine, folder: Path) -> list[Figure]:
    """Measure marking against plain re-encoding, for a fast and for the usual preset."""
    there = films(folder)
    figures = [
        figure
        for film in there
        if film.stem in COSTED or (film.suffix == ".mp4" and "1080p" in film.stem)
        for figure in _cost(engine, film, folder)
    ]
    film = next(film for film in there if film.stem == COSTED[0])
    settings = Settings("h264", 23.0, "veryfast", threads=1)
    pump = measure.paired(
        lambda: remake(film, folder / "a.mkv", nothing, settings),
        lambda: plain(film, folder / "b.mkv", settings),
        ROUNDS,
    )
    ratios = tuple(copied / encoded for copied, encoded in pump)
    return [*figures, Figure(f"carrying over / encoding, {film.stem} veryfast crf 23", ratios, "x")]


def _cost(engine: FilmEngine, film: Path, folder: Path) -> Iterator[Figure]:
    for preset, crf in (("veryfast", 23.0), ("medium", 18.0)):
        settings = Settings("h264", crf, preset, threads=1)
        pairs = measure.paired(
            lambda s=settings: mark_film(film, folder / "a.mkv", engine, MESSAGE, s),  # type: ignore[misc]
            lambda s=settings: plain(film, folder / "b.mkv", s),  # type: ignore[misc]
            ROUNDS,
        )
        what = f"{film.stem} {preset} crf {crf:g}"
        ratios = tuple(marked / encoded for marked, encoded in pairs)
        yield Figure(f"marking / encoding, {what}", ratios, "x", 1.35)
        marked, encoded = ((folder / name).stat().st_size for name in ("a.mkv", "b.mkv"))
        yield Figure(f"size, {what}", (marked / encoded,), "x")


def main() -> None:
    """Run both and tell."""
    one_thread()
    engine = Tiles()
    with tempfile.TemporaryDirectory(prefix="trustkit-video-") as name:
        folder = Path(name)
        figures, lines = robustness(folder)
        figures += cost(engine, folder)
    order = ", ".join(how.name for how in ATTACKS)
    measure.tell("video", figures, f"per clip, confidence after {order}:", *lines)


if __name__ == "__main__":
    main()
