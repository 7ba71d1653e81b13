"""What a trial saw: values, down to every single cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trustkit.errors import TrustkitError


class Outcome(StrEnum):
    """What the reader gave back after an attack."""

    RECOVERED = "recovered"  # every bit of the payload
    UNREADABLE = "unreadable"  # no mark readable
    WRONG = "wrong"  # a payload that was never put there
    SECOND = "second"  # the payload of the second mark, where the attack is one
    NOT_RUN = "not_run"  # the attack could not be made: see `reason`


@dataclass(frozen=True, slots=True)
class Cell:
    """One attack on one picture; `pixels` are those of the attacked copy, `cpu` is the reader's."""

    attack: str
    outcome: Outcome
    pixels: int = 0
    cpu: float = 0.0
    confidence: float | None = None
    path: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Marked:
    """A picture that was marked and attacked; `psnr` and `ssim` are None where not measured.

    A clip has `frames`, all of them marked.
    """

    name: str
    sha256: str
    width: int
    height: int
    payload: bytes
    psnr: float | None
    ssim: float | None
    embed_cpu: float
    cells: tuple[Cell, ...]
    frames: int = 1

    @property
    def pixels(self) -> int:
        """Return how many pixels the picture, or a frame of the clip, has."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A picture that we did not mark, and what the reader found in it all the same.

    `confidence` is that of the mark found, or the highest of anything tried, where the engine
    tells it; else None.
    """

    name: str
    sha256: str
    width: int
    height: int
    cpu: float
    payload: bytes | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A file that could not be read or marked."""

    name: str
    error: TrustkitError


@dataclass(frozen=True, slots=True)
class About:
    """One attack of the trial, and why it was not run if it was not."""

    name: str
    group: str
    sentence: str
    why_not: str = ""


@dataclass(frozen=True)
class Result:
    """A whole trial; `engine` holds its name and what else the caller says of it, as text."""

    engine: Mapping[str, str]
    seed: int
    attacks: tuple[About, ...]
    marked: tuple[Marked, ...] = ()
    unmarked: tuple[Unmarked, ...] = ()
    failed: tuple[Failed, ...] = ()
    unmarked_failed: tuple[Failed, ...] = field(default=())
