"""The bodies of answers, as the OpenAPI document describes them.

Names and shapes of the Soft Binding Resolution API are the standard's (C2PA 2.4, Soft Binding API).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from trustkit.reports.schema import ErrorPart

SBR_VERSION = "2.4.0"


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Failure(BaseModel):
    """A request that was not answered, and why."""

    error: ErrorPart


class Algorithm(_Camel):
    """An algorithm, by its name in the C2PA list, or in ours where it is not in there."""

    alg: str


class Algorithms(_Camel):
    """`c2pa.softBindingAlgList`."""

    watermarks: list[Algorithm]
    fingerprints: list[Algorithm]


class BindingQuery(_Camel):
    """`c2pa.softBindingQuery`: `value` is base64."""

    alg: str = Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")
    value: str = Field(min_length=1, max_length=16384)


class ManifestMatch(_Camel):
    """A manifest that may be that of the content asked for: a lead, never a validation."""

    manifest_id: str
    similarity_score: int | None = Field(
        default=None, ge=0, le=100, exclude_if=lambda score: score is None
    )


class Matches(_Camel):
    """`c2pa.softBindingQueryResult`, the likeliest first; empty where nothing was found."""

    matches: list[ManifestMatch]


class ServiceStatus(_Camel):
    """`c2pa.serviceStatus`."""

    status: Literal["ok", "degraded", "down"]
    timestamp: str


class Capabilities(_Camel):
    """`c2pa.serviceCapabilities`."""

    specification: str = Field(serialization_alias="c2paSpecificationVersion")
    supported_capabilities: list[str]


class Discovery(_Camel):
    """`c2pa.wellKnownDiscovery`."""

    api_endpoint: str
    specification: str = Field(serialization_alias="c2paSpecificationVersion")
    capabilities_endpoint: str
    status_endpoint: str


class Health(BaseModel):
    """Whether the service is there: each part `ok`, `none` (not set up), or what is wrong."""

    status: Literal["ok", "not_ready"]
    workers: str = "ok"
    registry: str = "ok"


class RecordAnswer(BaseModel):
    """A record of the registry; `personal` is there for admins alone."""

    record: dict[str, Any]
    personal: dict[str, Any] | None = Field(default=None, exclude_if=lambda kept: kept is None)


class Forgotten(BaseModel):
    """What was taken out of the registry; the log keeps a hash of it."""

    forgotten: str
