"""A trial as one HTML file: no script, nothing fetched, fit for print and for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

from trustkit import __version__
from trustkit.watermarks.trial import plots
from trustkit.watermarks.trial.attacks import EXTRA, FORTY
from trustkit.watermarks.trial.count import LARGE, Mean, Row, Share, Tally, tally
from trustkit.watermarks.trial.plots import safe
from trustkit.watermarks.trial.report import percent, sentences
from trustkit.watermarks.trial.result import Failed, Marked, Outcome, Result

_GRID_PICTURES = 80  # more would be too small to see, and a heavy page
_DIGITS = 12  # of a SHA-256: the JSON has them all
_GROUPS = {FORTY: "The forty everyday attacks", EXTRA: "Harder attacks"}

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; break-after: avoid; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ccc; text-align: right;
         vertical-align: top; white-space: nowrap; }
th:first-child, td.text, th.text { text-align: left; } td.text { white-space: normal; }
tr.mean th, tr.mean td { font-weight: bold; border-top: 2px solid #222; }
figure { margin: 1.5rem 0; } svg { width: 100%; height: auto; } figcaption { color: #444; }
:focus-visible { outline: 3px solid #1d5c96; }
@page { margin: 14mm; }
@media print {
  body { font-size: 10pt; margin: 0; max-width: none; }
  table { font-size: 7.5pt; } th, td { padding: 1pt 3pt; white-space: normal; }
  figure, tr { break-inside: avoid; } h2 { break-after: avoid; } .wide { overflow: visible; }
}
"""


