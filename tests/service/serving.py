"""The installed `trustkit serve` on a free port of loopback, and a registry with a signed file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from tests.command import COMMAND, TRUST, environment

PATIENCE = 60.0  # seconds for what takes a moment on a busy machine
OPTIONS = ("--skip", "watermark", "--trust", str(TRUST))


@dataclass
class Service:
    """A service that runs: `log` are its lines so far."""

    process: subprocess.Popen[str]
    temp: Path
    url: str = ""
    log: list[str] = field(default_factory=list, repr=False)

    def client(self, key: str = "", **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, **options)

    def connect(self) -> socket.socket:
        parts = httpx.URL(self.url)
        return socket.create_connection((parts.host, parts.port), timeout=PATIENCE)

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log]

    def left(self) -> list[Path]:
        return sorted(path for path in self.temp.rglob("*") if path.is_file())

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(
    home: Path, temp: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[Service]:
    temp.mkdir(exist_ok=True)
    words = [str(COMMAND), "serve", "--port", "0", "--temp", str(temp), *options]
    process = subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=environment(home, env), start_new_session=True
    )
    service = Service(process, temp)
    reader = Thread(target=_read, args=(service,), daemon=True)
    reader.start()
    try:
        _wait(service)
        yield service
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)
        reader.join(PATIENCE)
    traces = [line for line in service.log if "Traceback" in line]
    assert traces == [], service.log[-30:]


def _read(service: Service) -> None:
    assert service.process.stderr is not None
    for line in service.process.stderr:
        service.log.append(line)
        if '"listening"' in line:
            service.url = json.loads(line)["url"]


def _wait(service: Service) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert service.process.poll() is None, service.log[-5:]
        if service.url:
            try:
                if httpx.get(f"{service.url}/readyz", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
        time.sleep(0.2)
    raise AssertionError(f"not ready: {service.log[-5:]}")


def processes(service: Service) -> list[int]:
    """List the processes of the service's session: itself and its workers."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == service.process.pid and fields[0] != "Z":
                found.append(int(entry.name))
    return sorted(found)


def kill(service: Service) -> None:
    """Kill the service alone, as the system would; its workers are left to themselves."""
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait(PATIENCE)
