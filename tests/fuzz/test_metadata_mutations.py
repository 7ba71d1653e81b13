"""Seeded damage to files with metadata: reading and writing never crash, hang or grow."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.fuzz.material import FUZZ, MEDIA
from tests.fuzz.mutations import Victim, mutate
from trustkit.errors import PublishError, UnreadableError
from trustkit.isolation import Limits, run
from trustkit.media.metadata import read
from trustkit.media.metadata.write import checked, write
from trustkit.media.sniff import sniff

pytestmark = pytest.mark.fuzz
MUTATIONS = FUZZ or 60  # a container
LIMITS = Limits(seconds=30, memory=2**30)  # one takes some 5 ms
SLOW = 1000.0  # milliseconds of CPU; seconds on the clock tell of the machine and its disk
NAMES = (
    "scene.jpg", "scene.png", "scene.webp", "scene.tif", "scene.gif", "scene.jxl", "scene.avif",
    "scene.heic", "clip-faststart.mp4", "clip.mov", "clip-fragmented.mp4", "sound.m4a",
    "sound.mp3", "sound.flac", "sound.wav", "clip.mkv", "clip.webm", "clip.avi", "drawing.svg",
)  # fmt: skip
AIGC = (
    '{"Label":"1","ContentProducer":"x","ProduceID":"1","ReservedCode1":"",'
    '"ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
)
TERMS = {"trainedAlgorithmicMedia": "http://cv.iptc.org/newscodes/trainedAlgorithmicMedia"}
FIRST = {"DigitalSourceType": "trainedAlgorithmicMedia", "Creator": "A; B", "AIGC": AIGC}
SECOND = {"AISystemUsed": "Painter " * 40, "AIGC": AIGC.replace('"x"', '"another"')}


@dataclass(frozen=True)
class Outcome:
    """What became of one damaged file."""

    seed: int
    is_read: bool
    is_written: bool
    milliseconds: float


@dataclass(frozen=True)
class Fuzzer:
    """Damages by seed, reads, and writes what can still be written."""

    victim: Victim
    place: Path
    media_type: str

    def __call__(self, seed: int) -> Outcome:
        """Raises whatever reading or writing raises that it should not."""
        self.place.write_bytes(mutate(self.victim, f"{self.place.name} {seed}"))
        start, is_read, is_written = time.process_time(), True, True
        with self.place.open("rb") as file:
            is_read = not read(file, self.media_type).malformed
        try:
            target = self.place.with_name(f"out-{self.place.name}")
            write(self.place, target, self.media_type, checked(SECOND, (), {}))
        except (PublishError, UnreadableError):
            is_written = False
        return Outcome(seed, is_read, is_written, 1000 * (time.process_time() - start))


def open_fuzzer(victim: Victim, place: Path, media_type: str) -> Fuzzer:
    """Make the work function, over in the worker."""
    return Fuzzer(victim, place, media_type)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_told_or_written_and_never_breaks_us(name: str, tmp_path: Path) -> None:
    path = next(path for path in MEDIA if path.name == name)
    media_type = sniff(path.read_bytes()[:4096], name)
    assert media_type
    whole = tmp_path / name
    write(path, whole, media_type, checked(FIRST, (), TERMS))
    content = whole.read_bytes()
    # Where our bytes stand, and the first kilobyte: the headers of most containers.
    at = content.find(b"trainedAlgorithmicMedia")
    aimed = range(max(0, at - 600), at + 600) if at > 0 else range(1024)
    victim = Victim(content, aimed, path.read_bytes())
    fuzzer = partial(open_fuzzer, victim, tmp_path / f"damaged-{name}", media_type)

    answers = dict(run(range(MUTATIONS), fuzzer, LIMITS, jobs=1))

    assert {n: str(a) for n, a in answers.items() if not isinstance(a, Outcome)} == {}
    assert len(answers) == MUTATIONS
    slow = [a for a in answers.values() if a.milliseconds > SLOW]
    assert slow == []
    read_count = sum(a.is_read for a in answers.values())
    written_count = sum(a.is_written for a in answers.values())
    slowest = max(a.milliseconds for a in answers.values())
    print(f"{name}: {read_count} read, {written_count} written, slowest {slowest:.0f} ms")
