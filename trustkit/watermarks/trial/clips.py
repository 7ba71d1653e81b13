"""The same trial for clips, through hooks: who knows films brings the engine and the attacks."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trustkit.errors import TrustkitError, UnreadableError
from trustkit.watermarks import Mark, Search
from trustkit.watermarks.trial.attacks import generator
from trustkit.watermarks.trial.distortions import Rng
from trustkit.watermarks.trial.result import About, Cell, Failed, Marked, Outcome, Result, Unmarked
from trustkit.watermarks.trial.trial import Progress, judged, named


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
    tell = progress or (lambda _done, _total, _name: None)
    total = len(clips) + len(unmarked)
    marked: list[Marked] = []
    silent: list[Unmarked] = []
    failed: tuple[list[Failed], list[Failed]] = ([], [])
    items = [(name, path, True) for name, path in named(clips)]
    items += [(name, path, False) for name, path in named(unmarked)]
    for done, (name, path, is_marked) in enumerate(items, 1):
        try:
            if is_marked:
                marked.append(_attacked(name, path, setup))
            else:
                silent.append(_given_up(name, path, setup))
        except TrustkitError as error:
            failed[0 if is_marked else 1].append(Failed(name, error))
        tell(done, total, name)
    return Result(
        engine={"name": setup.engine.name, **setup.told, "search": setup.search.value},
        seed=setup.seed,
        attacks=tuple(About(a.name, a.group, a.sentence, a.why_not) for a in setup.attacks),
        marked=tuple(marked),
        unmarked=tuple(silent),
        failed=tuple(failed[0]),
        unmarked_failed=tuple(failed[1]),
    )


def _attacked(name: str, path: Path, setup: ClipSetup) -> Marked:
    digest = _digest(name, path)
    payload = generator(setup.seed, name, "").bytes(setup.engine.capacity // 8)
    with tempfile.TemporaryDirectory(prefix="trustkit-trial-") as folder:
        copy = Path(folder, f"marked{path.suffix}")
        start = time.process_time()
        clip = setup.engine.embed(path, copy, payload)
        took = time.process_time() - start
        cells = tuple(_cell(name, copy, payload, attack, setup) for attack in setup.attacks)
    return Marked(
        name,
        digest,
        clip.width,
        clip.height,
        payload,
        clip.psnr,
        clip.ssim,
        took,
        cells,
        frames=clip.frames,
    )


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
        seen.width * seen.height * seen.frames,
        took,
        mark.confidence if mark else None,
        mark.path if mark else "",
    )


def _given_up(name: str, path: Path, setup: ClipSetup) -> Unmarked:
    digest = _digest(name, path)
    start = time.process_time()
    mark, seen = setup.engine.detect(path, setup.search)
    took = time.process_time() - start
    found = mark.payload if mark else None
    confidence = mark.confidence if mark else None
    return Unmarked(name, digest, seen.width, seen.height, took, found, confidence)


def _digest(name: str, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read: {error.strerror}") from error
