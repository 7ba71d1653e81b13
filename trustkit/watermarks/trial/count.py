"""What a trial amounts to: counts with their intervals, means, and seconds a megapixel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trustkit.watermarks.trial.attacks import FORTY, FORTY_COUNT
from trustkit.watermarks.trial.result import About, Cell, Marked, Outcome, Result

LARGE = 500_000  # pixels; smaller pictures have less room for a mark, so they are told apart
_Z = 1.959964  # 95 %, both sides
_Z_ONE_SIDED = 1.644854
_MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with the 95 % interval of Wilson; `count` is no whole number for a mean."""

    count: float
    of: int

    @property
    def value(self) -> float | None:
        """Return the share, or None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Return the bounds between which the true share lies, 19 times in 20."""
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True)
class Row:
    """One attack: how often every bit came back, and what came instead."""

    about: About
    every: Share
    large: Share
    small: Share
    wrong: int
    second: int
    not_run: int
    reason: str
    cpu_per_mp: float | None


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over the forty; `attacks` is how many of them were run.

    The interval counts every picture once, with its share of the attacks: attacks on one picture
    fail together, so the cells are no independent trials.
    """

    attacks: int
    every: Share
    large: Share
    small: Share

    @property
    def name(self) -> str:
        """Return what it is a mean of; of a part of the forty it is no figure to compare."""
        part = "" if self.attacks == FORTY_COUNT else f"{self.attacks} of "
        return f"mean of {part}the forty"


@dataclass(frozen=True, slots=True)
class Chance:
    """What was found in unmarked pictures; `bound` is the upper end of 95 % (one side)."""

    found: int
    of: int
    bound: float
    highest: float | None
    cpu_mean: float | None
    cpu_worst: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """All that a report tells."""

    rows: tuple[Row, ...]
    mean: Mean
    psnr: tuple[float, float] | None  # mean and worst
    ssim: tuple[float, float] | None
    embed_per_mp: float | None
    clean_per_mp: float | None
    wrong: int
    chance: Chance


def wilson(count: float, of: int, z: float = _Z) -> tuple[float, float]:
    """Return the interval of Wilson (1927) for `count` of `of`; of nothing: from 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    share, spread = count / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    # Rounding must not leave a bound on the wrong side of what was seen.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def upper_bound(found: int, of: int) -> float:
    """Return what the rate lies below, 19 times in 20; for none found the exact rule of three."""
    if of == 0:
        return 1.0
    if found == 0:
        return float(1 - 0.05 ** (1 / of))
    return wilson(found, of, _Z_ONE_SIDED)[1]


def tally(result: Result) -> Tally:
    """Count a result."""
    psnr = [m.psnr for m in result.marked if m.psnr is not None]
    ssim = [m.ssim for m in result.marked if m.ssim is not None]
    clean = [c for m in result.marked for c in m.cells if c.attack == "none"]
    return Tally(
        rows=tuple(_row(result, about) for about in result.attacks),
        mean=_mean(result),
        psnr=(sum(psnr) / len(psnr), min(psnr)) if psnr else None,
        ssim=(sum(ssim) / len(ssim), min(ssim)) if ssim else None,
        embed_per_mp=_per_mp([(m.embed_cpu, m.pixels * m.frames) for m in result.marked]),
        clean_per_mp=_per_mp([(c.cpu, c.pixels) for c in clean]),
        wrong=sum(c.outcome is Outcome.WRONG for m in result.marked for c in m.cells),
        chance=_chance(result),
    )


def is_large(marked: Marked) -> bool:
    """Tell whether the picture counts among those of at least half a megapixel."""
    return marked.pixels >= LARGE


def _per_mp(pairs: Sequence[tuple[float, int]]) -> float | None:
    pixels = sum(size for _, size in pairs)
    return sum(took for took, _ in pairs) * _MEGA / pixels if pixels else None


def _row(result: Result, about: About) -> Row:
    pairs = [(m, c) for m in result.marked for c in m.cells if c.attack == about.name]
    ran = [(m, c) for m, c in pairs if c.outcome is not Outcome.NOT_RUN]
    reasons = [c.reason for _, c in pairs if c.outcome is Outcome.NOT_RUN]
    return Row(
        about,
        _recovered([c for _, c in ran]),
        _recovered([c for m, c in ran if is_large(m)]),
        _recovered([c for m, c in ran if not is_large(m)]),
        sum(c.outcome is Outcome.WRONG for _, c in ran),
        sum(c.outcome is Outcome.SECOND for _, c in ran),
        len(reasons),
        about.why_not or (reasons[0] if reasons else ""),
        _per_mp([(c.cpu, c.pixels) for _, c in ran]),
    )


def _recovered(cells: Sequence[Cell]) -> Share:
    return Share(sum(c.outcome is Outcome.RECOVERED for c in cells), len(cells))


def _mean(result: Result) -> Mean:
    names = {about.name for about in result.attacks if about.group == FORTY and not about.why_not}

    def over(wanted: Callable[[Marked], bool]) -> Share:
        shares = []
        for marked in filter(wanted, result.marked):
            cells = [c for c in marked.cells if c.attack in names]
            share = _recovered([c for c in cells if c.outcome is not Outcome.NOT_RUN])
            if share.of:
                shares.append(share.count / share.of)
        return Share(sum(shares), len(shares))

    return Mean(
        len(names), over(lambda _: True), over(is_large), over(lambda marked: not is_large(marked))
    )


def _chance(result: Result) -> Chance:
    seen = result.unmarked
    found = sum(u.payload is not None for u in seen)
    told = [u.confidence for u in seen if u.confidence is not None]
    cpu = [u.cpu for u in seen]
    return Chance(
        found,
        len(seen),
        upper_bound(found, len(seen)),
        max(told, default=None),
        sum(cpu) / len(cpu) if cpu else None,
        max(cpu, default=None),
    )
