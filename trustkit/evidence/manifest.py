"""C2PA manifests as evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from trustkit.asset import Asset
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.read import Fetch, read
from trustkit.c2pa.settings import open_context
from trustkit.c2pa.trust import TrustList
from trustkit.finding import Finding


class ManifestCollector:
    """Reads the manifest in a file, beside it or (with `fetch`) where it points.

    Holds one engine context for all its files, and nothing of any of them.
    """

    name = "manifest"

    def __init__(
        self,
        lists: Iterable[TrustList] = (),
        fetch: Fetch | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._lists = tuple(lists)
        self._fetch = fetch
        self._clock = clock
        self._context = open_context(self._lists)

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        reading = read(asset, self._context, self._fetch)
        return findings(reading, self._lists, self._clock())
