"""How the benches measure and tell: CPU seconds, paired rounds, one table and one JSON a bench."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
ROUNDS = 7  # of each side; the median of seven pairs survives three disturbed ones


@dataclass(frozen=True)
class Figure:
    """What was measured, each time; `bound` is what the median must not exceed (or fall short)."""

    what: str
    values: tuple[float, ...]
    unit: str
    bound: float | None = None
    is_floor: bool = False

    @property
    def median(self) -> float:
        """Return the figure that counts."""
        return statistics.median(self.values)

    @property
    def mark(self) -> str:
        """Return PASS or MISS, or nothing where there is no bound."""
        if self.bound is None:
            return ""
        holds = self.median >= self.bound if self.is_floor else self.median <= self.bound
        return "PASS" if holds else "MISS"


def tell(name: str, figures: Sequence[Figure], *notes: str) -> None:
    """Print the table of a bench and write `bench/results/NAME.json`; never fails on a MISS."""
    print(f"\n{name}")
    for note in notes:
        print(f"  {note}")
    width = max(len(figure.what) for figure in figures)
    print(f"  {'':{width}}  {'median':>9} {'min':>9} {'max':>9}    n  unit    bound")
    for f in figures:
        sign = ">=" if f.is_floor else "<="
        bound = "" if f.bound is None else f"{sign} {f.bound:g} {f.mark}"
        row = f"{f.median:9.3f} {min(f.values):9.3f} {max(f.values):9.3f}"
        print(f"  {f.what:{width}}  {row} {len(f.values):4}  {f.unit:6}  {bound}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    document = {
        "bench": name,
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "notes": notes,
        "figures": [
            {
                "what": f.what,
                "unit": f.unit,
                "median": f.median,
                "values": f.values,
                "bound": f.bound,
                "mark": f.mark,
            }
            for f in figures
        ],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds, user and system, that this process spends on `work`."""
    start = time.process_time()
    work()
    return time.process_time() - start


def paired(
    first: Callable[[], object], second: Callable[[], object], rounds: int = ROUNDS
) -> list[tuple[float, float]]:
    """Return the CPU seconds of both, `rounds` times, after one round of each unmeasured.

    Who goes first changes from round to round, so that neither always finds the warm cache.
    """
    first(), second()
    pairs = []
    for number in range(rounds):
        if number % 2:
            b, a = cpu_of(second), cpu_of(first)
        else:
            a, b = cpu_of(first), cpu_of(second)
        pairs.append((a, b))
    return pairs


@dataclass(frozen=True)
class Child:
    """What a finished process took: CPU seconds, wall seconds, and its peak memory in bytes."""

    cpu: float
    wall: float
    peak: int


# Between us and what is measured stands a small process: Linux counts into the peak of a program
# what the process it was forked from held, and a bench that has drawn pictures holds a lot.
_LAUNCH = """
import json, os, subprocess, sys, time
start = time.perf_counter()
made = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(made.pid, 0)
made.returncode = os.waitstatus_to_exitcode(status)
wall = time.perf_counter() - start
print(json.dumps([made.returncode, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss]))
"""


def child(command: Sequence[str], ok: Sequence[int] = (0,)) -> Child:
    """Run `command` in a fresh process, quietly, and return what it and its children took.

    The peak is that of the largest of them. Raises `RuntimeError` with what it said on stderr for
    an exit code that is not in `ok`.
    """
    launched = [sys.executable, "-S", "-c", _LAUNCH, *command]
    done = subprocess.run(launched, capture_output=True, text=True, check=True)
    code, cpu, wall, peak = json.loads(done.stdout)
    if code not in ok:
        raise RuntimeError(f"{command} ended with {code}: {done.stderr}")
    # Linux counts the peak in KiB, macOS in bytes.
    return Child(cpu, wall, peak if sys.platform == "darwin" else 1024 * peak)


def command(name: str) -> str:
    """Return the path of an installed command of this environment."""
    return str(Path(sys.executable).with_name(name))
