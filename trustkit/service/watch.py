"""Watches every request go by: headers for every answer, a line in the log, a count."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trustkit.service.logs import note
from trustkit.service.metrics import Metrics

# Answers are data: nothing of them is to be run, framed, guessed at or kept by a browser.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"}


class Watch:
    """The outermost layer of the app."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status, got, sent = time.perf_counter(), 499, 0, 0  # 499: the client went away

        async def receiving() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receiving, sending)
        except BaseException:
            status = status if status != 499 else 500  # noqa: PLR2004  # see above
            raise
        finally:
            seconds = time.perf_counter() - start
            method = scope["method"] if scope["method"] in _METHODS else "other"
            # The template, not the path: paths carry ids, and anybody could invent new ones.
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(seconds)
            self._metrics.received.inc(got)
            note(
                "request", method=method, route=route, status=status,
                ms=round(seconds * 1000, 1), received=got, sent=sent,
            )  # fmt: skip
