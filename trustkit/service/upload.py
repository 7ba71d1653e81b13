"""An upload: written to disk as it comes, and gone when its answer is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from trustkit.service.errors import RefusedError
from trustkit.service.house import House

_PART = 2**20  # bytes written at once


@asynccontextmanager
async def uploaded(request: Request, house: House) -> AsyncIterator[Path]:
    """Receive the body and give where it is; raises `RefusedError`, `BusyError`."""
    with house.pool.place(), house.spool.upload() as upload:
        try:
            part = bytearray()
            async for chunk in request.stream():
                part += chunk
                if len(part) >= _PART:
                    await run_in_threadpool(upload.stream.write, bytes(part))
                    part.clear()
            await run_in_threadpool(upload.stream.write, bytes(part))
        except ClientDisconnect as error:
            raise RefusedError(400, "the upload broke off") from error
        except OSError as error:
            raise RefusedError(
                507, "the upload could not be kept while it is looked at", "try again later"
            ) from error
        yield upload.path


async def asked(request: Request, house: House, task: object) -> Any:
    """Return a worker's answer; a task that waits is dropped when its client goes."""
    gone = asyncio.ensure_future(_gone(request))
    try:
        return await house.pool.ask(task, gone)
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
