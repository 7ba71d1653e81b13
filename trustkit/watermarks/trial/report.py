"""A trial as a JSON document and as a table for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy
import PIL

from trustkit import __version__
from trustkit.watermarks.trial.count import LARGE, Chance, Row, Share, Tally, tally
from trustkit.watermarks.trial.result import Cell, Failed, Marked, Result, Unmarked

SCHEMA_VERSION = "1.0"


def document(result: Result, counted: Tally | None = None) -> dict[str, Any]:
    """Return the trial as JSON values, down to every cell; PSNR without a difference is null."""
    counted = counted or tally(result)
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {
            "name": "trustkit",
            "version": __version__,
            # Encoders differ from version to version, and so do the attacks they make.
            "parts": {
                "numpy": numpy.__version__,
                "opencv": cv2.__version__,
                "pillow": PIL.__version__,
            },
        },
        "engine": dict(result.engine),
        "seed": result.seed,
        "summary": {
            "pictures": len(result.marked),
            "failed": len(result.failed),
            "large_from_pixels": LARGE,
            "mean_of_forty": {
                "attacks_run": counted.mean.attacks,
                "every": _share(counted.mean.every),
                "large": _share(counted.mean.large),
                "small": _share(counted.mean.small),
            },
            "psnr": _pair(counted.psnr),
            "ssim": _pair(counted.ssim),
            "embed_cpu_s_per_mp": _number(counted.embed_per_mp),
            "detect_clean_cpu_s_per_mp": _number(counted.clean_per_mp),
            "wrong_payloads": counted.wrong,
            "unmarked": _chance(counted.chance),
        },
        "attacks": [_row(row) for row in counted.rows],
        "files": [_marked(m) for m in result.marked] + [_failed(f) for f in result.failed],
        "unmarked": [_unmarked(u) for u in result.unmarked]
        + [_failed(f) for f in result.unmarked_failed],
    }


def to_json(result: Result) -> str:
    """Return the document as text."""
    return json.dumps(document(result), indent=1, allow_nan=False) + "\n"


def to_table(result: Result) -> str:
    """Return the table of attacks with what stands above and below it, for a terminal."""
    counted = tally(result)
    wide = max(
        [len(row.about.name) for row in counted.rows] + [len("attack"), len(counted.mean.name)]
    )
    lines = [*_opening(result, counted), ""]
    lines.append(
        f"{'attack':{wide}}  recovered   share     95 % interval    large    small  wrong  CPU s/MP"
    )
    lines += [_line(row, wide) for row in counted.rows]
    for name, share in (
        (counted.mean.name, counted.mean.every),
        ("  large pictures", counted.mean.large),
        ("  small pictures", counted.mean.small),
    ):
        if share.of:
            value = percent(share.value)
            lines.append(f"{name:{wide}}  {share.of:9}  {value:>6}  {_interval(share)}")
    lines += ["", *_closing(result, counted)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def percent(value: float | None) -> str:
    """Return a share as text; what is not all is never told as 100 %."""
    if value is None:
        return "-"
    return f"{math.floor(value * 1000 + 1e-9) / 10:.1f} %"


def sentences(counted: Tally) -> list[str]:
    """Return what the trial says of quality, time, and chance: a sentence each."""
    told = []
    if counted.psnr:
        told.append(f"PSNR {counted.psnr[0]:.2f} dB on average, {counted.psnr[1]:.2f} dB at worst.")
    if counted.ssim:
        told.append(f"SSIM {counted.ssim[0]:.4f} on average, {counted.ssim[1]:.4f} at worst.")
    if counted.embed_per_mp is not None:
        clean = counted.clean_per_mp
        told.append(
            f"Embedding takes {counted.embed_per_mp:.3f} s of CPU a megapixel"
            + (f", reading a clean copy {clean:.3f} s." if clean is not None else ".")
        )
    told.append(f"Wrong payloads returned: {counted.wrong}.")
    told.append(chance_sentence(counted.chance))
    return told


def chance_sentence(chance: Chance) -> str:
    """Return what was found in unmarked pictures."""
    if chance.of == 0 or chance.cpu_mean is None or chance.cpu_worst is None:
        return "No unmarked pictures were given, so false positives were not counted."
    highest = "not told by the engine" if chance.highest is None else f"{chance.highest:.1f}"
    return (
        f"Marks found in unmarked pictures: {chance.found} of {chance.of}, so less than "
        f"{100 * chance.bound:.2g} % (95 %); highest confidence there: {highest}; giving up takes "
        f"{chance.cpu_mean:.2f} s of CPU on average, {chance.cpu_worst:.2f} s at worst."
    )


def _opening(result: Result, counted: Tally) -> list[str]:
    engine = ", ".join(f"{key} {value}" for key, value in result.engine.items() if key != "name")
    sizes = f"{counted.mean.large.of} of at least {LARGE / 1e6:g} MP"
    return [
        f"{result.engine.get('name', '')} ({engine}), seed {result.seed}",
        f"{len(result.marked)} pictures, {sizes}; recovered means every bit of the payload",
    ]


def _closing(result: Result, counted: Tally) -> list[str]:
    lines = sentences(counted)
    for failed in (*result.failed, *result.unmarked_failed):
        lines.append(f"not tried: {failed.error.message}")
    # A file's name may hold what a terminal would obey.
    return ["".join(c if c.isprintable() else "?" for c in line) for line in lines]


def _line(row: Row, wide: int) -> str:
    if row.every.of == 0:
        return f"{row.about.name:{wide}}  not run: {row.reason or 'no picture'}"
    count = f"{row.every.count:g}/{row.every.of}"
    cpu = "-" if row.cpu_per_mp is None else f"{row.cpu_per_mp:.3f}"
    note = f"  the second mark: {row.second}" if row.second else ""
    note += f"  not run on {row.not_run}: {row.reason}" if row.not_run else ""
    return (
        f"{row.about.name:{wide}}  {count:>9} {percent(row.every.value):>7}  "
        f"{_interval(row.every)}  {percent(row.large.value):>7}  {percent(row.small.value):>7}  "
        f"{row.wrong:5}  {cpu:>8}{note}"
    )


def _interval(share: Share) -> str:
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


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.about.name,
        "group": row.about.group,
        "sentence": row.about.sentence,
        "every": _share(row.every),
        "large": _share(row.large),
        "small": _share(row.small),
        "wrong": row.wrong,
        "second": row.second,
        "not_run": row.not_run,
        "reason": row.reason,
        "detect_cpu_s_per_mp": _number(row.cpu_per_mp),
    }


def _chance(chance: Chance) -> dict[str, Any]:
    return {
        "pictures": chance.of,
        "found": chance.found,
        "upper_bound_95": _number(chance.bound) if chance.of else None,
        "highest_confidence": _number(chance.highest),
        "cpu_s_mean": _number(chance.cpu_mean),
        "cpu_s_worst": _number(chance.cpu_worst),
    }


def _marked(marked: Marked) -> dict[str, Any]:
    return {
        "path": marked.name,
        "sha256": marked.sha256,
        "width": marked.width,
        "height": marked.height,
        "frames": marked.frames,
        "payload": marked.payload.hex(),
        "psnr": _number(marked.psnr),
        "ssim": _number(marked.ssim),
        "embed_cpu_s": _number(marked.embed_cpu),
        "cells": [_cell(cell) for cell in marked.cells],
        "error": None,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "attack": cell.attack,
        "outcome": cell.outcome.value,
        "confidence": _number(cell.confidence),
        "search_path": cell.path,
        "pixels": cell.pixels,
        "detect_cpu_s": _number(cell.cpu),
        "reason": cell.reason,
    }


def _unmarked(unmarked: Unmarked) -> dict[str, Any]:
    return {
        "path": unmarked.name,
        "sha256": unmarked.sha256,
        "width": unmarked.width,
        "height": unmarked.height,
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
