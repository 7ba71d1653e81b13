"""`PUT /v1/verify`: the report of the command line, within limits, and nothing kept."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from tests.command import BROKEN, TRUST
from tests.conftest import Run
from tests.service.conftest import Published
from tests.service.serving import PATIENCE, Service

OVER = 2 * 2**20 + 1


@pytest.fixture
def client(service: Service, keys: dict[str, str]) -> Iterator[httpx.Client]:
    with service.client(keys["read"]) as client:
        yield client


def test_an_upload_that_declares_too_much_is_not_read(client: httpx.Client) -> None:
    answer = client.put("/v1/verify", content=b"x" * OVER)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


def test_an_upload_of_unknown_length_is_cut_at_the_limit(
    client: httpx.Client, service: Service
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 2**16

    answer = client.put("/v1/verify", content=endless())

    assert answer.status_code == 413
    assert client.get("/healthz").status_code == 200
    assert service.left() == []


def test_what_is_no_media_file_is_reported_not_refused(client: httpx.Client) -> None:
    for content in (b"", b"hello", (BROKEN / "not-a-picture.jpg").read_bytes()):
        answer = client.put("/v1/verify", content=content)

        assert answer.status_code == 200
        file = answer.json()["files"][0]
        assert file["verdict"] == "error"
        assert "/proc" not in answer.text


def test_the_report_is_that_of_the_command(
    client: httpx.Client, published: Published, quick: Run
) -> None:
    answer = client.put("/v1/verify?name=a.jpg", content=published.file.read_bytes())
    options = ("--trust", TRUST, "--skip", "watermark", "--registry", published.url, "-f", "json")
    command = json.loads(quick("verify", published.file, *options).stdout)

    told = answer.json()
    assert told["files"][0]["path"] == "a.jpg"
    for one in (told, command):
        del one["run"]["id"], one["run"]["started"], one["run"]["duration_ms"]
        del one["files"][0]["path"], one["files"][0]["timing_ms"]
    assert told == command
    assert told["files"][0]["verdict"] == "declared_ai"


def test_nothing_of_an_upload_is_left_or_logged(
    client: httpx.Client, service: Service, keys: dict[str, str], published: Published
) -> None:
    client.put("/v1/verify?name=secret-source.jpg", content=published.file.read_bytes())
    client.get("/manifests/urn:c2pa:somebody")

    log = "".join(service.log)
    assert "secret-source" not in log
    assert "somebody" not in log
    assert not any(key in log for key in keys.values())
    assert service.left() == []
    row = next(row for row in service.rows() if row.get("route") == "/v1/verify")
    assert {"time", "level", "event", "method", "route", "status", "ms", "received", "sent"} == set(
        row
    )


def test_two_hundred_at_once_are_answered(service: Service, keys: dict[str, str]) -> None:
    parts = httpx.URL(service.url)

    def ask(method: str, path: str, body: bytes | None) -> tuple[int, str]:
        # A connection each: a pool of them that many threads share ends some at the wrong moment.
        line = http.client.HTTPConnection(parts.host, parts.port, timeout=PATIENCE)
        with closing(line):
            line.request(method, path, body, {"Authorization": f"Bearer {keys['read']}"})
            answer = line.getresponse()
            answer.read()
            return answer.status, answer.headers["Retry-After"] or ""

    with ThreadPoolExecutor(200) as pool:
        asked = list(pool.map(lambda _: ask("GET", "/metrics", None), range(200)))
        uploads = list(pool.map(lambda _: ask("PUT", "/v1/verify", b"no media"), range(200)))

    assert {status for status, _ in asked} == {200}
    assert {status for status, _ in uploads} <= {200, 429}
    refused = [int(after) for status, after in uploads if status == 429]
    assert all(1 <= after <= 60 for after in refused)
    assert len(refused) < 200


def test_answers_cannot_be_run_framed_kept_or_read_by_other_pages(client: httpx.Client) -> None:
    for path in ("/healthz", "/openapi.json", "/nowhere"):
        answer = client.get(path, headers={"Origin": "https://evil.example"})

        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    for page in ("/docs", "/redoc"):
        assert client.get(page).status_code == 404


def test_every_refusal_says_why_and_what_to_do(client: httpx.Client) -> None:
    for answer, code in (
        (client.get("/nowhere"), 404),
        (client.delete("/v1/verify"), 405),
        (client.get("/matches/byBinding?alg=x"), 400),
        (client.get("/matches/byBinding?alg=x&value=AAAA"), 400),
        (client.post("/matches/byBinding", content=b"{"), 400),
        (client.post("/matches/byBinding", content=b"[" * 60000), 400),
        (client.post("/matches/byBinding", content=b"x" * 70000), 413),
    ):
        assert answer.status_code == code, answer.text
        assert set(answer.json()["error"]) == {"code", "message", "hint"}


def test_the_figures_count_and_name_nobody(client: httpx.Client, published: Published) -> None:
    client.put("/v1/verify?name=somebody.jpg", content=published.file.read_bytes())
    client.get("/manifests/urn:c2pa:somebody")

    text = client.get("/metrics").text
    assert 'trustkit_verdicts_total{verdict="declared_ai"}' in text
    assert 'route="/manifests/{manifestId}",status="404"' in text
    assert "somebody" not in text
