"""The trial itself: a detector on an index, or scores that were given, and what they amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trustkit.detectors.trial import metrics
from trustkit.detectors.trial.conditions import sentence_of
from trustkit.detectors.trial.deciding import FOLD_OUT, Cut, answered, cuts
from trustkit.detectors.trial.evaluating import is_seen, outcome
from trustkit.detectors.trial.index import Index, Row
from trustkit.detectors.trial.result import (
    CLEAN,
    About,
    Baseline,
    Missed,
    Observation,
    Outcome,
    Result,
)
from trustkit.detectors.trial.running import Looked
from trustkit.detectors.trial.shortcut import Traits, baseline

FEW_GROUPS = 8  # of a label: drawing so few anew misses what is not among them


@dataclass(frozen=True, slots=True)
class Chance:
    """How often groups are drawn for the intervals, and where all chance comes from."""

    times: int = metrics.TIMES
    seed: int = metrics.SEED


def judged(
    about: About,
    index: Index,
    rows: Sequence[Row],
    looked: Sequence[Looked],
    chance: Chance = Chance(),
) -> Result:
    """Return what a detector's run over `rows` amounts to."""
    seen = [o for one in looked for o in one.observations]
    missed = [m for one in looked for m in one.missed]
    found = {one.file: one.traits for one in looked if one.traits is not None}
    return _result(about, index, rows, seen, missed, found, chance)


def counted(
    about: About,
    index: Index,
    rows: Sequence[Row],
    given: Sequence[Observation],
    headers: Mapping[str, Traits],
    chance: Chance = Chance(),
) -> Result:
    """Return what scores of models that never saw the file's fold amount to.

    Thresholds and likelihood ratios are set on the other folds, or, where no fold is told, on the
    other sources. A card's own thresholds are of another model, and not used.
    """
    wanted = {row.file for row in rows}
    return _result(about, index, rows, [o for o in given if o.file in wanted], (), headers, chance)


def _result(
    about: About,
    index: Index,
    rows: Sequence[Row],
    observations: Sequence[Observation],
    missed: Sequence[Missed],
    headers: Mapping[str, Traits],
    chance: Chance,
) -> Result:
    by_file = {row.file: row for row in rows}
    known = set() if about.scores else _seen(rows, about)
    fresh = [row for row in rows if row.file not in known]
    unseen, ways = _told(about, by_file, [o for o in observations if o.file not in known])
    others, ways_of_others = _told(about, by_file, [o for o in observations if o.file in known])
    outcomes = _outcomes(index, by_file, unseen, ways, chance)
    generators, sources = (
        len({by_file[o.file].unit for o in unseen if by_file[o.file].label == label})
        for label in (1, 0)
    )
    return Result(
        about=about,
        index=index.name,
        index_sha256=index.sha256,
        columns=index.columns,
        total=len(rows),
        seen=len(known),
        unseen=len(fresh),
        generators=generators,
        sources=sources,
        seed=chance.seed,
        times=chance.times,
        outcomes=outcomes,
        seen_outcomes=_outcomes(index, by_file, others, ways_of_others, chance),
        baseline=_baseline(fresh or rows, headers, chance),
        why_no_headline=_why_not(fresh, outcomes),
        notes=_notes(about, by_file, observations, outcomes, generators, sources),
        missed=tuple(missed),
        observations=(*unseen, *others),
        fresh=tuple(unseen),
        seconds=_seconds(observations),
    )


def _seen(rows: Sequence[Row], about: About) -> set[str]:
    """Return the files of which the card names a relative."""
    trained_on = sorted(about.trained_on)
    kin = {row.kin: row for row in rows}  # many rows, few names
    seen = {names for names, row in kin.items() if is_seen(row, trained_on)}
    return {row.file for row in rows if row.kin in seen}


def _in_several_folds(rows: Mapping[str, Row], observations: Sequence[Observation]) -> int:
    """Count the generators and sources that no fold holds whole."""
    folds: dict[str, set[str]] = {}
    for o in observations:
        folds.setdefault(rows[o.file].unit, set()).add(o.fold)
    return sum(len(found) > 1 for found in folds.values())


def _told(
    about: About, rows: Mapping[str, Row], seen: Sequence[Observation]
) -> tuple[list[Observation], tuple[Cut, ...]]:
    """Return observations with their answers, and the ways that thresholds are set."""
    ways = cuts(about, seen, rows) if any(rows[o.file].label == 0 for o in seen) else ()
    return (answered(seen, rows, ways[0]) if about.scores and ways else list(seen)), ways


def _outcomes(
    index: Index,
    rows: Mapping[str, Row],
    seen: Sequence[Observation],
    ways: Sequence[Cut],
    chance: Chance,
) -> tuple[Outcome, ...]:
    names = dict.fromkeys(o.condition for o in seen)
    return tuple(
        outcome(
            name, sentence_of(name), [o for o in seen if o.condition == name], rows, ways,
            index.columns, times=chance.times, seed=chance.seed,
        )
        for name in sorted(names, key=lambda name: name != CLEAN)
    )  # fmt: skip


def _baseline(
    rows: Sequence[Row], headers: Mapping[str, Traits], chance: Chance
) -> Baseline | None:
    return baseline(rows, headers, times=chance.times, seed=chance.seed)


def _why_not(fresh: Sequence[Row], outcomes: Sequence[Outcome]) -> str:
    if not fresh:
        return (
            "the model was trained on relatives of every file of this index: what it scores here "
            "says nothing of media it never saw"
        )
    if not outcomes:
        return "not one file of a generator or source that the model never saw could be looked at"
    if not outcomes[0].generated:
        return "nothing generated is left that the model saw no relative of"
    if not outcomes[0].others:
        return "nothing that was not generated is left that the model saw no relative of"
    return ""


def _notes(
    about: About,
    rows: Mapping[str, Row],
    observations: Sequence[Observation],
    outcomes: Sequence[Outcome],
    generators: int,
    sources: int,
) -> tuple[str, ...]:
    notes = []
    if about.scores:
        folds = len({o.fold for o in observations if o.fold})
        notes.append(
            f"scores of {about.scores}, of models trained in {folds} folds: each file was scored "
            "by one that never saw its fold"
            if folds > 1
            else f"scores of {about.scores}, which tells no folds: whether the model saw relatives "
            "of a file is not known here"
        )
        if split := _in_several_folds(rows, observations):
            notes.append(
                f"{split} generators or sources are in several folds: they are unseen only if "
                "training left them out of the other folds, too, which scores do not tell"
            )
        notes.append("answers are by score alone: of domain and second look scores tell nothing")
    elif not about.trained_on:
        notes.append(
            "the card does not say what the model was trained on: it may know relatives of these "
            "files, and these figures may flatter it"
        )
    ways = {at.how for one in outcomes for at in one.thresholds}
    if outcomes and not ways:
        notes.append("no thresholds: those of one source alone would be held against itself")
    elif about.scores and outcomes and FOLD_OUT not in ways:
        notes.append("thresholds are set on the other sources, for want of folds")
    if outcomes and min(generators, sources) < FEW_GROUPS:
        notes.append(
            f"with fewer than {FEW_GROUPS} generators or sources the intervals of figures are too "
            "narrow"
        )
    return tuple(notes)


def _seconds(observations: Sequence[Observation]) -> float:
    took = [o.seconds for o in observations if o.condition == CLEAN and o.seconds]
    return sum(took) / len(took) if took else 0.0
