"""Manifests and findings as tests look at them: by the engine itself, not through our reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from c2pa import Reader


def detailed(path: Path) -> dict[str, Any]:
    """Return the active manifest inside `path` in the engine's detailed form."""
    with Reader(str(path)) as reader:
        report = json.loads(reader.detailed_json())
    manifest: dict[str, Any] = report["manifests"][report["active_manifest"]]
    return manifest


def actions(path: Path) -> list[dict[str, Any]]:
    """Return the actions of the active manifest inside `path`."""
    found: list[dict[str, Any]] = detailed(path)["assertion_store"]["c2pa.actions.v2"]["actions"]
    return found


def ingredients(path: Path) -> list[dict[str, Any]]:
    """Return the ingredients of the active manifest inside `path`, in the engine's short form."""
    with Reader(str(path)) as reader:
        report = json.loads(reader.json())
    found: list[dict[str, Any]] = report["manifests"][report["active_manifest"]]["ingredients"]
    return found


def codes(row: dict[str, Any]) -> dict[str, str]:
    """Return the finding codes of a report row with their status."""
    return {finding["code"]: finding["status"] for finding in row["findings"]}


def finding(row: dict[str, Any], code: str) -> dict[str, Any]:
    """Return the first finding with `code`."""
    found: dict[str, Any] = next(f for f in row["findings"] if f["code"] == code)
    return found


def flip(path: Path, at: float = 2 / 3) -> Path:
    """Change one bit of the byte `at` that part of the file, and return the path."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0x01
    path.write_bytes(data)
    return path
