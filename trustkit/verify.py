"""Verify: asset -> evidence -> findings -> policy -> verdict -> report."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from trustkit.asset import Asset
from trustkit.axes import Axes, axes
from trustkit.errors import TrustkitError, UnreadableError
from trustkit.evidence import Collector
from trustkit.evidence.conflicts import conflicts
from trustkit.finding import Finding, Status, Weight
from trustkit.media import UNREADABLE_NOTE
from trustkit.policy import Policy, Verdict, Word

_log = logging.getLogger(__name__)


NOTHING = Axes("none", "none", "none", "not_checked")


@dataclass(frozen=True)
class Report:
    """What is known of one file; with an `error` there is no verdict."""

    path: str
    sha256: str = ""
    size: int = 0
    media: Mapping[str, object] = field(default_factory=dict)
    axes: Axes = NOTHING
    verdict: Verdict | None = None
    error: TrustkitError | None = None
    timing_ms: Mapping[str, float] = field(default_factory=dict)


def verify(asset: Asset, collectors: Iterable[Collector], policy: Policy) -> Report:
    """Ask every collector, then let `policy` judge all they saw.

    Raises `UnreadableError` if the file changes meanwhile, or holds nothing that can be read.
    """
    timing: dict[str, float] = {}
    findings: list[Finding] = []
    for collector in collectors:
        start = time.perf_counter()
        findings += _collect(collector, asset)
        timing[collector.name] = round((time.perf_counter() - start) * 1000, 3)
    findings += conflicts(findings)
    verdict = policy.judge(findings)
    note = str(asset.measures.get("note", ""))
    if verdict.word is Word.NO_PROVENANCE and note.startswith(UNREADABLE_NOTE):
        # With a manifest a damaged file is tampered or inconclusive, which says more.
        raise UnreadableError(
            f"{asset.name} cannot be read as {asset.media_type}: {note}", "ask for the file again"
        )
    return Report(
        asset.name,
        asset.sha256,
        asset.size,
        {"type": asset.media_type, "kind": asset.kind, **asset.measures},
        axes(verdict.findings),
        verdict,
        None,
        timing,
    )


def unread(path: str, error: TrustkitError) -> Report:
    """Return the report of a file that could not be read."""
    return Report(path, axes=replace(NOTHING, integrity="unreadable"), error=error)


def _collect(collector: Collector, asset: Asset) -> Iterator[Finding]:
    # One broken collector must not hide what the others saw, and must not pass for silence.
    try:
        yield from collector.collect(asset)
    except TrustkitError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        _log.exception("%s failed on %s", collector.name, asset.name)
        yield Finding(
            f"{collector.name}.failed",
            Status.SKIPPED,
            Weight.WEAK,
            collector.name,
            f"{collector.name} was not checked: trustkit failed on this file",
            reason=f"{type(error).__name__}: {error}",
        )
