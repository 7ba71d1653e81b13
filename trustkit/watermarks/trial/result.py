"""What a trial saw: values, down to every single cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from trustkit.errors import TrustkitError
from trustkit.watermarks.trial.kind import PICTURES, Kind


class Outcome(StrEnum):
    """What the reader gave back after an attack."""

    RECOVERED = "recovered"  # every bit of the payload
    UNREADABLE = "unreadable"  # no mark readable
    WRONG = "wrong"  # a payload that was never put there
    SECOND = "second"  # the payload of the second mark, where the attack is one
    NOT_RUN = "not_run"  # the attack could not be made: see `reason`


@dataclass(frozen=True, slots=True)
class Frames:
    """How large a picture is, in pixels; a clip has `count` frames of that size."""

    width: int
    height: int
    count: int = 1

    @property
    def amount(self) -> int:
        """Return the pixels of all frames."""
        return self.single * self.count

    @property
    def single(self) -> int:
        """Return the pixels of one frame."""
        return self.width * self.height

    @property
    def words(self) -> str:
        """Return it for a table."""
        return f"{self.width} by {self.height}"

    @property
    def facts(self) -> dict[str, float]:
        """Return it for JSON."""
        return {"width": self.width, "height": self.height, "frames": self.count}


@dataclass(frozen=True, slots=True)
class Stretch:
    """How long a sound is in seconds, with its rate in Hz."""

    seconds: float
    rate: int
    channels: int

    @property
    def amount(self) -> float:
        """Return the seconds."""
        return self.seconds

    single = amount

    @property
    def words(self) -> str:
        """Return it for a table."""
        return f"{self.seconds:.1f} s, {self.rate:,} Hz, {self.channels} ch."

    @property
    def facts(self) -> dict[str, float]:
        """Return it for JSON."""
        return {"seconds": self.seconds, "rate": self.rate, "channels": self.channels}


@dataclass(frozen=True, slots=True)
class Cell:
    """One attack on one picture or sound.

    `amount` is how much the attacked copy is, in pixels or seconds; `cpu` is the reader's.
    """

    attack: str
    outcome: Outcome
    amount: float = 0
    cpu: float = 0.0
    confidence: float | None = None
    path: str = ""
    reason: str = ""

    @property
    def pixels(self) -> float:
        """Return the amount of a picture or clip."""
        return self.amount


@dataclass(frozen=True, slots=True)
class Marked:
    """What was marked and attacked.

    `quality` has a value for every `Measure` of the kind, by its key: None where not measured.
    """

    name: str
    sha256: str
    extent: Frames | Stretch
    payload: bytes
    quality: Mapping[str, float | None]
    embed_cpu: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Unmarked:
    """What we did not mark, and what the reader found in it all the same.

    `confidence` is that of the mark found, or the highest of anything tried, where the engine
    tells it; else None.
    """

    name: str
    sha256: str
    extent: Frames | Stretch
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
    unmarked_failed: tuple[Failed, ...] = ()
    kind: Kind = PICTURES
