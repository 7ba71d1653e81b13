"""Pieces of inline SVG, written by hand: no script, no font, and a text that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# Dark enough on white for text (at least 4.5 to 1); lines are told apart by dashes as well.
INK, BLUE, RED, AMBER, GREEN, PURPLE = (
    "#222222", "#1d5c96", "#a4262c", "#7a4f00", "#2f6b2f", "#6a3d8a",
)  # fmt: skip
COLOURS = (BLUE, RED, AMBER, GREEN, PURPLE, INK)
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "1 2")
FAINT, PALE, BAR = "#d0d0d0", "#cfe0ef", "#5b95c5"
WIDE = 760


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG element with the caption that goes below it."""

    svg: str
    caption: str


def safe(words: str) -> str:
    """Return text for HTML and SVG: a name may hold what neither of them can."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in words))


def figure(title: str, said: str, height: float, parts: Sequence[str], caption: str) -> Figure:
    """Return parts as one picture that a screen reader can read, too."""
    words = safe(f"{title}. {said}.")
    svg = (
        f'<svg viewBox="0 0 {WIDE} {height:.0f}" role="img" aria-label="{words}" font-size="12" '
        f'font-family="sans-serif" fill="{INK}"><title>{words}</title>{"".join(parts)}</svg>'
    )
    return Figure(svg, f"{title}. {caption}")


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> str:
    """Return words that begin, end or have their middle at a point of their base line."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{safe(words)}</text>"
    )


def line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dash: str = ""
) -> str:
    """Return a straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashed}/>'
    )


def path(points: Sequence[tuple[float, float]], colour: str, dash: str = "") -> str:
    """Return a line through points."""
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def rect(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> str:
    """Return a filled rectangle."""
    seen = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{colour}"{seen}/>'
    )


def dot(x: float, y: float, radius: float, colour: str, words: str) -> str:
    """Return a dot whose words show up under a pointer."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.8">'
        f"<title>{safe(words)}</title></circle>"
    )


def short(name: str, most: int = 30) -> str:
    """Return a name that fits, with its middle left out."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}…{name[-(most // 2) :]}"
