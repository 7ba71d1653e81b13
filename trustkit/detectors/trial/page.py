"""A trial as one HTML file: no script, nothing fetched, fit for print and for screen readers."""

from __future__ import annotations

from collections.abc import Sequence

from trustkit import __version__
from trustkit.detectors.trial import plots, words
from trustkit.detectors.trial.drawing import Figure, safe
from trustkit.detectors.trial.metrics import BINS
from trustkit.detectors.trial.result import Result

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; max-width: 60rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; font-weight: bold; padding: .5rem 0; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #ccc; text-align: left;
         vertical-align: top; }
td { font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } svg { width: 100%; height: auto; } figcaption { color: #444; }
.no { border: 2px solid #a4262c; padding: .5rem 1rem; }
:focus-visible { outline: 3px solid #1d5c96; }
@media print { body { font-size: 10pt; margin: 0; max-width: none; } table { font-size: 7.5pt; }
  figure, tr { break-inside: avoid; } .wide { overflow: visible; } }
"""
_READ = (
    "Found: share of generated files at or above a threshold. Wrong: share of other files there. "
    "A threshold of 1 % is meant to be wrong about one file in a hundred; where a source is "
    "well above that, the detector has something against this kind of media. Inconclusive: the "
    "detector says that it does not know. Nothing here proves anything about a single file."
)
_ODDS = (
    "The calibration error is taken at even odds: LR / (1 + LR) against what was counted with "
    "either label weighing one half, in {bins} bins of equal weight."
)


def to_html(result: Result) -> str:
    """Return the page; the same trial gives the same bytes, but for the processor time."""
    title = f"What {result.about.name} finds, and how often it is wrong"
    body = [f"<h1>{safe(title)}</h1>", _opening(result), f"<p>{safe(_READ)}</p>"]
    body += [_figure(figure) for figure in _figures(result)]
    body.append("<h2>Tables</h2>")
    body += [_table(*table) for table in words.tables(result)]
    if not result.why_no_headline:
        body.append(f"<p>{safe(_ODDS.format(bins=BINS))}</p>")
    body.append(
        f"<footer><p>Made by trustkit {safe(__version__)}, seed {result.seed}. The JSON of the "
        "same run has every single score.</p></footer>"
    )
    return _document(title, body)


def _opening(result: Result) -> str:
    lines = "".join(f"<li>{safe(line)}</li>" for line in words.opening(result))
    kind = ' class="no"' if result.why_no_headline else ""
    return f"<div{kind}><ul>{lines}</ul></div>"


def _figures(result: Result) -> list[Figure]:
    if result.why_no_headline:
        return []
    drawn = []
    if able := [one for one in result.outcomes if one.roc]:
        drawn.append(plots.roc(able))
    if calibrated := [one for one in result.outcomes if one.reliability]:
        drawn.append(plots.reliability(calibrated))
    first = result.outcomes[0]
    drawn.append(plots.spread(first))
    for label, what in ((0, "Wrongly indicated at 1 %"), (1, "Found at 1 %")):
        for column in result.columns:
            own = [g for g in first.groups if g.column == column and g.label == label]
            if len(own) > 1:
                drawn.append(plots.bars(own, f"{what}, by {column}, {first.condition}"))
    return drawn


def _figure(figure: Figure) -> str:
    return f"<figure>{figure.svg}<figcaption>{safe(figure.caption)}</figcaption></figure>"


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    columns = "".join(f'<th scope="col">{safe(name)}</th>' for name in head)
    lines = "".join(map(_row, rows))
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{safe(caption)}"><table>'
        f"<caption>{safe(caption)}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    filled = "".join(f"<td>{_kept(cell)}</td>" for cell in others)
    return f'<tr><th scope="row">{safe(first)}</th>{filled}</tr>'


def _kept(cell: str) -> str:
    return safe(cell).replace(" %", "&nbsp;%")  # the sign stays with its number


def _document(title: str, body: Sequence[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )
