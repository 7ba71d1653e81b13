"""The HTML that the page of a trial is made of: its frame, its style, its tables."""

from __future__ import annotations

from collections.abc import Sequence

from trustkit.watermarks.trial.plots import safe

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


def document(title: str, body: Sequence[str]) -> str:
    """Return a whole page; `body` is markup already."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def table(caption: str, head: Sequence[str], rows: Sequence[str]) -> str:
    """Return a table that scrolls by itself; `rows` are markup already."""
    columns = "".join(f'<th scope="col"{_class(name)}>{safe(name)}</th>' for name in head)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{safe(caption)}"><table>'
        f"<caption>{safe(caption)}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _class(name: str) -> str:
    return ' class="text"' if name in {"what happens", "what happened"} else ""


def row_of(name: str, cells: Sequence[str], kind: str = "", words: str = "") -> str:
    """Return a row; `words` is a sentence that stands before the numbers."""
    filled = f'<td class="text">{safe(words)}</td>' if words else ""
    filled += "".join(f"<td>{_kept(cell)}</td>" for cell in cells)
    opened = f' class="{kind}"' if kind else ""
    return f'<tr{opened}><th scope="row">{safe(name)}</th>{filled}</tr>'


def _kept(cell: str) -> str:
    return safe(cell).replace(" %", "&nbsp;%")  # the sign stays with its number
