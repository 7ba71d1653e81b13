"""Seeded damage to signed files, and the work function that verifies what comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.material import is_whole, look, open_worker
from trustkit.batch.local import VerifyWorker

AIMED = 0.75  # share of the mutations that start in the manifest or just around it
_AROUND = 64  # bytes
_MAX_PIECE = 64
UNTOUCHED = -1  # the seed that changes nothing
# Values that parsers of lengths and counts trip over.
_LENGTHS = (0, 1, 7, 8, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Change = Callable[[bytearray, int, bytes, Random], None]


@dataclass(frozen=True)
class Victim:
    """A signed file to be damaged, where its manifest stands, and a file to swap parts with."""

    content: bytes
    manifest: range
    other: bytes


@dataclass(frozen=True)
class Outcome:
    """What trustkit said of one damaged file."""

    seed: int
    changed: bool
    word: str = ""
    is_whole: bool = False
    signer: str = ""
    error: str = ""
    failed: str = ""
    milliseconds: float = 0.0


def mutate(victim: Victim, seed: str) -> bytes:
    """Return `victim` with one to three changes, always the same for the same seed."""
    random = Random(seed)  # repeatable
    content = bytearray(victim.content)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if not content:
            break
        at = min(_place(victim, random), len(content) - 1)
        random.choice(CHANGES)(content, at, victim.other, random)
    return bytes(content)


def _place(victim: Victim, random: Random) -> int:
    if random.random() < AIMED:
        start = max(0, victim.manifest.start - _AROUND)
        return random.randrange(start, victim.manifest.stop + _AROUND)
    return random.randrange(len(victim.content))


def _flip(content: bytearray, at: int, _other: bytes, random: Random) -> None:
    for _ in range(random.randint(1, 8)):
        place = min(len(content) - 1, at + random.randrange(_MAX_PIECE))
        content[place] ^= 1 << random.randrange(8)


def _length(content: bytearray, at: int, _other: bytes, random: Random) -> None:
    width = random.choice((1, 2, 4, 8))
    value = random.choice((*_LENGTHS, random.randrange(2**32))) % 2 ** (8 * width)
    here = content[at : at + width]
    content[at : at + width] = value.to_bytes(width, random.choice(("big", "little")))[: len(here)]


def _insert(content: bytearray, at: int, _other: bytes, random: Random) -> None:
    content[at:at] = random.randbytes(random.randint(1, _MAX_PIECE))


def _delete(content: bytearray, at: int, _other: bytes, random: Random) -> None:
    del content[at : at + random.randint(1, _MAX_PIECE)]


def _splice(content: bytearray, at: int, _other: bytes, random: Random) -> None:
    size, source = random.randint(1, 4096), random.randrange(len(content))
    piece = content[source : source + size]
    content[at : at + (len(piece) if random.random() < 0.5 else 0)] = piece


def _truncate(content: bytearray, at: int, _other: bytes, _random: Random) -> None:
    del content[at:]


def _swap(content: bytearray, at: int, other: bytes, random: Random) -> None:
    size = random.randint(1, 8192)
    content[at : at + size] = other[at : at + size]


CHANGES: tuple[Change, ...] = (_flip, _flip, _length, _insert, _delete, _splice, _truncate, _swap)


@dataclass(frozen=True)
class Fuzzer:
    """Damages by seed and verifies, one after another, in a worker process."""

    worker: VerifyWorker
    victim: Victim
    place: Path

    def __call__(self, seed: int) -> Outcome:
        """Return what trustkit says of the mutation `seed`; what changed nothing is not asked."""
        whole = self.victim.content
        content = whole if seed == UNTOUCHED else mutate(self.victim, f"{self.place.name} {seed}")
        if content == whole and seed != UNTOUCHED:
            return Outcome(seed, changed=False)
        self.place.write_bytes(content)
        start = time.perf_counter()
        report = look(self.worker, self.place)
        spent = 1000 * (time.perf_counter() - start)
        findings = report.verdict.findings if report.verdict is not None else ()
        return Outcome(
            seed,
            changed=seed != UNTOUCHED,
            word=report.verdict.word if report.verdict is not None else "",
            is_whole=is_whole(report),
            signer=report.axes.signer,
            error=report.error.code if report.error is not None else "",
            failed=", ".join(f.reason for f in findings if f.code.endswith(".failed")),
            milliseconds=spent,
        )


def open_fuzzer(victim: Victim, place: Path) -> Fuzzer:
    """Make the work function, over in the worker; every damaged file is put at `place`."""
    return Fuzzer(open_worker(), victim, place)
