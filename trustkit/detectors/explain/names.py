"""What the files that explain are called: after their input, safe anywhere, and each once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 120  # bytes of a stem: file systems take 255, and the detector's name is to follow
_STDIN = "stdin"
# Windows takes no file of these names, whatever their ending.
_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def stems(names: Iterable[str]) -> list[str]:
    """Return for each input's name, in their order, the stem of its explanation; no two alike.

    The file's own name with its ending, so that photo.jpg and photo.png stay apart; where folders
    hold the same name, the later ones are numbered. Deterministic for the same names in order.
    """
    taken: set[str] = set()
    last: dict[str, int] = {}  # thousands of one name are numbered in one go
    found: list[str] = []
    for name in names:
        stem = plain = _plain(name)
        number = last.get(plain.casefold(), 1)
        while stem.casefold() in taken:  # there are disks that do not tell capitals apart
            number += 1
            stem = f"{plain}-{number}"
        last[plain.casefold()] = number
        taken.add(stem.casefold())
        found.append(stem)
    return found


def _plain(name: str) -> str:
    last = name if name != "-" else _STDIN
    last = re.split(r"[/\\]", last)[-1]
    safe = "".join(c if c.isalnum() or c in "._- ()+=@" else "_" for c in last).strip(". ")
    safe = re.sub(r"^-", "_", safe) or "_"
    if _DEVICES.match(safe):
        safe = f"_{safe}"
    if len(safe.encode()) <= _LONGEST:
        return safe
    # Names that differ at their end alone stay apart and keep their number from run to run.
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    cut = safe.encode()[: _LONGEST - 9].decode("utf-8", "ignore")
    return f"{cut}-{digest}"
