"""A file that only names its manifest: nobody is asked unasked, and never this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import AI, KEY, MEDIA, TRUST
from tests.conftest import Run
from tests.webserver import BODY, LOOPBACK, Server, serving
from trustkit.asset import open_asset
from trustkit.axes import axes
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.trust import Purpose
from trustkit.evidence.manifest import ManifestCollector


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@dataclass(frozen=True)
class Remote:
    """A picture that only names its manifest, the manifest, and the server where it would be."""

    picture: Path
    manifest: bytes
    server: Server


@pytest.fixture
def remote(quick: Run, tmp_path: Path, server: Server) -> Remote:
    picture = tmp_path / "scene.jpg"
    url = server.url(host=LOOPBACK)
    options = ("-o", picture, "--key", KEY, *AI, "--remote", url, "-q")
    assert quick("sign", MEDIA / "scene.jpg", *options).code == 0
    beside = picture.with_name("scene.jpg.c2pa")
    manifest = beside.read_bytes()
    beside.unlink()
    return Remote(picture, manifest, server)


@pytest.mark.parametrize(
    "more", [(), ("--fetch-remote", LOOPBACK), ("--fetch-remote", "*"), ("--fetch-remote", "x.org")]
)
def test_verify_never_asks_this_machine_and_nobody_unasked(
    run: Run, remote: Remote, more: tuple[str, ...]
) -> None:
    answer = run("verify", remote.picture, "--trust", TRUST, *more, "-f", "json")
    assert remote.server.asked == []
    assert answer.json()["files"][0]["verdict"] == "inconclusive"
    assert answer.json()["files"][0]["axes"]["integrity"] == "unreadable"


def test_inspect_and_sign_ask_nobody(run: Run, remote: Remote, tmp_path: Path) -> None:
    run("inspect", remote.picture)
    run("sign", remote.picture, "-o", tmp_path / "again.jpg", "--key", KEY, *AI)
    assert remote.server.asked == []


@pytest.mark.parametrize(("body", "word"), [(None, "intact"), (BODY, "unreadable")])
def test_a_fetched_manifest_is_judged_like_any_other(
    remote: Remote, body: bytes | None, word: str
) -> None:
    lists = from_file(TRUST, Purpose.SIGNERS)
    fetch = remote.manifest if body is None else body
    collector = ManifestCollector(lists, lambda _url: fetch)
    found = tuple(collector.collect(open_asset(remote.picture)))
    assert axes(found).integrity == word
    if word == "intact":
        assert found[0].facts["where"] == "remote"
        assert axes(found).signer == "trusted"


def test_a_manifest_fetched_for_another_picture_says_altered(remote: Remote) -> None:
    remote.picture.write_bytes(remote.picture.read_bytes() + b"more")
    collector = ManifestCollector((), lambda _url: remote.manifest)
    assert axes(tuple(collector.collect(open_asset(remote.picture)))).integrity == "altered"
