"""CPU of verifying a signed JPEG: trustkit against a bare loop over the engine.

Both sides read the same files in one process, in turn. The bare loop does the least that gives a
validated report: open, `Reader` with one shared `Context`, parse its JSON.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from c2pa import Context, Reader

from bench.material import lists_of_tests, published_lists, signed_jpegs
from bench.measure import Figure, cpu_of, paired, tell
from trustkit import plugins
from trustkit.asset import Asset, open_asset
from trustkit.axes import axes
from trustkit.c2pa.settings import open_context
from trustkit.c2pa.trust import TrustList
from trustkit.evidence import Collector
from trustkit.evidence.manifest import ManifestCollector
from trustkit.policies import load_policy
from trustkit.reports import Run
from trustkit.reports.jsonl import render
from trustkit.verify import verify

FILES = 200
BOUND = 1.15  # trustkit, with the manifest collector alone, against the bare loop
ROUNDS = 9
STEP_ROUNDS = 5


def main() -> None:
    """Sign the pictures, run both loops, print the ratio and what each step costs."""
    with tempfile.TemporaryDirectory(prefix="trustkit-bench-") as folder:
        paths = signed_jpegs(Path(folder), FILES)
        sizes = [path.stat().st_size for path in paths]
        notes = [
            f"{FILES} signed JPEGs, {min(sizes) // 1000} to {max(sizes) // 1000} KB, "
            f"{ROUNDS} paired rounds; ms are CPU a file"
        ]
        lists = {
            "no lists": (),
            "test lists": lists_of_tests(),
            "published lists": published_lists(),
        }
        figures: list[Figure] = []
        for name, in_use in lists.items():
            if name == "published lists" and not in_use:
                notes.append("the published lists are not there: set TRUSTKIT_PUBLISHED_LISTS")
                continue
            figures += _against_bare(paths, in_use, name)
        figures += _steps(paths, lists_of_tests())
        tell("verify", figures, *notes)


def bare_loop(paths: Iterable[Path], context: Context) -> None:
    """Read and validate each file with the engine alone."""
    for path in paths:
        with path.open("rb") as stream, Reader("image/jpeg", stream, context=context) as reader:
            json.loads(reader.json())


def _against_bare(
    paths: Sequence[Path], lists: tuple[TrustList, ...], name: str
) -> Iterable[Figure]:
    context, collector, policy = open_context(lists), ManifestCollector(lists), load_policy("gate")

    def ours() -> None:
        for path in paths:
            verify(open_asset(path), (collector,), policy)

    pairs = paired(lambda: bare_loop(paths, context), ours, ROUNDS)
    yield Figure(f"engine alone, {name}", _each(a for a, _ in pairs), "ms")
    yield Figure(f"trustkit, {name}", _each(b for _, b in pairs), "ms")
    ratios = tuple(b / a for a, b in pairs)
    yield Figure(f"ratio, {name}", ratios, "x", BOUND)


def _steps(paths: Sequence[Path], lists: tuple[TrustList, ...]) -> Iterable[Figure]:
    manifest, policy = ManifestCollector(lists), load_policy("gate")
    reports = [verify(open_asset(path), (manifest,), policy) for path in paths]
    seen = [report.verdict.findings for report in reports if report.verdict is not None]

    def asked(collector: Collector) -> Callable[[Asset], object]:
        return lambda asset: list(collector.collect(asset))

    yield _step("step: open_asset", paths, open_asset)
    yield _step("step: sha256 (and the one read)", _opened(paths), lambda asset: asset.sha256)
    yield _step("step: measures", _opened(paths), lambda asset: asset.measures)
    yield _step("step: manifest collector", _opened(paths), asked(manifest))
    yield _step("step: judge", seen, policy.judge)
    yield _step("step: axes", seen, axes)
    yield _step("step: one JSON line", reports, lambda report: render(Run(files=[report])))
    for name in plugins.names("evidence"):
        if name != "manifest":
            further: Collector = plugins.load("evidence", name)()
            yield _step(f"further: {name} collector", _opened(paths), asked(further))


def _opened(paths: Iterable[Path]) -> Callable[[], list[Asset]]:
    return lambda: [open_asset(path) for path in paths]


def _step(
    what: str, material: Sequence[Any] | Callable[[], Sequence[Any]], work: Callable[[Any], object]
) -> Figure:
    # An asset remembers what it was asked, so each round gets fresh ones.
    times = []
    for _ in range(STEP_ROUNDS):
        items = material() if callable(material) else material
        times.append(cpu_of(partial(_all, work, items)))
    return Figure(what, _each(times), "ms")


def _all(work: Callable[[Any], object], items: Iterable[Any]) -> None:
    for item in items:
        work(item)


def _each(seconds: Iterable[float]) -> tuple[float, ...]:
    return tuple(1000 * value / FILES for value in seconds)


if __name__ == "__main__":
    main()
