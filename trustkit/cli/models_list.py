"""`trustkit models list`: the detectors there are, and why one is not usable."""

from __future__ import annotations

import json
from typing import Any

import click

from trustkit.cli import output
from trustkit.detectors.card import Limit
from trustkit.detectors.session import devices
from trustkit.detectors.shelf import Entry, entries

_SHOWN_RATE = 0.01
_CONDITION = "clean"


@click.command("list")
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(form: str) -> None:
    """List the detectors, those that lead first, why one is not usable, and the devices."""
    found = entries()
    if form == "json":
        answer = {"detectors": [about(entry) for entry in found], "devices": devices()}
        click.echo(json.dumps(answer, indent=2))
        return
    if not found:
        output.say("no detector is installed; `trustkit models add FOLDER`")
    for entry in found:
        output.say(_line(entry))
    output.say(f"they run on {', '.join(devices())}")


def about(entry: Entry) -> dict[str, Any]:
    """Return what the list tells of one detector, for JSON."""
    card = entry.card
    limit = card.threshold_at(_SHOWN_RATE) if card else None
    return {
        "name": entry.name,
        "kind": entry.kind.value if entry.kind else None,
        "rank": entry.rank,
        "version": entry.version,
        "licence": card.licence if card else None,
        "title": card.title if card else None,
        "origin": entry.origin.value,
        "folder": str(entry.folder) if entry.folder else None,
        "usable": entry.trouble is None,
        "reason": entry.why_not,
        "hint": entry.trouble.hint if entry.trouble else "",
        "auc": _auc(entry),
        "false_positive_rate": _measured(limit) if limit else None,
    }


def _line(entry: Entry) -> str:
    version = f"{entry.name} {entry.version}".strip()
    head = f"{version:<24}  {entry.kind or '?':<5}  {entry.origin:<7}"
    if entry.trouble:
        return f"{head}  not usable: {entry.why_not}; {entry.trouble.hint}"
    rank = f"rank {entry.rank:<4}"
    if entry.card is None:
        return f"{head}  {rank}"
    auc = _auc(entry)
    seen = f"AUC {auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})" if auc else "AUC ?"
    limit = entry.card.threshold_at(_SHOWN_RATE)
    return (
        f"{head}  {rank}  {entry.card.licence:<12}  {seen}  "
        f"{limit.measured:.1%} false positives ({limit.low:.1%} to {limit.high:.1%})"
    )


def _auc(entry: Entry) -> dict[str, float] | None:
    found = entry.card.metrics.get(_CONDITION, {}).get("auc") if entry.card else None
    if found is None:
        return None
    value, low, high, total = found
    return {"value": value, "low": low, "high": high, "total": total}


def _measured(limit: Limit) -> dict[str, float]:
    return {
        "asked": limit.false_positive_rate,
        "value": limit.measured,
        "low": limit.low,
        "high": limit.high,
        "total": limit.total,
    }
