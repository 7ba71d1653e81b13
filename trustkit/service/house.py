"""What a service works with: put together once by the command, and handed to the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trustkit.policy import Policy
from trustkit.service import Bounds
from trustkit.service.access import Access
from trustkit.service.errors import RefusedError
from trustkit.service.metrics import Metrics
from trustkit.service.pool import Pool
from trustkit.service.spool import Spool
from trustkit.service.turns import Turns

if TYPE_CHECKING:
    from trustkit.stores.registry import Registry


@dataclass(frozen=True)
class House:
    """`registry` is None where there is none; `tool` and `lists` are as the report tells them."""

    policy: Policy
    lists: tuple[Mapping[str, object], ...]
    tool: Mapping[str, object]
    bounds: Bounds
    access: Access
    pool: Pool
    spool: Spool
    metrics: Metrics
    registry: Registry | None = field(default=None, repr=False)
    turns: Turns = field(default_factory=Turns, repr=False)


def registry_of(house: House) -> Registry:
    """Return the registry; refuses the request (503) where there is none."""
    if house.registry is None:
        raise RefusedError(503, "no registry is set up here", "start it with --registry URL")
    return house.registry
