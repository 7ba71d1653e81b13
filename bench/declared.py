"""How often unsigned metadata declares AI, by folder, and what looking for it costs.

`python -m bench.declared FOLDER...`: without a folder, the corpus beside the project where it is
there. A hit in a folder of photographs is a false one.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

from trustkit.asset import Asset, open_asset
from trustkit.errors import TrustkitError
from trustkit.evidence.metadata import MetadataCollector
from trustkit.finding import Status

CORPUS = Path(__file__).resolve().parents[1].with_name("shared") / "data"
BESIDE = ("photos", "image-detect/real", "image-detect/ai", "c2pa", "audio-clips")


def main() -> None:
    """Print one row a folder."""
    folders = [Path(name) for name in sys.argv[1:]] or [CORPUS / name for name in BESIDE]
    print(f"{'folder':<24}{'files':>7}{'AI':>6}{'other':>7}{'not read':>10}{'ms CPU':>9}")
    for folder in folders:
        if not folder.is_dir():
            print(f"{folder.name:<24}is not there")
            continue
        _row(folder)


def _row(folder: Path) -> None:
    collector, seen, seconds = MetadataCollector(), Counter[str](), 0.0
    for asset in _assets(folder):
        seen["files"] += 1
        assert asset.sha256  # read once beforehand, as `verify` has done by then
        start = time.process_time()
        found = list(collector.collect(asset))
        seconds += time.process_time() - start
        declared = {f.code for f in found if ".declares_" in f.code}
        seen["ai"] += "metadata.declares_ai" in declared
        seen["other"] += bool(declared - {"metadata.declares_ai"})
        seen["unread"] += any(f.status is Status.SKIPPED for f in found)
    each = 1000 * seconds / max(seen["files"], 1)
    print(
        f"{'/'.join(folder.parts[-2:]):<24}{seen['files']:>7}{seen['ai']:>6}{seen['other']:>7}"
        f"{seen['unread']:>10}{each:>9.2f}"
    )


def _assets(folder: Path) -> list[Asset]:
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            found.append(open_asset(path))
        except TrustkitError:  # a folder, an index, a manifest alone: not what is counted here
            continue
    return found


if __name__ == "__main__":
    main()
