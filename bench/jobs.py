"""Wall time of `trustkit verify` with one and with two worker processes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.material import TRUST, signed_jpegs
from bench.measure import Figure, child, command, tell

ROUNDS = 5
BOUND = 1.8
# name: pictures drawn, copies of each, enlargement of the 800 by 600 pixels of the others
SETS = {"140 KB": (60, 30, 1), "12 megapixels": (8, 40, 5)}


def main() -> None:
    """Verify the same folders both ways, in turn, and print the ratios."""
    figures = [_attainable()]
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as name:
        for kind, (drawn, copies, scale) in SETS.items():
            folder = Path(name, kind)
            folder.mkdir()
            for path in signed_jpegs(Path(name, f"made {kind}"), drawn, scale):
                for copy in range(copies):
                    (folder / f"{copy:02}-{path.name}").hardlink_to(path)
            figures += _both(kind, folder)
    counts = ", ".join(f"{drawn * copies} of {kind}" for kind, (drawn, copies, _) in SETS.items())
    tell("jobs", figures, f"signed JPEGs: {counts}; {ROUNDS} rounds, whole processes")


def _both(kind: str, folder: Path) -> Iterable[Figure]:
    base = [command("trustkit"), "verify", "-r", str(folder), "-q", "--format", "jsonl"]
    base += ["--trust", str(TRUST / "test-signers.pem"), "--only", "manifest", "--jobs"]
    one, two = [], []
    for _ in range(ROUNDS):
        one.append(child([*base, "1"]))
        two.append(child([*base, "2"]))
    yield Figure(f"{kind}, --jobs 1", tuple(took.wall for took in one), "s")
    yield Figure(f"{kind}, --jobs 2", tuple(took.wall for took in two), "s")
    pairs = list(zip(one, two, strict=True))
    ratios = tuple(a.wall / b.wall for a, b in pairs)
    yield Figure(f"{kind}, ratio", ratios, "x", BOUND, is_floor=True)
    yield Figure(f"{kind}, CPU of 2 jobs to 1", tuple(b.cpu / a.cpu for a, b in pairs), "x")


def _attainable() -> Figure:
    # What two processes gain that share nothing at all: less than 2 where others use the machine.
    busy = [sys.executable, "-S", "-c", "for _ in range(15_000_000): pass"]
    ratios = []
    for _ in range(ROUNDS):
        alone = child(busy).wall + child(busy).wall
        with ThreadPoolExecutor(2) as pool:
            start = time.perf_counter()
            list(pool.map(child, [busy, busy]))
            ratios.append(alone / (time.perf_counter() - start))
    return Figure("attainable here: two empty loops", tuple(ratios), "x")


if __name__ == "__main__":
    main()
