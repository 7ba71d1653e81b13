"""Each file of a command in a worker process, and what came of it, in the order they were named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from trustkit.asset import MAX_BYTES
from trustkit.batch.sources import STDIN, Source, spool
from trustkit.cli import output as terminal
from trustkit.errors import NoInputError, TrustkitError
from trustkit.isolation import Limits, Work, run


def each(
    sources: Sequence[Source], opened: Callable[[], Work], limits: Limits, jobs: int
) -> Iterator[tuple[Source, Any]]:
    """Yield each source with what its worker answered, or with the `TrustkitError` it raised.

    `opened` makes the work function over there, which is given a path and what to call it.
    """
    ready: dict[int, Any] = {}
    tasks, numbers = [], []
    with ExitStack() as rubbish:
        for number, source in enumerate(sources):
            try:
                tasks.append(_task(source, rubbish))
                numbers.append(number)
            except TrustkitError as error:
                ready[number] = error
        answers = run(tasks, opened, limits, jobs) if tasks else iter(())
        for number, source in enumerate(sources):
            while number not in ready:
                done, answer = next(answers)
                ready[numbers[done]] = answer
            yield source, ready.pop(number)


def counted(
    answers: Iterator[tuple[Source, Any]], total: int, label: str, *, quiet: bool
) -> Iterator[tuple[Source, Any]]:
    """Yield `answers`, with a bar on a terminal where there are several."""
    if quiet or total < 2 or not sys.stderr.isatty():  # noqa: PLR2004  # one needs no bar
        yield from answers
        return
    with click.progressbar(answers, length=total, label=label, file=sys.stderr) as shown:
        yield from shown


def _task(source: Source, rubbish: ExitStack) -> tuple[Path, str]:
    if source.missing:
        raise NoInputError(source.missing, "check the name, or add -r")
    if source.name != STDIN:
        return source.path, source.name
    path = spool(terminal.stdin(), MAX_BYTES)
    rubbish.callback(path.parent.rmdir)
    rubbish.callback(path.unlink)
    return path, source.name
