"""What a trial amounts to: counts with their intervals, means, and processor time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trustkit.watermarks.trial.kind import Kind, Measure
from trustkit.watermarks.trial.result import About, Cell, Marked, Outcome, Result

_Z = 1.959964  # 95 %, both sides
_Z_ONE_SIDED = 1.644854


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
    """One attack: how often every bit came back, and what came instead.

    `cost` is the reader's CPU in seconds a unit of the kind: a megapixel, a second.
    """

    about: About
    every: Share
    large: Share
    small: Share
    wrong: int
    second: int
    not_run: int
    reason: str
    cost: float | None


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over the kind's main group; `attacks` is how many of them were run.

    The interval counts every picture once, with its share of the attacks: attacks on one picture
    fail together, so the cells are no independent trials.
    """

    kind: Kind
    attacks: int
    every: Share
    large: Share
    small: Share

    @property
    def name(self) -> str:
        """Return what it is a mean of; of a part of the group it is no figure to compare."""
        part = "" if self.attacks == self.kind.main_count else f"{self.attacks} of "
        return f"mean of {part}the {self.kind.main}"


@dataclass(frozen=True, slots=True)
class Chance:
    """What was found where nothing was marked; `bound` is the upper end of 95 % (one side)."""

    found: int
    of: int
    bound: float
    highest: float | None
    cpu_mean: float | None
    cpu_worst: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """All that a report tells; `quality` has the mean and the worst of every measure, by key.

    `embed` and `clean`, reading a clean copy, are CPU in seconds a unit of the kind.
    """

    rows: tuple[Row, ...]
    mean: Mean
    quality: Mapping[str, tuple[float, float]]
    embed: float | None
    clean: float | None
    wrong: int
    chance: Chance

    @property
    def psnr(self) -> tuple[float, float] | None:
        """Return the mean and worst PSNR of pictures in dB."""
        return self.quality.get("psnr")

    @property
    def embed_per_mp(self) -> float | None:
        """Return what embedding takes a megapixel of pictures."""
        return self.embed


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
    kind = result.kind
    told = ((m.key, _spread(result, m)) for m in kind.measures)
    clean = [c for m in result.marked for c in m.cells if c.attack == "none"]
    return Tally(
        rows=tuple(_row(result, about) for about in result.attacks),
        mean=_mean(result),
        quality={key: spread for key, spread in told if spread},
        embed=_cost([(m.embed_cpu, m.extent.amount) for m in result.marked], kind),
        clean=_cost([(c.cpu, c.amount) for c in clean], kind),
        wrong=sum(c.outcome is Outcome.WRONG for m in result.marked for c in m.cells),
        chance=_chance(result),
    )


def _spread(result: Result, measure: Measure) -> tuple[float, float] | None:
    seen = [v for m in result.marked if (v := m.quality.get(measure.key)) is not None]
    worst = min if measure.more_is_better else max
    return (sum(seen) / len(seen), worst(seen)) if seen else None


def _is_large(marked: Marked, kind: Kind) -> bool:
    return bool(kind.large) and marked.extent.single >= kind.large


def _is_small(marked: Marked, kind: Kind) -> bool:
    return marked.extent.single < kind.large


def _cost(pairs: Sequence[tuple[float, float]], kind: Kind) -> float | None:
    amount = sum(amount for _, amount in pairs) * kind.units
    return sum(took for took, _ in pairs) / amount if amount else None


def _row(result: Result, about: About) -> Row:
    pairs = [(m, c) for m in result.marked for c in m.cells if c.attack == about.name]
    ran = [(m, c) for m, c in pairs if c.outcome is not Outcome.NOT_RUN]
    reasons = [c.reason for _, c in pairs if c.outcome is Outcome.NOT_RUN]
    return Row(
        about,
        _recovered([c for _, c in ran]),
        _recovered([c for m, c in ran if _is_large(m, result.kind)]),
        _recovered([c for m, c in ran if _is_small(m, result.kind)]),
        sum(c.outcome is Outcome.WRONG for _, c in ran),
        sum(c.outcome is Outcome.SECOND for _, c in ran),
        len(reasons),
        about.why_not or (reasons[0] if reasons else ""),
        _cost([(c.cpu, c.amount) for _, c in ran], result.kind),
    )


def _recovered(cells: Sequence[Cell]) -> Share:
    return Share(sum(c.outcome is Outcome.RECOVERED for c in cells), len(cells))


def _mean(result: Result) -> Mean:
    kind = result.kind
    names = {a.name for a in result.attacks if a.group == kind.main and not a.why_not}

    def over(wanted: Callable[[Marked], bool]) -> Share:
        shares = []
        for marked in filter(wanted, result.marked):
            cells = [c for c in marked.cells if c.attack in names]
            share = _recovered([c for c in cells if c.outcome is not Outcome.NOT_RUN])
            if share.of:
                shares.append(share.count / share.of)
        return Share(sum(shares), len(shares))

    return Mean(
        kind,
        len(names),
        over(lambda _: True),
        over(lambda marked: _is_large(marked, kind)),
        over(lambda marked: _is_small(marked, kind)),
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
