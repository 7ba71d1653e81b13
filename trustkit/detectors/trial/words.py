"""What a trial says in words and tables, the same in a terminal, on a page and in CARD.md."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from trustkit.detectors import Kind, Rate
from trustkit.detectors.trial.metrics import rate
from trustkit.detectors.trial.result import WHY, Group, Outcome, Result

Table = tuple[str, list[str], list[list[str]]]  # caption, head, rows

FIGURES = {"auc": "AUC", "eer": "EER", "tpr_1": "found at 1 %", "tpr_5": "found at 5 %",
           "ece": "calibration error"}  # fmt: skip
_COUNTED_FROM = 40  # files: a source of fewer cannot show a rate of 5 %
_FEW = 10  # files: of fewer an interval says next to nothing
_ROWS = 20  # of few files, from which on they are one
_MEDIA = {Kind.IMAGE: "pictures", Kind.AUDIO: "recordings"}


def percent(value: float) -> str:
    """Return a share as text: 1 or 2 digits that count."""
    shown = 100 * value
    return f"{shown:.1f} %" if 0 < shown < 10 else f"{shown:.0f} %"  # noqa: PLR2004


def share(counted: Rate) -> str:
    """Return a share with its interval: "3.1 % (1.2 to 7.6)"."""
    if not counted.total:
        return "-"
    return f"{percent(counted.value)} ({100 * counted.low:.1f} to {100 * counted.high:.1f})"


def figure(name: str, found: Rate) -> str:
    """Return a figure of the headline with its interval."""
    if name in {"auc", "ece"}:
        return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
    return share(found)


def opening(result: Result) -> list[str]:
    """Return what comes before any figure: what was tried on what, and what is left out."""
    about, media = result.about, _MEDIA[result.about.kind]
    version = f" {about.version}" if about.version else ""
    said = [
        f"{about.name}{version} on {result.total:,} {media} of {result.index} "
        f"(SHA-256 {result.index_sha256[:12]}).",
    ]
    if result.seen:
        said.append(
            f"{result.seen:,} are of generators, families or galleries that the model was trained "
            f"on: they are in no figure below but the last table. {result.unseen:,} are not."
        )
    if result.unseen and not result.why_no_headline:
        first = result.outcomes[0]
        counted = (
            f"Counted: {first.generated:,} generated ones of {result.generators} generators, "
            f"{first.others:,} others of {result.sources} sources"
        )
        unseen = (
            ", none of which the model that scored them had seen." if _is_unseen(result) else "."
        )
        said.append(counted + unseen)
        if first.thresholds:
            doubt = share(first.in_domain_inconclusive)
            said.append(f"Inconclusive among media in its domain, {first.condition}: {doubt}.")
    said += [note[0].upper() + note[1:] + "." for note in result.notes]
    if result.why_no_headline:
        said.append(f"NO HEADLINE: {result.why_no_headline}.")
    else:
        said.append(
            f"Intervals are 95 %: of figures by drawing whole generators and sources anew "
            f"{result.times} times (seed {result.seed}), of shares Wilson's."
        )
    if result.missed:
        files = len({m.file for m in result.missed})
        said.append(f"{files} files could not be looked at in every condition: {_missed(result)}")
    if result.seconds:
        said.append(f"{result.seconds:.2f} s of processor time for a file, decoding included.")
    return said


def headline(result: Result) -> Table:
    """Return the figures by condition, with the guess from size and format below them."""
    names = [n for n in FIGURES if any(n in one.figures for one in result.outcomes)]
    rows = [
        [one.condition, f"{one.generated} / {one.others}"]
        + [figure(n, one.figures[n]) if n in one.figures else "-" for n in names]
        for one in result.outcomes
    ]
    if result.baseline:
        known = {"auc": result.baseline.auc, "tpr_1": result.baseline.tpr_1}
        rows.append(
            ["size and format alone", f"{result.baseline.auc.total} files"]
            + [figure(n, known[n]) if n in known else "-" for n in names]
        )
    caption = "Generators and sources that the model never saw"
    if not _is_unseen(result):
        caption = "Generators and sources of which nobody told whether the model saw them"
    return caption, ["condition", "generated / others", *(FIGURES[n] for n in names)], rows


def thresholds(result: Result) -> Table:
    """Return what every threshold finds, and how often it is wrong."""
    rows = [
        [one.condition, percent(at.asked), at.how, at.score, share(at.true), share(at.false)]
        for one in result.outcomes
        for at in one.thresholds
    ]
    head = ["condition", "asked for", "threshold", "score", "found", "wrong"]
    return "At thresholds: share of generated ones found, of others wrongly", head, rows


def answers(result: Result) -> Table:
    """Return the three answers, and why there was none."""
    rows = []
    for one in result.outcomes:
        for told in one.answers:
            why = ", ".join(f"{count} {WHY.get(name, name)}" for name, count in told.why.items())
            rows.append(
                [one.condition, "generated" if told.label else "others", share(told.likely),
                 share(told.unlikely), share(told.inconclusive), why or "-"]
            )  # fmt: skip
    head = ["condition", "of", "likely", "no indications", "inconclusive", "why"]
    return "The three answers", head, rows


def groups(outcome: Outcome, column: str, label: int) -> Table | None:
    """Return recall by generator (`label` 1) or false positives by source (0); None for none."""
    own = _gathered([g for g in outcome.groups if g.column == column and g.label == label])
    if not own:
        return None
    rows = [
        [g.value, str(g.at_1.total), share(g.at_1), share(g.at_5), share(g.inconclusive), _flag(g)]
        for g in own
    ]
    what = "found" if label else "wrong"
    caption = f"{'Found' if label else 'Wrongly indicated'} by {column}, {outcome.condition}"
    head = [column, "files", f"{what} at 1 %", f"{what} at 5 %", "inconclusive", ""]
    return caption, head, rows


def _gathered(groups: Sequence[Group]) -> list[Group]:
    """Return the groups, those of a few files as one where they are many; the JSON has them all."""
    small = [g for g in groups if g.at_1.total < _FEW]
    if len(small) <= _ROWS:
        return list(groups)
    first = small[0]
    together = Group(
        first.column,
        f"{len(small)} with fewer than {_FEW} files",
        first.label,
        _together([g.at_1 for g in small]),
        _together([g.at_5 for g in small]),
        _together([g.inconclusive for g in small]),
        median(g.median for g in small),
    )
    return [*(g for g in groups if g.at_1.total >= _FEW), together]


def _together(rates: Sequence[Rate]) -> Rate:
    return rate(round(sum(r.value * r.total for r in rates)), sum(r.total for r in rates))


def seen(result: Result) -> Table:
    """Return the figures on media whose relatives the model was trained on."""
    names = [n for n in FIGURES if any(n in one.figures for one in result.seen_outcomes)]
    rows = [
        [one.condition, f"{one.generated} / {one.others}"]
        + [figure(n, one.figures[n]) if n in one.figures else "-" for n in names]
        for one in result.seen_outcomes
    ]
    caption = "Only to compare: media whose relatives the model was trained on"
    return caption, ["condition", "generated / others", *(FIGURES[n] for n in names)], rows


def tables(result: Result) -> list[Table]:
    """Return every table, the most telling first."""
    found: list[Table] = []
    if not result.why_no_headline:
        found.append(headline(result))
        if result.outcomes[0].thresholds:
            found += [thresholds(result), answers(result)]
        for outcome in result.outcomes[:1]:
            for label in (0, 1):
                found += [
                    table
                    for column in result.columns
                    if (table := groups(outcome, column, label)) is not None
                ]
    if result.seen_outcomes:
        found.append(seen(result))
    return found


def to_text(result: Result) -> str:
    """Return the trial as a terminal shows it."""
    parts = ["\n".join(opening(result))]
    parts += [f"{caption}\n{_aligned(head, rows)}" for caption, head, rows in tables(result)]
    return "\n\n".join(parts) + "\n"


def _is_unseen(result: Result) -> bool:
    if result.about.scores:
        return any(o.fold for o in result.observations)
    return bool(result.about.trained_on)


def _flag(group: Group) -> str:
    if group.label == 0 and group.at_1.total >= _COUNTED_FROM and group.at_1.value > 0.05:  # noqa: PLR2004
        return "over 5 %"
    return ""


def _missed(result: Result) -> str:
    first = result.missed[0]
    return f"the first is {first.file} ({first.condition}): {first.reason}"


def _aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
