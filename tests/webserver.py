"""A small web server on loopback, good and bad, for tests of whoever fetches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

LOOPBACK = "127.0.0.1"
BODY = b"a manifest, or so it says"
PATIENCE = 6  # seconds for which a slow server goes on


@dataclass
class Server:
    """A web server on loopback that notes what it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)

    def url(self, path: str = "/ok", host: str = "press.example") -> str:
        return f"http://{host}:{self.port}{path}"


@contextmanager
def serving() -> Iterator[Server]:
    stopping = Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            with suppress(ConnectionError):
                getattr(self, f"_{self.path.split('?')[0].strip('/').replace('-', '_')}")()

        def _ok(self) -> None:
            self._head(200, len(BODY))
            self.wfile.write(BODY)

        def _head(self, status: int, length: int | None = None, **headers: str) -> None:
            self.send_response(status)
            if length is not None:
                self.send_header("Content-Length", str(length))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def _missing(self) -> None:
            self._head(404, 0)

        def _to(self) -> None:
            self._head(302, 0, Location=self.path.partition("?")[2])

        def _nowhere(self) -> None:
            self._head(302, 0)

        def _endless(self) -> None:
            self._head(200)
            for _ in range(1000):
                self.wfile.write(bytes(2**16))

        def _silent(self) -> None:
            stopping.wait(PATIENCE)

        def _slow_body(self) -> None:
            self._head(200, 1000)
            self._trickle(b"x")

        def _slow_head(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            self._trickle(b"x")

        def _slow_heads(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self._trickle(b"X-Slow: x\r\n")

        def _slow_chunk(self) -> None:
            self._head(200, **{"Transfer-Encoding": "chunked"})
            self.wfile.write(b"5;")
            self._trickle(b"x")

        def _trickle(self, part: bytes) -> None:
            for _ in range(PATIENCE * 10):
                if stopping.wait(0.1):
                    return
                self.wfile.write(part)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((LOOPBACK, 0), Handler) as http:
        http.daemon_threads = True
        server = Server(http.server_port)
        Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            stopping.set()
            http.shutdown()
