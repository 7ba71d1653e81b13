"""Whether the program that a manifest names is on C2PA's list of conforming products.

Information, and weak: a name can be copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trustkit.asset import Asset
from trustkit.c2pa.products import Product, Products
from trustkit.c2pa.telling import SOURCE
from trustkit.evidence import Collector
from trustkit.finding import Finding, Status, Weight

_PROVES = "which proves nothing: a name can be copied"


@dataclass(frozen=True)
class Listed:
    """Asks `inner`, which reads the manifest, and looks its generator up in `products`."""

    inner: Collector
    products: Products

    @property
    def name(self) -> str:
        """The name of the collector that is asked."""
        return self.inner.name

    def collect(self, asset: Asset) -> Iterable[Finding]:
        """See `Collector`."""
        for finding in self.inner.collect(asset):
            yield finding
            if finding.code == "manifest.present" and finding.status is Status.PRESENT:
                yield self._look_up(str(finding.facts.get("claim_generator") or ""))

    def _look_up(self, generator: str) -> Finding:
        named = {"sha256": self.products.sha256, "checked": self.products.checked}
        facts: dict[str, object] = {"generator": generator, "list": named}
        if not generator:
            why = "the manifest names no generator"
            return _finding(Status.SKIPPED, "no product was looked up", facts, reason=why)
        found = self.products.generators(generator)
        if not found:
            words = "is not on the list of conforming products, as most programs are not"
            return _finding(Status.ABSENT, f"{generator} {words}", facts)
        good = [product for product in found if not product.is_revoked]
        words = "on the list of conforming products" if good else "listed as no longer conforming"
        return _finding(
            Status.PRESENT,
            f"{generator} is the name of a product {words}, {_PROVES}",
            {**facts, "products": [_facts(product) for product in found]},
        )


def _finding(
    status: Status, summary: str, facts: Mapping[str, object], reason: str = ""
) -> Finding:
    return Finding("manifest.generator_listed", status, Weight.WEAK, SOURCE, summary, reason, facts)


def _facts(product: Product) -> dict[str, object]:
    return {
        "record": product.record,
        "name": product.name,
        "organisation": product.organisation,
        "status": product.status,
        "assurance_level": product.level,
    }
