"""The same trial for clips, through hooks: who knows films brings the engine and the attacks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

from trustkit.errors import TrustkitError
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.trial.attacks import generator
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.kind import PICTURES
from trustkit.watermarks.trial.result import (
    About,
    Cell,
    Failed,
    Frames,
    Marked,
    Outcome,
    Result,
    Unmarked,
)
from trustkit.watermarks.trial.running import (
    Item,
    Progress,
    Work,
    digest,
    judged,
    random_payload,
    run_all,
)


@dataclass(frozen=True, slots=True)
class Measures:
    """A clip's frame size and length, and how far the marked frames are from the first ones."""

    width: int
    height: int
    frames: int
    psnr: float | None = None
    ssim: float | None = None


class ClipEngine(Protocol):
    """What marks and reads clips. Both hooks raise `TrustkitError` for a file they cannot take."""

    @property
    def name(self) -> str:
        """The engine's name, with the version of its format."""

    @property
    def capacity(self) -> int:
        """The payload's size in bits."""

    def embed(self, source: Path, target: Path, payload: bytes) -> Measures:
        """Write a marked copy of `source` to `target`."""

    def detect(self, path: Path, search: Search) -> tuple[Mark | None, Measures]:
        """Return the mark, or None when no mark is readable."""


@dataclass(frozen=True, slots=True)
class ClipAttack:
    """One thing that happens to a clip: `apply` reads its first path and writes its second.

    The second has `suffix`; `why_not` says why the attack cannot be run here.
    """

    name: str
    group: str
    sentence: str
    apply: Callable[[Path, Path, Rng], None]
    suffix: str = ".mp4"
    why_not: str = ""


@dataclass(frozen=True)
class ClipSetup:
    """How a trial of clips is run; `told` is what reports say of the engine beside its name."""

    engine: ClipEngine
    attacks: tuple[ClipAttack, ...]
    search: Search = Search.NORMAL
    seed: int = 1
    told: Mapping[str, str] = field(default_factory=dict)


def run_clips(
    clips: Sequence[Path],
    setup: ClipSetup,
    *,
    unmarked: Sequence[Path] = (),
    progress: Progress | None = None,
) -> Result:
    """Try the engine on clips, one after the other; the result is that of pictures.

    Pixels, and so seconds a megapixel, are those of all frames together.
    """
    return run_all(
        Work(
            PICTURES,
            partial(_attacked, setup=setup),
            partial(_given_up, setup=setup),
            lambda: None,
        ),
        clips,
        unmarked,
        engine={"name": setup.engine.name, **setup.told, "search": setup.search.value},
        seed=setup.seed,
        attacks=[About(a.name, a.group, a.sentence, a.why_not) for a in setup.attacks],
        progress=progress,
    )


def _attacked(item: Item, setup: ClipSetup) -> Marked | Failed:
    name, path = item
    payload = random_payload(setup.engine, generator(setup.seed, name, ""))
    try:
        sha256 = digest(path, name)
        with tempfile.TemporaryDirectory(prefix="trustkit-trial-") as folder:
            copy = Path(folder, f"marked{path.suffix}")
            start = time.process_time()
            clip = setup.engine.embed(path, copy, payload)
            took = time.process_time() - start
            cells = tuple(_cell(name, copy, payload, attack, setup) for attack in setup.attacks)
    except TrustkitError as error:
        return Failed(name, error)
    quality = {"psnr": clip.psnr, "ssim": clip.ssim}
    return Marked(name, sha256, _extent(clip), payload, quality, took, cells)


def _cell(name: str, marked: Path, payload: bytes, attack: ClipAttack, setup: ClipSetup) -> Cell:
    if attack.why_not:
        return Cell(attack.name, Outcome.NOT_RUN, reason=attack.why_not)
    target = marked.with_name(f"attacked{attack.suffix}")
    try:
        attack.apply(marked, target, generator(setup.seed, name, attack.name))
    except (OSError, ValueError, TrustkitError) as error:
        return Cell(attack.name, Outcome.NOT_RUN, reason=str(error)[:200])
    start = time.process_time()
    try:
        mark, seen = setup.engine.detect(target, setup.search)
    except TrustkitError as error:
        return Cell(attack.name, Outcome.UNREADABLE, reason=error.message)
    took = time.process_time() - start
    target.unlink()  # two copies of a film are enough on the disk
    return Cell(
        attack.name,
        judged(mark, payload),
        _extent(seen).amount,
        took,
        mark.confidence if mark else None,
        mark.path if mark else "",
    )


def _given_up(item: Item, setup: ClipSetup) -> Unmarked | Failed:
    name, path = item
    try:
        sha256 = digest(path, name)
        start = time.process_time()
        mark, seen = setup.engine.detect(path, setup.search)
        took = time.process_time() - start
    except TrustkitError as error:
        return Failed(name, error)
    found = mark.payload if mark else None
    confidence = mark.confidence if mark else None
    return Unmarked(name, sha256, _extent(seen), took, found, confidence)


def _extent(clip: Measures) -> Frames:
    return Frames(clip.width, clip.height, clip.frames)
