"""An S3 server on loopback, as moto serves it: a process of its own, spoken to over HTTP."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import PATIENCE

BUCKET = "blobs-of-tests"
ENV = {
    "AWS_ACCESS_KEY_ID": "TESTONLY",
    "AWS_SECRET_ACCESS_KEY": "test-only",
    "AWS_REGION": "us-east-1",
}


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Serve one empty bucket; gives the endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port))
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as server:
        try:
            until = time.monotonic() + PATIENCE
            while True:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < until
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            url = f"http://127.0.0.1:{port}"
            request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")  # noqa: S310  # loopback
            urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310
            yield url
        finally:
            server.terminate()
