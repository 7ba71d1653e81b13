"""Counts and durations for Prometheus: of routes, statuses and verdicts, never of who or what."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from trustkit.service.pool import Pool

_SECONDS = (0.005, 0.02, 0.1, 0.3, 1, 3, 10, 30, 120)


class Metrics:
    """The figures of one service since it started."""

    def __init__(self, pool: Pool) -> None:
        self._all = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._all)
        self.requests = Counter(
            "trustkit_requests", "Requests answered.", ["method", "route", "status"],
            registry=self._all,
        )  # fmt: skip
        self.seconds = Histogram(
            "trustkit_request_seconds", "From the head of a request to the end of its answer.",
            ["route"], buckets=_SECONDS, registry=self._all,
        )  # fmt: skip
        self.received = Counter(
            "trustkit_received_bytes", "Bytes of bodies received.", registry=self._all
        )
        self.verdicts = Counter(
            "trustkit_verdicts", "Uploads verified, by verdict.", ["verdict"], registry=self._all
        )
        Gauge(
            "trustkit_uploads_in_hand", "Uploads being received, waiting or verified.",
            registry=self._all,
        ).set_function(lambda: pool.in_hand)  # fmt: skip

    def text(self) -> bytes:
        """Return them in Prometheus' text format 0.0.4."""
        return generate_latest(self._all)
