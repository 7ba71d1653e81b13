"""The published lists that `trustkit trust update` knows: names, addresses, what they vouch for.

Data only. Nothing here is fetched unless a user asks for it by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from trustkit.c2pa.trust import Purpose

_C2PA = "https://raw.githubusercontent.com/c2pa-org/conformance-public/refs/heads/main"
_INTERIM = "https://raw.githubusercontent.com/contentauth/verify-site/main/static/trust"
_IPTC = "https://trust.iptc.org"


@dataclass(frozen=True)
class Source:
    """A published list: its documents together are the list.

    `has_only_anchors` says that each entry should be a CA; `frozen` is the day after which nothing
    is added to it any more. A list without a purpose vouches for nobody.
    """

    name: str
    title: str
    purpose: Purpose | None
    urls: tuple[str, ...]
    has_only_anchors: bool = False
    frozen: str = ""


PRODUCTS = "products"

SOURCES = {
    source.name: source
    for source in (
        # The C2PA conformance programme publishes each list as PEM and as JSON beside it.
        Source(
            "c2pa",
            "C2PA Trust List",
            Purpose.SIGNERS,
            (
                f"{_C2PA}/trust-list/C2PA-TRUST-LIST.pem",
                f"{_C2PA}/trust-list/C2PA-TRUST-LIST.json",
            ),
            has_only_anchors=True,
        ),
        Source(
            "c2pa-tsa",
            "C2PA TSA Trust List",
            Purpose.TIMESTAMPS,
            (
                f"{_C2PA}/trust-list/C2PA-TSA-TRUST-LIST.pem",
                f"{_C2PA}/trust-list/C2PA-TSA-TRUST-LIST.json",
            ),
            has_only_anchors=True,
        ),
        # c2pa-rs names the anchor list for CAWG, other public documents the end-entity list. IPTC's
        # JSON list has no address that we could confirm.
        Source(
            "iptc",
            "IPTC Origin Verified News Publishers List",
            Purpose.IDENTITY,
            (f"{_IPTC}/anchor-list.pem", f"{_IPTC}/end-entity-list.pem"),
        ),
        # Its store.cfg is left out: it names uses of keys, and trustkit has its own, fewer.
        Source(
            "interim",
            "C2PA interim trust list",
            Purpose.SIGNERS,
            (f"{_INTERIM}/anchors.pem", f"{_INTERIM}/allowed.pem"),
            frozen="2026-01-01",
        ),
        Source(
            PRODUCTS,
            "C2PA Conforming Products List",
            None,
            (f"{_C2PA}/conforming-products/conforming-products-list.json",),
        ),
    )
}
