"""A bar on standard error while something long is done, on a terminal and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trustkit.reports import printable

Tell = Callable[[float, float | None], None]  # how much is done, of how much


@contextmanager
def bar(label: str, *, quiet: bool = False) -> Iterator[Tell | None]:
    """Give what is to be told of progress, or None where nobody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
    )
    # Gone when it is done: what is left on the terminal is the answer.
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task(escape(printable(label)), total=None)

        def tell(done: float, total: float | None) -> None:
            shown.update(task, completed=done, total=total)

        yield tell
