"""A picture of ours in somebody else's manifest: said, unless that one keeps ours as its parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import KEYS
from tests.conftest import Run
from tests.registered import ID, cut, publish, url_of
from trustkit.stores.registry import init_registry

STRANGER = KEYS / "untrusted"
KEY = f"file:{STRANGER / 'key.pem'}?chain={STRANGER / 'chain.pem'}"


@pytest.mark.parametrize("keeps_ours", [False, True], ids=["stripped", "parent kept"])
def test_our_picture_signed_by_a_trusted_stranger_goes_to_a_person_unless_ours_is_its_parent(
    keeps_ours: bool, quick: Run, tmp_path: Path
) -> None:
    url, ours = url_of(tmp_path / "registry.db"), tmp_path / "ours.jpg"
    with init_registry(url) as registry:
        publish(registry, ours)
    given = ours if keeps_ours else cut(ours, tmp_path / "cut.jpg")
    theirs = tmp_path / "theirs.jpg"
    options = ("--key", KEY, "--source-type", "digitalCapture", "--no-soft-binding")
    assert quick("sign", given, "-o", theirs, *options).code == 0

    answer = quick("verify", theirs, "--registry", url, "--trust", STRANGER / "root.pem")

    assert (
        f"lead to the record {ID}"
        in quick("verify", theirs, "--registry", url, "-f", "json").stdout
    )
    assert ("signed without the manifest of the record" in answer.stdout) != keeps_ours
    assert answer.code == (0 if keeps_ours else 20)
