"""What clients, systems and bad luck do to a service."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.command import MEDIA
from tests.service.conftest import RECORD, Published
from tests.service.serving import OPTIONS, PATIENCE, Service, kill, processes, serving
from trustkit.record import Record
from trustkit.stores.registry import open_registry

SECONDS = 1.5


@pytest.fixture(scope="module")
def strict(
    tmp_path_factory: pytest.TempPathFactory, home: Path, published: Published
) -> Iterator[Service]:
    """A service with little patience, room for two uploads, and no keys."""
    folder = tmp_path_factory.mktemp("strict")
    options = ("--workers", "1", "--in-hand", "2", "--max-seconds", str(SECONDS), "--public")
    env = {"TRUSTKIT_HOME": str(folder / "home")}
    registry = ("--registry", published.url)
    with serving(home, folder / "temp", *OPTIONS, *options, *registry, env=env) as service:
        yield service


def said(line: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    answer = b""
    try:
        while part := line.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def test_a_head_that_drips_is_cut_off(strict: Service) -> None:
    for head in (b"", b"GET /healthz HTTP/1.1\r\nHost: loc"):
        with strict.connect() as line:
            line.sendall(head)
            start = time.monotonic()
            assert said(line) == b""
            assert time.monotonic() - start < SECONDS + 10


def test_a_body_that_drips_is_answered_408_and_cut_off(strict: Service) -> None:
    head = b"PUT /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    for head_and_part in (head, head + b"x"):
        with strict.connect() as line:
            line.sendall(head_and_part)
            answer = said(line)
        assert b" 408 " in answer.split(b"\r\n")[0]
        assert b"too slowly" in answer
    # A body of JSON is no exception.
    with strict.connect() as line:
        line.sendall(
            b"POST /matches/byBinding HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            b"Content-Type: application/json\r\n\r\n{"
        )
        assert b" 408 " in said(line).split(b"\r\n")[0]
    assert strict.left() == []


def test_a_refused_body_is_not_read_for_ever(strict: Service) -> None:
    head = f"PUT /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**40}\r\n\r\n"
    with strict.connect() as line:
        line.sendall(head.encode())
        assert b" 413 " in line.recv(65536)
        start = time.monotonic()
        with suppress(OSError):  # reset or broken pipe, by chance
            while time.monotonic() - start < PATIENCE:
                line.sendall(b"x" * 1000)
                time.sleep(0.05)
        assert time.monotonic() - start < SECONDS + 10


def test_who_does_not_read_the_answers_is_cut_off(strict: Service) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with strict.connect() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        start = time.monotonic()
        with suppress(OSError):  # reset or broken pipe, by chance
            while time.monotonic() - start < PATIENCE:
                line.sendall(asked * 20)
                time.sleep(0.05)
        assert time.monotonic() - start < 2 * SECONDS + 20


def test_who_hangs_up_leaves_nothing_behind(strict: Service) -> None:
    head = b"PUT /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nxxx"
    for _ in range(20):
        with strict.connect() as line:
            line.sendall(head)
    deadline = time.monotonic() + PATIENCE
    while httpx.put(f"{strict.url}/v1/verify", content=b"x").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert strict.left() == []


def test_when_all_places_are_taken_the_next_is_told_when_to_come(strict: Service) -> None:
    head = b"PUT /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with strict.connect() as first, strict.connect() as second:
        first.sendall(head)
        second.sendall(head)
        time.sleep(0.3)
        answer = httpx.put(f"{strict.url}/v1/verify", content=b"x" * 100_000)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        # What takes no place is answered all the same.
        asked = {"alg": "org.trustkit.tiles.1", "value": RECORD}
        found = httpx.get(f"{strict.url}/matches/byBinding", params=asked)
        assert len(found.json()["matches"]) == 1


def test_a_registry_that_fails_is_said_without_saying_where_it_is(
    strict: Service, published: Published
) -> None:
    name = published.record.manifest
    [blob] = published.file.parent.glob(f"*.blobs/{name[:2]}/{name[2:]}")
    away = blob.rename(blob.with_suffix(".away"))
    try:
        answer = httpx.get(f"{strict.url}/manifests/{RECORD}", timeout=PATIENCE)
        content = published.file.read_bytes()
        report = httpx.put(f"{strict.url}/v1/verify", content=content, timeout=PATIENCE)
    finally:
        away.rename(blob)

    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "the registry could not answer"
    rows = [f for f in report.json()["files"][0]["findings"] if f["code"] == "registry.manifest"]
    assert [row["status"] for row in rows] == ["skipped"]
    for told in (answer.text, report.text):
        assert str(blob.parent.parent) not in told
    # Who runs the service reads it in the log.
    why = [row["why"] for row in strict.rows() if row["event"] == "failed"]
    assert len(why) == 2
    assert all(str(blob.parent.parent) in text for text in why)


def test_an_answer_waits_for_no_word_of_the_client(strict: Service) -> None:
    # Head and body are two writes: held back until the first is acknowledged, each takes 40 ms.
    with closing(http.client.HTTPConnection(httpx.URL(strict.url).netloc.decode())) as line:
        taken = []
        for _ in range(60):
            start = time.perf_counter()
            line.request("GET", "/healthz")
            assert line.getresponse().read()
            taken.append(time.perf_counter() - start)

    assert min(taken[30:]) < 0.03


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits others' files")
def test_a_full_disk_is_said_and_does_no_harm(strict: Service) -> None:
    before = resource.prlimit(strict.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(strict.process.pid, resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        answer = httpx.put(f"{strict.url}/v1/verify", content=bytes(2**21), timeout=PATIENCE)
    finally:
        resource.prlimit(strict.process.pid, resource.RLIMIT_FSIZE, before)

    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "no_space"
    assert httpx.put(f"{strict.url}/v1/verify", content=b"x", timeout=PATIENCE).status_code == 200


def test_a_worker_that_dies_costs_one_answer(strict: Service) -> None:
    [worker] = [pid for pid in processes(strict) if b"spawn_main" in cmdline(pid)]
    os.kill(worker, signal.SIGKILL)
    answer = httpx.put(f"{strict.url}/v1/verify", content=b"x", timeout=PATIENCE)

    assert answer.status_code == 200
    assert httpx.put(f"{strict.url}/v1/verify", content=b"x", timeout=PATIENCE).status_code == 200


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_service_told_to_end_finishes_what_runs_and_takes_nothing_new(
    home: Path, tmp_path: Path
) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path / "home")}
    content = (MEDIA / "clip.mp4").read_bytes()
    with serving(home, tmp_path / "temp", "--workers", "1", env=env) as service:
        url = f"{service.url}/v1/verify"
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(httpx.put, url, content=content, timeout=PATIENCE)
            time.sleep(0.3)
            assert service.end() == 0
            assert running.result().status_code == 200
            assert running.result().json()["files"][0]["verdict"] == "no_provenance"
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        assert list(service.temp.iterdir()) == []
        assert processes(service) == []


def test_a_service_killed_under_load_leaves_no_upload_and_a_whole_registry(
    home: Path, tmp_path: Path, published: Published
) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path / "home")}
    options = (*OPTIONS, "--registry", published.url, "--workers")
    content = published.file.read_bytes()
    with serving(home, tmp_path / "temp", *options, "2", env=env) as service:
        url = f"{service.url}/v1/verify"

        def ask(_number: int) -> int:
            try:
                return httpx.put(url, content=content, timeout=PATIENCE).status_code
            except httpx.HTTPError:
                return 0

        with ThreadPoolExecutor(16) as pool:
            answers = [pool.submit(ask, number) for number in range(48)]
            time.sleep(1)
            kill(service)
            codes = {answer.result() for answer in answers}
        assert 0 in codes
        # Already now no byte of an upload has a name, and no worker goes on.
        assert service.left() == []
        deadline = time.monotonic() + PATIENCE
        while processes(service):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    with serving(home, tmp_path / "temp", *options, "1", env=env) as again:
        assert len(list(again.temp.iterdir())) == 1  # its own folder; the other was swept
        assert httpx.get(f"{again.url}/readyz").json()["registry"] == "ok"
    with open_registry(published.url) as registry:
        found = registry.store.get(RECORD)
        assert isinstance(found, Record)
        assert found.sha256 == published.record.sha256
        assert registry.blobs.get(found.manifest)
