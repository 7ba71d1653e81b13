"""The C2PA Soft Binding Resolution API: from a mark, a fingerprint or a file to its manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from trustkit.c2pa.cose import CoseError, alone
from trustkit.errors import UsageError
from trustkit.record import Record
from trustkit.service.access import needs
from trustkit.service.bindings import ISCC, payloads, queries
from trustkit.service.errors import RefusedError
from trustkit.service.house import House, registry_of
from trustkit.service.keys import Role
from trustkit.service.kinds import KINDS
from trustkit.service.routes_verify import BODY
from trustkit.service.schemas import (
    SBR_VERSION,
    Algorithm,
    Algorithms,
    BindingQuery,
    Capabilities,
    Discovery,
    ManifestMatch,
    Matches,
    ServiceStatus,
)
from trustkit.service.upload import asked, uploaded
from trustkit.service.work import MOST_NEAR, Found, Match

if TYPE_CHECKING:
    from trustkit.stores.registry import Registry

router = APIRouter(tags=["soft binding resolution"])
well_known = APIRouter(tags=["soft binding resolution"])

_READ = [Depends(needs(Role.READ))]
_MOST = 100  # matches of one answer, whatever is asked for
_LONGEST = 4096  # characters of a value in an address; with POST there may be more
_SURE, _CHANCE = 100, 128  # the best score, and the distance of codes that have no relation
_Most = Annotated[
    int, Query(alias="maxResults", ge=1, description=f"At most {_MOST} are given in any case.")
]
_Alg = Annotated[str, Query(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
_MaybeAlg = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
_Found = list[tuple[Record, int]]


@router.get("/matches/byBinding", summary="Manifests by a soft binding", dependencies=_READ)
async def by_binding(
    request: Request,
    alg: _Alg,
    value: Annotated[str, Query(min_length=1, description="base64")],
    most: _Most = 10,
) -> Matches:
    """Return the manifests of records with this mark, or near this fingerprint."""
    if len(value) > _LONGEST:
        raise RefusedError(414, f"the value has more than {_LONGEST} characters", "use POST")
    return await _bound(request, alg, value, most)


@router.post("/matches/byBinding", summary="Manifests by a large binding", dependencies=_READ)
async def by_large_binding(request: Request, query: BindingQuery, most: _Most = 10) -> Matches:
    """Return the same as GET, for a value that fits in no address."""
    return await _bound(request, query.alg, query.value, most)


@router.post(
    "/matches/byContent",
    summary="Manifests by a file",
    openapi_extra=BODY,
    dependencies=_READ,
)
async def by_content(
    request: Request,
    alg: _MaybeAlg = None,
    most: _Most = 10,
    hint_alg: Annotated[_MaybeAlg, Query(alias="hintAlg")] = None,
    hint_value: Annotated[str | None, Query(alias="hintValue", max_length=_LONGEST)] = None,
) -> Matches:
    """Take a file as the body and look it up by hash, mark and fingerprint; it is not kept.

    `alg` names the one algorithm to look it up by. What `hintAlg` and `hintValue` lead to is added.
    """
    house: House = request.app.state.house
    registry = registry_of(house)
    if alg is not None:
        _check(alg)
    hinted: _Found = []
    if hint_alg and hint_value:
        hinted = await house.turns.ask(_look_up, registry, hint_alg, hint_value)
    async with uploaded(request, house) as path:
        found: Sequence[Found] = await asked(request, house, Match(path, alg or ""))
    rows = await house.turns.ask(_records, registry, found)
    return _matches([*rows, *hinted], most)


@router.get(
    "/manifests/{manifestId}",
    summary="A manifest store",
    dependencies=_READ,
    response_class=Response,
    responses={
        200: {"content": {"application/c2pa": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def manifest(
    request: Request,
    manifest_id: Annotated[str, Path(alias="manifestId", pattern=r"^[!-~]{1,256}$")],
    active: Annotated[
        bool, Query(alias="returnActiveManifest", description="The active manifest alone.")
    ] = False,
) -> Response:
    """Return the manifest store whose active manifest has this id, or that of a record's id."""
    house: House = request.app.state.house
    content = await house.turns.ask(_manifest, registry_of(house), manifest_id, active=active)
    return Response(content, media_type="application/c2pa")


