"""A small RFC 3161 time-stamping authority on loopback, for tests."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Literal, Self

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

Fault = Literal["down", "garbage", "status_500"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back to the client."""

    status: int
    body: bytes = b""


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
        self._lock = Lock()
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

    def answer(self, query: bytes) -> Reply:
        """Return the reply to one time-stamp query."""
        with self._lock:
            self._count += 1
        self._stopping.wait(self._delay)
        match self._fault:
            case "garbage":
                return Reply(200, b"this is no time-stamp response")
            case "status_500":
                return Reply(500)
            case _:
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


class _Handler(BaseHTTPRequestHandler):
    timeout = CLIENT_TIMEOUT_SECONDS
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
        with suppress(ConnectionError):
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: tests read the answers, not the log."""
