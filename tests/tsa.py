"""A small RFC 3161 time-stamping authority on loopback, for tests."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Literal, Self, get_args

from tests.stamper import Stamper, refusal, with_other_data, with_other_nonce

OPENSSL = "/usr/bin/openssl"
TSA_KEYS = Path(__file__).resolve().parents[1] / "keys" / "tsa"
LOOPBACK = "127.0.0.1"
POLICY = "1.2.3.4.1"  # the OID that OpenSSL's own examples use

MAX_QUERY_BYTES = 64 * 1024  # a real query has under 100 bytes
MAX_SLOW_SECONDS = 60.0
CLIENT_TIMEOUT_SECONDS = 5.0
OPENSSL_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.05  # how soon the server notices that it should stop

# `certs` stays out: OpenSSL would write an unsorted SET, which strict DER parsers refuse.
CONFIG = """\
[tsa]
default_tsa = test
[test]
serial = {scratch}/serial
signer_cert = {keys}/cert.pem
signer_key = {keys}/key.pem
signer_digest = sha256
ess_cert_id_alg = sha256
digests = sha256, sha384, sha512
default_policy = {policy}
"""

DRIP_SECONDS = 0.2  # between two bytes of a reply that never ends in time
RETRY_AFTER = 120  # seconds that an authority asks for when it is busy

Fault = Literal[
    "down",
    "garbage",
    "status_500",
    "status_404",
    "hangs",
    "resets",
    "drips",
    "cut_short",
    "wrong_type",
    "oversized",
    "redirects",
    "busy",
    "refuses",
    "wrong_nonce",
    "wrong_imprint",
    "stale",
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the client."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    manner: Literal["", "drips", "cut_short", "resets"] = ""


_HTML = {"Content-Type": "text/html"}
_FIXED: dict[str | None, Reply] = {
    "garbage": Reply(200, b"this is no time-stamp response"),
    "status_500": Reply(500),
    "status_404": Reply(404, b"no such page", _HTML),
    "resets": Reply(200, manner="resets"),
    "redirects": Reply(302, headers={"Location": "http://tsa.example.org/"}),
    "busy": Reply(429, headers={"Retry-After": str(RETRY_AFTER)}),
    "refuses": Reply(200, refusal("the clock is being set")),
}
_OTHER_QUERY: dict[str | None, Callable[[bytes], bytes]] = {
    "wrong_nonce": with_other_nonce,
    "wrong_imprint": with_other_data,
}
_SPOILT: dict[str | None, Callable[[bytes], Reply]] = {
    "drips": lambda reply: Reply(200, reply, manner="drips"),
    "cut_short": lambda reply: Reply(200, reply, manner="cut_short"),
    "wrong_type": lambda reply: Reply(200, reply, _HTML),
    "oversized": lambda reply: Reply(200, reply + bytes(2**20)),
}


class LocalTsa:
    """Stamps time at `url` while its `with` block runs, or fails in the way asked for.

    `keys` holds key.pem and cert.pem. The clock is this machine's, and no request is
    authenticated. One instance serves one `with` block; leaving it stops everything.
    """

    def __init__(
        self, keys: Path = TSA_KEYS, *, fault: Fault | None = None, delay: float = 0.0
    ) -> None:
        if not 0.0 <= delay <= MAX_SLOW_SECONDS:
            raise ValueError(f"a delay of {delay} s is outside 0 to {MAX_SLOW_SECONDS} s")
        self._keys = keys.resolve()
        self._fault = fault
        self._delay = delay
        self._count = 0
        self.connections = 0
        self._lock = Lock()
        self._stamper = Stamper(keys)
        self._stopping = Event()
        self._running = ExitStack()
        self._scratch: Path
        self._server: _Server

    @classmethod
    def down(cls) -> Self:
        """Return an authority that refuses every connection."""
        return cls(fault="down")

    @classmethod
    def slow(cls, seconds: float, keys: Path = TSA_KEYS) -> Self:
        """Return an authority that waits `seconds` before each good answer."""
        return cls(keys, delay=seconds)

    @classmethod
    def garbage(cls) -> Self:
        """Return an authority whose answers are no time-stamp responses."""
        return cls(fault="garbage")

    @classmethod
    def status_500(cls) -> Self:
        """Return an authority that answers with HTTP status 500."""
        return cls(fault="status_500")

    @classmethod
    def failing(cls, fault: Fault) -> Self:
        """Return an authority that fails in one way; `hangs` and `drips` end when it is left."""
        return cls(fault=fault)

    @classmethod
    def fast(cls, keys: Path = TSA_KEYS) -> Self:
        """Return an authority that makes its replies in this process, without OpenSSL."""
        made = cls(keys)
        made._stamp = lambda query: Reply(200, made._stamper.reply(query))  # type: ignore[method-assign]
        return made

    def drop_connections(self) -> None:
        """End every connection that is kept, as a server does after a while."""
        self._server.drop()

    def heal(self) -> None:
        """Stop failing."""
        self._fault = None

    @property
    def url(self) -> str:
        """Where to send queries."""
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    @property
    def count(self) -> int:
        """How many queries have arrived, those answered with a fault included."""
        return self._count

    def __enter__(self) -> Self:
        folder = tempfile.TemporaryDirectory(prefix="tsa-")
        self._scratch = Path(self._running.enter_context(folder))
        config = CONFIG.format(scratch=self._scratch, keys=self._keys, policy=POLICY)
        (self._scratch / "tsa.cnf").write_text(config)
        (self._scratch / "serial").write_text("01\n")

        self._server = self._running.enter_context(_Server(self))
        # Bound but not listening refuses every client, and nobody else can take the port.
        if self._fault != "down":
            self._server.server_activate()
            Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True).start()
            self._running.callback(self._server.shutdown)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._running.close()

    def is_stopping(self, seconds: float) -> bool:
        """Wait for so long at most, and tell whether the `with` block is being left."""
        return self._stopping.wait(seconds)

    def answer(self, query: bytes) -> Reply:
        """Return the reply to one time-stamp query."""
        with self._lock:
            self._count += 1
        self._stopping.wait(self._delay)
        fault = self._fault
        if fault in _FIXED:
            return _FIXED[fault]
        if fault == "hangs":
            self._stopping.wait(MAX_SLOW_SECONDS)
        if fault in _OTHER_QUERY:
            return self._stamp(_OTHER_QUERY[fault](query))
        if fault in _SPOILT:
            return _SPOILT[fault](self._stamper.reply(query))
        if fault == "stale":
            an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
            return Reply(200, self._stamper.reply(query, an_hour_ago))
        return self._stamp(query)

    def _stamp(self, query: bytes) -> Reply:
        question, response = self._scratch / "query.tsq", self._scratch / "response.tsr"
        command = [OPENSSL, "ts", "-reply", "-config", str(self._scratch / "tsa.cnf")]
        command += ["-queryfile", str(question), "-out", str(response)]
        # One at a time: openssl counts serial numbers in a file without locking it.
        with self._lock:
            question.write_bytes(query)
            done = subprocess.run(
                command, capture_output=True, timeout=OPENSSL_TIMEOUT_SECONDS, check=False
            )
            if done.returncode != 0:
                return Reply(500, done.stderr)
            return Reply(200, response.read_bytes())


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing the server waits for the answers under way

    def __init__(self, tsa: LocalTsa) -> None:
        super().__init__((LOOPBACK, 0), _Handler, bind_and_activate=False)
        self.tsa = tsa
        self.server_bind()
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, object]:
        """Count a connection, and remember it until it ends."""
        request, address = super().get_request()
        self.tsa.connections += 1
        self._open.add(request)
        return request, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # narrower
        """Forget a connection that has ended."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that broke the connection off; all else is our own fault."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came

    def drop(self) -> None:
        """End the connections that are kept."""
        for kept in list(self._open):
            with suppress(OSError):
                kept.shutdown(socket.SHUT_RDWR)

    def server_close(self) -> None:
        """End everything: nobody will ask any more."""
        self.drop()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_TIMEOUT_SECONDS
    protocol_version = "HTTP/1.1"  # connections are kept, as real authorities keep them
    server: _Server

    def do_POST(self) -> None:
        """Answer one query; what is not a time-stamp query of sane length gets a 4xx status."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get_content_type() != "application/timestamp-query":
            self._send(Reply(415))
        elif not (length.isdecimal() and 0 < int(length) <= MAX_QUERY_BYTES):
            self._send(Reply(413))
        else:
            self._send(self.server.tsa.answer(self.rfile.read(int(length))))

    def _send(self, reply: Reply) -> None:
        # A client that has given up is what a slow authority is meant to produce.
        with suppress(OSError):
            if reply.manner == "resets":
                self.close_connection = True
                linger = struct.pack("ii", 1, 0)  # on, 0 s: a reset in place of a farewell
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                return
            self.send_response(reply.status)
            headers = {
                "Content-Type": "application/timestamp-reply",
                "Content-Length": str(len(reply.body)),
                **reply.headers,
            }
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.manner == "cut_short":
                self.close_connection = True
                self.wfile.write(reply.body[:-20])
            elif reply.manner == "drips":
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    if self.server.tsa.is_stopping(DRIP_SECONDS):
                        return
            else:
                self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: tests read the answers, not the log."""
