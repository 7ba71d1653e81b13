"""One service for most tests: a registry with one signed photograph, and a key for each role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import AI, KEY, MEDIA
from tests.conftest import Run
from tests.service.serving import OPTIONS, Service, serving
from trustkit.asset import open_asset
from trustkit.record import Binding, Record
from trustkit.recording import Told, record_of
from trustkit.stores.registry import init_registry
from trustkit.watermarks.tiles.layout import NAME as TILES

RECORD = "1f00c0ffee5eed07"


@dataclass(frozen=True)
class Published:
    """A photograph that was signed and recorded in the registry at `url`."""

    url: str
    file: Path
    record: Record


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory, home: Path, quick: Run) -> Published:
    """A registry with the record of one signed file."""
    folder = tmp_path_factory.mktemp("registry")
    file = folder / "scene.jpg"
    options = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    assert quick("sign", MEDIA / "scene.jpg", "-o", file, *options).code == 0
    url = f"sqlite:///{folder / 'registry.db'}"
    with init_registry(url) as registry:
        told = Told(RECORD, (Binding(TILES, RECORD),), name="gps-of-anna.jpg")
        record = record_of(open_asset(file), told, registry.blobs)
        registry.store.put([record])
    return Published(url, file, record)


@pytest.fixture(scope="session")
def keys(quick: Run, home: Path) -> dict[str, str]:
    """A key for each role, as they are shown."""
    made = {}
    for role in ("read", "write", "admin"):
        answer = quick("serve", "key", "add", f"{role}er", "--role", role, "-f", "json")
        assert answer.code == 0, answer.stderr
        made[role] = json.loads(answer.stdout)["key"]
    return made


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, home: Path, published: Published, keys: dict[str, str]
) -> Iterator[Service]:
    """A service that asks for keys."""
    temp = tmp_path_factory.mktemp("uploads")
    options = (*OPTIONS, "--registry", published.url, "--workers", "1", "--max-mib", "2")
    with serving(home, temp, *options) as started:
        yield started
