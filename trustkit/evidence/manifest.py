"""C2PA manifests as evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from trustkit.asset import Asset
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.read import Fetch, Found, accepts, read
from trustkit.c2pa.settings import open_context, plain_context
from trustkit.c2pa.trust import TrustList
from trustkit.finding import Finding

_MAX_KNOWN = 1024  # chains whose acceptance is kept; a batch has a handful


_Key = tuple[tuple[bytes, ...], datetime | None]


class ManifestCollector:
    """Reads the manifest in a file, beside it or (with `fetch`) where it points.

    Files are read by an engine that knows no list, which is three times as fast as one that does;
    the one that knows them is asked once for each chain that our own check would trust. Nothing
    but that answer, which depends on chain and time alone, is kept from file to file.
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
        self._plain = plain_context()
        self._trusting = open_context(self._lists)
        self._known: dict[_Key, bool] = {}

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        reading = read(asset, self._plain, self._fetch)
        return findings(reading, self._lists, self._clock(), partial(self._accepts, asset))

    def _accepts(self, asset: Asset, found: Found) -> bool:
        key = _key(found, self._clock())
        if key not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = accepts(asset, found, self._trusting)
        return self._known[key]


def _key(found: Found, now: datetime) -> _Key:
    # While a chain is valid its stamps change nothing; once expired, each stamp is a new question.
    if found.signature is None:
        return ((), None)
    chain, stamp = found.signature.chain, found.signature.stamp
    is_valid = all(certificate.is_valid_at(now) for certificate in chain)
    at = stamp.at if stamp and not is_valid else None
    return (tuple(certificate.der for certificate in chain), at)
