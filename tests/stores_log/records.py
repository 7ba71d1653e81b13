"""A registry with records of every kind, made without media files: for tests of its log."""

from __future__ import annotations

import random
from hashlib import sha256

from trustkit.record import Binding, Code, Record
from trustkit.stores.registry import Registry


def record(number: int, **changes: object) -> Record:
    """Return a record that differs from those of other numbers in every way that counts."""
    seeded = random.Random(number)
    name = f"{number:08x}{number * 7919:08x}"
    codes = [
        Code("pdq.1", seeded.randbytes(32)),
        Code("pdq.1", seeded.randbytes(32), 0.0, "middle"),
    ]
    if number % 2:
        codes += [Code("chroma.1", seeded.randbytes(32), at / 2) for at in range(5)]
    told: dict[str, object] = {
        "id": name,
        "created": f"2026-11-{number % 28 + 1:02d}T10:00:00.000Z",
        "media_type": "image/jpeg",
        "kind": "image",
        "size": 1000 + number,
        "sha256": sha256(b"published %d" % number).hexdigest(),
        "source_sha256": sha256(b"source %d" % number).hexdigest(),
        "order": sha256(b"order").hexdigest(),
        "manifest_id": f"urn:c2pa:{number}",
        "bindings": (Binding("trustkit.tiles.1", name), Binding("trustkit.ripples.1", name[8:])),
        "codes": tuple(codes),
        "measures": {"width": 640, "height": 480, "duration_s": 2.5},
        "disclosure": {"title": f"Harbour {number}", "source_type": "compositeCapture"},
        "personal": {"file_name": f"harbour-{number}.jpg", "Exif:Artist": "A. Photographer"},
    }  # fmt: skip
    return Record(**{**told, **changes})  # type: ignore[arg-type]


def fill(registry: Registry, numbers: range, *, blobs: bool = False) -> list[Record]:
    """Put records in, with blobs of their own if they are to have some, and sign the log."""
    made = []
    for number in numbers:
        kept: dict[str, object] = {}
        if blobs:
            kept["manifest"] = registry.blobs.put(b"manifest %d" % number)
            kept["thumbnail"] = registry.blobs.put(b"thumbnail %d" % number)
        made.append(record(number, **kept))
    registry.store.put(made)
    registry.checkpoint()
    return made
