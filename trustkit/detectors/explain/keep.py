"""Explanations on disk: written whole or not at all, and over nobody else's files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from trustkit.detectors.explain.drawing import MARK
from trustkit.errors import PublishError, UsageError
from trustkit.media.placing import temporary

_HEAD = 512  # bytes at the beginning in which our mark stands, in PNG and JSON
IsInput = Callable[[Path], bool]


def open_folder(name: str) -> Path:
    """Return the folder, made if it is not there; raises `UsageError`."""
    if not name:
        raise UsageError("--explain names no folder", "name a folder for the explanations")
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"{name} is no folder", "name a folder for the explanations") from error
    except OSError as error:
        raise UsageError(f"{name} cannot be made: {error.strerror}", "name another one") from error
    return folder


def keep(
    folder: Path, files: Mapping[str, bytes], is_input: IsInput, gone: Iterable[str] = ()
) -> list[str]:
    """Write the files, each under its name in `folder`, and return where they are.

    Those of an earlier run are replaced, and those named in `gone` taken away: they would pass for
    this run's. Raises `PublishError` for a file there that is not ours,
    and where one cannot be written; what was written before it stays.
    """
    for name in files:
        _refuse(folder / name, is_input)
    written = [_written(folder / name, data) for name, data in files.items()]
    for target in (folder / name for name in gone):
        if _is_ours(target) and not is_input(target):
            _taken_away(target)
    return written


def _refuse(target: Path, is_input: IsInput) -> None:
    if is_input(target):
        raise PublishError(
            f"{target} is itself an input, which is never overwritten",
            "nothing was written for it; write into another folder",
        )
    if _is_ours(target) is False:
        raise PublishError(
            f"{target} is there already, and no explanation of ours",
            "nothing was written for it; write into another folder",
        )


def _is_ours(target: Path) -> bool | None:
    """Tell whether an explanation is there; None: nothing is."""
    try:
        # Neither a link, nor a pipe, which would keep us for ever.
        if not stat.S_ISREG(target.lstat().st_mode):
            return False
        with target.open("rb") as stream:
            return MARK in stream.read(_HEAD)
    except FileNotFoundError:
        return None
    except OSError:  # a file that we may not even read
        return False


def _taken_away(target: Path) -> None:
    try:
        target.unlink()
    except OSError as error:
        raise PublishError(
            f"{target} is of an earlier run and cannot be removed: {error.strerror or error}",
            "remove it, or name another folder",
        ) from error


def _written(target: Path, data: bytes) -> str:
    try:
        with temporary(target) as fresh:
            with fresh.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(fresh, target)
    except OSError as error:
        raise PublishError(
            f"{target} cannot be written: {error.strerror or error}",
            "make room or name another folder; nothing half written is left",
        ) from error
    return str(target)
