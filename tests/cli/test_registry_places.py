"""A registry in PostgreSQL with its blobs in S3: real servers on this machine, same promises."""

# ruff: noqa: S608  # statements of SQL, written here alone

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.stores.postgres import Server, server
from tests.stores_log.records import fill, record
from tests.stores_log.s3server import BUCKET, ENV, s3_server
from trustkit.stores.registry import open_registry

VICTIM = record(3).id


@pytest.fixture(scope="module")
def postgres() -> Server:
    return server()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    for part in ("obstore", "moto", "flask", "flask_cors"):
        pytest.importorskip(part, reason="pip install 'trustkit[s3]' 'moto[s3]' flask flask-cors")
    with s3_server(tmp_path_factory.mktemp("moto") / "log") as endpoint:
        yield {**ENV, "AWS_ENDPOINT_URL": endpoint}


def test_the_whole_way_in_postgresql_and_s3(
    quick: Run,
    postgres: Server,
    bucket: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    url = postgres.url()
    ask = ("--registry", url)

    made = quick("registry", "init", url, "--blobs", f"s3://{BUCKET}/press", "-f", "json")
    assert made.code == 0, made.stderr
    told = made.json()
    assert told["blobs"] == f"s3://{BUCKET}/press"
    with open_registry(url) as registry:
        fill(registry, range(1, 5), blobs=True)
    assert quick("registry", "forget", record(2).id, "--reason", "asked to", *ask).code == 0

    whole = quick("registry", "verify-log", "--blobs", *ask, "-f", "json")
    assert whole.code == 0, whole.stdout
    assert (whole.json()["records"], whole.json()["blobs"]) == (3, 6)
    assert quick("registry", "search", "--text", "HARBOUR 3", *ask).stdout.startswith(VICTIM)
    assert quick("registry", "show", record(2).id, *ask).code == 3
    proof = tmp_path / "proof.json"
    assert quick("registry", "proof", VICTIM, "-o", proof, *ask).code == 0
    assert quick("registry", "verify-proof", proof).code == 0

    database = url.rpartition("/")[2]
    postgres.ask(database, f"UPDATE records SET size = 1 WHERE id = '{VICTIM}'")
    changed = quick("registry", "verify-log", *ask)
    assert changed.code == 10
    assert f"the record {VICTIM} is not the one that was logged" in changed.stdout
    for answer in (made, whole, changed):
        assert "p@ss-w0rd" not in answer.stdout + answer.stderr
        assert "p%40ss-w0rd" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (f"UPDATE records SET disclosure = '{{broken' WHERE id = '{VICTIM}'", VICTIM),
        (f"UPDATE log SET leaf = '\\x00' WHERE id = '{VICTIM}'", VICTIM),
        (f"DELETE FROM log WHERE id = '{VICTIM}'", "no entry at place 2"),
        ("UPDATE bindings SET tail = 'x'", VICTIM),
        ("UPDATE codes SET bits = bits || '\\x00'::bytea", VICTIM),
        ("UPDATE personal SET row = row + 90", "belongs to no record"),
        ("UPDATE counters SET number = 1 WHERE name = 'places'", "counter places"),
    ],
)
def test_what_is_changed_in_postgresql_is_found(
    quick: Run, postgres: Server, tmp_path: Path, statement: str, named: str
) -> None:
    url = postgres.url()
    quick("registry", "init", url, "--blobs", tmp_path / "blobs")
    with open_registry(url) as registry:
        fill(registry, range(1, 5))

    postgres.ask(url.rpartition("/")[2], statement)
    answer = quick("registry", "verify-log", "--registry", url)

    assert answer.code == 10, answer.stdout + answer.stderr
    assert named in answer.stdout
