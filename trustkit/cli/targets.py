"""Where a command that makes files writes: never over an original unasked, never twice."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from trustkit.asset import MAX_BYTES
from trustkit.batch.sources import STDIN, Source, shown, spool
from trustkit.cli import output as terminal
from trustkit.errors import PublishError, TrustkitError, UsageError


class Originals:
    """The files that a command was given, by whatever names they are called."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._there = {_identity(s.path) for s in sources if s.name != STDIN and s.path.name}
        self._there.discard(None)

    def holds(self, path: Path) -> bool:
        """Tell whether `path` is one of them."""
        return _identity(path) in self._there


@dataclass(frozen=True)
class Targets:
    """What was asked for; `one_on_stdout` says that a single file may go to standard output.

    No output takes the place of one of `sources`; with `in_place` that of its own source alone.
    """

    output: str | None
    in_place: bool
    several: bool
    one_on_stdout: bool
    sources: Iterable[Source] = ()
    replaces: bool = True  # whether the command has --in-place
    _taken: set[Path] = field(default_factory=set)

    def of(self, source: Source) -> Path | TrustkitError:
        """Return where `source` goes, or why it cannot; raises `UsageError` for a wrong call."""
        try:
            target = self._asked(source)
        except OSError as error:
            # A folder that cannot be made, or a name too long, is this file's trouble alone.
            place = shown(str(error.filename or self.output))
            return PublishError(
                f"{source.name} has no place to go: {place}: {error.strerror}",
                "nothing was written for it; check the folder of the output",
            )
        if isinstance(target, Path) and str(target) != STDIN:
            if target in self._taken:
                return PublishError(
                    f"{target} was just written for another input of that name",
                    "write them into different folders",
                )
            self._taken.add(target)
            if self._originals.holds(target) and not _same(source.path, target):
                return PublishError(*another_input(target))
        return target

    @cached_property
    def _originals(self) -> Originals:
        return Originals(self.sources)

    def _asked(self, source: Source) -> Path | TrustkitError:
        if self.output is None:
            if self.in_place:
                return source.path
            raise UsageError("where to?", "name -o OUT, or --in-place to replace the input")
        if self.output == STDIN:
            if self.several or not self.one_on_stdout:
                raise UsageError(
                    "only one file fits on standard output, and no report with it", "name -o OUT"
                )
            return Path(STDIN)
        target = Path(self.output)
        if self.several or self.output.endswith(os.sep) or target.is_dir():
            if target.exists() and not target.is_dir():
                raise UsageError(
                    f"{self.output} is no folder", "several inputs need -o to be a folder"
                )
            target /= source.below if source.below.name else source.path.name
            target.parent.mkdir(parents=True, exist_ok=True)
        if _same(source.path, target) and not self.in_place:
            return PublishError(
                f"{target} is the original, which is never overwritten unasked",
                "add --in-place" if self.replaces else "write into another folder",
            )
        if not target.parent.is_dir():
            return PublishError(f"there is no folder {target.parent}", "make it first")
        return target


@contextmanager
def as_file(source: Source) -> Iterator[Path]:
    """Give a path to what is to be read: standard input is copied into a temporary file."""
    if source.name != STDIN:
        yield source.path
        return
    path = spool(terminal.stdin(), MAX_BYTES)
    try:
        yield path
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


@contextmanager
def as_target(target: Path) -> Iterator[Path]:
    """Give a path to write to: what is for standard output is copied there at the end."""
    if str(target) != STDIN:
        yield target
        return
    with tempfile.TemporaryDirectory(prefix="trustkit-") as folder:
        place = Path(folder, "out")
        yield place
        if Path(folder, "out.c2pa").exists():
            raise PublishError(
                "its manifest is in a sidecar, which does not fit on standard output", "name -o OUT"
            )
        with place.open("rb") as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, 2**20)


def outside(sources: Sequence[Source], output: str) -> list[Source]:
    """Leave out what was found in the folder of the outputs, where that is in one of the inputs.

    Else the outputs of one call would be inputs of the next. What was named itself stays.
    """
    out = Path(output).resolve()

    def is_output(source: Source) -> bool:
        if not source.below.name:
            return False
        path = source.path.parent.resolve()
        top = path if len(source.below.parts) == 1 else path.parents[len(source.below.parts) - 2]
        return out != top and out.is_relative_to(top) and path.is_relative_to(out)

    return [source for source in sources if not is_output(source)]


def refuse_input(option: str, file: str | None, sources: Iterable[Source]) -> None:
    """Refuse to write a report over one of the inputs; raises `UsageError`."""
    if file and file != STDIN and Originals(sources).holds(Path(file)):
        raise UsageError(
            f"{option} {file} is itself an input, which is never overwritten", "name another file"
        )


def another_input(target: Path) -> tuple[str, str]:
    """Return message and hint of the refusal to write one input's output over another input."""
    return f"{target} is itself an input, which is never overwritten", "write into another folder"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _same(source: Path, target: Path) -> bool:
    try:
        return source.samefile(target)
    except OSError:
        return False
