"""The explanation of each detector's answer to a file: a drawing, and the numbers it is made of."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trustkit.asset import Asset
from trustkit.detectors import Array, Detector, Kind, Part
from trustkit.detectors.course import spans
from trustkit.detectors.explain import MADE, SHOWS, VARIES, HeatMap, Way
from trustkit.detectors.explain.maps import SECONDS, heat_map, hottest
from trustkit.detectors.explain.overlay import overlay
from trustkit.detectors.explain.timeline import timeline
from trustkit.detectors.explain.words import ANSWERS, quoted, scored
from trustkit.detectors.files import Limits, Looked
from trustkit.detectors.panel import Judgement, Opinion
from trustkit.media.rgb import rgb, size

_DIGITS = 3  # of a score
_IN_TIME = "the scores of the parts that were looked at, each part alone"


@dataclass(frozen=True, slots=True)
class Why:
    """One detector's explanation: a PNG, empty where there is none, and values fit for JSON."""

    detector: str
    png: bytes
    facts: dict[str, Any]


def explain(asset: Asset, parts: Sequence[Looked], detectors: dict[str, Detector]) -> Iterator[Why]:
    """Yield what `detectors`, by their names, saw in a file, for each that looked at it."""
    end = time.monotonic() + SECONDS
    for looked in parts:
        if looked.kind is Kind.IMAGE and asset.kind == "image":
            yield from _of_picture(asset, looked.judgement, detectors, end)
        else:
            yield from _in_time(asset, looked)


def _of_picture(
    asset: Asset, judgement: Judgement, detectors: dict[str, Detector], end: float
) -> Iterator[Why]:
    picture: Array | None = None
    for opinion in judgement.opinions:
        reason = _not_mapped(asset, opinion)
        if reason:
            yield _without(opinion, reason)
            continue
        if picture is None:
            with asset.open() as stream:
                picture = rgb(stream, asset.media_type, asset.name, Limits().picture_pixels)
        threshold = _threshold(opinion, judgement)
        detector = detectors[opinion.member.name]
        left = max(0.0, end - time.monotonic())
        heat = heat_map(detector, picture, opinion.score, threshold, left)
        if isinstance(heat, str):
            yield _without(opinion, heat)
        else:
            yield _mapped(opinion, judgement, picture, heat)


def _not_mapped(asset: Asset, opinion: Opinion) -> str:
    if not opinion.score.in_domain or not math.isfinite(opinion.score.value):
        return f"it is out of the detector's domain: {opinion.score.reason}"
    with asset.open() as stream:
        width, height = size(stream, asset.media_type, asset.name)
    most = Limits().picture_pixels
    if width * height > most:
        return f"it has more than the {most // 10**6} megapixels that maps are drawn of"
    return ""


def _mapped(opinion: Opinion, judgement: Judgement, picture: Array, heat: HeatMap) -> Why:
    rows, columns = heat.scores.shape
    about = () if heat.way is Way.COVERED else (VARIES,)
    lines = (*_lines(opinion, judgement), f"Map: {MADE[heat.way]}.", *about, SHOWS)
    facts = {
        **_named(opinion),
        "how": heat.way.value,
        "made": MADE[heat.way],
        "threshold": _short(_threshold(opinion, judgement)),
        "width": picture.shape[1],
        "height": picture.shape[0],
        "frame": [_short(edge) for edge in heat.frame],
        "rows": rows,
        "columns": columns,
        "scores": [[_short(score) for score in row] for row in heat.scores.tolist()],
        "places": [
            {"place": [_short(edge) for edge in part.place], "score": _short(part.score)}
            for part in hottest(heat)
        ],
    }
    return Why(opinion.member.name, overlay(picture, heat, lines), facts)


def _in_time(asset: Asset, looked: Looked) -> Iterator[Why]:
    judgement = looked.judgement
    length = asset.measures.get("duration_s")
    for number, opinion in enumerate(judgement.opinions):
        # Of the lead every window is known, of the others what they say of longer parts.
        parts = looked.parts if number == 0 else opinion.score.parts
        if not parts:
            reason = opinion.score.reason or "none of its parts is in the detector's domain"
            yield _without(opinion, reason)
            continue
        threshold = _threshold(opinion, judgement)
        seconds = float(length) if isinstance(length, int | float) else parts[-1].place[-1]
        facts = {
            **_named(opinion),
            "how": "parts",
            "made": _IN_TIME,
            "threshold": _short(threshold),
            "seconds": _short(seconds),
            "time_line": [_part(part) for part in parts],
            "spans": [[_short(start), _short(end)] for start, end in spans(parts, threshold)],
        }
        lines = (*_lines(opinion, judgement), VARIES, SHOWS)
        drawn = timeline(parts, seconds, threshold, opinion.member.thresholds, lines)
        yield Why(opinion.member.name, drawn, facts)


def _lines(opinion: Opinion, judgement: Judgement) -> tuple[str, ...]:
    sentence = quoted(judgement)
    word = ANSWERS[judgement.answer]
    first = sentence if word in sentence else f"{word}: {sentence}"
    return f"{first[:1].upper()}{first[1:]}.", f"{scored(opinion, judgement.rate)}."


def _without(opinion: Opinion, reason: str) -> Why:
    return Why(opinion.member.name, b"", {**_named(opinion), "how": None, "reason": reason})


def _named(opinion: Opinion) -> dict[str, Any]:
    member = opinion.member
    return {"name": member.name, "version": member.version, "kind": member.kind.value}


def _threshold(opinion: Opinion, judgement: Judgement) -> float:
    threshold = opinion.member.at(judgement.rate)
    return threshold.score if threshold else opinion.score.threshold


def _part(part: Part) -> dict[str, Any]:
    return {
        "start": _short(part.place[0]),
        "end": _short(part.place[-1]),
        "score": _short(part.score),
    }


def _short(value: float) -> float | None:
    return round(float(value), _DIGITS) + 0.0 if math.isfinite(value) else None
