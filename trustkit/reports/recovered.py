"""What `trustkit recover` tells: lines for a person, and one JSON object a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trustkit.errors import TrustkitError
from trustkit.evidence.match import in_words

if TYPE_CHECKING:
    from trustkit.evidence.match import Trace, Tried
    from trustkit.recover import Led, Recovered, Served

_WORDS = {"found": "found", "not_found": "not found", "not_checked": "not checked"}

_NOTHING: dict[str, Any] = {
    "path": "", "matches": [], "tried": [], "marks": [], "doubt": "", "elsewhere": [],
}  # fmt: skip


def row(name: str, answer: Recovered | TrustkitError) -> dict[str, Any]:
    """Return a file as JSON has it."""
    if isinstance(answer, TrustkitError):
        error = {"code": answer.code, "message": answer.message, "hint": answer.hint}
        return {**_NOTHING, "path": name, "error": error}
    return {
        "path": name,
        "matches": [_match(led) for led in answer.led],
        "tried": [_tried(one) for one in answer.leads.tried],
        "marks": [{"alg": one.algorithm, "value": one.value} for one in answer.leads.marks],
        "doubt": answer.leads.doubt,
        "elsewhere": [_elsewhere(one) for one in answer.elsewhere],
        "error": None,
    }


def lines(name: str, answer: Recovered) -> Iterator[str]:
    """Yield what a person is told of a file."""
    if not answer.led and not answer.elsewhere:
        yield f"not found  {name}"
    for led in answer.led:
        yield f"record {led.match.record.id}  {name}"
        yield from (f"  {line}" for line in _told(led))
    for served in answer.elsewhere:
        how = "the file itself" if served.by == "content" else f"the mark {served.by}"
        yield f"manifest {served.manifest_id}  {name}"
        yield f"  kept by {served.service}, which was asked by {how}"
        yield f"  {served.manifest.summary}"
    if answer.leads.doubt:
        yield f"  these leads do not fit together: {answer.leads.doubt}"
    if not answer.led or answer.leads.doubt:
        for one in answer.leads.tried:
            yield f"  {one.way}: {_WORDS[one.answer]}: {one.why}"


def _told(led: Led) -> Iterator[str]:
    match, record = led.match, led.match.record
    for trace in match.traces:
        yield f"{trace.way}: {trace.summary}; odds of a false match {in_words(trace.odds)}"
    measures = record.measures
    sides = [measures.get(side) for side in ("width", "height")]
    size = f", {sides[0]} x {sides[1]}" if all(sides) else ""
    seconds = measures.get("duration_s")
    length = f", {seconds:.1f} s" if isinstance(seconds, int | float) else ""
    yield f"published {record.created} as {record.media_type}{size}{length}"
    if what := "; ".join(match.done.words()):
        yield f"this copy: {what}"
    if source := record.disclosure.get("source_type"):
        system = record.disclosure.get("system")
        yield f"declared {source}" + (f" by {system}" if system else "")
    yield led.manifest.summary
    for key, value in sorted(record.personal.items()):
        yield f"personal {key}: {value}"


def _match(led: Led) -> dict[str, Any]:
    match, record = led.match, led.match.record
    told: dict[str, Any] = {
        "record": record.id,
        "kind": match.way.value,
        "distance": match.distance,
        "false_match_odds": _digits(match.odds),
        "by": [_trace(trace) for trace in match.traces],
        "copy": match.done.facts(),
        "published": {
            "created": record.created,
            "media_type": record.media_type,
            "kind": record.kind,
            "size": record.size,
            "sha256": record.sha256,
            "measures": dict(record.measures),
        },
        "disclosure": dict(record.disclosure),
        "manifest": dict(led.manifest.facts),
    }
    return {**told, "personal": dict(record.personal)} if record.personal else told


def _elsewhere(one: Served) -> dict[str, Any]:
    return {
        "service": one.service,
        "manifest_id": one.manifest_id,
        "by": one.by,
        "manifest": dict(one.manifest.facts),
    }


def _trace(trace: Trace) -> dict[str, Any]:
    return {
        "kind": trace.way.value,
        "distance": trace.distance,
        "false_match_odds": _digits(trace.odds),
        "summary": trace.summary,
        "facts": dict(trace.facts),
    }


def _tried(one: Tried) -> dict[str, str]:
    return {"kind": one.way.value, "answer": one.answer.value, "why": one.why}


def _digits(odds: float) -> float:
    return float(f"{odds:.3g}")
