"""Several looks at one film or one long sound, as one score: the middle one counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trustkit.detectors import Part, Score

_LEAST = 1 / 3  # share of the looks that must be in the domain
_INSERTED = 1 / 4  # share of the looks above the threshold that calls a film's "no" in question
_FEWEST = 3  # of them


@dataclass(frozen=True, slots=True)
class Look:
    """What a detector said of one frame or one excerpt: seconds from and to (a frame: at)."""

    place: tuple[float, ...]
    score: Score

    @property
    def counts(self) -> bool:
        """Tell whether the detector knows this kind of picture or sound."""
        return self.score.in_domain and self.score.applies


def pooled(looks: Sequence[Look]) -> Score:
    """Return one score of at least one look, with a part for every look that counts.

    The lower of two middle ones, so that it is the score of a look, whose likelihood ratio was
    calibrated. A few strange frames change nothing; where most are strange the whole is.
    """
    fit = [look for look in looks if look.score.applies]
    if not fit:
        return replace(looks[0].score, parts=())
    counted = _sorted(looks)
    parts = tuple(Part(look.place, look.score.value) for look in looks if look.counts)
    if len(counted) < _LEAST * len(fit):
        strange = next(look.score for look in fit if not look.counts)
        several = f"in {len(fit) - len(counted)} of {len(fit)} places " if fit[1:] else ""
        return replace(strange, reason=f"{several}{strange.reason}", parts=parts)
    return replace(counted[(len(counted) - 1) // 2].score, parts=parts)


def nearest(looks: Sequence[Look], threshold: float, most: int) -> list[Look]:
    """Return the looks that reach the threshold, the lowest scores first, at most `most`."""
    return [look for look in _sorted(looks) if look.score.value >= threshold][:most]


def inserted(parts: Sequence[Part], threshold: float) -> list[Part]:
    """Return the places above the threshold if they are so many that they may be an insert."""
    above = [part for part in parts if part.score >= threshold]
    return above if len(above) >= max(_FEWEST, _INSERTED * len(parts)) else []


def spans(parts: Sequence[Part], threshold: float) -> list[tuple[float, float]]:
    """Return from when to when the score reaches the threshold, from look to look.

    What lies between two pieces of sound, and was not heard, is in no span.
    """
    found: list[list[float]] = []
    going = False
    for part in parts:
        if part.score < threshold:
            going = False
            continue
        if going and (len(part.place) == 1 or part.place[0] <= found[-1][1]):
            found[-1][1] = part.place[-1]
        else:
            found.append([part.place[0], part.place[-1]])
        going = True
    return [(start, end) for start, end in found]


def _sorted(looks: Sequence[Look]) -> list[Look]:
    return sorted((look for look in looks if look.counts), key=lambda look: look.score.value)
