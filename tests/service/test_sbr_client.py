"""The client of the Soft Binding Resolution API, and services that mean it harm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from trustkit.errors import UnreachableError, UsageError
from trustkit.sbr import Resolver

SECRET = "tk_1_do-not-tell"


@contextmanager
def answering(status: int, body: bytes, *, drip: float = 0, **headers: str) -> Iterator[Resolver]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):
                for at in range(0, len(body), 1 if drip else len(body) or 1):
                    self.wfile.write(body[at : at + 1] if drip else body)
                    time.sleep(drip)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Resolver(f"http://127.0.0.1:{server.server_port}/v1", SECRET, max_seconds=1.0)
    finally:
        server.shutdown()
        server.server_close()
    assert all(path.startswith("/v1/") for path in asked)


def test_no_redirect_is_followed() -> None:
    with (
        answering(302, b"", Location="http://127.0.0.1:9/") as resolver,
        pytest.raises(UnreachableError, match="no redirect is followed") as caught,
    ):
        resolver.algorithms()
    assert SECRET not in f"{caught.value!r} {caught.value.hint} {resolver!r}"


def test_what_is_no_answer_of_the_api_is_said() -> None:
    for body in (b"", b"{", b"[]", b'{"matches": 3}', b'{"matches": [{}]}', b"[" * 100_000,
                 b'{"matches": [{"manifestId": "a b"}]}', b'{"matches": ["x"]}'):  # fmt: skip
        with (
            answering(200, body) as resolver,
            pytest.raises(UnreachableError, match="cannot be used"),
        ):
            resolver.by_binding("org.trustkit.tiles.1", "00" * 8)


def test_an_answer_without_end_is_cut_off() -> None:
    with (
        answering(200, b" " * (2**20 + 1)) as resolver,
        pytest.raises(UnreachableError, match="more than"),
    ):
        resolver.algorithms()
    start = time.monotonic()
    with answering(200, b"{}" * 1000, drip=0.05) as resolver, pytest.raises(UnreachableError):
        resolver.algorithms()
    assert time.monotonic() - start < 20
    short = answering(200, b"half", **{"Content-Length": "8"})
    with short as resolver, pytest.raises(UnreachableError):
        resolver.manifest("urn:c2pa:x")


def test_a_match_that_is_kept_elsewhere_is_told_and_not_fetched() -> None:
    rows = [
        {"manifestId": "urn:c2pa:a", "endpoint": "http://169.254.169.254/v1"},
        {"manifestId": "urn:c2pa:b", "similarityScore": 91},
        {"manifestId": "urn:c2pa:b"},
    ]
    with answering(200, json.dumps({"matches": rows}).encode()) as resolver:
        found = resolver.bound("org.trustkit.tiles.1", "00" * 8)
        assert [(m.manifest_id, m.endpoint, m.score) for m in found] == [
            ("urn:c2pa:a", "http://169.254.169.254/v1", None),
            ("urn:c2pa:b", "", 91),
        ]
        assert resolver.by_binding("x", "00") == ["urn:c2pa:a", "urn:c2pa:b"]


def test_what_cannot_be_asked_is_not_asked() -> None:
    with answering(200, b"{}") as resolver:
        for name in ("", "a b", "x" * 300, "é", "a\r\nHost: b"):
            with pytest.raises(UsageError):
                resolver.manifest(name)
        with pytest.raises(UsageError):
            resolver.by_binding("x", "no hex")
    with pytest.raises(UsageError):
        Resolver("https://press.example", "key\r\nX: y")
    with pytest.raises(UsageError, match="https alone"):
        Resolver("http://localhost.press.example")
    Resolver("http://10.0.0.1", allow_http=True)
