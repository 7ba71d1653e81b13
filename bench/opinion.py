"""How often two C2PA engines agree: our own test media, signed and changed, and any folder named.

    python bench/opinion.py [FOLDER --trust LIST... --tsa-trust LIST...]

Prints a table, and each difference once. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMAND = Path(sys.executable).with_name("trustkit")
KEYS = ROOT / "keys"


def rows(paths: list[Path], trust: list[str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [COMMAND, "verify", *paths, *trust, "--skip", "watermark", "--second-opinion", "-q",
         "--format", "jsonl"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(name: str, found: list[dict[str, Any]]) -> None:
    counted: Counter[str] = Counter()
    lines = []
    for row in found:
        opinions = [f for f in row["findings"] if f["code"].startswith("opinion.")]
        if not opinions:
            counted["not read by us"] += 1
            lines.append(f"  {Path(row['path']).name}: {row['summary']}")
        for one in opinions:
            skipped = one["status"] == "skipped" and one["code"] == "opinion.agrees"
            counted["not asked" if skipped else one["code"]] += 1
            if one["code"] != "opinion.agrees":
                known = " [known]" if one["facts"].get("known") else ""
                lines.append(f"  {Path(row['path']).name}: {one['summary']}{known} {one['reason']}")
            elif skipped:
                lines.append(f"  {Path(row['path']).name}: {one['reason']}")
    print(
        f"{name}: {len(found)} files; {', '.join(f'{k} {v}' for k, v in sorted(counted.items()))}"
    )
    print("\n".join(dict.fromkeys(lines)))


def ours(folder: Path) -> tuple[list[Path], list[Path]]:
    subprocess.run(
        [COMMAND, "sign", *sorted((ROOT / "fixtures/media").iterdir()), "-o", folder, "--key",
         f"file:{KEYS / 'signer/es256'}", "--source-type", "trainedAlgorithmicMedia",
         "--no-soft-binding", "-q"],
        check=True, capture_output=True,
    )  # fmt: skip
    signed = sorted(p for p in folder.iterdir() if p.suffix != ".c2pa")
    changed = []
    (folder / "changed").mkdir()
    for path in signed:
        data = bytearray(path.read_bytes())
        data[len(data) * 2 // 3] ^= 1
        target = folder / "changed" / path.name
        target.write_bytes(data)
        beside = path.with_name(f"{path.name}.c2pa")
        if beside.exists():
            target.with_name(beside.name).write_bytes(beside.read_bytes())
        changed.append(target)
    return signed, changed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--tsa-trust", action="append", default=[])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        signed, changed = ours(Path(name))
        trust = ["--trust", str(KEYS / "trust/test-signers.pem")]
        start = time.perf_counter()
        told("signed by us", rows(signed, trust))
        print(f"{(time.perf_counter() - start) * 1000 / len(signed):.0f} ms a file, with start")
        told("signed by us, one bit flipped", rows(changed, trust))
    if asked.folder:
        lists = [w for t in asked.trust for w in ("--trust", t)]
        lists += [w for t in asked.tsa_trust for w in ("--tsa-trust", t)]
        files = sorted(
            p for p in asked.folder.iterdir() if p.suffix not in {".tsv", ".md", ".c2pa"}
        )
        told(str(asked.folder), rows(files, lists))


if __name__ == "__main__":
    main()
