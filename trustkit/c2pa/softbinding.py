"""The soft binding: what a manifest says of the mark in its file, written and read.

It leads from a copy without manifest to the manifest. It binds nothing by itself: marks can be
copied, so a soft binding is never checked in place of a hash.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trustkit.asset import Asset
from trustkit.c2pa.history import broken_ingredients, walk
from trustkit.c2pa.parent import first_problem
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context

LABEL = "c2pa.soft-binding"
# C2PA 2.4 has deprecated plain c2pa.watermarked; this one is for marks that make a soft binding.
ACTION = "c2pa.watermarked.bound"
_HEX = re.compile(r"(?:[0-9a-f]{2})+")
_MOST, _LONGEST = 8, 128  # values, and digits of one: what somebody signs may be of any size


@dataclass(frozen=True, slots=True)
class SoftBinding:
    """A mark: the name of its algorithm, and its payload as lower-case hex digits."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Named:
    """The marks that a manifest names; depth 0 is the active one. Empty `problem`: it is intact."""

    values: tuple[str, ...]
    depth: int
    problem: str


def assertion(binding: SoftBinding) -> dict[str, Any]:
    """Return the assertion that names the mark of the whole file."""
    # The standard wants a byte string; this engine writes text, and readers of it expect text.
    blocks = [{"scope": {}, "value": binding.value}]
    return {
        "label": LABEL,
        "created": True,
        "data": {"alg": binding.algorithm, "blocks": blocks},
    }


def action(binding: SoftBinding) -> dict[str, Any]:
    """Return the action by which the mark came into the file."""
    return {
        "action": ACTION,
        "softwareAgent": {"name": f"trustkit ({binding.algorithm})"},
        "description": f"payload {binding.value}, read back from the file before it was signed",
    }


def names_of(asset: Asset, algorithm: str) -> Named | None:
    """Return the marks of `algorithm` that the manifest of `asset` names, or None.

    The manifest in the file or beside it; none is fetched.
    """
    reading = read(asset, plain_context())
    if not isinstance(reading, Found):
        return None
    found = nearest(reading.report, algorithm)
    if found is None:
        return None
    values, depth = found
    problem = first_problem(reading)
    if depth and not problem and broken_ingredients(reading.report):
        problem = "something it was made from was already broken"
    return Named(values, depth, problem)


def nearest(report: Mapping[str, Any], algorithm: str) -> tuple[tuple[str, ...], int] | None:
    """Return what the nearest manifest in the line of parents names, with its depth, or None."""
    manifests = report.get("manifests") or {}
    for label, depth in walk(report, ("parentOf",)):
        values = tuple(dict.fromkeys(_values(manifests[label], algorithm)))[:_MOST]
        if values:
            return values, depth
    return None


def bindings(manifest: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the algorithm and the values of each soft binding, as far as they can be read."""
    for entry in manifest.get("assertions") or []:
        data = entry.get("data")
        if str(entry.get("label", "")).partition("__")[0] == LABEL and isinstance(data, dict):
            blocks = data.get("blocks")
            parts = blocks if isinstance(blocks, list) else []
            values = [part.get("value") for part in parts if isinstance(part, dict)]
            yield (
                str(data.get("alg") or ""),
                [text for text in map(_hex, values) if 0 < len(text) <= _LONGEST],
            )


def _values(manifest: Mapping[str, Any], algorithm: str) -> Iterator[str]:
    for name, values in bindings(manifest):
        if name == algorithm:
            yield from values


def _hex(value: object) -> str:
    # Hex digits as text, as we write it; bytes, which the engine shows as base64 or as numbers.
    if isinstance(value, list):
        try:
            return bytes(value).hex()
        except (TypeError, ValueError):
            return ""
    if not isinstance(value, str):
        return ""
    if _HEX.fullmatch(value.lower()):
        return value.lower()
    try:
        return base64.b64decode(value, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""
