"""What a trial is of, in the words and units of its reports: pictures here, sounds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trustkit.watermarks.trial.attacks import EXTRA, FORTY, FORTY_COUNT


@dataclass(frozen=True, slots=True)
class Measure:
    """One number for how far a marked copy is from the first; `key` is its name in JSON."""

    key: str
    name: str
    unit: str
    digits: int
    more_is_better: bool = True

    def said(self, value: float | None) -> str:
        """Return a value with its unit; a dash for None."""
        return "-" if value is None else f"{value:.{self.digits}f} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Kind:
    """The words and units of one kind of media.

    `main` is the group of attacks that a mean is told of, and `main_count` how many it has;
    `groups` are titles. `amount` is what a copy is measured in, a key of JSON; times `units` that
    gives what processor time is told by (`per`, another key), in the words of `cost` for a number
    alone and of `timing` for embedding and for reading a clean copy. What has an `amount` of at
    least `large` is told apart, unless that is 0; `about_costs` explains the tables.
    """

    one: str
    many: str
    main: str
    main_count: int
    groups: Mapping[str, str]
    measures: tuple[Measure, ...]
    amount: str
    per: str
    units: float
    cost_head: str
    cost: Callable[[float], str]
    timing: Callable[[float, float | None], str]
    about_costs: str
    large: float = 0.0


def _cost(seconds: float) -> str:
    return f"{seconds:.3f}"


def _timing(embed: float, clean: float | None) -> str:
    return f"Embedding takes {embed:.3f} s of CPU a megapixel" + (
        f", reading a clean copy {clean:.3f} s." if clean is not None else "."
    )


LARGE = 500_000  # pixels; smaller pictures have less room for a mark, so they are told apart

PICTURES = Kind(
    one="picture",
    many="pictures",
    main=FORTY,
    main_count=FORTY_COUNT,
    groups={FORTY: "The forty everyday attacks", EXTRA: "Harder attacks"},
    measures=(Measure("psnr", "PSNR", "dB", 2), Measure("ssim", "SSIM", "", 4)),
    amount="pixels",
    per="mp",
    units=1e-6,
    cost_head="CPU s/MP",
    cost=_cost,
    timing=_timing,
    about_costs=(
        f"Large: at least {LARGE / 1e6:g} megapixels before the attack. CPU: the reader's, a "
        "megapixel of the attacked copy."
    ),
    large=LARGE,
)