def to_html(result: Result) -> str:
    """Return the page; the same result gives the same bytes."""
    counted = tally(result)
    name = result.engine.get("name", "watermark")
    title = f"What {name} survives"
    body = [
        f"<h1>{safe(title)}</h1>",
        _opening(result, counted),
        _how_to_read(),
        *_plots(result, counted),
        *_attack_tables(counted),
        *_file_tables(result),
        f"<footer><p>Made by trustkit {safe(__version__)}, seed {result.seed}. "
        "The JSON of the same run has every single cell.</p></footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _opening(result: Result, counted: Tally) -> str:
    mean = counted.mean
    engine = ", ".join(f"{k} {v}" for k, v in result.engine.items() if k != "name")
    said = [
        f"{len(result.marked)} pictures were marked ({engine}), each with a payload of its own, "
        "and attacked.",
    ]
    if mean.every.of and mean.attacks:
        low, high = mean.every.interval
        said.append(
            f"Whole payload recovered, {mean.name} attacks: "
            f"{percent(mean.every.value)} ({100 * low:.1f} to {100 * high:.1f} %, counting every "
            f"picture once). {_sizes(mean)}"
        )
    said += sentences(counted)
    lost = len(result.failed) + len(result.unmarked_failed)
    if lost:
        said.append(f"Files that could not be tried: {lost}; they are listed at the end.")
    return "<ul>" + "".join(f"<li>{safe(line)}</li>" for line in said) + "</ul>"


def _sizes(mean: Mean) -> str:
    parts = [
        f"{share.of} {words} {LARGE / 1e6:g} MP: {percent(share.value)}"
        for words, share in (("of at least", mean.large), ("of less than", mean.small))
        if share.of
    ]
    return f"Pictures {'; '.join(parts)}."


def _how_to_read() -> str:
    return (
        "<h2>How to read this</h2><p>A picture counts as recovered when every bit of its payload "
        "came back. “No mark readable” never means that a picture is not marked. A “wrong payload” "
        "is one that was never put into the picture: it must not happen at all. The intervals say "
        "how far chance in the choice of pictures could have moved a share, 19 times in 20; they "
        "say nothing of pictures of another kind. A mark is a lead to a record and proves nothing "
        "by itself: it can be copied onto another picture, and someone who tries can remove it.</p>"
    )


def _plots(result: Result, counted: Tally) -> Iterable[str]:
    yield "<h2>At a glance</h2>"
    for group, words in _GROUPS.items():
        rows = [row for row in counted.rows if row.about.group == group and row.every.of]
        if rows:
            yield _drawn(plots.bars(rows, words))
    others = [row for row in counted.rows if row.about.group not in _GROUPS and row.every.of]
    if others:
        yield _drawn(plots.bars(others, "Attacks"))
    ran = [row.about.name for row in counted.rows if row.every.of]
    if 0 < len(result.marked) <= _GRID_PICTURES:
        yield _drawn(plots.grid(result.marked, ran))
    names = {row.about.name for row in counted.rows if row.about.group == FORTY}
    points = [
        (m.name, m.psnr, share)
        for m in result.marked
        if m.psnr is not None
        and isfinite(m.psnr)
        and (share := _of_forty(m, names).value) is not None
    ]
    if points:
        yield _drawn(plots.scatter(points, "Quality and robustness"))
    series = _confidences(result)
    if any(values for _, values in series):
        yield _drawn(plots.histogram(series, "Confidence of what was read"))


def _confidences(result: Result) -> list[tuple[str, list[float]]]:
    return [
        (
            "marked pictures after attacks, payload recovered",
            [
                cell.confidence
                for marked in result.marked
                for cell in marked.cells
                if cell.outcome is Outcome.RECOVERED and cell.confidence is not None
            ],
        ),
        (
            "unmarked pictures, the highest of each",
            [u.confidence for u in result.unmarked if u.confidence is not None],
        ),
    ]


def _drawn(figure: plots.Figure) -> str:
    return f"<figure>{figure.svg}<figcaption>{safe(figure.caption)}</figcaption></figure>"


def _attack_tables(counted: Tally) -> Iterable[str]:
    yield "<h2>Attack by attack</h2>"
    head = ["attack", "what happens", "recovered", "share", "95 % interval"]
    head += ["large", "small", "wrong", "CPU s/MP"]
    groups = dict.fromkeys(row.about.group for row in counted.rows)
    for group in groups:
        rows = [_attack_row(row) for row in counted.rows if row.about.group == group]
        if group == FORTY:
            mean = counted.mean
            cells = [f"{mean.every.of} pictures", percent(mean.every.value)]
            cells += [_interval(mean.every), percent(mean.large.value), percent(mean.small.value)]
            cells += [str(counted.wrong), ""]
            rows.append(_cells("mean", cells, "mean", f"of {mean.attacks} attacks"))
        yield _table(_GROUPS.get(group, group), head, rows)
    yield (
        f"<p>Large: at least {LARGE / 1e6:g} megapixels before the attack. CPU: the reader's, a "
        "megapixel of the attacked copy. The wrong payloads in the row of the mean are those of "
        "all attacks.</p>"
    )


def _attack_row(row: Row) -> str:
    said = row.about.sentence
    if row.not_run or row.every.of == 0:
        where = f"on {row.not_run}" if row.every.of else ""
        said += f" (not run{' ' + where if where else ''}: {row.reason or 'no picture'})"
    if row.second:
        said += f" (the second mark was read in {row.second})"
    if row.every.of == 0:
        return _cells(row.about.name, ["-"] * 7, words=said)
    cpu = "-" if row.cpu_per_mp is None else f"{row.cpu_per_mp:.3f}"
    shares = [percent(row.every.value), _interval(row.every)]
    shares += [percent(row.large.value), percent(row.small.value)]
    count = f"{row.every.count:g} of {row.every.of}"
    return _cells(row.about.name, [count, *shares, str(row.wrong), cpu], words=said)


def _file_tables(result: Result) -> Iterable[str]:
    yield "<h2>File by file</h2>"
    head = ["picture", "size", "payload", "PSNR", "SSIM", "recovered", f"SHA-256, first {_DIGITS}"]
    rows = [_file_row(marked) for marked in result.marked]
    yield _table("Pictures that were marked and attacked", head, rows)
    for what, failed in (
        ("Pictures that could not be tried", result.failed),
        ("Unmarked pictures that could not be tried", result.unmarked_failed),
    ):
        if failed:
            yield _table(what, ["file", "what happened"], [_failed_row(f) for f in failed])
    found = [u for u in result.unmarked if u.payload is not None]
    if found:
        lines = [_cells(u.name, [(u.payload or b"").hex(), u.sha256[:_DIGITS]]) for u in found]
        head = ["picture", "payload", f"SHA-256, first {_DIGITS}"]
        yield _table("Unmarked pictures in which a mark was found", head, lines)


def _file_row(marked: Marked) -> str:
    ran = [cell for cell in marked.cells if cell.outcome is not Outcome.NOT_RUN]
    back = sum(cell.outcome is Outcome.RECOVERED for cell in ran)
    psnr = "-" if marked.psnr is None else f"{marked.psnr:.2f} dB"
    ssim = "-" if marked.ssim is None else f"{marked.ssim:.4f}"
    cells = [f"{marked.width} by {marked.height}", marked.payload.hex(), psnr, ssim]
    return _cells(marked.name, [*cells, f"{back} of {len(ran)}", marked.sha256[:_DIGITS]])


def _failed_row(failed: Failed) -> str:
    said = failed.error.message + (f" ({failed.error.hint})" if failed.error.hint else "")
    return _cells(failed.name, [], words=said)


def _of_forty(marked: Marked, names: set[str]) -> Share:
    ran = [c for c in marked.cells if c.attack in names and c.outcome is not Outcome.NOT_RUN]
    return Share(sum(c.outcome is Outcome.RECOVERED for c in ran), len(ran))


def _interval(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %" if share.of else "-"


def _table(caption: str, head: Sequence[str], rows: Sequence[str]) -> str:
    columns = "".join(f'<th scope="col"{_class(name)}>{safe(name)}</th>' for name in head)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{safe(caption)}"><table>'
        f"<caption>{safe(caption)}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _class(name: str) -> str:
    return ' class="text"' if name in {"what happens", "what happened"} else ""


def _cells(name: str, cells: Sequence[str], kind: str = "", words: str = "") -> str:
    """Return a row; `words` is a sentence that stands before the numbers."""
    filled = f'<td class="text">{safe(words)}</td>' if words else ""
    filled += "".join(f"<td>{_kept(cell)}</td>" for cell in cells)
    row = f' class="{kind}"' if kind else ""
    return f'<tr{row}><th scope="row">{safe(name)}</th>{filled}</tr>'


def _kept(cell: str) -> str:
    return safe(cell).replace(" %", "&nbsp;%")  # the sign stays with its number
