"""Evidence: whoever looks at a file and reports what was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from trustkit.asset import Asset
from trustkit.finding import Finding


class Collector(Protocol):
    """One way of looking at a file. It reports and never judges."""

    @property
    def name(self) -> str:
        """The collector's name, which is the first part of its codes."""

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """Yield what was seen, what was looked for in vain, and what was not checked and why."""
