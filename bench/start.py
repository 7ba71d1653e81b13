"""CPU of `trustkit --help`, which must import nothing heavy, beside bare Python and click."""

from __future__ import annotations

import sys

from bench.measure import Figure, child, command, tell

RUNS = 15
BOUND_MS = 120.0


def main() -> None:
    """Start each program in fresh processes, in turn, and print the CPU of each."""
    programs = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "trustkit --help": [command("trustkit"), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        child(program)  # the first start compiles and fills the cache
    for _ in range(RUNS):
        for name, program in programs.items():
            times[name].append(1000 * child(program).cpu)
    figures = [
        Figure(name, tuple(values), "ms", BOUND_MS if name == "trustkit --help" else None)
        for name, values in times.items()
    ]
    tell("start", figures, f"{RUNS} fresh processes each; ms are CPU, user and system")


if __name__ == "__main__":
    main()
