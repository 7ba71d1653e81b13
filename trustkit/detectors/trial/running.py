"""How a trial looks at files: each decoded once, in this process or in workers of one thread."""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2

from trustkit.detectors import Array, Detector, Kind, Score
from trustkit.detectors.panel import DISAGREES, Judgement, Member, Opinion, judge
from trustkit.detectors.panelists import Seat
from trustkit.detectors.recheck import picture_again, sound_again
from trustkit.detectors.shelf import Entry, Origin, entry, entry_of
from trustkit.detectors.trial.conditions import Condition, chance, choose
from trustkit.detectors.trial.index import Index, Row
from trustkit.detectors.trial.opening import read_array
from trustkit.detectors.trial.result import CLEAN, Missed, Observation
from trustkit.detectors.trial.shortcut import Traits, traits
from trustkit.errors import ConfigError, TrustkitError, UnreadableError

Progress = Callable[[int, int], None]  # how many files are done, of how many


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a detector in any process: its name on the shelf, or its folder."""

    name: str
    folder: Path | None = None
    device: str = "cpu"

    @property
    def entry(self) -> Entry:
        """Return what it is, unopened; raises `ConfigError` where there is none."""
        return entry_of(self.folder, Origin.OWN) if self.folder else entry(self.name)

    def open(self) -> Detector:
        """Return the detector; raises as `Entry.open`."""
        return self.entry.open(self.device)


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to every file; `others` can only make the lead doubt, as in any panel.

    `conditions` are names, since functions of this module's callers may not cross processes.
    """

    lead: Opening
    kind: Kind
    conditions: tuple[str, ...]
    others: tuple[Opening, ...] = ()
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of one file."""

    file: str
    observations: tuple[Observation, ...]
    missed: tuple[Missed, ...]
    traits: Traits | None


def look(
    task: Task,
    index: Index,
    rows: Sequence[Row],
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Looked]:
    """Return what was seen, in the order of the rows, whatever `jobs` is.

    A file that cannot be read is told in its place; a detector that cannot be used raises.
    """
    found: list[Looked] = []
    for looked in _each(partial(_look, task), [_item(index, row) for row in rows], jobs):
        found.append(looked)
        if progress:
            progress(len(found), len(rows))
    return found


def headers(index: Index, rows: Sequence[Row], kind: Kind) -> dict[str, Traits]:
    """Return what headers tell of the files that can be opened, without decoding any."""
    found = {}
    for row in rows:
        _, path, why = _item(index, row)
        try:
            if path is not None and not why:
                found[row.file] = traits(path, kind)
        except UnreadableError:
            continue  # whoever gave scores for it has read it: only the baseline goes without
    return found


_Item = tuple[str, Path | None, str]  # the file as the index names it, where it is, or why not


def _item(index: Index, row: Row) -> _Item:
    try:
        return row.file, index.path(row), ""
    except (UnreadableError, OSError) as error:
        return row.file, None, str(error)


def _look(task: Task, item: _Item) -> Looked:
    file, path, why = item
    names = task.conditions
    if path is None:
        return Looked(file, (), tuple(Missed(file, name, why) for name in names), None)
    lead, *others = (_opened(opening) for opening in (task.lead, *task.others))
    start = time.process_time()
    try:
        array = read_array(path, task.kind, lead.rate)
        about = traits(path, task.kind)
    except ConfigError:
        raise
    except TrustkitError as error:
        told = tuple(Missed(file, name, error.message) for name in names)
        return Looked(file, (), told, None)
    decoding = time.process_time() - start
    seen, missed = [], []
    for condition in choose(task.kind, names):
        start = time.process_time()
        try:
            changed = condition.apply(array, lead.rate, chance(task.seed, file, condition.name))
            score = lead.score(changed)
        except (UnreadableError, ValueError) as error:
            missed.append(Missed(file, condition.name, str(error)))
            continue
        took = decoding + time.process_time() - start
        seen.append(_observed(file, condition, changed, score, lead, others, took))
    return Looked(file, tuple(seen), tuple(missed), about)


def _observed(
    file: str,
    condition: Condition,
    array: Array,
    score: Score,
    lead: Detector,
    others: Sequence[Detector],
    took: float,
) -> Observation:
    opinions = [Opinion(_member(lead), score)]
    opinions += [Seat(_member(other), other).opinion(array) for other in others]
    judged = judge(opinions, look_again=lambda: lead.score(_again(array, lead)))
    return Observation(
        file,
        condition.name,
        score.value,
        math.log(max(score.likelihood_ratio, 1e-30)),
        judged.answer,
        _why(judged),
        seconds=took if condition.name == CLEAN else 0.0,
    )


def _again(array: Array, lead: Detector) -> Array:
    return picture_again(array) if lead.kind is Kind.IMAGE else sound_again(array, lead.rate)


def _member(detector: Detector) -> Member:
    return Member(detector.name, detector.version, detector.kind, tuple(detector.thresholds))


def _why(judged: Judgement) -> str:
    """Return which of the reasons an answer is missing for."""
    lead = judged.opinions[0]
    if not judged.reason:
        return ""
    if not lead.score.in_domain or not lead.is_number:
        return "domain"
    threshold = lead.member.at(judged.rate)
    if threshold and lead.score.value >= threshold.score:
        if not lead.tells:
            return "weak"
        others = [o for o in judged.opinions[1:] if o.is_number and o.score.in_domain]
        against = any(o.score.likelihood_ratio <= DISAGREES for o in others)
        return "disagreement" if against else "flips"
    return "band" if lead.score.value >= lead.doubtful else "disagreement"


@cache
def _opened(opening: Opening) -> Detector:
    # Once in a process: a session takes seconds to load.
    return opening.open()


def _each(work: Callable[[_Item], Looked], items: Sequence[_Item], jobs: int) -> Iterator[Looked]:
    if jobs <= 1 or len(items) <= 1:
        yield from map(work, items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(items)), context, _alone)
    try:
        yield from pool.map(work, items, chunksize=4)
    except BrokenProcessPool as error:
        raise UnreadableError(
            "a worker of the trial ended before its time",
            "it may have run out of memory: try fewer jobs or smaller files",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _alone() -> None:
    cv2.setNumThreads(1)  # one worker, one core
