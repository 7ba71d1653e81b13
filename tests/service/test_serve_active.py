"""One manifest of several, taken out of its store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import AI, KEY, MEDIA
from tests.conftest import Run
from trustkit.asset import open_asset
from trustkit.c2pa.cose import CoseError, alone, box, labels
from trustkit.c2pa.read import Found, read
from trustkit.c2pa.settings import plain_context


def test_the_active_manifest_alone_is_as_it_was(quick: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jpg", tmp_path / "second.jpg"
    options = ("--key", KEY, *AI, "--no-soft-binding", "-q")
    assert quick("sign", MEDIA / "scene.jpg", "-o", first, *options).code == 0
    assert quick("sign", first, "-o", second, *options).code == 0
    found = read(open_asset(second), plain_context())
    assert isinstance(found, Found)
    whole = labels(found.store, "c2pa")

    one = alone(found.store, found.label)

    assert len(whole) == 2
    assert labels(one, "c2pa") == [found.label]
    path = ("c2pa", found.label, "c2pa.signature")
    assert box(one, *path) == box(found.store, *path)
    for store, label in ((found.store, "nobody"), (b"", found.label), (b"\0" * 64, found.label)):
        with pytest.raises(CoseError):
            alone(store, label)
