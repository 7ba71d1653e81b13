"""Whether the service lives, is ready, and how it fares."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from trustkit.errors import TrustkitError
from trustkit.service.access import needs
from trustkit.service.house import House
from trustkit.service.keys import Role
from trustkit.service.pool import BusyError
from trustkit.service.schemas import Health

router = APIRouter(tags=["service"])
_NOBODY = "0" * 16  # an id that no record has


@router.get("/healthz", summary="The process answers")
async def healthz() -> Health:
    """Say that the process is there."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Workers and registry are there",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something is missing"}},
)
async def readyz(request: Request) -> JSONResponse:
    """Say whether files can be verified and records looked for."""
    house: House = request.app.state.house
    workers = "ok" if house.pool.is_ready else "starting"
    registry = await _registry(house)
    is_ready = workers == "ok" and registry in {"ok", "none"}
    health = Health(status="ok" if is_ready else "not_ready", workers=workers, registry=registry)
    return JSONResponse(health.model_dump(), 200 if is_ready else 503)


@router.get(
    "/metrics",
    summary="Counts and durations for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    dependencies=[Depends(needs(Role.READ))],
)
async def metrics(request: Request) -> Response:
    """Return Prometheus' text format."""
    house: House = request.app.state.house
    return Response(house.metrics.text(), media_type="text/plain; version=0.0.4")


async def _registry(house: House) -> str:
    if house.registry is None:
        return "none"
    try:
        await house.turns.ask(house.registry.store.get, _NOBODY)
    except BusyError:
        return "busy"
    except TrustkitError:
        return "unreachable"  # how is in the log of whoever asks it: addresses are not told here
    return "ok"
