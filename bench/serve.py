"""The service under load: two hundred clients for two minutes, and whatever its document allows.

Run alone: `python -m bench.serve`. Half of the requests upload a small file to be verified, a
quarter asks by a mark, an eighth by content, and some send too much. A client that is told to wait
waits.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.measure import ROOT, Figure, command, tell

CLIENTS = int(os.environ.get("SERVE_CLIENTS", "200"))
SECONDS = float(os.environ.get("SERVE_SECONDS", "120"))
WARM = 15.0
RECORDS = 10_000
WORKERS = 2
IN_HAND = 32
PATIENCE = 90.0
FLAT = 1.10  # the last third of the memory against the first
MARK = "org.trustkit.tiles.1"
FILES = ("scene.jpg", "scene.png", "scene.webp", "sound.wav", "page.pdf")
EXAMPLES = 60  # requests for each operation of the document


@dataclass
class Tally:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {**os.environ, "TRUSTKIT_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
        url = _registry(folder, env)
        process = _start(folder, env, url)
        try:
            address = _address(process)
            # Engines are loaded when the first file needs them: that is no growth.
            asyncio.run(_load(address, process.pid, WARM))
            before = _cpu(process.pid)
            tally, memory = asyncio.run(_load(address, process.pid, SECONDS))
            cpu = _cpu(process.pid) - before
            left = [p.name for p in (folder / "temp").rglob("*") if p.is_file()]
            broken, asked = _document(address)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
    _tell(tally, memory, cpu, left, broken, asked, code)


def _registry(folder: Path, env: dict[str, str]) -> str:
    # In a process of its own, so that what fills it does not stand in this one's memory.
    made = f"""
import random
from trustkit.record import Binding, Code, Record
from trustkit.stores.registry import init_registry
dice = random.Random(7)
with init_registry("sqlite:///{folder}/registry.db") as registry:
    blob = registry.blobs.put(b"a manifest, as far as this bench goes")
    registry.store.put([
        Record(f"{{n:016x}}", "2026-11-01T00:00:00Z", "image/jpeg", "image", 1, f"{{n:064x}}",
               manifest=blob, manifest_id=f"urn:c2pa:{{n:016x}}",
               bindings=(Binding("{MARK}", f"{{n:016x}}"),),
               codes=(Code("iscc-image.0", dice.randbytes(32)),))
        for n in range({RECORDS})
    ])
