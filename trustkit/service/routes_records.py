"""The records of the registry: what everybody may read, and what is for admins alone."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from trustkit.service.access import needs
from trustkit.service.errors import RefusedError
from trustkit.service.house import House, registry_of
from trustkit.service.keys import Role
from trustkit.service.logs import note
from trustkit.service.schemas import Forgotten, RecordAnswer

router = APIRouter(prefix="/v1/records", tags=["records"])
_Id = Annotated[str, Path(alias="recordId", pattern=r"^[0-9a-f]{16}$")]


@router.get("/{recordId}", summary="A record")
async def read(
    request: Request, record_id: _Id, role: Annotated[Role, Depends(needs(Role.READ))]
) -> RecordAnswer:
    """Return what is kept of a published file; what is personal goes to admins alone."""
    house: House = request.app.state.house
    registry: Any = registry_of(house)
    record = await house.turns.ask(registry.store.get, record_id)
    if record is None:
        raise RefusedError(404, "there is no record of this id")
    personal = dict(record.personal) if role.covers(Role.ADMIN) else None
    return RecordAnswer(record=record.public(), personal=personal)


@router.delete("/{recordId}", summary="Forget a record", dependencies=[Depends(needs(Role.ADMIN))])
async def forget(request: Request, record_id: _Id) -> Forgotten:
    """Take a record out, with what is personal and its codes; the log keeps its hash."""
    house: House = request.app.state.house
    if not await house.turns.ask(registry_of(house).forget, record_id):
        raise RefusedError(404, "there is no record of this id")
    note("record forgotten")
    return Forgotten(forgotten=record_id)
