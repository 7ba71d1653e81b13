"""What two files say of themselves, side by side, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from trustkit.reports import printable

_TITLES = {
    "file": "the file",
    "manifest": "its manifest",
    "signer": "the signature",
    "declares": "declares",
    "actions": "actions",
    "redacted": "taken out of the history",
    "ingredients": "made from",
    "history": "manifests in the history",
    "assertions": "statements",
}


def render(a: Mapping[str, Any], b: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the text for a comparison (`c2pa.compare`); `-` is only in A, `+` only in B."""
    return "".join(f"{printable(line)}\n" for line in _lines(a, b, found))


def _lines(a: Mapping[str, Any], b: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    yield f"A: {_head(a)}"
    yield f"B: {_head(b)}"
    yield found["relation"]["says"]
    if found["same"]:
        yield "no difference"
    for part, rows in groupby(found["differences"], key=lambda row: row["part"]):
        yield f"{_TITLES[part]}:"
        for row in rows:
            yield from (f"  {line}" for line in _row(row))


def _head(entry: Mapping[str, Any]) -> str:
    note = f" ({entry['note']})" if entry["note"] else ""
    return f"{entry['path']}: {entry['media']['type']}, manifest: {entry['manifest']}{note}"


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    if row["part"] in {"file", "manifest", "signer"}:
        yield f"{row['what']}: {_value(row['a'])} | {_value(row['b'])}"
    elif "fields" in row:
        yield f"~ {row['what']}"
        yield from _fields(row["fields"])
    else:
        yield f"{'-' if row['a'] else '+'} {row['what']}"


def _fields(fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not fields:
        yield "    in a part that is not shown here"
    for field in fields:
        yield f"    {field['name']}: {_value(field['a'])} | {_value(field['b'])}"


def _value(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "nothing" if value in {None, ""} else str(value)
