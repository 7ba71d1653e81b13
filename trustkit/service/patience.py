"""HTTP connections that cannot be held open by dripping: the server's own have no such limits.

uvicorn waits for ever for the head of a request, for the rest of a body that was refused, and for
a client that does not read its answer.
"""

from __future__ import annotations

from asyncio import Protocol, TimerHandle, Transport
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from trustkit.service import Bounds


def protocol(bounds: Bounds) -> type[Protocol]:
    """Return uvicorn's HTTP/1.1 protocol with the patience of `bounds`."""

    class Impatient(H11Protocol):
        """Ends a connection on which no request comes, or whose answer is not taken."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self._asking: TimerHandle | None = None
            self._reading: TimerHandle | None = None

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # uvicorn's own
            super().connection_made(transport)
            self._wait_for_request()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._wait_for_request()

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in (self._asking, self._reading):
                if timer:
                    timer.cancel()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._reading is None:
                self._reading = self.loop.call_later(bounds.unread, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._reading:
                self._reading.cancel()
                self._reading = None

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._wait_for_request()

        def _wait_for_request(self) -> None:
            is_asked = self.cycle is not None and not self.cycle.response_complete
            if is_asked or self.timeout_keep_alive_task is not None:
                # It is being answered; or all is said, and uvicorn's own timer runs.
                if self._asking:
                    self._asking.cancel()
                    self._asking = None
            elif self._asking is None:
                # Part of a head, or the rest of a body that was refused.
                self._asking = self.loop.call_later(bounds.head, self._give_up)

        def _give_up(self) -> None:
            is_idle = self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
            if is_idle and self.cycle is not None:
                self.transport.close()
            else:
                self.transport.abort()

    return Impatient
