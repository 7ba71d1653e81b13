"""Registry URLs: what they name, what is refused, and that no password comes out again."""

from __future__ import annotations

from pathlib import Path

import pytest

from trustkit.errors import UsageError
from trustkit.stores.url import read_url

SECRET = "hush"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "registry.db",
        "/tmp/registry.db",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://registry.db",
        "sqlite:///:memory:",
        "sqlite:///a\0b",
        "mysql://u:hush@host/db",
        "postgresql:",
        "postgresql://",
        "postgresql://u:hush@host",
        "postgresql://u:hush@host/",
        "postgresql://u:hu/sh@host/db",
        "postgresql://u:12/hush@host/db",
        "postgresql://u:12#hush@host/db",
        "postgresql://u:12?hush@host/db",
        "postgresql://u:hush@host:port/db",
        "postgresql://u:hush@host:99999/db",
        "postgresql://u:hush@[::1/db",
        "postgresql://u:hush@host/db?password=hush",
        "postgresql://u:hush@host/db?sslmode=hush",
        "postgresql://u:hush@host/db?sslmode",
        "postgresql://u:hush@host/d%00b",
    ],
)
def test_what_names_no_registry_is_refused_without_showing_a_password(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_url(url)
    told = f"{refused.value.message} {refused.value.hint} {refused.value.__cause__!r}"
    assert SECRET not in told
    assert refused.value.exit_code == 2
    assert refused.value.hint


def test_a_file_is_named_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_url("sqlite:///registry.db").file == tmp_path / "registry.db"
    assert read_url("sqlite:////srv/a b?c%20.db").file == Path("/srv/a b?c%20.db")
    assert read_url("sqlite:////srv/r.db").shown == "sqlite:////srv/r.db"


def test_a_server_is_named_by_all_its_parts() -> None:
    at = read_url("postgresql://us%40er:hu%2Fsh@db.example:5433/reg%20istry?sslmode=require")
    assert (at.host, at.port, at.database) == ("db.example", 5433, "reg istry")
    assert (at.user, at.password, at.ssl) == ("us@er", "hu/sh", "require")
    assert at.shown == "postgresql://us@er@db.example:5433/reg istry"
    assert "hu/sh" not in repr(at)


def test_a_socket_is_named_by_its_folder() -> None:
    at = read_url("postgresql:///registry?host=/var/run/postgresql")
    assert (at.socket, at.database, at.user) == ("/var/run/postgresql", "registry", "")


def test_another_machine_is_reached_encrypted_and_checked_unless_the_url_says_otherwise() -> None:
    assert read_url("postgresql://db.example/r").ssl == "verify-full"
    assert read_url("postgresql://db.example/r?sslmode=disable").ssl == "disable"
    for here in ("localhost", "127.0.0.1", "[::1]", ""):
        assert read_url(f"postgresql://u:p@{here}/r").ssl == "prefer"
