"""How this folder words its findings: one source, one weight, codes with their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trustkit.c2pa.codes import meaning
from trustkit.finding import Finding, Status, Weight

SOURCE = "manifest@1"


def finding(
    code: str,
    status: Status,
    summary: str,
    *,
    reason: str = "",
    facts: Mapping[str, object] | None = None,
) -> Finding:
    """Return a finding of this collector: hashes and signatures recomputed here are proof."""
    return Finding(code, status, Weight.PROOF, SOURCE, summary, reason, facts or {})


def plain(entries: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return status entries as JSON values, each once, with what its code means."""
    rows = []
    for entry in entries:
        row = {"code": entry["code"], "meaning": meaning(entry["code"])}
        if entry.get("explanation"):
            row["detail"] = entry["explanation"]
        if row not in rows:
            rows.append(row)
    return rows
