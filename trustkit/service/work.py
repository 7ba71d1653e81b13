"""What a worker process does with one upload: no file of a client is opened anywhere else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trustkit.asset import Asset, open_asset
from trustkit.batch.sources import Source
from trustkit.isolation import Limits
from trustkit.recovering import open_recoverer
from trustkit.service.kinds import KINDS
from trustkit.toolbox import Wish, open_worker
from trustkit.watermarks.sight import Read

if TYPE_CHECKING:
    from trustkit.recover import Recoverer

NAME = "upload"  # what a file is called whose client did not say
MOST_NEAR = 1000  # codes that are judged
_BEHIND = 5  # steps of niceness
_GRACE = 5.0  # seconds after its time in which the parent, if it lives, ends a task


@dataclass(frozen=True)
class Ready:
    """Asks whether the worker is there."""


@dataclass(frozen=True)
class Verify:
    """An upload to be verified, and what to call it."""

    path: Path
    name: str


@dataclass(frozen=True)
class Match:
    """An upload whose records are wanted; by this algorithm alone, where one is named."""

    path: Path
    algorithm: str = ""


@dataclass(frozen=True)
class Found:
    """A record that an upload leads to; `distance` of a code in bits, else None."""

    record: str
    distance: int | None


@dataclass(frozen=True)
class Opened:
    """Makes the work function, over there."""

    wish: Wish
    folder: Path
    limits: Limits

    def __call__(self) -> Callable[[Any], Any]:
        """Return what answers one task after another."""
        import tempfile

        tempfile.tempdir = str(self.folder)  # what an engine puts down is swept with the uploads
        if hasattr(signal, "SIGALRM"):
            # Who tells the whole group to end wants running work to finish: the parent says when.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.nice(_BEHIND)  # who looks at files is not to keep the one who answers from it
        return _Work(self.wish, self.limits)


class _Work:
    """Answers one task after another."""

    def __init__(self, wish: Wish, limits: Limits) -> None:
        self._wish = wish
        self._seconds = limits.seconds + _GRACE
        self._verify = open_worker(wish)

    def __call__(self, task: Any) -> Any:
        # A parent that was killed ends nobody: the system does, whatever the decoder is up to.
        if not hasattr(signal, "setitimer"):
            return self._answer(task)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)
        try:
            return self._answer(task)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _answer(self, task: Any) -> Any:
        match task:
            case Verify(path, name):
                return self._verify(Source(path, name))
            case Match(path, algorithm):
                asset = open_asset(path, NAME, self._verify.policy.limits.max_bytes)
                return self._by(asset, algorithm) if algorithm else self._match(asset)
        return Ready()

    def _match(self, asset: Asset) -> list[Found]:
        from trustkit.evidence.leads import leads
        from trustkit.evidence.match import Way

        found = leads(asset, self._recoverer.store, self._recoverer.ways)
        return [
            Found(match.record.id, match.distance if match.way is Way.FINGERPRINT else None)
            for match in found.matches
        ]

    def _by(self, asset: Asset, algorithm: str) -> list[Found]:
        from trustkit.fingerprints.files import judge, queries_of

        store, marks = self._recoverer.store, self._recoverer.ways.marks
        if marks is not None and algorithm in KINDS.marks:
            read = [one.mark for one in marks(asset) if isinstance(one, Read) and one.mark]
            values = [mark.payload.hex() for mark in read if mark.engine == algorithm]
            return [Found(r.id, None) for value in values for r in store.bound(algorithm, value)]
        names = {name for name, _ in KINDS.units.values()}
        queries = [query for query in queries_of(asset) if query.code.algorithm in names]
        stored = {name: store.codes(name) for name in names}
        found = judge(queries, store.near(queries, MOST_NEAR), stored)
        return [Found(lead.record, lead.distance) for lead in found]

    @cached_property
    def _recoverer(self) -> Recoverer:
        # Not every service is asked by content, and the index takes its memory.
        return open_recoverer(self._wish, deep=False, personal=False)
