"""Turns at the registry: as many at once as it keeps connections, and nobody waits for long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool

from trustkit.service.pool import BusyError

AT_ONCE = 4  # more would open connections for one question each, and keep threads from uploads
LONGEST = 15.0  # seconds to wait for a turn
_AGAIN = 5  # seconds after which to try once more


class Turns:
    """Who asks the registry waits here; raises `BusyError` where it takes too long."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def ask(self, work: Callable[..., Any], *asked: Any, **named: Any) -> Any:
        """Return what `work` does, in a thread of its own."""
        try:
            async with asyncio.timeout(LONGEST):
                await self._free.acquire()
        except TimeoutError as error:
            raise BusyError(_AGAIN, "the registry is busy") from error
        try:
            return await run_in_threadpool(work, *asked, **named)
        finally:
            self._free.release()
