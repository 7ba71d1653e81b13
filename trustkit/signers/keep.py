"""Keys kept by name: KEYS/NAME/about.json says which of the folders beside it is in use.

    press/about.json
    press/2026-01-07/     key.pem, chain.pem, request.pem     in use until it was rotated
    press/2026-11-26/     key.pem, chain.pem, request.pem     in use

A key and its chain change together, so what changes is one file: about.json, put in place whole.
Old folders stay, so that what was signed with them can be explained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustkit.errors import PublishError
from trustkit.signers.request import Subject
from trustkit.signers.whole import SECRET, folder, put, sweep

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_ABOUT = 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Used:
    """A folder, and from when to when its key was the one in use (ISO 8601, UTC; or nothing)."""

    folder: str
    since: str
    until: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a key: how it came to be, what was asked for, and what is in use.

    `current` and `pending` are names of folders, or nothing: a key that was asked for first is
    pending until the CA's chain is imported.
    """

    kind: str  # generated or requested
    subject: Subject
    algorithm: str
    profile: str = "c2pa"
    days: int = 365
    current: str = ""
    pending: str = ""
    used: tuple[Used, ...] = ()

    def switched(self, to: str) -> About:
        """Return what holds once `to` is in use."""
        now = _now()
        before = tuple(u if u.until else replace(u, until=now) for u in self.used)
        return replace(self, current=to, pending="", used=(*before, Used(to, now)))


@dataclass(frozen=True, slots=True)
class KeyFolder:
    """Where the named keys are."""

    path: Path

    def names(self) -> list[str]:
        """List the names, sorted."""
        if not self.path.is_dir():
            return []
        return sorted(p.name for p in self.path.iterdir() if self.is_kept(p.name))

    def is_kept(self, name: str) -> bool:
        """Tell whether there is a key of that name."""
        return bool(_NAME.fullmatch(name)) and (self.path / name / "about.json").is_file()

    def about(self, name: str) -> About:
        """Return what is known of a key; raises `PublishError` when it is missing or damaged."""
        if not self.is_kept(name):
            there = ", ".join(self.names()) or "none kept"
            raise PublishError(
                f"no key named {name!r} ({there})", "make one with `trustkit keys generate --keep`"
            )
        path = self.path / name / "about.json"
        try:
            with path.open("rb") as stream:
                return _about(json.loads(stream.read(_MAX_ABOUT)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PublishError(
                f"{path} is damaged: {type(error).__name__}", "put it back from a copy"
            ) from error

    def in_use(self, name: str) -> Path:
        """Return the folder to sign with; raises `PublishError` while there is none."""
        about = self.about(name)
        if not about.current:
            raise PublishError(
                f"the key {name} has no certificate yet",
                f"`trustkit keys import CHAIN.pem --key {name}` once the CA has answered",
            )
        return self.path / name / about.current

    def check_free(self, name: str) -> None:
        """Raise `PublishError` for a name that is taken or is none."""
        if not _NAME.fullmatch(name):
            raise PublishError(
                f"{name!r} is no name for a key", "use a-z, 0-9, dot, dash and underscore"
            )
        if (self.path / name).exists():
            raise PublishError(
                f"there is a key named {name} already",
                f"take another name, or `trustkit keys rotate {name}`",
            )

    @contextmanager
    def adding(self, name: str, about: About) -> Iterator[Path]:
        """Give a folder to fill with a new key; then the name is there, whole."""
        self.check_free(name)
        first = _today()
        done = replace(about, pending=first)
        if about.kind == "generated":
            done = about.switched(first)
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise PublishError(
                f"{self.path} cannot be made: {error.strerror}",
                "check the folder that TRUSTKIT_HOME names",
            ) from error
        sweep(self.path)
        with folder(self.path / name) as fresh:
            (fresh / first).mkdir(mode=0o700)
            yield fresh / first
            self._write(fresh, done)

    @contextmanager
    def rotating(self, name: str, about: About) -> Iterator[Path]:
        """Give a folder to fill with the key that follows; `about` is what is to be kept of it.

        A generated key takes over at once; a requested one waits for its chain (`switch`).
        """
        place = self.path / name
        sweep(place)
        following = _free(place, _today())
        with folder(place / following) as fresh:
            yield fresh
            now = self.about(name)
            if (now.current, now.pending, now.used) != (about.current, about.pending, about.used):
                # What another call did meanwhile would be forgotten.
                raise PublishError(
                    f"the key {name} was changed by another call meanwhile",
                    f"nothing was done; see `trustkit keys show {name}`",
                )
        if about.kind == "generated":
            self._write(place, about.switched(following))
        else:
            self._write(place, replace(about, pending=following))

    def switch(self, name: str, to: str) -> None:
        """Use folder `to` from now on."""
        about = self.about(name)
        if about.current != to:
            self._write(self.path / name, about.switched(to))

    @staticmethod
    def _write(place: Path, about: About) -> None:
        put(place / "about.json", (json.dumps(asdict(about), indent=2) + "\n").encode(), SECRET)


def _about(document: dict[str, Any]) -> About:
    subject = Subject(**document.pop("subject"))
    used = tuple(Used(**entry) for entry in document.pop("used"))
    about = About(subject=subject, used=used, **document)
    for name in (about.current, about.pending):
        if name and not _NAME.fullmatch(name):  # never out of the folder
            raise ValueError(name)
    return about


def _free(place: Path, wanted: str) -> str:
    names = (wanted, *(f"{wanted}.{number}" for number in range(2, 1000)))
    return next(name for name in names if not (place / name).exists())


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
