"""What `lint` found as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from trustkit.lint import LintReport
from trustkit.profiles import Level
from trustkit.profiles.judge import Check
from trustkit.reports import printable
from trustkit.reports.lint import NOT_ADVICE, LintRun, headline, result, wanted, word

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; max-width: 72rem;
       margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.15rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; color: #444; padding: .5rem 0; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid #ccc; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
tr.fails td:first-child, tr.open td:first-child, p.incomplete { font-weight: bold; }
tr.fails { background: #fdecea; } tr.open { background: #fff8e1; }
small, .quiet { color: #555; }
a { color: #174f86; } :focus-visible { outline: 3px solid #1d5c96; }
@page { margin: 14mm; }
@media print { body { font-size: 9.5pt; margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def page(run: LintRun) -> str:
    """Return the page; whatever a file says of itself is text on it, never markup."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Disclosure: {len(run.files)} files</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n<main>\n" + "\n".join(_body(run)) + "\n</main>\n</body>\n</html>\n"
    )


def _body(run: LintRun) -> Iterator[str]:
    names = ", ".join(profile.name for profile in run.profiles)
    yield f"<h1>Disclosure by {_safe(names)}</h1>"
    version = _safe(f"{run.tool.get('name', '')} {run.tool.get('version', '')}")
    yield f'<p class="quiet">{version}. {_safe(NOT_ADVICE)}</p>'
    for report in run.files:
        yield from _file(report)
    yield "<h2>What of the profiles could not be verified</h2>"
    for profile in run.profiles:
        yield f"<p>{_safe(profile.name)}: {_safe(profile.title)} (as of {_safe(profile.as_of)})</p>"
        yield f"<ul>{''.join(f'<li>{_safe(one)}</li>' for one in profile.unverified)}</ul>"
    yield (
        "<p><small>Known by: T tried, S read in source, W a secondary source, U not verified."
        "</small></p>"
    )


def _file(report: LintReport) -> Iterator[str]:
    yield f"<h2>{_safe(report.path)}</h2>"
    how = result(report)
    kind = how.replace(" ", "-")
    yield f'<p class="{kind}">{_safe(how)}: {_safe(headline(report))}</p>'
    if not report.checks:
        return
    head = ("", "profile, clause", "asks for", "where", "found, or why not", "known by")
    columns = "".join(f'<th scope="col">{name}</th>' for name in head)
    rows = "".join(_row(check) for check in report.checks)
    yield (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_safe(report.path)}"><table>'
        f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(check: Check) -> str:
    need = check.need
    kind = "fails" if check.fails else "open" if check.is_open else ""
    level = "" if need.level is Level.REQUIRED else f"<br><small>{need.level}</small>"
    found = "; ".join(f"{one.place} {one.key}: {one.text}" for one in check.found)
    told = ". ".join(part for part in (check.why, found) if part)
    cells = (
        _safe(word(check.status)),
        f"{_safe(check.profile)}<br>{_safe(need.clause)}{level}",
        _safe(need.asks),
        _safe(wanted(check)),
        _safe(told),
        f"{need.mark} <small>{_safe(need.source)}</small>",
    )
    return f'<tr class="{kind}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _safe(text: str) -> str:
    return escape(printable(text))
