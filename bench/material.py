"""What the benches work on: pictures drawn here, signed with the test key."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from bench.measure import ROOT
from trustkit.asset import open_asset
from trustkit.c2pa.lists import from_file
from trustkit.c2pa.trust import Purpose, TrustList
from trustkit.disclosure import Disclosure
from trustkit.publish import Order, sign
from trustkit.signers import Signer
from trustkit.toolbox import open_signer

KEY = ROOT / "keys" / "signer" / "es256"
TRUST = ROOT / "keys" / "trust"
# The published lists, some 200 certificates; the bench says so when they are not there.
PUBLISHED = Path(os.environ.get("TRUSTKIT_PUBLISHED_LISTS", ROOT.parent / "shared" / "trust"))
WIDTH, HEIGHT = 800, 600
QUALITY = 88  # gives 110 to 160 KB with the grain below


def draw_jpegs(folder: Path, count: int, scale: int = 1) -> list[Path]:
    """Write `count` pictures of 110 to 160 KB, no two alike, the same on every run.

    `scale` makes them wider and higher by as much: with 5, 12 megapixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_draw(folder / f"picture-{number:04}.jpg", number, scale) for number in range(count)]


def _draw(path: Path, seed: int, scale: int) -> Path:
    random = np.random.default_rng(seed)
    width, height = WIDTH * scale, HEIGHT * scale
    coarse = random.integers(0, 256, (height // 50, width // 50, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = random.normal(0, 4 + seed % 4, (height, width, 1))
    pixels = np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=QUALITY)
    return path


def test_key() -> Signer:
    """Return the ES256 test key."""
    return open_signer(f"file:{KEY}", str)


def an_order() -> Order:
    """Return what every picture here is signed with: a capture, no time stamp, no thumbnail."""
    return Order(Disclosure("digitalCapture", created="2026-11-01T10:00:00Z", id="bench"), marks=())


def signed_jpegs(folder: Path, count: int, scale: int = 1) -> list[Path]:
    """Draw and sign `count` pictures into `folder`; see `draw_jpegs`."""
    signer, order = test_key(), an_order()
    done = []
    for path in draw_jpegs(folder / "drawn", count, scale):
        output = folder / path.name
        sign(open_asset(path), output, order, signer)
        done.append(output)
    return done


def lists_of_tests() -> tuple[TrustList, ...]:
    """Return the test lists of signers and of time-stamp authorities."""
    return (
        *from_file(TRUST / "test-signers.pem", Purpose.SIGNERS),
        *from_file(TRUST / "test-tsa.pem", Purpose.TIMESTAMPS),
    )


def published_lists() -> tuple[TrustList, ...]:
    """Return the published lists, official and interim, or nothing where they are not there."""
    files = {
        "C2PA-TRUST-LIST.pem": Purpose.SIGNERS,
        "interim/anchors.pem": Purpose.SIGNERS,
        "interim/allowed.pem": Purpose.SIGNERS,
        "C2PA-TSA-TRUST-LIST.pem": Purpose.TIMESTAMPS,
    }
    if not all((PUBLISHED / name).is_file() for name in files):
        return ()
    return tuple(
        trust_list
        for name, purpose in files.items()
        for trust_list in from_file(PUBLISHED / name, purpose)
    )
