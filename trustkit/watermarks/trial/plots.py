"""Plots as inline SVG, written by hand: no script, no font, and a text that says the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from trustkit.watermarks.trial.count import Row
from trustkit.watermarks.trial.kind import Kind
from trustkit.watermarks.trial.result import Marked, Outcome

# Dark enough on white for text (at least 4.5 to 1), and told apart by shape as well.
INK, BLUE, RED, AMBER = "#222222", "#1d5c96", "#a4262c", "#7a4f00"
BAR = "#5b95c5"  # 3 to 1 on white, and the interval can be seen on it
FAINT, PALE = "#d0d0d0", "#cfe0ef"  # for lines and fillings that need no reading
_WIDE = 760
_ROW = 18
_LEFT = 96  # where names of attacks end
_RIGHT = 150  # where numbers stand
_NAME = 22  # characters of a file's name
_MARKS = {
    Outcome.UNREADABLE: ("no mark readable", RED),
    Outcome.WRONG: ("wrong payload", INK),
    Outcome.SECOND: ("the second mark", AMBER),
    Outcome.NOT_RUN: ("not run", FAINT),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG element with the caption that goes below it."""

    svg: str
    caption: str


def safe(words: str) -> str:
    """Return text for HTML and SVG: a file's name may hold what neither of them can."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in words))


def bars(rows: Sequence[Row], title: str, kind: Kind) -> Figure:
    """Return a bar for every attack that was run, with its interval as a line."""
    ran = [row for row in rows if row.every.value is not None]
    parts = []
    span = _WIDE - _LEFT - _RIGHT
    for number, row in enumerate(ran):
        y, share = 6 + number * _ROW, row.every.value or 0.0
        low, high = (_LEFT + span * bound for bound in row.every.interval)
        middle = y + _ROW / 2
        parts += [
            _text(_LEFT - 8, middle + 4, row.about.name, "end"),
            _rect(_LEFT, y + 3, span * share, _ROW - 6, BAR),
            _line(low, middle, high, middle, INK, 1.5),
            _line(low, middle - 4, low, middle + 4, INK, 1.5),
            _line(high, middle - 4, high, middle + 4, INK, 1.5),
            _text(
                _WIDE - _RIGHT + 12,
                middle + 4,
                f"{row.every.count:g} of {row.every.of}, {100 * row.every.interval[0]:.0f} to "
                f"{100 * row.every.interval[1]:.0f} %",
            ),
        ]
    bottom = 6 + len(ran) * _ROW
    for tenth in range(0, 11, 2):
        x = _LEFT + span * tenth / 10
        parts.insert(0, _line(x, 6, x, bottom, FAINT))
        parts.append(_text(x, bottom + 16, f"{tenth * 10} %", "middle"))
    worst = min(ran, key=lambda row: row.every.value or 0.0, default=None)
    said = f"{len(ran)} attacks"
    if worst:
        said += f"; fewest recovered after {worst.about.name}: "
        said += f"{worst.every.count:g} of {worst.every.of}"
    return _figure(
        title,
        said,
        bottom + 24,
        parts,
        f"Bars: {kind.many} whose whole payload was recovered. Lines: 95 % intervals (Wilson).",
    )


def grid(marked: Sequence[Marked], attacks: Sequence[str], kind: Kind) -> Figure:
    """Return a square for every file and attack; the most difficult files come first."""
    order = sorted(marked, key=lambda m: (_recovered(m), m.name))
    side = (_WIDE - 150) / max(1, len(attacks))
    side, top, left = min(16.0, side), 78, 150
    parts = [
        f'<text transform="translate({left + (i + 0.7) * side:.1f},{top - 6}) rotate(-60)" '
        f'font-size="10">{safe(name)}</text>'
        for i, name in enumerate(attacks)
    ]
    column = {name: i for i, name in enumerate(attacks)}
    for line, file in enumerate(order):
        y = top + line * side
        parts.append(_text(left - 6, y + side * 0.75, _short(file.name), "end", 10))
        for cell in file.cells:
            if cell.attack in column:
                parts.append(_cell(left + column[cell.attack] * side, y, side, cell.outcome))
    y, x = top + len(order) * side + 20, float(left)
    for outcome, words in [(Outcome.RECOVERED, "recovered")] + [
        (outcome, words) for outcome, (words, _) in _MARKS.items()
    ]:
        parts += [_cell(x, y - 10, 12, outcome), _text(x + 18, y, words)]
        x += 30 + 7.2 * len(words)
    return _figure(
        f"Every {kind.one} under every attack",
        f"{len(order)} {kind.many}, {len(attacks)} attacks; the table of files has the counts",
        y + 12,
        parts,
        f"A row a {kind.one}, the hardest ones first; a column an attack.",
    )


def scatter(points: Iterable[tuple[str, float, float]], title: str, kind: Kind) -> Figure:
    """Return points of (name, the kind's first measure in dB, share of its main attacks)."""
    known = sorted(points, key=lambda point: point[1])
    low = min((p for _, p, _ in known), default=40.0) // 1
    high = max((p for _, p, _ in known), default=48.0) // 1 + 1
    left, top, wide, tall = 60, 10, _WIDE - 90, 220
    parts = []
    for step in range(6):
        y, x = top + tall * step / 5, left + wide * step / 5
        parts += [
            _line(left, y, left + wide, y, FAINT),
            _text(left - 6, y + 4, f"{100 - 20 * step} %", "end"),
            _text(x, top + tall + 18, f"{low + (high - low) * step / 5:.1f} dB", "middle"),
        ]
    for name, value, share in known:
        x = left + wide * (value - low) / (high - low)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{top + tall * (1 - share):.1f}" r="4" fill="{BLUE}" '
            f'fill-opacity="0.75"><title>{safe(name)}: {value:.1f} dB, {100 * share:.1f} %'
            "</title></circle>"
        )
    said = f"{len(known)} {kind.many} between {low:.0f} and {high:.0f} dB"
    caption = (
        f"A dot a {kind.one}: how little it changed ({kind.measures[0].name}, right is less), "
        f"how much of the {kind.main} it survives."
    )
    return _figure(title, said, top + tall + 30, parts, caption)


