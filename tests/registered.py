"""Pictures that are published the long way: marked, signed, and recorded in a real registry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.command import KEY
from tests.marks import texture
from trustkit.asset import open_asset
from trustkit.disclosure import Disclosure
from trustkit.publish import Order, sign
from trustkit.record import Binding, Record
from trustkit.recording import Told, record_of
from trustkit.stores.registry import Registry
from trustkit.toolbox import open_signer
from trustkit.watermarks.files import mark_file, open_engine
from trustkit.watermarks.tiles.layout import NAME

ID, OTHER = "1f00c0ffee5eed07", "1f00c0ffee5eed08"


def url_of(path: Path) -> str:
    """Return the URL of a registry in a file."""
    return f"sqlite:///{path}"


def publish(registry: Registry, path: Path, name: str = ID, seed: int = 1) -> Record:
    """Write a picture to `path`, marked and signed, and record it."""
    Image.fromarray(texture(640, 480, seed)).save(path, quality=94)
    mark_file(open_asset(path), path, open_engine(), bytes.fromhex(name))
    sign(open_asset(path), path, Order(Disclosure("digitalCapture")), open_signer(KEY, str))
    bound = (Binding(NAME, name),)
    told = Told(name, bound, name="Jane at home.jpg", disclosure={"source_type": "digitalCapture"})
    record = record_of(open_asset(path), told, registry.blobs)
    registry.store.put([record])
    return record


def cut(path: Path, out: Path, share: float = 0.1, scale: float = 1.0) -> Path:
    """Write what is left of a picture without its edges, and without its manifest."""
    with Image.open(path) as image:
        width, height = image.size
        box = (width * share, height * share, width * (1 - share), height * (1 - share))
        small = image.convert("RGB").crop(tuple(round(side) for side in box))
        size = (round(small.width * scale), round(small.height * scale))
        small.resize(size).save(out, quality=80)
    return out


def bare(path: Path, seed: int) -> Path:
    """Write a picture that nobody has marked."""
    Image.fromarray(np.ascontiguousarray(texture(320, 240, seed))).save(path, quality=90)
    return path
