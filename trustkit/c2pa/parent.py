"""The manifest a file comes with, before it is signed anew: kept as parent, never laundered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.read import Found, Reading, Remote, Unreadable, read
from trustkit.c2pa.settings import plain_context
from trustkit.errors import PublishError
from trustkit.policy import ALTERED, UNREAD, Pattern, Seen

_INTACT = Pattern("manifest.intact")


@dataclass(frozen=True, slots=True)
class Incoming:
    """The manifest a file comes with: where it is, and what is broken in it (empty: nothing is)."""

    where: str
    problem: str
    reading: Reading

    @property
    def report(self) -> Mapping[str, Any]:
        """The engine's report, empty where the manifest could not be read."""
        return self.reading.report if isinstance(self.reading, Found) else {}


def incoming(asset: Asset) -> Incoming | None:
    """Return what manifest `asset` comes with, or None."""
    reading = read(asset, plain_context())
    match reading:
        case Found(where):
            return Incoming(where, first_problem(reading), reading)
        case Unreadable(where, reason):
            return Incoming(where, f"its C2PA data cannot be read: {reason}", reading)
        case Remote(url, _):
            return Incoming("remote", f"its manifest is kept at {url} and was not read", reading)
    return None


def held(asset: Asset, without: str, why: str) -> Found:
    """Return the manifest of `asset`; raises `PublishError` where there is none or it is broken.

    `without` ends the sentence "it has no manifest, so there is", `why` is the hint of the other.
    """
    came_with = incoming(asset)
    if came_with is None:
        raise PublishError(
            f"{asset.name} has no manifest, so there is {without}", "see `trustkit sign`"
        )
    if came_with.problem or not isinstance(came_with.reading, Found):
        raise PublishError(
            f"{asset.name} comes with a manifest that does not hold: {came_with.problem}", why
        )
    return came_with.reading


def first_problem(reading: Reading) -> str:
    """Say what keeps a reading from being intact, or return an empty text."""
    seen = Seen(findings(reading, (), utc_now(), _nobody))
    for pattern in (*ALTERED, *UNREAD):
        for finding in seen.matching(pattern):
            return finding.summary
    return "" if seen.matching(_INTACT) else "it is not shown to be intact"


def _nobody(_found: Found) -> bool:
    return False  # nobody is asked to be trusted while a file is being made
