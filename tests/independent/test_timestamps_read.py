"""What `trustkit timestamp add` writes, read by an engine that is not ours (encypher-c2pa)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command import KEYS, MEDIA
from tests.independent.test_engines import ACCEPTED, quiet, signed, state
from tests.tsa import LocalTsa
from trustkit.asset import open_asset
from trustkit.restamp import Restamped, add_timestamp
from trustkit.timestamps.relay import open_relay
from trustkit.toolbox import open_signer

__all__ = ["quiet"]  # a fixture for every test here, too

pytestmark = pytest.mark.independent

EMBEDDED = (
    "scene.jpg", "scene.png", "scene.gif", "scene.jxl", "drawing.svg", "scene.webp", "scene.tif",
    "page.pdf", "clip.mp4", "clip-fragmented.mp4", "scene.heic", "sound.wav", "sound.mp3",
)  # fmt: skip
BESIDE = ("sound.aac", "sound.ogg", "scene.jpg")


@pytest.mark.parametrize(
    ("name", "beside"), [*((name, False) for name in EMBEDDED), *((name, True) for name in BESIDE)]
)
def test_a_file_stamped_later_is_accepted(tmp_path: Path, name: str, *, beside: bool) -> None:
    path = signed(MEDIA / name, tmp_path / name, beside=beside)
    with LocalTsa.fast() as tsa, open_relay([tsa.url]) as relay:
        signer = open_signer(f"file:{KEYS / 'signer/es256'}", str)
        assert isinstance(add_timestamp(open_asset(path), path, signer, relay), Restamped)
    store = path.with_name(f"{name}.c2pa") if beside else None
    assert state(path, store) == ACCEPTED
