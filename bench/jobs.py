"""Wall time of `trustkit verify` with one and with two worker processes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.material import TRUST, signed_jpegs
from bench.measure import Figure, child, command, tell

DRAWN, COPIES = 60, 60
ROUNDS = 5
BOUND = 1.8


def main() -> None:
    """Verify the same folder both ways, in turn, and print the ratio."""
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as name:
        folder = Path(name, "signed")
        folder.mkdir()
        for path in signed_jpegs(Path(name, "made"), DRAWN):
            for copy in range(COPIES):
                (folder / f"{copy:02}-{path.name}").hardlink_to(path)
        base = [command("trustkit"), "verify", "-r", str(folder), "-q", "--format", "jsonl"]
        base += ["--trust", str(TRUST / "test-signers.pem")]
        one, two = [], []
        for _ in range(ROUNDS):
            one.append(child([*base, "--jobs", "1"]).wall)
            two.append(child([*base, "--jobs", "2"]).wall)
    ratios = tuple(a / b for a, b in zip(one, two, strict=True))
    figures = [
        Figure("--jobs 1", tuple(one), "s"),
        Figure("--jobs 2", tuple(two), "s"),
        Figure("ratio", ratios, "x", BOUND, is_floor=True),
    ]
    tell("jobs", figures, f"{DRAWN * COPIES} signed JPEGs, {ROUNDS} rounds, whole processes")


if __name__ == "__main__":
    main()
