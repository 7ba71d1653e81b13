"""C2PA manifests as evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from trustkit.asset import Asset
from trustkit.c2pa.findings import findings, utc_now
from trustkit.c2pa.identity_read import IdentityAssertion
from trustkit.c2pa.read import Fetch, Found, accepts, accepts_identity, read
from trustkit.c2pa.revocation.status import NOTHING_ASKED, Inquiry
from trustkit.c2pa.settings import open_context, plain_context
from trustkit.c2pa.trust import TrustList
from trustkit.finding import Finding

_MAX_KNOWN = 1024  # chains whose acceptance is kept; a batch has a handful


_Key = tuple[tuple[bytes, ...], datetime | None]


class ManifestCollector:
    """Reads the manifest in a file, beside it or (with `fetch`) where it points.

    Files are read by an engine that knows no list, which is three times as fast as one that does;
    the one that knows them is asked once for each chain that our own check would trust. Nothing
    but that answer, which depends on chain and time alone, is kept from file to file, beside what
    `inquiry` was told of certificates. With `as_of` (aware) files are judged as of that time.
    """

    name = "manifest"

    def __init__(
        self,
        lists: Iterable[TrustList] = (),
        fetch: Fetch | None = None,
        clock: Callable[[], datetime] = utc_now,
        inquiry: Inquiry = NOTHING_ASKED,
        as_of: datetime | None = None,
    ) -> None:
        self._lists = tuple(lists)
        self._fetch = fetch
        self._clock = clock
        self._inquiry = inquiry
        self._as_of = as_of
        self._plain = plain_context()
        self._trusting = open_context(self._lists)
        self._known: dict[_Key, bool] = {}
        self._known_identities: dict[tuple[bytes, ...], bool] = {}

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        reading = read(asset, self._plain, self._fetch)
        now = self._as_of or self._clock()
        return findings(
            reading,
            self._lists,
            now,
            partial(self._accepts, asset),
            self._inquiry,
            partial(self._identity_accepted, asset),
        )

    def _identity_accepted(
        self, asset: Asset, found: Found, read: IdentityAssertion
    ) -> bool | None:
        # Asked of certificates valid today alone, so that the chain decides, as with signers.
        key = tuple(certificate.der for certificate in read.chain)
        if key not in self._known_identities:
            if len(self._known_identities) >= _MAX_KNOWN:
                self._known_identities.clear()
            accepted = accepts_identity(asset, found, read.label, self._trusting)
            self._known_identities[key] = accepted
        accepted = self._known_identities[key]
        return None if not accepted and self._as_of is not None else accepted

    def _accepts(self, asset: Asset, found: Found) -> bool | None:
        # The engine goes by the machine's clock, whatever date is asked for.
        today = self._clock()
        accepted = self._asked(asset, found, _key(found, today))
        if not accepted and self._as_of is not None and not _is_valid(found, today):
            return None  # it refuses a chain that is not valid today, which is not the question
        return accepted

    def _asked(self, asset: Asset, found: Found, key: _Key) -> bool:
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
    at = stamp.at if stamp and not _is_valid(found, now) else None
    return (tuple(certificate.der for certificate in chain), at)


def _is_valid(found: Found, now: datetime) -> bool:
    return found.signature is not None and all(
        certificate.is_valid_at(now) for certificate in found.signature.chain
    )
