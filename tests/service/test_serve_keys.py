"""API keys: shown once, hashed at rest, of one role, useless when revoked; and who needs one."""

from __future__ import annotations

import json
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.conftest import Run
from tests.service.conftest import Published
from tests.service.serving import OPTIONS, Service, serving
from trustkit.errors import ConfigError, UsageError
from trustkit.service.keys import KeyFile, Role


def test_a_service_that_others_can_reach_does_not_start_without_keys(
    quick: Run, tmp_path: Path
) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path)}
    answer = quick("serve", "--host", "192.0.2.1", "--port", "0", env=env)

    assert answer.code == 2
    assert "there is no API key" in answer.stderr


def test_without_the_extra_it_says_what_to_install(quick: Run) -> None:
    gone = {
        name: module for name, module in sys.modules.items() if name.startswith("trustkit.serv")
    }
    with patch.dict(sys.modules, {"uvicorn": None}):
        for name in gone:
            del sys.modules[name]
        answer = quick("serve", "--port", "0")
    sys.modules.update(gone)

    assert answer.code == 30
    assert "pip install 'trustkit[serve]'" in answer.stderr


def test_an_address_that_is_not_ours_is_refused(quick: Run) -> None:
    answer = quick("serve", "--host", "192.0.2.1", "--public")

    assert answer.code == 2
    assert "cannot be listened on" in answer.stderr


def test_without_its_key_nothing_is_answered_but_health(
    service: Service, keys: dict[str, str]
) -> None:
    good = keys["admin"]
    number = good.split("_")[1]
    for bad in ("", "x", good[:-1], f"{good}0", f"tk_{number}_", "tk_00000000_" + "0" * 64):
        with service.client(bad) as client:
            assert client.get("/healthz").status_code == 200
            for answer in (
                client.get("/metrics"),
                client.put("/v1/verify", content=b"x"),
                client.get("/services/supportedAlgorithms"),
                client.get("/v1/records/0000000000000000"),
            ):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
    with service.client() as client:
        headers = {"Authorization": f"Basic {good}"}
        assert client.get("/metrics", headers=headers).status_code == 401


def test_a_key_is_shown_once_and_kept_as_a_hash(quick: Run, tmp_path: Path) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path)}
    made = quick("serve", "key", "add", "desk", "--role", "write", env=env)
    text = made.stdout.strip()
    file = tmp_path / "serve-keys.json"

    assert made.code == 0
    assert len(bytes.fromhex(text.split("_")[2])) == 32
    assert text.split("_")[2] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shown = quick("serve", "key", "list", env=env)
    assert "desk" in shown.stdout
    assert text.split("_")[2] not in shown.stdout
    rows = quick("serve", "key", "list", "-f", "json", env=env).json()
    assert [(row["name"], row["role"], row["revoked"]) for row in rows] == [("desk", "write", "")]


def test_a_revoked_key_is_refused_from_the_next_request_on(service: Service, quick: Run) -> None:
    made = json.loads(quick("serve", "key", "add", "guest", "-f", "json").stdout)
    with service.client(made["key"]) as client:
        assert client.get("/metrics").status_code == 200
        assert quick("serve", "key", "revoke", made["id"]).code == 0
        assert client.get("/metrics").status_code == 401
    assert quick("serve", "key", "revoke", "nobody").code == 2


def test_a_file_of_keys_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    file.add("one", Role.READ)
    (tmp_path / "keys.json").chmod(0o666)

    with pytest.raises(ConfigError, match="others may write"):
        KeyFile(tmp_path / "keys.json").all()
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ConfigError, match="no file of keys"):
        KeyFile(tmp_path / "broken.json").all()
    with pytest.raises(UsageError):
        KeyFile(tmp_path / "none.json").revoke("x")


def test_keys_made_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [str(number) for number in range(16)]
        made = list(pool.map(lambda n: KeyFile(tmp_path / "k").add(n, Role.READ), names))

    assert sorted(key.name for key in KeyFile(tmp_path / "k").all()) == sorted(names)
    assert all(KeyFile(tmp_path / "k").role_of(text) is Role.READ for _, text in made)


def test_roles_cover_those_before_them() -> None:
    assert Role.ADMIN.covers(Role.READ)
    assert Role.WRITE.covers(Role.READ)
    assert not Role.WRITE.covers(Role.ADMIN)
    assert not Role.READ.covers(Role.WRITE)


def test_without_keys_loopback_reads_and_foreign_names_do_not(
    home: Path, tmp_path: Path, published: Published
) -> None:
    env = {"TRUSTKIT_HOME": str(tmp_path / "fresh")}
    options = (*OPTIONS, "--workers", "1", "--registry", published.url)
    with serving(home, tmp_path / "temp", *options, env=env) as service, service.client() as client:
        assert client.put("/v1/verify", content=b"x").status_code == 200
        assert client.delete("/v1/records/0000000000000000").status_code == 403
        # A page whose name was made to lead here cannot ask.
        rebound = client.get("/healthz", headers={"Host": "evil.example"})
        assert rebound.status_code == 421
        assert client.get("/healthz", headers={"Host": "[::1]:8"}).status_code == 200
        # The first key that is made closes it, at once.
        file = tmp_path / "fresh/serve-keys.json"
        KeyFile(file).add("first", Role.READ)
        assert client.put("/v1/verify", content=b"x").status_code == 401
        # A file that cannot be used, or is gone, opens nothing again.
        file.write_text("{}")
        answer = client.get("/metrics", headers={"Authorization": "Bearer tk_1_2"})
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
        assert answer.json()["error"]["code"] == "configuration"
        file.unlink()
        assert client.put("/v1/verify", content=b"x").status_code == 401
        assert service.end() == 0
    assert service.rows()[-1]["event"] == "ended"
