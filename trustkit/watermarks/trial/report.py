"""A trial as a JSON document and as a table for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import cv2
import numpy
import PIL

from trustkit import __version__
from trustkit.watermarks.trial.count import Chance, Mean, Row, Share, Tally, tally
from trustkit.watermarks.trial.kind import Kind
from trustkit.watermarks.trial.result import Cell, Failed, Marked, Result, Unmarked
from trustkit.watermarks.trial.words import percent, sentences

SCHEMA_VERSION = "1.0"


def document(result: Result, counted: Tally | None = None) -> dict[str, Any]:
    """Return the trial as JSON values, down to every cell; what is infinite is null."""
    counted, kind = counted or tally(result), result.kind
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {
            "name": "trustkit",
            "version": __version__,
            # Encoders differ from version to version, and so do the attacks they make.
            "parts": {
                "av": version("av"),
                "numpy": numpy.__version__,
                "opencv": cv2.__version__,
                "pillow": PIL.__version__,
            },
        },
        "engine": dict(result.engine),
        "seed": result.seed,
        "summary": _summary(result, counted),
        "attacks": [_row(row, kind) for row in counted.rows],
        "files": [_marked(m, kind) for m in result.marked] + [_failed(f) for f in result.failed],
        "unmarked": [_unmarked(u) for u in result.unmarked]
        + [_failed(f) for f in result.unmarked_failed],
    }


def _summary(result: Result, counted: Tally) -> dict[str, Any]:
    kind, mean = result.kind, counted.mean
    return {
        kind.many: len(result.marked),
        "failed": len(result.failed),
        **({f"large_from_{kind.amount}": kind.large} if kind.large else {}),
        f"mean_of_{kind.main}": {
            "attacks_run": mean.attacks,
            **_parts(mean, kind),
        },
        **{m.key: _pair(counted.quality.get(m.key)) for m in kind.measures},
        f"embed_cpu_s_per_{kind.per}": _number(counted.embed),
        f"detect_clean_cpu_s_per_{kind.per}": _number(counted.clean),
        "wrong_payloads": counted.wrong,
        "unmarked": _chance(counted.chance, kind),
    }


def to_json(result: Result) -> str:
    """Return the document as text."""
    return json.dumps(document(result), indent=1, allow_nan=False) + "\n"


def to_table(result: Result) -> str:
    """Return the table of attacks with what stands above and below it, for a terminal."""
    counted, kind = tally(result), result.kind
    wide = max(
        [len(row.about.name) for row in counted.rows] + [len("attack"), len(counted.mean.name)]
    )
    lines = [*_opening(result, counted), ""]
    parts = "    large    small" if kind.large else ""
    lines.append(
        f"{'attack':{wide}}  recovered   share     95 % interval{parts}  wrong  {kind.cost_head}"
    )
    lines += [_line(row, wide, kind) for row in counted.rows]
    for name, share in (
        (counted.mean.name, counted.mean.every),
        (f"  large {kind.many}", counted.mean.large),
        (f"  small {kind.many}", counted.mean.small),
    ):
        if share.of and (kind.large or share is counted.mean.every):
            value = percent(share.value)
            lines.append(f"{name:{wide}}  {share.of:9}  {value:>6}  {_padded(share)}")
    lines += ["", *_closing(result, counted)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _opening(result: Result, counted: Tally) -> list[str]:
    kind = result.kind
    engine = ", ".join(f"{key} {value}" for key, value in result.engine.items() if key != "name")
    large = f", {counted.mean.large.of} of at least {kind.large / 1e6:g} MP" if kind.large else ""
    return [
        f"{result.engine.get('name', '')} ({engine}), seed {result.seed}",
        f"{len(result.marked)} {kind.many}{large}; recovered means every bit of the payload",
    ]


def _closing(result: Result, counted: Tally) -> list[str]:
    lines = sentences(counted)
    for failed in (*result.failed, *result.unmarked_failed):
        lines.append(f"not tried: {failed.error.message}")
    # A file's name may hold what a terminal would obey.
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


def _line(row: Row, wide: int, kind: Kind) -> str:
    if row.every.of == 0:
        return f"{row.about.name:{wide}}  not run: {row.reason or f'no {kind.one}'}"
    count = f"{row.every.count:g}/{row.every.of}"
    parts = ""
    if kind.large:
        parts = f"  {percent(row.large.value):>7}  {percent(row.small.value):>7}"
    cost = "-" if row.cost is None else kind.cost(row.cost)
    note = f"  the second mark: {row.second}" if row.second else ""
    note += f"  not run on {row.not_run}: {row.reason}" if row.not_run else ""
    return (
        f"{row.about.name:{wide}}  {count:>9} {percent(row.every.value):>7}  "
        f"{_padded(row.every)}{parts}  {row.wrong:5}  {cost:>{len(kind.cost_head)}}{note}"
    )


def _padded(share: Share) -> str:
    low, high = share.interval
    return f"{100 * low:5.1f} to {100 * high:5.1f} %" if share.of else f"{'-':>16}"


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 6)


def _pair(values: tuple[float, float] | None) -> dict[str, float | None]:
    mean, worst = values or (None, None)
    return {"mean": _number(mean), "worst": _number(worst)}


def _share(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {
        "recovered": _number(share.count),
        "of": share.of,
        "share": _number(share.value),
        "interval_95": [_number(low), _number(high)] if share.of else None,
    }


def _parts(counted: Row | Mean, kind: Kind) -> dict[str, Any]:
    names = ("every", "large", "small") if kind.large else ("every",)
    return {name: _share(getattr(counted, name)) for name in names}


def _row(row: Row, kind: Kind) -> dict[str, Any]:
    return {
        "name": row.about.name,
        "group": row.about.group,
        "sentence": row.about.sentence,
        **_parts(row, kind),
        "wrong": row.wrong,
        "second": row.second,
        "not_run": row.not_run,
        "reason": row.reason,
        f"detect_cpu_s_per_{kind.per}": _number(row.cost),
    }


def _chance(chance: Chance, kind: Kind) -> dict[str, Any]:
    return {
        kind.many: chance.of,
        "found": chance.found,
        "upper_bound_95": _number(chance.bound) if chance.of else None,
        "highest_confidence": _number(chance.highest),
        "cpu_s_mean": _number(chance.cpu_mean),
        "cpu_s_worst": _number(chance.cpu_worst),
    }


def _marked(marked: Marked, kind: Kind) -> dict[str, Any]:
    return {
        "path": marked.name,
        "sha256": marked.sha256,
        **marked.extent.facts,
        "payload": marked.payload.hex(),
        **{m.key: _number(marked.quality.get(m.key)) for m in kind.measures},
        "embed_cpu_s": _number(marked.embed_cpu),
        "cells": [_cell(cell, kind) for cell in marked.cells],
        "error": None,
    }


def _cell(cell: Cell, kind: Kind) -> dict[str, Any]:
    return {
        "attack": cell.attack,
        "outcome": cell.outcome.value,
        "confidence": _number(cell.confidence),
        "search_path": cell.path,
        kind.amount: cell.amount,
        "detect_cpu_s": _number(cell.cpu),
        "reason": cell.reason,
    }


def _unmarked(unmarked: Unmarked) -> dict[str, Any]:
    return {
        "path": unmarked.name,
        "sha256": unmarked.sha256,
        **unmarked.extent.facts,
        "payload": unmarked.payload.hex() if unmarked.payload else None,
        "confidence": _number(unmarked.confidence),
        "detect_cpu_s": _number(unmarked.cpu),
        "error": None,
    }


def _failed(failed: Failed) -> dict[str, Any]:
    error: Mapping[str, str] = {
        "code": failed.error.code,
        "message": failed.error.message,
        "hint": failed.error.hint,
    }
    return {"path": failed.name, "error": error}
