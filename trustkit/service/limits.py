"""What a request may send: so many bytes, in so many seconds, and never a pause too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trustkit.service import Bounds
from trustkit.service.errors import RefusedError, response

UPLOADS = frozenset({("PUT", "/v1/verify"), ("POST", "/matches/byContent"),
                     ("POST", "/v1/matches/byContent")})  # fmt: skip


class Intake:
    """Counts every body as it comes; one that declares too much is not read at all.

    The limits hold without Content-Length too, and for whoever reads the body.
    """

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = (scope["method"], scope["path"]) in UPLOADS
        most = self._bounds.upload if is_upload else self._bounds.body
        body = _Body(receive, most, self._bounds)
        if _declared(scope) > most:
            await response(body.too_large())(scope, receive, send)
            return
        await self._app(scope, body.receive, send)


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive, most: int, bounds: Bounds) -> None:
        self._receive, self._most, self._bounds = receive, most, bounds
        self._deadline = time.monotonic() + bounds.seconds
        self._got, self._is_whole = 0, False

    async def receive(self) -> Message:
        """Return the next part; raises `RefusedError` for one too many, or too late."""
        if self._is_whole:
            return await self._receive()  # only the client's leaving can come
        left = min(self._bounds.idle, self._deadline - time.monotonic())
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except TimeoutError as error:
            raise RefusedError(
                408,
                "the request came too slowly",
                f"send it within {self._bounds.seconds:g} seconds, without longer pauses than "
                f"{self._bounds.idle:g}",
                Connection="close",
            ) from error
        self._got += len(message.get("body", b""))
        if self._got > self._most:
            raise self.too_large()
        self._is_whole = not message.get("more_body", False)
        return message

    def too_large(self) -> RefusedError:
        """Return the refusal of a body that is too large."""
        return RefusedError(
            413, f"more than {self._most:,} bytes are not taken", "ask whoever runs the service"
        )


def _declared(scope: Scope) -> int:
    headers: MutableMapping[bytes, bytes] = dict(scope["headers"])
    text: Any = headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0