"""
    subprocess.run([sys.executable, "-c", made], env=env, check=True, cwd=ROOT)
    return f"sqlite:///{folder}/registry.db"


def _start(folder: Path, env: dict[str, str], registry: str) -> subprocess.Popen[bytes]:
    (folder / "temp").mkdir()
    words = [command("trustkit"), "serve", "--port", "0", "--public", "--registry", registry,
             "--workers", str(WORKERS), "--in-hand", str(IN_HAND), "--max-mib", "1",
             "--temp", str(folder / "temp")]  # fmt: skip
    log = (folder / "log").open("wb")
    return subprocess.Popen(words, env={**env, "BENCH_LOG": log.name}, stderr=log)


def _address(process: subprocess.Popen[bytes]) -> str:
    environment = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    log = next(Path(os.fsdecode(e[10:])) for e in environment if e.startswith(b"BENCH_LOG="))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for line in log.read_text().splitlines():
            row = json.loads(line)
            if row["event"] == "listening":
                try:
                    if httpx.get(f"{row['url']}/readyz").status_code == 200:
                        return str(row["url"])
                except httpx.HTTPError:
                    pass
        time.sleep(0.2)
    raise RuntimeError(f"the service does not start: {log.read_text()[-2000:]}")


async def _load(address: str, pid: int, seconds: float) -> tuple[Tally, list[float]]:
    tally, memory = Tally(), []
    files = [(ROOT / "fixtures/media" / name).read_bytes() for name in FILES]
    limits = httpx.Limits(max_connections=CLIENTS, max_keepalive_connections=CLIENTS)
    end = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=PATIENCE) as client:
        clients = [
            asyncio.create_task(_client(client, random.Random(n), files, tally, end))
            for n in range(CLIENTS)
        ]
        while time.monotonic() < end:
            memory.append(_resident(pid))
            await asyncio.sleep(1)
        await asyncio.gather(*clients)
    return tally, memory


async def _client(
    client: httpx.AsyncClient, dice: random.Random, files: list[bytes], tally: Tally, end: float
) -> None:
    await asyncio.sleep(dice.random() * 2)
    while time.monotonic() < end:
        what, request = _request(client, dice, files)
        start = time.perf_counter()
        try:
            answer = await client.send(request)
        except httpx.HTTPError as error:
            tally.errors[f"{what}: {type(error).__name__}"] += 1
            continue
        tally.statuses[f"{what} {answer.status_code}"] += 1
        if answer.status_code == 200:
            tally.seconds.setdefault(what, []).append(time.perf_counter() - start)
        elif answer.status_code == 429:
            await asyncio.sleep(float(answer.headers["retry-after"]) * (0.5 + dice.random()))


def _request(
    client: httpx.AsyncClient, dice: random.Random, files: list[bytes]
) -> tuple[str, httpx.Request]:
    kind = dice.random()
    if kind < 0.5:
        return "verify", client.build_request("PUT", "/v1/verify", content=dice.choice(files))
    if kind < 0.75:
        value = base64.b64encode(dice.randrange(2 * RECORDS).to_bytes(8, "big")).decode()
        asked = {"alg": MARK, "value": value}
        return "byBinding", client.build_request("GET", "/matches/byBinding", params=asked)
    if kind < 0.875:
        body = dice.choice(files[:3])
        return "byContent", client.build_request("POST", "/matches/byContent", content=body)
    if kind < 0.98:
        name = f"/manifests/urn:c2pa:{dice.randrange(2 * RECORDS):016x}"
        return "manifest", client.build_request("GET", name)
    return "too much", client.build_request("PUT", "/v1/verify", content=_too_much())


async def _too_much() -> AsyncIterator[bytes]:
    for _ in range(20):
        yield bytes(2**16)


def _resident(pid: int) -> float:
    """Return the MB that the service and all its processes hold: shared pages by their share."""
    total = 0
    for member in (pid, *_children(pid)):
        try:
            text = Path(f"/proc/{member}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)[1])  # type: ignore[index]
    return total / 1024


def _cpu(pid: int) -> float:
    """Return the CPU seconds that the service and its processes have taken."""
    ticks = 0
    for member in (pid, *_children(pid)):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for one in found for child in one.read_text().split()]


def _document(address: str) -> tuple[list[str], int]:
    """Send what the document allows, and what it does not; returns what broke, and how many."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    broken: list[str] = []
    asked = 0

    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # the document is ours

        @settings(max_examples=EXAMPLES, phases=[Phase.generate], derandomize=True, database=None,
                  deadline=None, suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(timeout=PATIENCE)
            if answer.status_code >= 500:
                broken.append(f"{operation.label}: {answer.status_code}")  # noqa: B023  # called at once

        check()
    return broken, asked


def _tell(
    tally: Tally,
    memory: list[float],
    cpu: float,
    left: list[str],
    broken: list[str],
    asked: int,
    code: int,
) -> None:
    third = max(1, len(memory) // 3)
    first, last = statistics.mean(memory[:third]), statistics.mean(memory[-third:])
    unexpected = sum(
        n for what, n in tally.statuses.items() if what.rsplit(" ", 1)[1] not in _expected(what)
    )
    total = sum(tally.statuses.values())
    figures = [
        Figure(f"requests answered, {CLIENTS} clients", (total / SECONDS,), "1/s"),
        Figure("answers that are no 200, 404, 413 or 429", (float(unexpected),), "", 0),
        Figure("requests without an answer", (float(sum(tally.errors.values())),), "", 0),
        Figure("memory, all processes, first third", (first,), "MB"),
        Figure("memory, all processes, last third", (last,), "MB"),
        Figure("memory, last third against first", (last / first,), "", FLAT),
        Figure("CPU of all processes", (cpu,), "s"),
        Figure("memory, at most", (max(memory),), "MB"),
        Figure(f"server errors in {asked} requests by the document", (float(len(broken)),), "", 0),
        Figure("uploads left behind", (float(len(left)),), "", 0),
        Figure("exit code when told to end", (float(code),), "", 0),
    ]
    for what, seconds in sorted(tally.seconds.items()):
        figures.append(Figure(f"{what}, median", (statistics.median(seconds) * 1000,), "ms"))
        hundredths = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [seconds[0]] * 99
        figures.append(Figure(f"{what}, 99 %", (hundredths[98] * 1000,), "ms"))
    counted = ", ".join(f"{what}: {n}" for what, n in sorted(tally.statuses.items()))
    busy = os.getloadavg()[1]
    notes = [f"{SECONDS:g} s, {WORKERS} workers, {IN_HAND} uploads in hand, {RECORDS} records; "
             f"load average of the machine {busy:.1f}",
             counted, *(f"no answer: {what}: {n}" for what, n in tally.errors.items()),
             *sorted(set(broken))]  # fmt: skip
    tell("serve", figures, *notes)


def _expected(what: str) -> set[str]:
    return {"413", "429"} if what.startswith("too much") else {"200", "404", "429"}


if __name__ == "__main__":
    main()
