"""A trial as one HTML file: no script, nothing fetched, fit for print and for screen readers."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from trustkit import __version__
from trustkit.watermarks.trial import plots
from trustkit.watermarks.trial.count import Mean, Row, Share, Tally, tally
from trustkit.watermarks.trial.kind import Kind
from trustkit.watermarks.trial.markup import document, row_of, table
from trustkit.watermarks.trial.plots import safe
from trustkit.watermarks.trial.result import Failed, Marked, Outcome, Result
from trustkit.watermarks.trial.words import percent, sentences

_GRID_ROWS = 80  # more would be too small to see, and a heavy page
_DIGITS = 12  # of a SHA-256: the JSON has them all


def to_html(result: Result) -> str:
    """Return the page; the same result gives the same bytes."""
    counted = tally(result)
    name = result.engine.get("name", "watermark")
    title = f"What {name} survives"
    body = [
        f"<h1>{safe(title)}</h1>",
        _opening(result, counted),
        _how_to_read(result.kind),
        *_plots(result, counted),
        *_attack_tables(counted),
        *_file_tables(result),
        f"<footer><p>Made by trustkit {safe(__version__)}, seed {result.seed}. "
        "The JSON of the same run has every single cell.</p></footer>",
    ]
    return document(title, body)


def _opening(result: Result, counted: Tally) -> str:
    mean, kind = counted.mean, result.kind
    engine = ", ".join(f"{k} {v}" for k, v in result.engine.items() if k != "name")
    said = [
        f"{len(result.marked)} {kind.many} were marked ({engine}), each with a payload of its own, "
        "and attacked.",
    ]
    if mean.every.of and mean.attacks:
        low, high = mean.every.interval
        said.append(
            f"Whole payload recovered, {mean.name} attacks: "
            f"{percent(mean.every.value)} ({100 * low:.1f} to {100 * high:.1f} %, counting every "
            f"{kind.one} once). {_sizes(mean)}".rstrip()
        )
    said += sentences(counted)
    lost = len(result.failed) + len(result.unmarked_failed)
    if lost:
        said.append(f"Files that could not be tried: {lost}; they are listed at the end.")
    return "<ul>" + "".join(f"<li>{safe(line)}</li>" for line in said) + "</ul>"


def _sizes(mean: Mean) -> str:
    kind = mean.kind
    if not kind.large:
        return ""
    parts = [
        f"{share.of} {words} {kind.large / 1e6:g} MP: {percent(share.value)}"
        for words, share in (("of at least", mean.large), ("of less than", mean.small))
        if share.of
    ]
    return f"{kind.many.capitalize()} {'; '.join(parts)}."


def _how_to_read(kind: Kind) -> str:
    one, many = kind.one, kind.many
    return (
        f"<h2>How to read this</h2><p>A {one} counts as recovered when every bit of its payload "
        f"came back. “No mark readable” never means that a {one} is not marked. A “wrong payload” "
        f"is one that was never put into the {one}: it must not happen at all. The intervals say "
        f"how far chance in the choice of {many} could have moved a share, 19 times in 20; they "
        f"say nothing of {many} of another kind. A mark is a lead to a record and proves nothing "
        f"by itself: it can be copied onto another {one}, and someone who tries can remove it.</p>"
    )


def _plots(result: Result, counted: Tally) -> Iterable[str]:
    kind = result.kind
    yield "<h2>At a glance</h2>"
    for group, words in kind.groups.items():
        rows = [row for row in counted.rows if row.about.group == group and row.every.of]
        if rows:
            yield _drawn(plots.bars(rows, words, kind))
    others = [row for row in counted.rows if row.about.group not in kind.groups and row.every.of]
    if others:
        yield _drawn(plots.bars(others, "Attacks", kind))
    ran = [row.about.name for row in counted.rows if row.every.of]
    if 0 < len(result.marked) <= _GRID_ROWS:
        yield _drawn(plots.grid(result.marked, ran, kind))
    names = {row.about.name for row in counted.rows if row.about.group == kind.main}
    points = [
        (m.name, value, share)
        for m in result.marked
        if (value := m.quality.get(kind.measures[0].key)) is not None
        and isfinite(value)
        and (share := _of_main(m, names).value) is not None
    ]
    if points:
        yield _drawn(plots.scatter(points, "Quality and robustness", kind))
    series = _confidences(result)
    if any(values for _, values in series):
        yield _drawn(plots.histogram(series, "Confidence of what was read"))


def _confidences(result: Result) -> list[tuple[str, list[float]]]:
    return [
        (
            f"marked {result.kind.many} after attacks, payload recovered",
            [
                cell.confidence
                for marked in result.marked
                for cell in marked.cells
                if cell.outcome is Outcome.RECOVERED and cell.confidence is not None
            ],
        ),
        (
            f"unmarked {result.kind.many}, the highest of each",
            [u.confidence for u in result.unmarked if u.confidence is not None],
        ),
    ]


def _drawn(figure: plots.Figure) -> str:
    return f"<figure>{figure.svg}<figcaption>{safe(figure.caption)}</figcaption></figure>"


def _attack_tables(counted: Tally) -> Iterable[str]:
    kind, mean = counted.mean.kind, counted.mean
    yield "<h2>Attack by attack</h2>"
    head = ["attack", "what happens", "recovered", "share", "95 % interval"]
    head += [*(["large", "small"] if kind.large else []), "wrong", kind.cost_head]
    groups = dict.fromkeys(row.about.group for row in counted.rows)
    for group in groups:
        rows = [_attack_row(row, kind) for row in counted.rows if row.about.group == group]
        if group == kind.main:
            cells = [f"{mean.every.of} {kind.many}", *_shares(mean, kind), str(counted.wrong), ""]
            rows.append(row_of("mean", cells, "mean", f"of {mean.attacks} attacks"))
        yield table(kind.groups.get(group, group), head, rows)
    yield (
        f"<p>{safe(kind.about_costs)} The wrong payloads in the row of the mean are those of all "
        "attacks.</p>"
    )


def _attack_row(row: Row, kind: Kind) -> str:
    said = row.about.sentence
    if row.not_run or row.every.of == 0:
        where = f"on {row.not_run}" if row.every.of else ""
        said += f" (not run{' ' + where if where else ''}: {row.reason or f'no {kind.one}'})"
    if row.second:
        said += f" (the second mark was read in {row.second})"
    if row.every.of == 0:
        return row_of(row.about.name, ["-"] * (7 if kind.large else 5), words=said)
    cost = "-" if row.cost is None else kind.cost(row.cost)
    count = f"{row.every.count:g} of {row.every.of}"
    cells = [count, *_shares(row, kind), str(row.wrong), cost]
    return row_of(row.about.name, cells, words=said)


def _shares(counted: Row | Mean, kind: Kind) -> list[str]:
    parts = [counted.large, counted.small] if kind.large else []
    every = [percent(counted.every.value), _interval(counted.every)]
    return every + [percent(part.value) for part in parts]


def _file_tables(result: Result) -> Iterable[str]:
    kind, digits = result.kind, f"SHA-256, first {_DIGITS}"
    many = kind.many.capitalize()
    yield "<h2>File by file</h2>"
    head = [kind.one, "size", "payload", *(m.name for m in kind.measures), "recovered", digits]
    rows = [_file_row(marked, kind) for marked in result.marked]
    yield table(f"{many} that were marked and attacked", head, rows)
    for what, failed in (
        (f"{many} that could not be tried", result.failed),
        (f"Unmarked {kind.many} that could not be tried", result.unmarked_failed),
    ):
        if failed:
            yield table(what, ["file", "what happened"], [_failed_row(f) for f in failed])
    found = [u for u in result.unmarked if u.payload is not None]
    if found:
        lines = [row_of(u.name, [(u.payload or b"").hex(), u.sha256[:_DIGITS]]) for u in found]
        what = f"Unmarked {kind.many} in which a mark was found"
        yield table(what, [kind.one, "payload", digits], lines)


def _file_row(marked: Marked, kind: Kind) -> str:
    ran = [cell for cell in marked.cells if cell.outcome is not Outcome.NOT_RUN]
    back = sum(cell.outcome is Outcome.RECOVERED for cell in ran)
    cells = [marked.extent.words, marked.payload.hex()]
    cells += [measure.said(marked.quality.get(measure.key)) for measure in kind.measures]
    return row_of(marked.name, [*cells, f"{back} of {len(ran)}", marked.sha256[:_DIGITS]])


def _failed_row(failed: Failed) -> str:
    said = failed.error.message + (f" ({failed.error.hint})" if failed.error.hint else "")
    return row_of(failed.name, [], words=said)


def _of_main(marked: Marked, names: set[str]) -> Share:
    ran = [c for c in marked.cells if c.attack in names and c.outcome is not Outcome.NOT_RUN]
    return Share(sum(c.outcome is Outcome.RECOVERED for c in ran), len(ran))


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %" if share.of else "-"
