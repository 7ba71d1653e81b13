"""Sources -> workers -> reports, on this machine, in the order of the sources."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from trustkit.asset import open_asset
from trustkit.batch.sources import STDIN, Source, spool
from trustkit.errors import NoInputError, TrustkitError, UnreadableError
from trustkit.evidence import Collector
from trustkit.isolation import Limits, Work, run
from trustkit.policy import Limits as FileLimits
from trustkit.policy import Policy
from trustkit.verify import Report, unread, verify


@dataclass(frozen=True)
class VerifyWorker:
    """Verifies one source after another with collectors that are made once."""

    collectors: tuple[Collector, ...]
    policy: Policy

    def __call__(self, source: Source) -> Report:
        """Return the report of one file; an unreadable one has an error, never a traceback."""
        try:
            limit = self.policy.limits.max_bytes
            asset = open_asset(source.path, source.name, limit)
            return verify(asset, self.collectors, self.policy)
        except TrustkitError as error:
            return unread(source.name, error)
        except OSError as error:
            return unread(source.name, _unreadable(source.name, error))


def verify_all(
    sources: Sequence[Source],
    opened: Callable[[], Work],
    limits: FileLimits,
    jobs: int,
    stdin: BinaryIO,
) -> Iterator[Report]:
    """Yield a report for every source, in their order, each read in a process with `limits`.

    `opened` makes the work function (a `VerifyWorker`) over there.
    """
    folders = []
    try:
        ready: list[Source | Report] = []
        for source in sources:
            if source.missing:
                ready.append(_missing(source))
            elif source.name == STDIN:
                try:
                    path = spool(stdin, limits.max_bytes)
                except TrustkitError as error:
                    ready.append(unread(source.name, error))
                    continue
                folders.append(path.parent)
                ready.append(replace(source, path=path))
            else:
                ready.append(source)
        yield from _in_order(ready, opened, limits, jobs)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _in_order(
    ready: Sequence[Source | Report], opened: Callable[[], Work], limits: FileLimits, jobs: int
) -> Iterator[Report]:
    tasks = [item for item in ready if isinstance(item, Source)]
    each = Limits(limits.max_seconds_per_file, limits.max_memory)
    answers = run(tasks, opened, each, jobs)
    early: dict[int, Report] = {}
    number = 0
    for item in ready:
        if isinstance(item, Report):
            yield item
            continue
        while number not in early:
            done, answer = next(answers)
            is_report = isinstance(answer, Report)
            early[done] = answer if is_report else unread(tasks[done].name, answer)
        yield early.pop(number)
        number += 1


def _missing(source: Source) -> Report:
    return unread(source.name, NoInputError(source.missing, "check the name, or add -r"))


def _unreadable(name: str, error: OSError) -> UnreadableError:
    return UnreadableError(
        f"{name} cannot be read: {error.strerror or error}", "check the file and its permissions"
    )
