"""What a trial says in words, the same in a terminal and on a page."""

from __future__ import annotations

import math

from trustkit.watermarks.trial.count import Chance, Tally
from trustkit.watermarks.trial.kind import Kind


def percent(value: float | None) -> str:
    """Return a share as text; what is not all is never told as 100 %."""
    if value is None:
        return "-"
    return f"{math.floor(value * 1000 + 1e-9) / 10:.1f} %"


def sentences(counted: Tally) -> list[str]:
    """Return what the trial says of quality, time, and chance: a sentence each."""
    told, kind = [], counted.mean.kind
    for measure in kind.measures:
        if values := counted.quality.get(measure.key):
            mean, worst = map(measure.said, values)
            told.append(f"{measure.name} {mean} on average, {worst} at worst.")
    if counted.embed is not None:
        told.append(kind.timing(counted.embed, counted.clean))
    told.append(f"Wrong payloads returned: {counted.wrong}.")
    told.append(_chance_sentence(counted.chance, kind))
    return told


def _chance_sentence(chance: Chance, kind: Kind) -> str:
    if chance.of == 0 or chance.cpu_mean is None or chance.cpu_worst is None:
        return f"No unmarked {kind.many} were given, so false positives were not counted."
    highest = "not told by the engine" if chance.highest is None else f"{chance.highest:.1f}"
    return (
        f"Marks found in unmarked {kind.many}: {chance.found} of {chance.of}, so less than "
        f"{100 * chance.bound:.2g} % (95 %); highest confidence there: {highest}; giving up takes "
        f"{chance.cpu_mean:.2f} s of CPU on average, {chance.cpu_worst:.2f} s at worst."
    )
