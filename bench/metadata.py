"""Metadata: a thousand pictures read, against one exiftool process; a film of 4 GB written."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from pathlib import Path

from bench.measure import ROOT, Figure, child, command, tell

PICTURES = (
    "scene.jpg",
    "scene-progressive.jpg",
    "scene.png",
    "scene-alpha.png",
    "scene.webp",
    "scene-lossless.webp",
    "scene.tif",
    "scene.gif",
    "scene.avif",
    "scene.heic",
)
MANY = 1000
GIGABYTES = 4
ROUNDS = 5
TIMES = 10  # how much faster than exiftool
BOUND_MB = 100
_FIELDS = ("--set", "DigitalSourceType=trainedAlgorithmicMedia", "--set", "AISystemUsed=Painter",
           "--set", "Creator=Example", "--set", "CopyrightNotice=(c) Example")  # fmt: skip
_AIGC = (
    'AIGC={"Label":"1","ContentProducer":"x","ProduceID":"1","ReservedCode1":"",'
    '"ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
)


def main() -> None:
    trustkit, exiftool = command("trustkit"), shutil.which("exiftool")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        # As installed: with bytecode, which a checkout that forbids it would make anew each time.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/bytecode"
        folder = Path(name, "pictures")
        _fill(folder, trustkit)
        ours = [trustkit, "metadata", "read", "-r", str(folder), "-f", "jsonl"]
        took = [child(ours) for _ in range(ROUNDS)]
        figures.append(Figure(f"trustkit metadata read, {MANY} pictures, CPU",
                              tuple(t.cpu for t in took), "s"))  # fmt: skip
        if exiftool:
            # What anybody would ask: all tags by group, as JSON.
            theirs = [exiftool, "-j", "-G1", "-r", "-q", str(folder)]
            they = [child(theirs) for _ in range(ROUNDS)]
            only = [exiftool, "-j", "-r", "-q", "-fast2", "-XMP:all", "-IPTC:all", "-EXIF:all",
                    str(folder)]  # fmt: skip
            fast = [child(only) for _ in range(ROUNDS)]
            figures += [
                Figure("exiftool -j -G1 -r, CPU", tuple(t.cpu for t in they), "s"),
                Figure("exiftool -fast2, XMP, IPTC, EXIF, CPU", tuple(t.cpu for t in fast), "s"),
                Figure("times faster than exiftool -j -G1 -r",
                       tuple(b.cpu / a.cpu for a, b in zip(took, they, strict=True)), "x",
                       TIMES, is_floor=True),
                Figure("times faster than exiftool -fast2",
                       tuple(b.cpu / a.cpu for a, b in zip(took, fast, strict=True)), "x"),
            ]  # fmt: skip
        shutil.rmtree(folder)
        for place in ("last", "first"):
            film, out = Path(name, f"{place}.mp4"), Path(name, f"out-{place}.mp4")
            _film(film, index_first=place == "first")
            write = [trustkit, "metadata", "write", str(film), "-o", str(out), *_FIELDS]
            took_film = child([*write, "--set", _AIGC])
            figures += [
                Figure(f"write, {GIGABYTES} GB MP4, index {place}: peak",
                       (took_film.peak / 2**20,), "MB", BOUND_MB),
                Figure(f"write, {GIGABYTES} GB MP4, index {place}: CPU", (took_film.cpu,), "s"),
            ]  # fmt: skip
            film.unlink()
            out.unlink()
    tell("metadata", figures, f"{MANY} pictures of {len(PICTURES)} kinds, with and without XMP")


def _fill(folder: Path, trustkit: str) -> None:
    folder.mkdir()
    told = folder.parent / "told"
    sources = [ROOT / "fixtures/media" / name for name in PICTURES]
    child([trustkit, "metadata", "write", *map(str, sources), "-o", str(told), *_FIELDS,
           "--set", _AIGC])  # fmt: skip
    for number in range(MANY):
        name = PICTURES[number % len(PICTURES)]
        source = (told if number // len(PICTURES) % 2 else ROOT / "fixtures/media") / name
        shutil.copy(source, folder / f"{number:04}{Path(name).suffix}")


def _film(path: Path, *, index_first: bool) -> None:
    """Make a film whose packets are a hole in the file: its index tells of 64-bit places."""
    size = GIGABYTES * 2**30
    count = 100_000
    ftyp = _box(b"ftyp", b"isom\0\0\2\0isomiso2mp41")

    def moov(begin: int) -> bytes:
        places = (begin + n * (size // count) for n in range(count))
        co64 = bytes(4) + struct.pack(">I", count) + struct.pack(f">{count}Q", *places)
        stbl = _box(b"stbl", _box(b"stsd", bytes(8)) + _box(b"co64", co64))
        return _box(b"moov", _box(b"mvhd", bytes(100)) + _box(b"trak", _box(
            b"mdia", _box(b"minf", stbl))))  # fmt: skip

    length = len(moov(0))
    head = struct.pack(">I", 1) + b"mdat" + struct.pack(">Q", size + 16)
    with path.open("wb") as out:
        out.write(ftyp)
        if index_first:
            out.write(moov(len(ftyp) + length + 16))
        out.write(head)
        begin = out.tell()
        out.seek(size, os.SEEK_CUR)
        if index_first:
            out.truncate()
        else:
            out.write(moov(begin))


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


if __name__ == "__main__":
    main()
