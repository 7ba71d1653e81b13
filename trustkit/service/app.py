"""The app: routes over a house, behind the layers that hold for every request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from trustkit import __version__
from trustkit.service import (
    routes_health,
    routes_records,
    routes_sbr,
    routes_verify,
)
from trustkit.service.access import Hosts
from trustkit.service.errors import add_handlers
from trustkit.service.house import House
from trustkit.service.limits import Intake
from trustkit.service.schemas import Failure
from trustkit.service.watch import Watch

_MEANS = {
    "400": "The request is malformed",
    "401": "A key is needed",
    "403": "The key's role is not enough",
    "404": "There is none",
    "408": "The request came too slowly",
    "413": "More bytes than are taken",
    "414": "The query is too long",
    "415": "The file is of no kind that can be looked at",
    "421": "The service answers to its loopback names alone",
    "429": "All workers are busy; Retry-After says when to ask again",
    "503": "The registry cannot be reached, or the service is ending",
    "507": "The upload could not be kept while it is looked at",
}


def create_app(house: House, ended: Callable[[], None]) -> FastAPI:
    """Return the app; it starts the workers when it starts, and its owner ends them.

    `ended` is called where they cannot start.
    """

    @asynccontextmanager
    async def alive(_app: FastAPI) -> AsyncIterator[None]:
        starting = asyncio.ensure_future(_start(house, ended))
        yield
        starting.cancel()

    # FastAPI's own pages load scripts from elsewhere; the document itself is enough for any reader.
    app = FastAPI(
        title="trustkit",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=alive,
        redirect_slashes=False,
    )
    app.state.house, app.state.access = house, house.access
    app.include_router(routes_verify.router)
    app.include_router(routes_sbr.router)
    app.include_router(routes_sbr.router, prefix="/v1", include_in_schema=False)
    app.include_router(routes_sbr.well_known)
    app.include_router(routes_records.router)
    app.include_router(routes_health.router)
    add_handlers(app)
    # The last one added is the outermost.
    app.add_middleware(Intake, bounds=house.bounds)
    app.add_middleware(Hosts, access=house.access)
    app.add_middleware(Watch, metrics=house.metrics)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's way to extend it
    return app


async def _start(house: House, ended: Callable[[], None]) -> None:
    await house.pool.start()
    if house.pool.failure is not None:
        ended()


def _described(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            summary="Verification of media files, and the C2PA Soft Binding Resolution API",
            routes=app.routes,
        )
        failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # we say 400
                for status, what in _MEANS.items():
                    told = {"description": what, "content": failure}
                    operation["responses"].setdefault(status, told)
        schemas = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        told = Failure.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(told.pop("$defs"))
        schemas["Failure"] = told
        app.openapi_schema = schema
    return app.openapi_schema