def histogram(series: Sequence[tuple[str, Sequence[float]]], title: str) -> Figure:
    """Return, for every named series, how its values are spread over one common axis."""
    told = [(name, values) for name, values in series if values]
    every = [value for _, values in told for value in values]
    low, high = min(every, default=0.0) // 1, max(every, default=1.0) // 1 + 1
    bins, left, wide, tall = 40, 60, _WIDE - 90, 70
    parts = []
    for number, (name, values) in enumerate(told):
        counts, colour = [0] * bins, (BLUE, AMBER)[number % 2]
        for value in values:
            counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
        base = 24 + (number + 1) * tall + number * 28
        parts.append(_text(left, base - tall - 6, f"{name} ({len(values)})"))
        for place, count in enumerate(counts):
            height = tall * count / max(counts)
            parts.append(
                _rect(left + place * wide / bins, base - height, wide / bins - 1, height, colour)
            )
        parts.append(_line(left, base, left + wide, base, INK))
    bottom = 24 + len(told) * (tall + 28) - 28
    for step in range(6):
        x = left + wide * step / 5
        parts.append(_text(x, bottom + 16, f"{low + (high - low) * step / 5:.1f}", "middle"))
    said = "; ".join(f"{name}: {min(v):.1f} to {max(v):.1f}" for name, v in told)
    return _figure(
        title, said, bottom + 26, parts, "Confidence in standard deviations, one axis for all."
    )


def _figure(title: str, said: str, height: float, parts: Sequence[str], caption: str) -> Figure:
    words = safe(f"{title}. {said}.")
    svg = (
        f'<svg viewBox="0 0 {_WIDE} {height:.0f}" role="img" aria-label="{words}" font-size="12" '
        f'font-family="sans-serif" fill="{INK}"><title>{words}</title>{"".join(parts)}</svg>'
    )
    return Figure(svg, f"{title}. {caption}")


def _recovered(marked: Marked) -> int:
    return sum(cell.outcome is Outcome.RECOVERED for cell in marked.cells)


def _cell(x: float, y: float, side: float, outcome: Outcome) -> str:
    inner, a, b = side - 1.5, x + side * 0.2, x + side * 0.75
    top, bottom = y + side * 0.2, y + side * 0.75
    if outcome is Outcome.RECOVERED:
        return _rect(x, y, inner, inner, PALE)
    colour = _MARKS[outcome][1]
    filling = colour if outcome is Outcome.WRONG else "none"
    frame = _rect(x, y, inner, inner, filling, f' stroke="{colour}"')
    slash = _line(a, bottom, b, top, colour, 1.5)
    if outcome is Outcome.UNREADABLE:
        return frame + slash + _line(a, top, b, bottom, colour, 1.5)
    return frame + slash if outcome is Outcome.SECOND else frame


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME // 2 - 1]}…{name[-_NAME // 2 :]}"


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{safe(words)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"/>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: str, more: str = "") -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{colour}"{more}/>'
    )