@router.get("/services/supportedAlgorithms", summary="What can be asked by", dependencies=_READ)
async def supported_algorithms() -> Algorithms:
    """List the marks and the fingerprints that can be asked by."""
    return Algorithms(
        watermarks=[Algorithm(alg=name) for name in KINDS.marks],
        fingerprints=[Algorithm(alg=ISCC)],
    )


@router.get("/services/status", summary="How the resolution service is")
async def status(request: Request) -> ServiceStatus:
    """Say `down` where no registry is set up; /readyz says more."""
    has_registry = request.app.state.house.registry is not None
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ServiceStatus(status="ok" if has_registry else "down", timestamp=now)


@router.get("/services/capabilities", summary="What of the API there is")
async def capabilities() -> Capabilities:
    """Name the optional parts: files can be asked by, nothing is fetched, nothing taken in."""
    return Capabilities(specification=SBR_VERSION, supported_capabilities=["queryByContent"])


@well_known.get("/.well-known/c2pa-soft-binding-resolution", summary="Where the API is")
async def discovery() -> Discovery:
    """Say where the API begins (RFC 8615): on this host, whatever its name and scheme."""
    return Discovery(
        api_endpoint="/v1",
        specification=SBR_VERSION,
        capabilities_endpoint="/v1/services/capabilities",
        status_endpoint="/v1/services/status",
    )


async def _bound(request: Request, alg: str, value: str, most: int) -> Matches:
    house: House = request.app.state.house
    return _matches(await house.turns.ask(_look_up, registry_of(house), alg, value), most)


def _check(alg: str) -> None:
    if alg not in KINDS.all:
        raise RefusedError(400, "this algorithm is not known here", "see supportedAlgorithms")


def _look_up(registry: Registry, alg: str, value: str) -> _Found:
    _check(alg)
    try:
        if alg in KINDS.marks:
            records = (r for one in payloads(value) for r in registry.store.bound(alg, one))
            return [(record, _SURE) for record in records]
        asked_by = queries(value, KINDS)
    except UsageError as error:
        raise RefusedError(400, error.message, error.hint) from error
    from trustkit.fingerprints.files import judge

    stored = {q.code.algorithm: registry.store.codes(q.code.algorithm) for q in asked_by}
    nears = registry.store.near(asked_by, MOST_NEAR)
    found = [Found(lead.record, lead.distance) for lead in judge(asked_by, nears, stored)]
    return _records(registry, found)


def _records(registry: Registry, found: Iterable[Found]) -> _Found:
    there = ((registry.store.get(one.record), one) for one in found)
    return [(record, _score(one.distance)) for record, one in there if record is not None]


def _score(distance: int | None) -> int:
    return _SURE if distance is None else max(0, round(_SURE * (1 - distance / _CHANCE)))


def _matches(found: _Found, most: int) -> Matches:
    # A record without a manifest has nothing to give here.
    best: dict[str, int] = {}
    for record, score in found:
        if record.manifest and record.manifest_id:
            best[record.manifest_id] = max(score, best.get(record.manifest_id, 0))
    rows = [ManifestMatch(manifest_id=name, similarity_score=score) for name, score in best.items()]
    return Matches(matches=rows[: min(most, _MOST)])


def _manifest(registry: Registry, manifest_id: str, *, active: bool) -> bytes:
    records = registry.store.named(manifest_id)
    if not records and (record := registry.store.get(manifest_id)):
        records = [record]
    kept = next((record for record in records if record.manifest), None)
    if kept is None:
        raise RefusedError(404, "there is no manifest of this id")
    content: Any = registry.blobs.get(kept.manifest)
    if not active:
        return bytes(content)
    try:
        return alone(bytes(content), kept.manifest_id)
    except CoseError as error:
        raise RefusedError(404, "the store holds no such manifest") from error
